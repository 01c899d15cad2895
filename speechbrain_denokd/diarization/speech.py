"""Where a recording is loud enough to be speech (``blocks -> regions``).

This is a gate on energy, not a voice activity detector. It tells loud from
quiet: music, a door or a second recording as loud as the speech pass it, and
a speaker 30 dB below the others does not. Steady noise alone never passes.
Where that is not enough, cut the recording with a detector first.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

FRAME = 320  # samples: 20 ms at 16 kHz
_FRAMES_PER_S = 50
_SILENCE = 1e-10  # mean square of what counts as silent: -100 dB
_FLOOR_PERCENT, _LOUD_PERCENT = 5, 95


class SpeechGate(NamedTuple):
    """What counts as speech.

    Attributes
    ----------
    range_db : float
        How far below the loud frames speech may lie.
    above_floor_db : float
        How far above the quietest frames speech must lie.
    longest_pause_s : float
        Shorter pauses belong to the speech around them.
    shortest_s : float
        Shorter stretches are no speech.

    Example
    -------
    >>> SpeechGate().range_db
    30.0
    """

    range_db: float = 30.0
    above_floor_db: float = 6.0
    longest_pause_s: float = 0.3
    shortest_s: float = 0.25


def frame_levels(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Level of each 20 ms of a recording, in dB of full scale.

    A constant offset of the microphone does not count.

    Arguments
    ---------
    blocks : iterable of (S,) numpy.ndarray
        Consecutive stretches at 16 kHz; only one is held.

    Returns
    -------
    (T,) numpy.ndarray
        From -100; an incomplete frame at the end is left out.

    Example
    -------
    >>> wav = np.concatenate([np.zeros(320), np.tile([1.0, -1.0], 160)])
    >>> frame_levels([wav[:500], wav[500:]]).round(2).tolist()
    [-100.0, 0.0]
    """
    levels, rest = [], np.zeros(0)
    for block in blocks:
        held = np.concatenate([rest, block])
        n_frames = len(held) // FRAME
        frames = held[: n_frames * FRAME].reshape(n_frames, FRAME)
        power = frames.astype(np.float64).var(axis=1)
        levels.append(10 * np.log10(np.maximum(power, _SILENCE)))
        rest = held[n_frames * FRAME :]
    return np.concatenate(levels) if levels else np.zeros(0)


def speech_regions(
    levels: np.ndarray, gate: SpeechGate | None = None
) -> list[tuple[int, int]]:
    """Stretches of speech.

    Arguments
    ---------
    levels : (T,) numpy.ndarray
        Of `frame_levels`.
    gate : SpeechGate, optional

    Returns
    -------
    list of (int, int)
        First sample, and the sample after the last one; in order, disjoint.
        Empty if nothing stands out.

    Example
    -------
    >>> levels = np.full(200, -80.0)
    >>> levels[50:100] = -20.0
    >>> speech_regions(levels)
    [(16000, 32000)]
    """
    gate = SpeechGate() if gate is None else gate
    if not len(levels):
        return []
    floor = np.percentile(levels, _FLOOR_PERCENT) + gate.above_floor_db
    if levels.max() <= floor:
        return []
    # Of the frames above the floor: most of a recording may be silence.
    loud = np.percentile(levels[levels > floor], _LOUD_PERCENT)
    is_speech = levels > max(floor, loud - gate.range_db)
    longest_pause = round(gate.longest_pause_s * _FRAMES_PER_S)
    shortest = gate.shortest_s * _FRAMES_PER_S
    regions: list[tuple[int, int]] = []
    for start, stop in _runs(is_speech):
        if regions and start - regions[-1][1] <= longest_pause:
            start = regions.pop()[0]
        regions.append((start, stop))
    return [
        (start * FRAME, stop * FRAME)
        for start, stop in regions
        if stop - start >= shortest
    ]


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of each run of true flags."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
