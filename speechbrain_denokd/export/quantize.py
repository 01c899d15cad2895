"""Graphs with 8-bit weights (``model.onnx -> model.int8.onnx``).

==========  ==============================================================
kind        what becomes 8-bit
==========  ==============================================================
weights     weights as stored; computed as before: a quarter of the size
dynamic     weights, and activations by the range of each batch
static      weights, and activations by ranges seen on calibration audio
==========  ==============================================================

The front end, up to the logarithm, stays as it is: spectra span more decades
than eight bits. For convolutional networks static is the fast one: dynamic
measures every activation anew, and is about as fast as floats there.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from speechbrain_denokd.export.onnx import read_metadata, save_model
from speechbrain_denokd.export.quiet import quiet

KINDS = ("weights", "dynamic", "static")
_LAYERS = ("Conv", "Gemm", "MatMul")
# Channels of the output: first axis of a Conv's weight, last of a product's.
_CHANNEL_AXES = {"Conv": 0, "Gemm": 0, "MatMul": -1}
_FEWEST_WEIGHTS = 256  # below, scales would cost more than they save


def quantize(
    source: str | Path,
    target: str | Path,
    kind: str,
    recordings: Sequence[np.ndarray] = (),
) -> None:
    """Write an 8-bit version of an exported graph, with its metadata.

    Arguments
    ---------
    source, target : str or Path
        ``.onnx`` files.
    kind : str
        One of ``KINDS``.
    recordings : sequence of (S,) numpy.ndarray of float32
        Calibration audio of static quantization: neither test nor
        development recordings.

    Raises
    ------
    ValueError
        If the kind is unknown, or static without recordings.
    """
    if kind not in KINDS:
        raise ValueError(f"no int8 of kind {kind!r}; use {', '.join(KINDS)}")
    if kind == "static" and not len(recordings):
        raise ValueError(
            "static quantization learns the ranges of activations from "
            "audio, and there is none; give a manifest of training recordings"
        )
    model = onnx.load(str(source))
    metadata = read_metadata(model) | {"precision": f"int8 {kind}"}
    front_end = front_end_nodes(model.graph)
    # Seven bits for weights: sums of two 8-bit products overflow 16 bits on
    # processors without VNNI, and the answer must not depend on the machine.
    common = {
        "per_channel": True,
        "reduce_range": True,
        "nodes_to_exclude": sorted(front_end),
        "op_types_to_quantize": list(_LAYERS),
    }
    with quiet():
        if kind == "weights":
            store_weights_in_8_bits(model.graph, front_end)
            save_model(model, target, metadata)
            return
        if kind == "dynamic":
            quantize_dynamic(
                str(source),
                str(target),
                # Signed ones were not read by onnxruntime of 2024.
                weight_type=QuantType.QUInt8,
                **common,
            )
        else:
            quantize_static(
                str(source),
                str(target),
                _Recordings(recordings),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                **common,
            )
    save_model(onnx.load(str(target)), target, metadata)


def front_end_nodes(graph: onnx.GraphProto) -> set[str]:
    """Names of the nodes that a logarithm depends on.

    Arguments
    ---------
    graph : onnx.GraphProto

    Returns
    -------
    set of str
        Empty for a graph without a logarithm.

    Example
    -------
    >>> graph = onnx.parser.parse_graph('''
    ... toy (float[N] x) => (float[N] y) {
    ...     [square] a = Mul(x, x)
    ...     [level] b = Log(a)
    ...     [net] y = Relu(b)
    ... }''')
    >>> front_end_nodes(graph)
    {'square'}
    """
    maker = {name: node for node in graph.node for name in node.output}
    waiting = [
        n for node in graph.node if node.op_type == "Log" for n in node.input
    ]
    found = set()
    while waiting:
        node = maker.get(waiting.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            waiting += node.input
    return found


def store_weights_in_8_bits(graph: onnx.GraphProto, excluded: set[str]) -> None:
    """Replace weights by 8-bit ones with one scale per output channel.

    Arguments
    ---------
    graph : onnx.GraphProto
        Changed in place.
    excluded : set of str
        Names of nodes that are left alone.

    Example
    -------
    >>> graph = onnx.parser.parse_graph('''
    ... toy (float[N, 2] x) => (float[N, 128] y) { y = MatMul(x, w) }''')
    >>> weight = np.zeros((2, 128), np.float32)
    >>> graph.initializer.extend([onnx.numpy_helper.from_array(weight, "w")])
    >>> store_weights_in_8_bits(graph, set())
    >>> [node.op_type for node in graph.node]
    ['DequantizeLinear', 'MatMul']
    >>> [onnx.numpy_helper.to_array(t).dtype.name for t in graph.initializer]
    ['int8', 'float32']
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    users = {}
    for node in graph.node:
        if node.op_type in _LAYERS and node.name not in excluded:
            users.setdefault(node.input[1], node)
    for name, node in users.items():
        tensor = weights.get(name)
        if tensor is None or np.prod(tensor.dims) < _FEWEST_WEIGHTS:
            continue
        array = onnx.numpy_helper.to_array(tensor)
        axis = _CHANNEL_AXES[node.op_type] % array.ndim
        small, scale = _to_8_bits(array, axis)
        parts = {f"{name}.int8": small, f"{name}.scale": scale}
        graph.initializer.remove(tensor)
        graph.initializer.extend(
            onnx.numpy_helper.from_array(part, key)
            for key, part in parts.items()
        )
        restored = onnx.helper.make_node(
            "DequantizeLinear",
            list(parts),
            [name],
            f"{name}.restored",
            axis=axis,
        )
        graph.node.insert(0, restored)


def _to_8_bits(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Rounded to -127..127, and the scale of each channel."""
    others = tuple(i for i in range(array.ndim) if i != axis)
    scale = np.abs(array).max(axis=others, keepdims=True) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(array / scale).astype(np.int8), scale.reshape(-1)


class _Recordings(CalibrationDataReader):
    """Recordings one by one, as onnxruntime asks for them."""

    def __init__(self, recordings: Sequence[np.ndarray]):
        self.rest = iter(recordings)

    def get_next(self) -> dict[str, np.ndarray] | None:
        wav = next(self.rest, None)
        if wav is None:
            return None
        n_samples = np.array([len(wav)], np.int64)
        return {
            "wavs": np.asarray(wav, np.float32)[None],
            "n_samples": n_samples,
        }
