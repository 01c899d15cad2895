"""One recording taken apart, with bounded memory (``file -> wav files``).

A long recording is separated window by window. Where outputs have no order,
those of a window are matched to those of the window before by what both say
in the stretch that they share; there, one fades into the other.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soundfile
import torch

from speechbrain_denokd.data.audio import audio_blocks
from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.recording import duration_of
from speechbrain_denokd.extraction.windows import cut_windows, window_starts
from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.separation.model import SeparationModel

SAMPLE_RATE_HZ = 16_000
LONGEST_ENROLL_S = 60.0  # more of an enrolled recording is not heard


def separate_file(
    model: SeparationModel,
    path: str | Path,
    output: str | Path,
    enroll: str | Path | None = None,
    window_s: float = 30.0,
    overlap_s: float = 3.0,
) -> list[Path]:
    """Separate a recording into wav files of one speaker each.

    Arguments
    ---------
    model : SeparationModel
        In eval mode.
    path : str or Path
        Audio file, of any rate, length and number of channels (averaged).
    output : str or Path
        Folder; made where it does not exist.
    enroll : str or Path, optional
        Another recording of the speaker wanted; its first minute is heard.
    window_s : float
        Longer recordings are separated in windows of this length.
    overlap_s : float
        What neighbouring windows share at least.

    Returns
    -------
    list of Path
        ``<name>_target.wav`` of an enrolled speaker, else ``<name>_1.wav``,
        ...; mono, 16 kHz, 16 bits, whole or not written at all.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file cannot be used or is silent, the windows do not advance, or
        a speaker is enrolled with a separator that knows no enrolment, or
        none with one that needs it.

    Example
    -------
    >>> import tempfile
    >>> from speechbrain_denokd.separation.identity import NoIdentity
    >>> from speechbrain_denokd.separation.separator import Separator
    >>> separator = Separator(None, channels=2, dilations=[1], lstm_dim=3)
    >>> model = SeparationModel(separator, NoIdentity()).eval()
    >>> path = "tests/samples/audio/test0000/s0_0.opus"
    >>> files = separate_file(model, path, tempfile.mkdtemp())
    >>> [file.name for file in files]
    ['s0_0_1.wav', 's0_0_2.wav']
    """
    takes_enrolled = model.identity.kind == "enrolled"
    if takes_enrolled != (enroll is not None):
        raise ValueError(
            "this separator extracts an enrolled speaker, and none is given: "
            "enroll one (--enroll FILE)"
            if takes_enrolled
            else "this separator finds all speakers by itself and knows no "
            f"enrolment: leave {enroll} out, or take one of the page "
            "voicefilter_enrolled"
        )
    window, overlap = (round(s * SAMPLE_RATE_HZ) for s in (window_s, overlap_s))
    n_samples = round(duration_of(Item(str(path), str(path))) * SAMPLE_RATE_HZ)
    starts = window_starts(n_samples, window, overlap)
    voice = None if enroll is None else _enrolled(enroll, model)
    blocks = audio_blocks(path, sample_rate=SAMPLE_RATE_HZ, resample=True)
    pieces = stitched(
        (
            separated_window(model, wav, voice)
            for wav in _heard(path, cut_windows(blocks, starts, window))
        ),
        starts,
        model.identity.ordered,
    )
    names = (
        ["target"]
        if takes_enrolled
        else [str(k + 1) for k in range(model.separator.n_speakers)]
    )
    stem = Path(path).stem
    return _write(
        pieces, [Path(output) / f"{stem}_{name}.wav" for name in names]
    )


def separated_window(
    model: SeparationModel, wav: np.ndarray, enroll: torch.Tensor | None
) -> np.ndarray:
    """Separate a waveform.

    Arguments
    ---------
    model : SeparationModel
    wav : (S,) numpy.ndarray of float32
    enroll : (1, 1, S') torch.Tensor, optional
        Of the speaker wanted.

    Returns
    -------
    (K, S) numpy.ndarray of float32

    Example
    -------
    >>> from speechbrain_denokd.separation.identity import NoIdentity
    >>> from speechbrain_denokd.separation.separator import Separator
    >>> separator = Separator(None, channels=2, dilations=[1], lstm_dim=3)
    >>> model = SeparationModel(separator, NoIdentity()).eval()
    >>> separated_window(model, np.ones(1600, np.float32), None).shape
    (2, 1600)
    """
    device = next(model.separator.parameters()).device
    with torch.no_grad():
        mixture = torch.from_numpy(np.ascontiguousarray(wav))[None].to(device)
        lens = torch.ones(1, device=device)
        return model(mixture, lens, enroll).wavs[0].cpu().numpy()


def stitched(
    windows: Iterable[np.ndarray], starts: Sequence[int], ordered: bool
) -> Iterator[np.ndarray]:
    """Join separated windows, each speaker on one track throughout.

    Arguments
    ---------
    windows : iterable of (K, S) numpy.ndarray
        Outputs of each window.
    starts : sequence of int
        First sample of each window; neighbours overlap.
    ordered : bool
        Whether output ``k`` is one speaker in all windows.

    Yields
    ------
    (K, S) numpy.ndarray
        Consecutive stretches; no more than two windows are in memory.

    Example
    -------
    >>> tracks = np.array([[1.0, 1, 1, 1, 1], [-1, -1, -1, -1, -1]])
    >>> windows = [tracks[:, :3], tracks[::-1, 2:]]  # the second one swapped
    >>> np.concatenate(list(stitched(windows, [0, 2], False)), axis=1)[0]
    array([1., 1., 1., 1., 1.])
    """
    held, first = None, 0
    for window, start in zip(windows, starts, strict=False):
        if held is None:
            held, first = window, start
            continue
        done, shared = start - first, first + held.shape[1] - start
        tail = held[:, done:]
        if not ordered:
            window = window[_order(tail, window[:, :shared])]
        rise = np.linspace(0, 1, shared + 2, dtype=np.float32)[1:-1]
        faded = tail * (1 - rise) + window[:, :shared] * rise
        yield held[:, :done]
        held = np.concatenate([faded, window[:, shared:]], axis=1)
        first = start
    if held is not None:
        yield held


def _order(before: np.ndarray, after: np.ndarray) -> list[int]:
    """Output of the later window for each output of the earlier one."""
    costs = -torch.from_numpy(before @ after.T)
    return best_assignment(costs[None])[0].tolist()


def _heard(path: str | Path, windows: Iterable[np.ndarray]):
    """The windows; an error at the end if nothing sounds in any."""
    silent = True
    for wav in windows:
        silent = silent and not wav.any()
        yield wav
    if silent:
        raise ValueError(f"{path} is silent; there is nobody to separate")


def _enrolled(path: str | Path, model: SeparationModel) -> torch.Tensor:
    """The first minute of an enrolled recording, (1, 1, S)."""
    duration_of(Item(str(path), str(path)))  # refuses what is too short
    n_samples = round(LONGEST_ENROLL_S * SAMPLE_RATE_HZ)
    blocks, held = [], 0
    for block in audio_blocks(path, sample_rate=SAMPLE_RATE_HZ, resample=True):
        blocks.append(block)
        held += len(block)
        if held >= n_samples:
            break
    wav = np.concatenate(blocks)[:n_samples]
    if not wav.any():
        raise ValueError(f"{path} is silent; there is nobody to enroll")
    device = next(model.separator.parameters()).device
    return torch.from_numpy(wav)[None, None].to(device)


def _write(pieces: Iterator[np.ndarray], paths: Sequence[Path]) -> list[Path]:
    """Write each row to its file; under other names until all are whole."""
    # An error in the first window leaves no folder behind.
    pieces = itertools.chain([next(pieces)], pieces)
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    partial = [p.with_name(f"{p.name}.{os.getpid()}.partial") for p in paths]
    layout = {"samplerate": SAMPLE_RATE_HZ, "channels": 1, "format": "WAV"}
    try:
        with ExitStack() as stack:
            files = [
                stack.enter_context(
                    soundfile.SoundFile(path, "w", subtype="PCM_16", **layout)
                )
                for path in partial
            ]
            for piece in pieces:
                for file, wav in zip(files, piece, strict=True):
                    file.write(np.clip(wav, -1, 1))
    except BaseException:
        for path in partial:
            path.unlink(missing_ok=True)
        raise
    for source, target in zip(partial, paths, strict=True):
        os.replace(source, target)
    return list(paths)
