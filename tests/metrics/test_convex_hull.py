import numpy as np
from hypothesis import given, settings
from scipy.spatial import ConvexHull

from speechbrain_denokd.metrics import check_trials, hull_points, rank_trials
from tests.metrics.trial_lists import random_trials, trial_lists


def corners_of(scores, labels):
    ranked = rank_trials(*check_trials(scores, labels))
    return ranked, hull_points(ranked).tolist()


def test_hull_by_hand():
    # n t n t at 1 to 4: the middle pair is in the wrong order and pooled.
    assert corners_of([1, 2, 3, 4], [0, 1, 0, 1])[1] == [0, 1, 3, 4]
    # Right order, wrong order, and no order at all.
    assert corners_of([1, 2, 3], [0, 0, 1])[1] == [0, 2, 3]
    assert corners_of([1, 2, 3], [1, 0, 0])[1] == [0, 3]
    assert corners_of([1, 1, 1], [1, 0, 0])[1] == [0, 1]


@settings(deadline=None)
@given(trial_lists)
def test_hull_is_convex_and_below_every_point(trials):
    ranked, hull = corners_of(*trials)
    miss, rejected = ranked.targets_below, ranked.nontargets_below
    steps = np.diff(miss[hull]), np.diff(rejected[hull])
    # Whole numbers: the share of targets rises from segment to segment.
    assert (steps[0][:-1] * steps[1][1:] < steps[0][1:] * steps[1][:-1]).all()
    # Of as many rejected trials, the hull has the fewest targets.
    total = miss + rejected
    lowest = np.interp(total, total[hull], miss[hull])
    assert (lowest <= miss + 1e-12).all()


def test_corners_equal_scipys():
    ranked, hull = corners_of(*random_trials(3, 300, 500))
    points = np.c_[ranked.nontargets_below, ranked.targets_below]
    # One more point above the diagonal makes the rest the lower side.
    points = np.r_[points, [[0, 300]]]
    reference = set(ConvexHull(points).vertices.tolist()) - {len(points) - 1}
    assert set(hull) == reference
