"""Sample rates (``wav -> wav at another rate``), whole or in blocks."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly


def change_rate(wav: np.ndarray, rate_hz: int, new_rate_hz: int) -> np.ndarray:
    """Resample a waveform by a polyphase filter.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
        Waveform at ``rate_hz``.
    rate_hz, new_rate_hz : int
        Rates before and after.

    Returns
    -------
    (ceil(S * new_rate_hz / rate_hz),) numpy.ndarray of float32

    Example
    -------
    >>> change_rate(np.zeros(441, dtype=np.float32), 44100, 16000).shape
    (160,)
    """
    if rate_hz == new_rate_hz:
        return wav
    ratio = Fraction(new_rate_hz, rate_hz)
    changed = resample_poly(wav, ratio.numerator, ratio.denominator)
    return changed.astype(np.float32)


def resampled_blocks(
    blocks: Iterable[np.ndarray], rate_hz: int, new_rate_hz: int
) -> Iterator[np.ndarray]:
    """Resample a waveform that comes in blocks, as if it came whole.

    Arguments
    ---------
    blocks : iterable of (S,) numpy.ndarray
        Consecutive stretches at ``rate_hz``, of any lengths.
    rate_hz, new_rate_hz : int
        Rates before and after.

    Yields
    ------
    (S',) numpy.ndarray of float32
        Their concatenation is `change_rate` of the concatenated blocks.

    Example
    -------
    >>> wav = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    >>> parts = resampled_blocks([wav[:400], wav[400:]], 48000, 16000)
    >>> np.allclose(np.concatenate(list(parts)), change_rate(wav, 48000, 16000))
    True
    """
    if rate_hz == new_rate_hz:
        yield from blocks
        return
    ratio = Fraction(new_rate_hz, rate_hz)
    up, down = ratio.numerator, ratio.denominator
    # resample_poly's filter reaches this many samples to either side. Blocks
    # start at multiples of `down`, where both rates have a sample.
    reach = -(-(10 * max(up, down) // up + 1) // down) * down
    held, n_before = np.zeros(0, np.float32), 0
    for block in blocks:
        held = np.concatenate([held, block])
        n_ready = (len(held) - reach) // down * down
        if n_ready <= n_before:
            continue
        changed = change_rate(held, rate_hz, new_rate_hz)
        yield changed[n_before // down * up : n_ready // down * up]
        first = max(n_ready - reach, 0)
        held, n_before = held[first:], n_ready - first
    if len(held) > n_before:
        changed = change_rate(held, rate_hz, new_rate_hz)
        yield changed[n_before // down * up :]
