"""Windows of long recordings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.extraction.windows import cut_windows, window_starts


def test_fact_windows_by_hand():
    assert window_starts(10, 10, 0) == [0]
    assert window_starts(3, 10, 0) == [0]
    assert window_starts(20, 10, 0) == [0, 10]
    assert window_starts(21, 10, 0) == [0, 6, 11]  # 5.5 is rounded up
    assert window_starts(20, 10, 5) == [0, 5, 10]


@given(st.integers(1, 10_000), st.integers(1, 500), st.data())
def test_law_windows_cover_evenly_and_are_few(n_samples, window, data):
    overlap = data.draw(st.integers(0, window - 1))
    starts = window_starts(n_samples, window, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(n_samples - window, 0)
    hops = np.diff(starts)
    assert (hops <= window - overlap).all()
    assert np.ptp(hops) <= 1 if len(hops) else True
    # One window fewer could not cover so much.
    assert (len(hops) - 1) * (window - overlap) < max(n_samples - window, 1)


@pytest.mark.parametrize("overlap", [-1, 10, 11])
def test_windows_must_advance(overlap):
    with pytest.raises(ValueError, match=f"an overlap of {overlap} samples"):
        window_starts(100, 10, overlap)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=12),
    st.integers(1, 60),
    st.data(),
)
def test_reference_cutting_a_stream_is_slicing_the_whole(sizes, window, data):
    overlap = data.draw(st.integers(0, window - 1))
    whole = np.arange(sum(sizes))
    blocks = np.split(whole, np.cumsum(sizes)[:-1])
    starts = window_starts(len(whole), window, overlap)
    found = list(cut_windows(blocks, starts, window))
    assert len(found) == len(starts)
    for start, wav in zip(starts, found, strict=True):
        np.testing.assert_array_equal(wav, whole[start : start + window])


def test_fact_a_recording_that_ends_early_gives_what_there_is():
    blocks = [np.arange(7), np.arange(7, 13)]
    found = [w.tolist() for w in cut_windows(blocks, [0, 5, 10, 15], 5)]
    assert found == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12]]
    assert list(cut_windows([], [0], 5)) == []


def test_law_no_block_is_read_before_it_is_needed():
    n_read = 0

    def blocks():
        nonlocal n_read
        for k in range(1000):
            n_read += 1
            yield np.full(10, k)

    starts = window_starts(10_000, 25, 5)
    for start, _ in zip(starts, cut_windows(blocks(), starts, 25), strict=True):
        assert 10 * n_read < start + 25 + 10
