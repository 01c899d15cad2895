"""How loud speakers are to one another: wavs, offsets -> ratios, gains in dB.

The signal-to-interference ratio (SIR) of a pair of sources compares the
powers at which both speak where their sources overlap. Pauses do not count:
with them, the speaker who pauses more would be amplified.
"""

from collections.abc import Sequence

import numpy as np

_FRAME = 320  # samples; 20 ms at 16 kHz
_ACTIVE_DB = 40.0  # below the loudest frame of a source, frames are pauses


def active_power(wav: np.ndarray, start: int = 0, stop: int | None = None):
    """Mean square over the frames of a stretch in which there is speech.

    Frames are 320 samples long. One counts as speech when its power is less
    than 40 dB below that of the utterance's loudest frame.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
        Utterance.
    start, stop : int
        Stretch of it, in samples; all of it by default.

    Returns
    -------
    float
        0 when there is no speech in the stretch.

    Example
    -------
    >>> wav = np.concatenate([np.full(3200, 0.5), np.zeros(3200)])
    >>> active_power(wav), active_power(wav, start=3200)
    (0.25, 0.0)
    """
    squares = np.square(wav, dtype=np.float64)
    loudest = (_frame_sums(squares) / _frame_sizes(squares)).max(initial=0.0)
    part = squares[start:stop]
    sums, sizes = _frame_sums(part), _frame_sizes(part)
    active = (sums > 0) & (sums / sizes > loudest * 10 ** (-_ACTIVE_DB / 10))
    return float(sums[active].sum() / max(sizes[active].sum(), 1))


def measured_sir_db(
    wavs: Sequence[np.ndarray], offsets: Sequence[int]
) -> np.ndarray:
    """Level of the first source over each of the others.

    Arguments
    ---------
    wavs : sequence of (S_k,) numpy.ndarray
        One utterance per speaker, at its level in the mixture.
    offsets : sequence of int
        Where each begins in the mixture, in samples.

    Returns
    -------
    (K - 1,) numpy.ndarray of float64
        Ratios in dB, of the active powers (`active_power`) where both are
        present. Of two that never speak in the same stretch, those of the
        whole utterances; NaN when either is silent throughout.

    Example
    -------
    >>> loud, soft = np.full(6400, 0.2), np.full(6400, 0.02)
    >>> measured_sir_db([loud, soft], offsets=[0, 3200]).round(9).tolist()
    [20.0]
    """
    return np.array(
        [
            _sir_db(wavs[0], wav, offset - offsets[0])
            for wav, offset in zip(wavs[1:], offsets[1:], strict=True)
        ]
    )


def gains_for_sir(
    wavs: Sequence[np.ndarray],
    offsets: Sequence[int],
    sir_db: Sequence[float],
) -> np.ndarray:
    """Gains that bring sources to a requested level to one another.

    Arguments
    ---------
    wavs, offsets
        As `measured_sir_db` takes them.
    sir_db : (K - 1,) sequence of float
        Wanted level of the first source over each of the others, in dB.

    Returns
    -------
    (K,) numpy.ndarray of float64
        Gains in dB: 0 for the first, and for a silent source, to which no
        level can be given.

    Raises
    ------
    ValueError
        If there is not one ratio for each source after the first.

    Example
    -------
    >>> loud, soft = np.full(6400, 0.2), np.full(6400, 0.02)
    >>> gains_for_sir([loud, soft], [0, 0], sir_db=[5.0]).round(9).tolist()
    [0.0, 15.0]
    """
    if len(sir_db) != len(wavs) - 1:
        raise ValueError(
            f"There are {len(sir_db)} SIRs for {len(wavs)} sources: give one "
            "for each source after the first."
        )
    gains = measured_sir_db(wavs, offsets) - np.asarray(sir_db, np.float64)
    return np.concatenate([[0.0], np.nan_to_num(gains, nan=0.0)])


def _sir_db(first: np.ndarray, other: np.ndarray, offset: int) -> float:
    """Level of a source over one that begins ``offset`` samples later."""
    start, stop = max(offset, 0), min(first.size, offset + other.size)
    powers = 0.0, 0.0
    if start < stop:
        powers = (
            active_power(first, start, stop),
            active_power(other, start - offset, stop - offset),
        )
    if not all(powers):
        powers = active_power(first), active_power(other)
    if not all(powers):
        return np.nan
    return 10 * np.log10(powers[0] / powers[1])


def _frame_sums(squares: np.ndarray) -> np.ndarray:
    """Energy of each frame, the last of which may be shorter."""
    if not squares.size:
        return np.zeros(0)
    return np.add.reduceat(squares, np.arange(0, squares.size, _FRAME))


def _frame_sizes(squares: np.ndarray) -> np.ndarray:
    """Samples of each frame."""
    edges = np.append(np.arange(0, squares.size, _FRAME), squares.size)
    return np.diff(edges)
