"""One recording, decoded with bounded memory (``item -> wav or windows``)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.audio import audio_blocks, read_header
from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.windows import cut_windows, window_starts

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]

SAMPLE_RATE_HZ = 16_000
SHORTEST_S = 0.1  # less says nothing of a speaker, and feeds no network


class Windowing(NamedTuple):
    """How long recordings are cut.

    Attributes
    ----------
    window_s : float
        Recordings longer than this are cut into windows of this length.
    overlap_s : float
        What neighbouring windows share at least.

    Example
    -------
    >>> Windowing().n_samples
    (1920000, 0)
    """

    window_s: float = 120.0
    overlap_s: float = 0.0

    @property
    def n_samples(self) -> tuple[int, int]:
        """Window and overlap, in samples at 16 kHz."""
        window, overlap = (round(s * SAMPLE_RATE_HZ) for s in self)
        return window, overlap

    def check(self):
        """Refuse windows that cannot be embedded or do not advance.

        Raises
        ------
        ValueError
        """
        if not self.window_s >= SHORTEST_S:
            raise ValueError(
                f"windows of {self.window_s} s are too short: {SHORTEST_S} s "
                "or more are needed to compare speakers"
            )
        window_starts(0, *self.n_samples)


def duration_of(item: Item) -> float:
    """Seconds that a file's header promises.

    Arguments
    ---------
    item : Item

    Returns
    -------
    float

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, no readable header, or less than 0.1 s.

    Example
    -------
    >>> import soundfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> soundfile.write(path, np.zeros(4000), 16000)
    >>> duration_of(Item("a", path))
    0.25
    """
    header = read_header(item.path)
    _check_rate(item, header.sample_rate)
    stop = header.n_samples if item.stop is None else item.stop
    duration_s = (stop - item.start) / header.sample_rate
    if duration_s < SHORTEST_S:
        raise ValueError(
            f"{item.path} lasts {duration_s:.3f} s, but at least {SHORTEST_S} "
            "s are needed to compare speakers; record more"
        )
    return duration_s


def read_windows(
    item: Item, duration_s: float, windowing: Windowing
) -> Iterator[np.ndarray]:
    """Windows of a recording at 16 kHz; one, and whole, if it is short.

    Arguments
    ---------
    item : Item
    duration_s : float
        Of `duration_of`.
    windowing : Windowing

    Yields
    ------
    (S,) numpy.ndarray of float32
        Mono; windows in which no sound is are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be decoded to its end, holds samples that are not finite,
        or is silent throughout.

    Example
    -------
    >>> import soundfile, tempfile
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> wav = np.sin(np.arange(5 * 8000))
    >>> soundfile.write(path, wav, 8000)
    >>> windows = read_windows(Item("a", path), 5.0, Windowing(2.0, 0.0))
    >>> [len(wav) for wav in windows]
    [32000, 32000, 32000]
    """
    blocks = audio_blocks(
        item.path, item.start, item.stop, SAMPLE_RATE_HZ, resample=True
    )
    n_samples = round(duration_s * SAMPLE_RATE_HZ)
    window, overlap = windowing.n_samples
    if n_samples <= window:
        found = [np.concatenate(list(blocks))]
    else:
        starts = window_starts(n_samples, window, overlap)
        found = cut_windows(blocks, starts, window)
    silent = True
    for wav in found:
        if wav.any():
            silent = False
            yield wav
    if silent:
        raise ValueError(f"{item.path} is silent; there is no speaker in it")


def mean_of_windows(
    windows: Iterable[np.ndarray], embed: Embed, n_together: int = 1
) -> np.ndarray:
    """Embedding of a recording that comes in windows.

    The mean of their embeddings as they are: the mean of unit vectors would
    lack the scale that centring and PLDA have learned.

    Arguments
    ---------
    windows : iterable of (S,) numpy.ndarray
        One or more.
    embed : callable
        ``[(S,) numpy.ndarray, ...] -> (B, D) numpy.ndarray``.
    n_together : int
        Windows that are in memory and embedded at a time.

    Returns
    -------
    (D,) numpy.ndarray of float32

    Example
    -------
    >>> def embed(wavs):
    ...     return np.array([[wav.sum(), 1] for wav in wavs])
    >>> mean_of_windows([np.ones(2), np.ones(4)], embed)
    array([3., 1.], dtype=float32)
    """
    windows = iter(windows)
    total, n_windows = 0.0, 0
    while batch := list(islice(windows, n_together)):
        total = total + embed(batch).sum(axis=0, dtype=np.float64)
        n_windows += len(batch)
    return (total / n_windows).astype(np.float32)


def _check_rate(item: Item, rate_hz: int):
    is_stretch = item.start > 0 or item.stop is not None
    if is_stretch and rate_hz != SAMPLE_RATE_HZ:
        raise ValueError(
            f"{item.path} has a sample rate of {rate_hz} Hz, but start and "
            f"stop of its row count at {SAMPLE_RATE_HZ} Hz: convert the file, "
            "or give a list of paths"
        )
