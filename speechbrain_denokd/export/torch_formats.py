"""Graphs for programs that have PyTorch: ``.pt2`` and TorchScript.

Neither needs this package, nor SpeechBrain, where it is run. The inputs are
those of the ``.onnx`` file. TorchScript is deprecated by PyTorch; it is here
for C++ and mobile programs that load nothing else yet.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechbrain_denokd.export.quiet import quiet

_METADATA_FILE = "denokd.json"


def write_pt2(
    program: torch.export.ExportedProgram,
    path: str | Path,
    metadata: Mapping[str, Any],
) -> None:
    """Write what ``torch.export.load`` reads.

    Arguments
    ---------
    program : torch.export.ExportedProgram
        Of `export.graph.capture`.
    path : str or Path
    metadata : mapping of str
        JSON values, stored as the extra file ``denokd.json``.
    """
    extra = {_METADATA_FILE: json.dumps(metadata)}
    # A path would have to end in .pt2; a file object need not.
    with open(path, "wb") as file, quiet():
        torch.export.save(program, file, extra_files=extra)


def write_torchscript(
    script: torch.jit.ScriptModule,
    path: str | Path,
    metadata: Mapping[str, Any],
) -> None:
    """Write what ``torch.jit.load`` reads.

    Arguments
    ---------
    script : torch.jit.ScriptModule
        Of `export.graph.trace`.
    path : str or Path
    metadata : mapping of str
        JSON values, stored as the extra file ``denokd.json``.
    """
    extra = {_METADATA_FILE: json.dumps(metadata)}
    with quiet():
        torch.jit.save(script, str(path), _extra_files=extra)


def read_pt2(path: str | Path) -> tuple[Callable, dict[str, Any]]:
    """Graph and metadata of a ``.pt2`` file.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    embed : callable
        ``(wavs (B, S), n_samples (B,)) -> (B, D)``, all numpy.ndarray.
    metadata : dict
    """
    extra = {_METADATA_FILE: ""}
    with open(path, "rb") as file, quiet():
        program = torch.export.load(file, extra_files=extra)
    return _on_arrays(program.module()), json.loads(extra[_METADATA_FILE])


def read_torchscript(path: str | Path) -> tuple[Callable, dict[str, Any]]:
    """Graph and metadata of a TorchScript file; returns as `read_pt2`.

    Arguments
    ---------
    path : str or Path
    """
    extra = {_METADATA_FILE: ""}
    with quiet():
        script = torch.jit.load(str(path), _extra_files=extra)
    return _on_arrays(script), json.loads(extra[_METADATA_FILE])


def _on_arrays(graph: Callable) -> Callable:
    def embed(wavs: np.ndarray, n_samples: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            found = graph(torch.from_numpy(wavs), torch.from_numpy(n_samples))
        return found.numpy()

    return embed
