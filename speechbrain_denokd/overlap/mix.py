"""Add speakers up: wavs, offsets, gains -> mixture (S,), its sources (K, S).

A source is what one speaker contributes to a mixture: a stretch of an
utterance, from its offset on and silence around it. The overlap ratio is the
share of the mixture's duration in which at least two sources are present,
pauses within an utterance included.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Steps of gains, in decimals of a dB. Written to a list of mixtures, a gain
# reads back as it was, and a last bit of another machine's logarithm is lost.
_DECIMALS = 4


class Mixed(NamedTuple):
    """A mixture and what it is the sum of.

    Attributes
    ----------
    mixture : (S,) numpy.ndarray of float32
        The sum of the sources, added in their order.
    sources : (K, S) numpy.ndarray of float32
        Each speaker alone, at the place and level of the mixture.

    Example
    -------
    >>> mixed = Mixed(np.zeros(3, np.float32), np.zeros((2, 3), np.float32))
    >>> mixed.sources.shape
    (2, 3)
    """

    mixture: np.ndarray
    sources: np.ndarray


def mix(
    wavs: Sequence[np.ndarray],
    offsets: Sequence[int],
    gains_db: Sequence[float],
) -> Mixed:
    """Sum utterances, each from its offset on and at its gain.

    Nothing else happens: no clipping, and the same samples on any machine.

    Arguments
    ---------
    wavs : sequence of (S_k,) numpy.ndarray of float32
        One utterance per speaker.
    offsets : sequence of int
        Where each begins in the mixture, in samples.
    gains_db : sequence of float
        What each is amplified by, in dB.

    Returns
    -------
    Mixed
        As long as the last utterance lasts.

    Raises
    ------
    ValueError
        If there is nothing to mix, an offset is negative, or the numbers of
        utterances, offsets and gains differ.

    Example
    -------
    >>> ones = np.ones(2, np.float32)
    >>> mixed = mix([ones, ones], offsets=[0, 1], gains_db=[0.0, -20.0])
    >>> mixed.mixture.round(3).tolist()
    [1.0, 1.100000023841858, 0.10000000149011612]
    """
    if not len(wavs) == len(offsets) == len(gains_db) > 0:
        raise ValueError(
            f"There are {len(wavs)} utterances, {len(offsets)} offsets and "
            f"{len(gains_db)} gains: give one of each per speaker."
        )
    if min(offsets) < 0:
        raise ValueError(
            f"An offset is {min(offsets)}: a mixture begins at 0, so shift "
            "all offsets."
        )
    n_samples = max(
        offset + wav.size for wav, offset in zip(wavs, offsets, strict=True)
    )
    sources = np.zeros((len(wavs), n_samples), np.float32)
    for source, wav, offset, gain_db in zip(
        sources, wavs, offsets, gains_db, strict=True
    ):
        gain = np.float32(10.0 ** (float(gain_db) / 20))
        source[offset : offset + wav.size] = wav.astype(np.float32) * gain
    mixture = sources[0].copy()
    for source in sources[1:]:
        # One by one: a sum over an axis may take another order.
        mixture += source
    return Mixed(mixture, sources)


def gains_without_clipping(
    wavs: Sequence[np.ndarray],
    offsets: Sequence[int],
    gains_db: Sequence[float],
) -> np.ndarray:
    """Lower all gains alike, just as far as the mixture must not clip.

    The levels of the speakers to one another stay.

    Arguments
    ---------
    wavs, offsets, gains_db
        As `mix` takes them.

    Returns
    -------
    (K,) numpy.ndarray of float64
        Gains in dB, in steps of 0.0001 dB, with which the mixture's peak is
        at most 1.

    Raises
    ------
    ValueError
        As `mix`.

    Example
    -------
    >>> loud = [np.full(4, 0.8, np.float32)] * 2
    >>> gains_without_clipping(loud, [0, 0], [0.0, 0.0]).round(2).tolist()
    [-4.08, -4.08]
    >>> gains_without_clipping(loud, [0, 4], [0.0, 0.0]).tolist()
    [0.0, 0.0]
    """
    gains_db = np.round(np.asarray(gains_db, np.float64), _DECIMALS)
    peak = float(np.abs(mix(wavs, offsets, gains_db).mixture).max(initial=0))
    if peak <= 1:
        return gains_db
    # One step more than rounding up: samples are rounded to float32, too.
    steps = np.ceil(20 * np.log10(peak) * 10**_DECIMALS) + 1
    return np.round(gains_db - steps / 10**_DECIMALS, _DECIMALS)


def stagger(
    n_samples: int, n_sources: int, overlap: float
) -> tuple[int, list[int]]:
    """Length and offsets of equally long sources with an overlap ratio.

    The sources begin one after the other at equal distances, the first at 0,
    and the last one ends with the mixture.

    Arguments
    ---------
    n_samples : int
        S, length of the mixture.
    n_sources : int
        K, at least two.
    overlap : float
        Share of the mixture in which at least two sources are present, from
        0 (one after the other) to 1 (all from beginning to end).

    Returns
    -------
    length : int
        Samples of each source.
    offsets : list of int
        Where each begins, in samples.

    Raises
    ------
    ValueError
        If there are fewer than two sources or samples for each, or the
        overlap is no share.

    Example
    -------
    >>> stagger(n_samples=100, n_sources=2, overlap=0.5)
    (75, [0, 25])
    >>> stagger(n_samples=100, n_sources=3, overlap=0.5)
    (50, [0, 25, 50])
    """
    if not 2 <= n_sources <= n_samples / 2:
        raise ValueError(
            f"{n_sources} sources cannot be laid out over {n_samples} samples:"
            " give at least two sources, and two samples for each."
        )
    if not 0 <= overlap <= 1:
        raise ValueError(
            f"overlap is {overlap}: choose a share from 0 to 1 of the mixture."
        )
    # With a step d and a length 1 - (K - 1) d, as shares of the mixture:
    # neighbours alone meet, so (K - 1) (1 - K d) is covered twice, or every
    # place but the first and the last step is, which leaves 1 - 2 d.
    step = min((1 - overlap / (n_sources - 1)) / n_sources, (1 - overlap) / 2)
    step = round(step * n_samples)
    offsets = [step * k for k in range(n_sources)]
    return n_samples - offsets[-1], offsets


def overlap_ratio(lengths: Sequence[float], offsets: Sequence[float]) -> float:
    """Share of a mixture's duration in which two sources are present.

    Arguments
    ---------
    lengths, offsets : (K,) sequences of int or float
        How long each source is and where it begins, both in samples or both
        in seconds.

    Returns
    -------
    float
        From 0 to 1.

    Example
    -------
    >>> overlap_ratio([75, 75], offsets=[0, 25])
    0.5
    >>> overlap_ratio([10, 10], offsets=[0, 30])
    0.0
    """
    spans = list(zip(lengths, offsets, strict=True))
    events = [(offset, 1) for _, offset in spans]
    events += [(offset + length, -1) for length, offset in spans]
    n_present, before, overlapped = 0, 0, 0
    for place, change in sorted(events):
        if n_present >= 2:
            overlapped += place - before
        n_present += change
        before = place
    return overlapped / before
