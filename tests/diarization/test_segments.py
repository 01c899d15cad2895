"""Labelled windows joined into turns."""

import numpy as np

from speechbrain_denokd.diarization.segments import Segment, segments_of
from speechbrain_denokd.diarization.windows import Window, windows_of


def test_fact_speakers_change_half_way_between_window_centres():
    # centres        4     8     12    16
    windows = [Window(0, start, start + 8) for start in (0, 4, 8, 12)]
    found = segments_of([(0, 20)], windows, [0, 0, 1, 1], sample_rate=2)
    assert found == [
        Segment(0.0, 5.0, "speaker_1"),
        Segment(5.0, 10.0, "speaker_2"),
    ]


def test_fact_a_pause_parts_segments_of_one_speaker():
    windows = [Window(0, 0, 4), Window(1, 6, 10), Window(2, 12, 15)]
    regions = [(0, 4), (6, 10), (12, 15)]
    found = segments_of(regions, windows, [0, 0, 1], sample_rate=1)
    assert found == [
        Segment(0, 4, "speaker_1"),
        Segment(6, 10, "speaker_1"),
        Segment(12, 15, "speaker_2"),
    ]


def test_law_segments_cover_the_regions_and_nothing_else():
    rng = np.random.default_rng(0)
    for _ in range(50):
        edges = np.cumsum(rng.integers(1, 100, size=8)).tolist()
        regions = list(zip(edges[::2], edges[1::2], strict=True))
        windows = windows_of(regions, 20, int(rng.integers(1, 21)))
        labels = rng.integers(0, 3, len(windows))
        found = segments_of(regions, windows, labels, sample_rate=1)
        joined = []
        for start, stop, _ in found:
            if joined and joined[-1][1] == start:
                start = joined.pop()[0]
            joined.append((start, stop))
        assert joined == [
            (start, stop) for start, stop in regions if stop > start
        ]
        # Neighbours of one speaker are joined inside a region.
        for one, other in zip(found, found[1:], strict=False):
            assert one.speaker != other.speaker or one.stop_s < other.start_s
