"""An encoder as one ``.onnx`` file, by ``torch.export``.

Opset 18 in a file of IR version 8: what onnxruntime reads from 1.15 (2023) on.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch

from speechbrain_denokd.export.quiet import quiet

OPSET = 18
_IR_VERSION = 8
INPUTS = ("wavs", "n_samples")
OUTPUT = "embedding"
_SIZES = ("batch", "samples")


def write_onnx(
    program: torch.export.ExportedProgram,
    path: str | Path,
    metadata: Mapping[str, Any],
) -> None:
    """Write a graph with inputs of any batch size and length.

    Inputs are ``wavs`` (B, S) float32, 16 kHz, and ``n_samples`` (B,) int64,
    valid samples of each; what lies behind them does not matter. The output
    is ``embedding`` (B, D) float32, not length-normalised.

    Arguments
    ---------
    program : torch.export.ExportedProgram
        Of `export.graph.capture`.
    path : str or Path
        File to write.
    metadata : mapping of str
        JSON values; each becomes a metadata property of the file.

    Example
    -------
    >>> import tempfile
    >>> class Mean(torch.nn.Module):
    ...     def forward(self, wavs, n_samples):
    ...         return wavs.sum(1, keepdim=True) / n_samples[:, None]
    >>> size = torch.export.Dim.DYNAMIC
    >>> program = torch.export.export(
    ...     Mean(), (torch.ones(2, 3), torch.ones(2)),
    ...     dynamic_shapes=({0: size, 1: size}, {0: size}),
    ... )
    >>> path = tempfile.mkdtemp() + "/mean.onnx"
    >>> write_onnx(program, path, {"sample_rate_hz": 16000})
    >>> read_metadata(onnx.load(path))
    {'sample_rate_hz': 16000}
    """
    with quiet():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=INPUTS,
            external_data=False,
            verbose=False,
        )
    model = exported.model_proto
    _strip(model.graph)
    _name_output(model.graph)
    _name_sizes(model.graph)
    save_model(model, path, metadata)


def save_model(
    model: onnx.ModelProto, path: str | Path, metadata: Mapping[str, Any]
) -> None:
    """Check a model and write it with these metadata and no others.

    Arguments
    ---------
    model : onnx.ModelProto
    path : str or Path
    metadata : mapping of str
        JSON values.

    Raises
    ------
    ValueError
        If it is larger than one file may be.
    """
    model.ir_version = _IR_VERSION
    del model.metadata_props[:]
    onnx.helper.set_model_props(
        model, {key: json.dumps(value) for key, value in metadata.items()}
    )
    if model.ByteSize() >= onnx.checker.MAXIMUM_PROTOBUF:
        raise ValueError(
            f"the graph takes {model.ByteSize() / 1e9:.1f} GB, but one .onnx "
            "file holds 2 GB at most; export a smaller model"
        )
    onnx.checker.check_model(model)
    onnx.save_model(model, str(path))


def read_metadata(model: onnx.ModelProto) -> dict[str, Any]:
    """Metadata of a model that `save_model` wrote.

    Arguments
    ---------
    model : onnx.ModelProto

    Returns
    -------
    dict of str to JSON values
    """
    return {prop.key: json.loads(prop.value) for prop in model.metadata_props}


def _strip(graph: onnx.GraphProto) -> None:
    """Leave out what the exporter notes of classes, source lines and shapes.

    Shapes can be inferred again; those of weights would be wrong as soon as a
    quantizer transposes one.
    """
    del graph.value_info[:]
    values = (*graph.input, *graph.output, *graph.initializer)
    for item in (graph, *graph.node, *values):
        del item.metadata_props[:]
        item.doc_string = ""


def _name_output(graph: onnx.GraphProto) -> None:
    """Give the output its name, which a value inside may have taken."""
    (output,) = graph.output
    names = {OUTPUT: f"{OUTPUT}.inside", output.name: OUTPUT}
    for node in graph.node:
        for side in (node.input, node.output):
            side[:] = [names.get(name, name) for name in side]
    output.name = OUTPUT


def _name_sizes(graph: onnx.GraphProto) -> None:
    """Call the free sizes batch and samples."""
    wavs = graph.input[0].type.tensor_type.shape.dim
    names = {
        dim.dim_param: name for dim, name in zip(wavs, _SIZES, strict=True)
    }
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in names:
                dim.dim_param = names[dim.dim_param]
