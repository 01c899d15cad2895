import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from sklearn.metrics import roc_curve

from speechbrain_denokd.metrics import (
    eer,
    eer_of_rates,
    eer_threshold,
    error_rates,
    rocch_eer,
)
from tests.metrics.trial_lists import GOLDEN, random_trials, trial_lists


def hull_eer(scores, labels):
    """Where the diagonal enters scipy's hull of all operating points."""
    _, p_miss, p_fa = error_rates(scores, labels)
    corners = np.c_[np.r_[p_fa, 1], np.r_[p_miss, 1]]
    # Inside the hull a x + b y + c <= 0 for every side (a, b, c).
    sides = ConvexHull(corners).equations
    slopes = sides[:, 0] + sides[:, 1]
    facing = slopes < -1e-12
    return (-sides[facing, 2] / slopes[facing]).max()


# Facts


def test_golden_example():
    assert eer(*GOLDEN) == 0.25


def test_eer_between_two_tied_points_is_interpolated():
    # Points (miss, fa): (0, 1), (0, .5), (1, 0): the last segment is
    # fa = .5 (1 - miss), which meets miss = fa at 1/3.
    scores, is_target = [1, 2, 2], [0, 1, 0]
    assert eer(scores, is_target) == pytest.approx(1 / 3)


def test_eer_where_one_rate_stands_still_is_that_rate():
    # However far apart the points are: a third of the nontargets is accepted
    # while misses rise from .1 to .9, and the other way round.
    misses, third = np.array([0, 0.1, 0.9, 1]), 1 / 3
    assert eer_of_rates(misses, np.array([1, third, third, 0])) == third
    alarms = misses[::-1]
    assert eer_of_rates(np.array([0, third, third, 1]), alarms) == third


def test_perfect_separation():
    trials = [1, 2, 3, 4], [0, 0, 1, 1]
    assert eer(*trials) == rocch_eer(*trials) == 0
    assert eer_threshold(*trials) == 3


def test_reversed_scores_are_always_wrong():
    # To the hull they are as good as no scores.
    trials = [1, 2, 3, 4], [1, 1, 0, 0]
    assert eer(*trials) == 1
    assert rocch_eer(*trials) == 0.5


@pytest.mark.parametrize("n_targets", [1, 3, 7])
def test_all_scores_equal_is_chance(n_targets):
    trials = np.zeros(10), np.arange(10) < n_targets
    assert eer(*trials) == rocch_eer(*trials) == 0.5
    assert eer_threshold(*trials) == 0


def test_eer_threshold_has_the_nearest_rates():
    # Miss and fa of the golden example: (0, 2/6) at .3, (1/4, 2/6) at .4,
    # (1/4, 1/6) at .6. With one more nontarget at .5 they are (1/4, 3/7) at
    # .4, (1/4, 2/7) at .5 and (1/4, 1/7) at .6: nearest at .5.
    assert eer_threshold(*GOLDEN) in (0.4, 0.6)
    assert eer_threshold([*GOLDEN[0], 0.5], [*GOLDEN[1], 0]) == 0.5


def test_hull_of_the_golden_example():
    # The hull joins (miss, fa) = (0, 2/6) and (1/4, 0): miss = fa = t where
    # t / (1/4) + t / (2/6) = 1, so t = 1/7. The point (1/4, 1/6) is above.
    assert rocch_eer(*GOLDEN) == pytest.approx(1 / 7, abs=1e-15)


# Laws


@settings(deadline=None)
@given(trial_lists)
def test_monotone_map_changes_nothing(trials):
    scores, labels = trials
    for mapped in (3 * scores - 7, scores**3, np.exp(scores / 2)):
        assert eer(mapped, labels) == eer(scores, labels)
        assert rocch_eer(mapped, labels) == rocch_eer(scores, labels)


@settings(deadline=None)
@given(trial_lists)
def test_threshold_follows_a_monotone_map(trials):
    scores, labels = trials
    expected = 3 * eer_threshold(scores, labels) - 7
    assert eer_threshold(3 * scores - 7, labels) == expected


@settings(deadline=None)
@given(trial_lists, st.randoms())
def test_order_of_trials_changes_nothing(trials, random):
    scores, labels = trials
    order = list(range(len(scores)))
    random.shuffle(order)
    for metric in (eer, rocch_eer, eer_threshold):
        assert metric(scores[order], labels[order]) == metric(scores, labels)


@settings(deadline=None)
@given(trial_lists)
def test_swapping_the_classes_changes_nothing(trials):
    scores, labels = trials
    assert eer(-scores, ~labels) == pytest.approx(eer(scores, labels))
    assert rocch_eer(-scores, ~labels) == pytest.approx(
        rocch_eer(scores, labels)
    )


@settings(deadline=None)
@given(trial_lists)
def test_negated_scores_mirror_the_eer(trials):
    scores, labels = trials
    assert eer(-scores, labels) == pytest.approx(1 - eer(scores, labels))


@settings(deadline=None)
@given(trial_lists)
def test_hull_is_never_above_the_steps_or_chance(trials):
    assert 0 <= rocch_eer(*trials) <= min(eer(*trials), 0.5) + 1e-15


@settings(deadline=None)
@given(trial_lists, st.floats(0, 1))
def test_hull_eer_bounds_the_bayes_error_at_any_prior(trials, prior):
    _, p_miss, p_fa = error_rates(*trials)
    bayes_error = (prior * p_miss + (1 - prior) * p_fa).min()
    assert bayes_error <= rocch_eer(*trials) + 1e-12


# References


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distance", [0.0, 1.0, 3.0])
def test_eer_equals_interpolated_sklearn_roc(seed, distance):
    scores, labels = random_trials(seed, distance=distance)
    p_fa, p_hit, _ = roc_curve(labels, scores, drop_intermediate=False)
    # Where miss minus fa changes sign along the ROC, read off the miss rate.
    gap = (1 - p_hit) - p_fa
    reference = np.interp(0, -gap, p_fa)
    assert eer(scores, labels) == pytest.approx(reference, abs=1e-12)


@settings(deadline=None)
@given(trial_lists)
def test_hull_eer_equals_scipys_hull_with_ties(trials):
    assert rocch_eer(*trials) == pytest.approx(hull_eer(*trials), abs=1e-9)


@pytest.mark.parametrize("distance", [0.0, 1.0, 3.0])
def test_hull_eer_equals_scipys_hull(distance):
    trials = random_trials(7, 3000, 2000, distance)
    assert rocch_eer(*trials) == pytest.approx(hull_eer(*trials), abs=1e-9)
