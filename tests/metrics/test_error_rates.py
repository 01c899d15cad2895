import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from speechbrain_denokd.metrics import (
    act_dcf,
    at_corners,
    check_trials,
    cllr,
    corner_points,
    eer,
    eer_of_rates,
    eer_threshold,
    error_rates,
    mean_min_dcf,
    min_cllr,
    min_dcf,
    min_dcf_of_rates,
    pav_llrs,
    rank_trials,
    ranked_error_rates,
    rates_by_condition,
    rocch_eer,
    weighted_error_rates,
)
from speechbrain_denokd.metrics.compat import (
    nist_eer,
    nist_min_dcf,
    speechbrain_eer,
    speechbrain_min_dcf,
    voxceleb_eer,
)
from speechbrain_denokd.metrics.dcf import SRE16
from tests.metrics.trial_lists import random_trials, trial_lists

# Facts


def test_operating_points_counted_by_hand():
    # Scores 1 (n), 2 (t, n), 3 (t): accept all, drop one nontarget, drop
    # the tied pair together, reject all.
    thresholds, p_miss, p_fa = error_rates([2, 1, 3, 2], [1, 0, 1, 0])
    assert thresholds.tolist() == [1, 2, 3, np.inf]
    assert p_miss.tolist() == [0, 0, 0.5, 1]
    assert p_fa.tolist() == [1, 0.5, 0, 0]


def test_ranking_by_hand():
    ranked = rank_trials(*check_trials([5, 1, 3, 2, 3], [1, 0, 1, 1, 0]))
    assert ranked.thresholds.tolist() == [1, 2, 3, 5, np.inf]
    assert ranked.targets.tolist() == [3, 2, 0]
    assert ranked.nontargets.tolist() == [1, 4]
    assert ranked.targets_below.tolist() == [0, 0, 1, 2, 3]
    assert ranked.nontargets_below.tolist() == [0, 1, 1, 2, 2]


def test_corners_by_hand():
    # n n t t n (t n): (miss, fa) in counts runs (0, 4) (0, 3) (0, 2) (1, 2)
    # (2, 2) (2, 1) (3, 0). It bends after the second n, after the second t
    # and, as a tie goes both ways at once, before the last step.
    scores = [1, 2, 3, 4, 5, 6, 6]
    is_target = [0, 0, 1, 1, 0, 1, 0]
    _, p_miss, p_fa = error_rates(scores, is_target)
    keep = corner_points(p_miss, p_fa)
    assert keep.tolist() == [True, False, True, False, True, True, True]
    ranked = at_corners(rank_trials(*check_trials(scores, is_target)))
    assert ranked.thresholds.tolist() == [1, 3, 5, 6, np.inf]
    assert ranked.targets_below.tolist() == [0, 0, 2, 2, 3]
    assert ranked.nontargets_below.tolist() == [0, 2, 2, 3, 4]


def test_tensors_and_half_precision_scores():
    # Ties of the stored numbers stay ties.
    scores = torch.tensor([0.1, 0.1, 0.3, 0.2], dtype=torch.float16)
    labels = torch.tensor([True, False, True, False])
    assert len(error_rates(scores, labels)[0]) == 4


# Laws


@settings(deadline=None)
@given(trial_lists)
def test_rates_are_monotone_and_reach_both_ends(trials):
    thresholds, p_miss, p_fa = error_rates(*trials)
    assert (np.diff(thresholds) > 0).all()
    assert (np.diff(p_miss) >= 0).all() and (np.diff(p_fa) <= 0).all()
    assert (p_miss[0], p_fa[0], p_miss[-1], p_fa[-1]) == (0, 1, 1, 0)


@settings(deadline=None)
@given(trial_lists, st.data())
def test_whole_weights_equal_repeated_trials_exactly(trials, data):
    scores, labels = trials
    weights = np.array(
        data.draw(
            st.lists(
                st.integers(0, 3), min_size=len(scores), max_size=len(scores)
            ).filter(lambda w: np.dot(w, labels) and np.dot(w, ~labels))
        )
    )
    repeated = np.repeat(scores, weights), np.repeat(labels, weights)
    for kind in (np.int64, np.float64):
        _, p_miss, p_fa = weighted_error_rates(
            scores.astype(float), labels, weights[None].astype(kind)
        )
        assert eer_of_rates(p_miss, p_fa).tolist() == [eer(*repeated)]
        assert min_dcf_of_rates(p_miss, p_fa).tolist() == [min_dcf(*repeated)]


@settings(deadline=None)
@given(trial_lists, st.integers(0, 2**32 - 1), st.floats(0.001, 0.999))
def test_corners_change_no_metric_of_any_weighting(trials, seed, p_target):
    # To the last bit, also where weights of zero make further points idle.
    ranked = rank_trials(*check_trials(*trials))
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 4, (8, len(ranked.targets)))
    nontargets = rng.integers(0, 4, (8, len(ranked.nontargets)))
    targets[:, 0], nontargets[:, -1] = 1, 1
    every = ranked_error_rates(ranked, targets, nontargets)
    corners = ranked_error_rates(at_corners(ranked), targets, nontargets)
    assert (eer_of_rates(*corners) == eer_of_rates(*every)).all()
    assert (
        min_dcf_of_rates(*corners, p_target)
        == min_dcf_of_rates(*every, p_target)
    ).all()


@settings(deadline=None)
@given(trial_lists)
def test_the_curve_is_straight_between_its_corners(trials):
    _, p_miss, p_fa = error_rates(*trials)
    keep = corner_points(p_miss, p_fa)
    # Miss minus false alarm rises at every step and orders the points.
    place = p_miss - p_fa
    np.testing.assert_allclose(
        np.interp(place, place[keep], p_miss[keep]), p_miss, atol=1e-12
    )


# References


@pytest.mark.parametrize("seed", range(5))
def test_rates_equal_sklearn_roc_with_ties(seed):
    scores, labels = random_trials(seed, 40, 60)
    scores = scores.round(1)
    p_fa, p_hit, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    ours = error_rates(scores, labels)
    assert ours[0][::-1].tolist() == thresholds.tolist()
    np.testing.assert_allclose(ours[1][::-1], 1 - p_hit, atol=1e-12)
    np.testing.assert_allclose(ours[2][::-1], p_fa, atol=1e-12)


# Errors


@pytest.mark.parametrize(
    "scores, labels, match",
    [
        ([1.0, 2.0, 3.0], [1, 0], r"shape \(3,\).*shape \(2,\)"),
        ([[1.0], [2.0]], [1, 0], r"shape \(2, 1\)"),
        ([1.0, np.nan, np.nan], [1, 0, 0], "2 of 3 .* first nan at trial 1"),
        ([1.0, 2.0, -np.inf], [1, 0, 0], "1 of 3 .* first -inf at trial 2"),
        ([1.0, 2.0], [0, 0], "0 target and 2 nontarget"),
        ([1.0, 2.0], [1, 1], "2 target and 0 nontarget"),
        ([], [], "0 target and 0 nontarget"),
        ([1.0, 2.0], [2, 0], "is_target holds .*2"),
        ([1.0, 2.0], [np.nan, 0], "is_target holds .*nan"),
        ([1.0, 2.0], ["target", "nontarget"], "is_target holds .*'target'"),
    ],
)
def test_trials_without_error_rates_are_refused(scores, labels, match):
    for function in (
        act_dcf,
        check_trials,
        cllr,
        eer,
        eer_threshold,
        error_rates,
        min_cllr,
        min_dcf,
        nist_eer,
        nist_min_dcf,
        pav_llrs,
        rocch_eer,
        speechbrain_eer,
        speechbrain_min_dcf,
        voxceleb_eer,
        lambda *trials: mean_min_dcf(*trials, SRE16),
        lambda *trials: rates_by_condition(*trials, {}),
    ):
        with pytest.raises(ValueError, match=match):
            function(scores, labels)
