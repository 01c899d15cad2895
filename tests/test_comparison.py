"""Two systems on the same trials: draws of speakers and of seeds."""

import numpy as np
import pytest

from speechbrain_denokd.bootstrap import (
    Draws,
    resampled_values,
    speaker_interval,
)
from speechbrain_denokd.comparison import (
    compare_runs,
    compare_systems,
    mean_interval,
)
from speechbrain_denokd.metrics import eer, min_dcf, min_dcf_of_rates
from tests.test_bootstrap import (
    TAILS,
    random_system,
    resampled_at_every_threshold,
)


def runs_of(seeds, gain=0.0, noise=0.3):
    """Scores of a system trained from several seeds, and the trials."""
    scores, labels, *speakers = random_system(0)
    runs = [
        scores
        + gain * labels
        + np.random.default_rng(seed).normal(0, noise, len(scores))
        for seed in seeds
    ]
    return runs, (labels, *speakers)


def draws_of(*groups, n_resamples=300):
    """`Draws` of each group of runs, from one call."""
    trials = groups[0][1]
    draws = resampled_values(
        [run for runs, _ in groups for run in runs],
        *trials,
        n_resamples=n_resamples,
    )
    ends = np.cumsum([len(runs) for runs, _ in groups])[:-1]
    parts = [np.split(array, ends) for array in draws]
    return [Draws(*part) for part in zip(*parts, strict=True)]


# Facts


def test_runs_by_hand():
    # Two seeds, so one of the two is drawn, for both sides the same: the
    # difference is -2 or -4 points in every draw.
    row = Draws(np.array([0.08, 0.06]), np.array([[0.08] * 50, [0.06] * 50]))
    base = Draws(np.array([0.1, 0.1]), np.full((2, 50), 0.1))
    found = compare_runs(row, base)
    assert found.difference == pytest.approx(-0.03)
    assert (found.low, found.high) == pytest.approx((-0.04, -0.02))
    assert found.relative == pytest.approx(-0.3)
    assert found.relative_low == pytest.approx(-0.4)
    assert found.relative_high == pytest.approx(-0.2)
    assert found.p_value == pytest.approx(2 / 51)
    assert found.n_seeds == 2


def test_a_reference_without_errors_has_no_relative_difference():
    row, base = Draws(np.full(1, 0.1), np.full((1, 9), 0.1)), np.zeros((1, 9))
    found = compare_runs(row, Draws(base[:, 0], base))
    assert found.difference == 0.1 and found.relative is None
    # Without errors in some draws only: no bound from above.
    base[0, :5] = 0.2
    found = compare_runs(row, Draws(np.full(1, 0.2), base))
    assert found.relative == found.relative_low == -0.5
    assert found.relative_high is None


def test_one_model_stands_beside_every_seed():
    [one, three] = draws_of(runs_of([9], gain=1.0), runs_of([1, 2, 3]))
    found = compare_runs(one, three)
    assert found.n_seeds == 3
    expected = one.observed[0] - three.observed.mean()
    assert found.difference == pytest.approx(expected)
    assert found.high < 0


def test_seeds_count_once_more_than_speakers():
    # The draws of seeds have the variance of a mean of n seeds: s^2 / n.
    rng = np.random.default_rng(0)
    for n_seeds in (2, 3, 5):
        rates = 0.1 + rng.normal(0, 0.01, n_seeds)
        draws = Draws(rates, np.repeat(rates[:, None], 20000, axis=1))
        low, high = mean_interval(draws, confidence=0.6827)
        spread = np.std(rates, ddof=1) / np.sqrt(n_seeds)
        assert 0.5 * spread < (high - low) / 2 < 1.6 * spread


# References


def test_comparison_equals_that_of_every_threshold():
    scores, *trials = random_system(13, n_speakers=12)
    other = (scores + np.random.default_rng(0).normal(0, 1, 240)).round(1)
    values_a, values_b = (
        resampled_at_every_threshold(system, *trials, 40, seed=4)[1]
        for system in (scores, other)
    )
    comparison = compare_systems(
        scores, other, *trials, min_dcf_of_rates, n_resamples=40, seed=4
    )
    observed = min_dcf(scores, trials[0]) - min_dcf(other, trials[0])
    expected = np.quantile(values_a - values_b, TAILS)
    assert comparison[:3] == (observed, *expected)


# Laws


def test_comparison_is_antisymmetric():
    scores, *trials = random_system(8)
    other = scores + np.random.default_rng(0).normal(0, 0.7, len(scores))
    forward = compare_systems(scores, other, *trials)
    backward = compare_systems(other, scores, *trials)
    assert forward.difference == -backward.difference
    assert forward.low == pytest.approx(-backward.high)
    assert forward.p_value == backward.p_value
    assert forward.difference == eer(scores, trials[0]) - eer(other, trials[0])


def test_a_system_does_not_differ_from_its_monotone_map():
    scores, *trials = random_system(9)
    comparison = compare_systems(scores, np.exp(scores), *trials)
    assert comparison == (0, 0, 0, 1)


def test_pairing_finds_what_two_intervals_cannot_tell():
    # A small gain on every trial: the separate intervals overlap.
    scores, labels, enroll, test = random_system(10)
    better = scores + 0.25 * labels
    comparison = compare_systems(better, scores, labels, enroll, test)
    assert comparison.high < 0 and comparison.p_value < 0.05
    assert (
        speaker_interval(better, labels, enroll, test)[1]
        > speaker_interval(scores, labels, enroll, test)[0]
    )


def test_p_value_has_its_floor_and_agrees_with_the_interval():
    scores, labels, enroll, test = random_system(11)
    comparison = compare_systems(
        scores + 3 * labels, scores, labels, enroll, test, n_resamples=99
    )
    assert comparison.p_value == 2 / 100
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 0.6, len(scores))
        comparison = compare_systems(
            scores, scores + noise, labels, enroll, test
        )
        excludes_zero = comparison.low > 0 or comparison.high < 0
        # At the border quantile and count may round apart.
        if abs(comparison.p_value - 0.05) > 0.005:
            assert excludes_zero == (comparison.p_value < 0.05)


def test_equal_systems_rarely_look_different():
    # Two systems that are equally good, each with its own hard voices: p <
    # .05 in at most 5 % of pairs, and then more than 8 of 60 have a
    # probability below 0.4 %.
    found = 0
    for seed in range(60):
        scores, labels, enroll, test = random_system(seed)
        voices = np.random.default_rng(1000 + seed).normal(0, 0.6, (2, 30))
        pair = scores + voices[:, enroll] + voices[:, test]
        result = compare_systems(*pair, labels, enroll, test, n_resamples=200)
        found += result.p_value < 0.05
    assert found <= 8


def test_one_seed_is_the_comparison_of_two_systems():
    a, b = runs_of([1]), runs_of([2], gain=0.3)
    found = compare_runs(*draws_of(a, b))
    expected = compare_systems(a[0][0], b[0][0], *a[1], n_resamples=300)
    assert found[:3] == expected[:3]
    assert found.p_value == expected.p_value


def test_runs_do_not_differ_from_themselves():
    [draws] = draws_of(runs_of([1, 2, 3]))
    assert compare_runs(draws, draws) == (0, 0, 0, 0, 0, 0, 1, 3)


def test_a_shifted_copy_is_found_and_its_sign_is_the_order():
    runs, trials = runs_of([1, 2, 3])
    better = [run + 0.3 * trials[0] for run in runs]
    row, base = draws_of((better, trials), (runs, trials))
    found, back = compare_runs(row, base), compare_runs(base, row)
    assert found.high < 0 and found.p_value < 0.05
    assert found.relative_high < 0
    assert back.difference == -found.difference
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
    assert (1 + back.relative) * (1 + found.relative) == pytest.approx(1)
    assert back.p_value == found.p_value


def test_seeds_that_disagree_widen_the_interval():
    calm, wild = runs_of([1, 2, 3]), runs_of([1, 2, 3])
    wild = [run * 1.0 for run in wild[0]], wild[1]
    wild[0][0] += 1.0 * wild[1][0]  # one seed is much better
    base = runs_of([4, 5, 6])
    calm, wild, base = draws_of(calm, wild, base)
    widths = [
        np.subtract(*compare_runs(row, base)[2:0:-1]) for row in (calm, wild)
    ]
    assert widths[1] > 1.3 * widths[0]
    assert np.diff(mean_interval(wild)) > np.diff(mean_interval(calm))


def test_the_seed_fixes_the_draws_of_seeds():
    row, base = draws_of(runs_of([1, 2, 3]), runs_of([4, 5, 6]))
    assert compare_runs(row, base, seed=1) == compare_runs(row, base, seed=1)
    assert compare_runs(row, base, seed=1) != compare_runs(row, base, seed=2)


# Errors


def test_sides_that_share_no_seeds_are_refused():
    three, two = draws_of(runs_of([1, 2, 3]), runs_of([1, 2]))
    with pytest.raises(ValueError, match=r"\(3, 300\) and \(2, 300\)"):
        compare_runs(three, two)


def test_settings_out_of_range_are_refused():
    scores, *trials = random_system(0)
    with pytest.raises(ValueError, match="n_resamples is 0"):
        compare_systems(scores, scores, *trials, n_resamples=0)
    with pytest.raises(ValueError, match="confidence is 95"):
        compare_systems(scores, scores, *trials, confidence=95)
