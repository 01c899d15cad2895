"""Intervals of means: laws of the bootstrap over speakers."""

import numpy as np
import pytest

from speechbrain_denokd.separation.intervals import mean_interval


def pairs(n, rng, n_speakers=30):
    return [tuple(rng.choice(n_speakers, 2, replace=False)) for _ in range(n)]


def test_fact_equal_values_leave_no_doubt():
    rng = np.random.default_rng(0)
    assert mean_interval([2.5] * 20, pairs(20, rng)) == (2.5, 2.5)
    assert mean_interval([7.0], [("a", "b")]) == (7.0, 7.0)


def test_law_a_voice_that_is_odd_widens_the_interval():
    """The same values count for less when they belong to one speaker."""
    values = np.repeat([0.0, 10.0], 20)
    apart = [(f"a{k}", f"b{k}") for k in range(40)]
    shared = [(f"a{k}", f"b{k}") for k in range(20)]
    shared += [("odd", f"c{k}") for k in range(20)]
    low, high = mean_interval(values, apart)
    wide_low, wide_high = mean_interval(values, shared)
    assert wide_high - wide_low > 1.3 * (high - low)
    assert mean_interval(values, apart) == (low, high)
    assert mean_interval(values, apart, seed=1) != (low, high)


def test_law_the_interval_covers_the_truth_most_of_the_time():
    """Of means of speakers' own values, in 100 sets."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        own = rng.normal(size=30)
        speakers = pairs(60, rng)
        values = [own[a] + own[b] + rng.normal() for a, b in speakers]
        low, high = mean_interval(values, speakers, n_resamples=200)
        covered += low <= 0 <= high
    assert covered >= 88  # 95 % is meant


def test_no_values_or_other_speakers_are_refused():
    with pytest.raises(ValueError, match="0 values of 0 mixtures"):
        mean_interval([], [])
    with pytest.raises(ValueError, match="2 values of 1 mixtures"):
        mean_interval([1, 2], [("a", "b")])
