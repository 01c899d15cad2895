"""Labelled windows joined into turns (``labels -> segments``)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.diarization.windows import Window


class Segment(NamedTuple):
    """A stretch of a recording in which one person speaks.

    Attributes
    ----------
    start_s, stop_s : float
        Seconds from the start of the recording.
    speaker : str

    Example
    -------
    >>> Segment(0.5, 2.0, "speaker_1").speaker
    'speaker_1'
    """

    start_s: float
    stop_s: float
    speaker: str


def segments_of(
    regions: Sequence[tuple[int, int]],
    windows: Sequence[Window],
    labels: Sequence[int] | np.ndarray,
    sample_rate: int = 16000,
) -> list[Segment]:
    """Give each moment the label of the window whose centre is nearest.

    Arguments
    ---------
    regions : sequence of (int, int)
        First sample of speech, and the sample after the last one.
    windows : sequence of Window
        In order.
    labels : (N,) sequence of int
        Speaker of each window, from 0.
    sample_rate : int

    Returns
    -------
    list of Segment
        In order, disjoint; neighbours of one speaker in a region are joined.
        They cover the regions. Speakers are "speaker_1" and so on.

    Example
    -------
    >>> windows = [Window(0, 0, 4), Window(0, 2, 6), Window(0, 4, 8)]
    >>> segments_of([(0, 8)], windows, [0, 0, 1], sample_rate=1)
    [Segment(start_s=0.0, stop_s=5.0, speaker='speaker_1'), \
Segment(start_s=5.0, stop_s=8.0, speaker='speaker_2')]
    """
    found: list[tuple[float, float, int, int]] = []
    centres = [(window.start + window.stop) / 2 for window in windows]
    for i, (window, label) in enumerate(zip(windows, labels, strict=True)):
        start, stop = regions[window.region]
        if i > 0 and windows[i - 1].region == window.region:
            start = (centres[i - 1] + centres[i]) / 2
        if i + 1 < len(windows) and windows[i + 1].region == window.region:
            stop = (centres[i] + centres[i + 1]) / 2
        if found and found[-1][2:] == (label, window.region):
            start = found.pop()[0]
        found.append((start, stop, label, window.region))
    return [
        Segment(start / sample_rate, stop / sample_rate, f"speaker_{label + 1}")
        for start, stop, label, _ in found
    ]
