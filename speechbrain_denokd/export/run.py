"""A model folder in, files for a product out (``model -> graph``).

What imports ONNX is imported where it is needed: the other formats do without
the packages of the extra ``onnx``.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.export import graph, torch_formats
from speechbrain_denokd.export.cost import int8_cost
from speechbrain_denokd.export.metadata import describe_model
from speechbrain_denokd.export.parity import Parity, check_parity
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.scoring.run import scoring_of

# Names that programs know the formats by.
FILES = {"onnx": "model.onnx", "pt2": "model.pt2", "torchscript": "model.pt"}
INT8_FILE = "model.int8.onnx"
INT8_KINDS = ("none", "weights", "dynamic", "static")
RUNTIME_FILE = "denokd_runtime.py"
_ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")

_N_PARITY = 12
# More changes ranges no longer; longer takes memory, not accuracy.
_N_CALIBRATION = 64
_CALIBRATION_S = 4.0


class Wish(NamedTuple):
    """What is to be exported, and how.

    Attributes
    ----------
    format : str
        One of ``FILES``.
    int8 : str
        One of ``INT8_KINDS``.

    Example
    -------
    >>> Wish("pt2", "static").check()
    Traceback (most recent call last):
    ...
    ValueError: int8='static' is for ONNX, but the format is pt2; ...
    """

    format: str = "onnx"
    int8: str = "none"

    def check(self) -> None:
        """Refuse what cannot be done, before anything is computed.

        Raises
        ------
        ValueError
            If a name is unknown, the two do not go together, or packages are
            missing.
        """
        if self.format not in FILES:
            raise ValueError(
                f"no format {self.format!r}; use {', '.join(FILES)}"
            )
        if self.int8 not in INT8_KINDS:
            raise ValueError(
                f"no int8 of kind {self.int8!r}; use {', '.join(INT8_KINDS)}"
            )
        if self.format != "onnx" and self.int8 != "none":
            raise ValueError(
                f"int8={self.int8!r} is for ONNX, but the format is "
                f"{self.format}; use --format onnx or --int8 none"
            )
        if self.format == "onnx":
            _check_packages(_ONNX_PACKAGES)


def export_model(
    model: str | Path,
    folder: str | Path,
    wish: Wish,
    rows: Sequence[Utterance],
    trial_set: TrialSet | None = None,
    calibration_rows: Sequence[Utterance] = (),
    trust: bool = False,
) -> dict[str, Any]:
    """Export a model folder, and keep only what agrees with it.

    Arguments
    ---------
    model : str or Path
        Model folder.
    folder : str or Path
        Receives ``model.onnx`` (``model.pt2``, ``model.pt``), for ONNX
        ``denokd_runtime.py``, and with int8 ``model.int8.onnx``.
    wish : Wish
    rows : sequence of Utterance
        Recordings that the parity gate uses.
    trial_set : TrialSet, optional
        What the cost of int8 is measured on; needed for it.
    calibration_rows : sequence of Utterance
        Training recordings, for static int8.
    trust : bool
        As `read_model_folder`.

    Returns
    -------
    dict
        ``files`` with their sizes in bytes, ``metadata``, ``parity``, and
        with int8 the ``cost``.

    Raises
    ------
    FileNotFoundError
        If there is no such model.
    ValueError
        If the wish cannot be met, the encoder cannot be exported, or the
        graph does not agree with it.
    """
    wish.check()
    encoder = read_model_folder(model, trust=trust).encoder.eval()
    metadata = describe_model(model, encoder)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILES[wish.format]
    write, read = _format(wish.format)
    parity = write_gated(
        path,
        lambda target: write(encoder, target, metadata),
        read,
        encoder,
        read_some(rows, _N_PARITY),
    )
    report = {
        "files": {str(path): path.stat().st_size},
        "metadata": metadata,
        "parity": parity._asdict(),
    }
    if wish.format == "onnx":
        source = Path(__file__).with_name("runtime.py")
        shutil.copyfile(source, folder / RUNTIME_FILE)
    if wish.int8 != "none":
        small = folder / INT8_FILE
        _write_int8(path, small, wish.int8, calibration_rows)
        report["files"][str(small)] = small.stat().st_size
        report["cost"] = int8_cost(
            read(path), read(small), trial_set, scoring_of(model)
        )
    return report


def write_gated(
    path: Path,
    write: Callable,
    read: Callable,
    encoder: nn.Module,
    recordings: Sequence[np.ndarray],
) -> Parity:
    """Write a graph under its name only if it agrees with the encoder.

    Arguments
    ---------
    path : Path
        An older file of that name is left alone if the new one fails.
    write : callable
        ``(path) -> None``.
    read : callable
        ``(path) -> embed``, as for `check_parity`.
    encoder : torch.nn.Module
    recordings : sequence of (S,) numpy.ndarray of float32

    Returns
    -------
    Parity

    Raises
    ------
    ValueError
        As `check_parity`.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        write(unfinished)
        parity = check_parity(encoder, read(unfinished), recordings)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return parity


def read_some(
    rows: Sequence[Utterance], n_most: int, longest_s: float | None = None
) -> list[np.ndarray]:
    """Recordings spread over a manifest.

    Arguments
    ---------
    rows : sequence of Utterance
    n_most : int
        How many; all if there are fewer.
    longest_s : float, optional
        What is read of each.

    Returns
    -------
    list of (S,) numpy.ndarray of float32

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import read_manifest
    >>> rows = read_manifest("tests/samples/dev.csv", "tests/samples")
    >>> [len(wav) for wav in read_some(rows, 2, longest_s=0.5)]
    [8000, 8000]
    """
    chosen = np.linspace(0, len(rows) - 1, min(n_most, len(rows))).astype(int)
    longest = None
    if longest_s is not None:
        longest = round(longest_s * graph.SAMPLE_RATE_HZ)
    return [
        load_audio(rows[i].wav, rows[i].start, rows[i].stop)[:longest]
        for i in chosen
    ]


def _format(name: str) -> tuple[Callable, Callable]:
    """How a format is written, ``(encoder, path, metadata)``, and read."""
    if name == "torchscript":
        return (
            lambda encoder, path, metadata: torch_formats.write_torchscript(
                graph.trace(encoder), path, metadata
            ),
            lambda path: torch_formats.read_torchscript(path)[0],
        )
    if name == "pt2":
        return (
            lambda encoder, path, metadata: torch_formats.write_pt2(
                graph.capture(encoder), path, metadata
            ),
            lambda path: torch_formats.read_pt2(path)[0],
        )
    from speechbrain_denokd.export.onnx import write_onnx
    from speechbrain_denokd.export.runtime import OnnxEmbedder

    return (
        lambda encoder, path, metadata: write_onnx(
            graph.capture(encoder), path, metadata
        ),
        lambda path: OnnxEmbedder(path).run,
    )


def _write_int8(
    source: Path, target: Path, kind: str, rows: Sequence[Utterance]
) -> None:
    from speechbrain_denokd.export.quantize import quantize

    recordings = []
    if kind == "static":
        recordings = read_some(rows, _N_CALIBRATION, _CALIBRATION_S)
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        quantize(source, unfinished, kind, recordings)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_packages(names: Sequence[str]) -> None:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f"ONNX needs {', '.join(missing)}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed; run `pip "
            "install speechbrain-denokd[onnx]`, or use --format pt2"
        )
