import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve
from speechbrain.utils.metric_stats import minDCF as speechbrain_min_dcf

from speechbrain_denokd.metrics import (
    check_trials,
    detection_costs,
    eer,
    eer_of_rates,
    eer_threshold,
    error_rates,
    min_dcf,
    min_dcf_of_rates,
    weighted_error_rates,
)

TARGETS = [0.9, 0.8, 0.7, 0.3]
NONTARGETS = [0.6, 0.4, 0.2, 0.1, 0.05, 0.0]
GOLDEN = TARGETS + NONTARGETS, [1] * 4 + [0] * 6

# Few distinct scores, so that ties are common.
trial_lists = (
    st.lists(
        st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=30
    )
    .filter(lambda trials: len({label for _, label in trials}) == 2)
    .map(lambda trials: tuple(map(np.array, zip(*trials, strict=True))))
)


def random_trials(seed, n_targets=400, n_nontargets=600, distance=2.0):
    rng = np.random.default_rng(seed)
    scores = np.r_[
        rng.normal(distance, 1.2, n_targets), rng.normal(0, 1, n_nontargets)
    ]
    return scores, np.arange(len(scores)) < n_targets


# Facts


def test_golden_example():
    assert eer(*GOLDEN) == 0.25
    assert min_dcf(*GOLDEN, p_target=0.01) == pytest.approx(0.25, abs=1e-12)
    assert min_dcf(*GOLDEN, p_target=0.05) == pytest.approx(0.25, abs=1e-12)


def test_operating_points_counted_by_hand():
    # Scores 1 (n), 2 (t, n), 3 (t): accept all, drop one nontarget, drop
    # the tied pair together, reject all.
    thresholds, p_miss, p_fa = error_rates([2, 1, 3, 2], [1, 0, 1, 0])
    assert thresholds.tolist() == [1, 2, 3, np.inf]
    assert p_miss.tolist() == [0, 0, 0.5, 1]
    assert p_fa.tolist() == [1, 0.5, 0, 0]


def test_eer_between_two_tied_points_is_interpolated():
    # Points (miss, fa): (0, 1), (0, .5), (1, 0): the last segment is
    # fa = .5 (1 - miss), which meets miss = fa at 1/3.
    scores, is_target = [1, 2, 2], [0, 1, 0]
    assert eer(scores, is_target) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "p_target, c_miss, c_fa, expected",
    [
        (0.5, 1, 1, 1 / 3),  # min(.5 / 3, .5 / 2) / .5
        (0.5, 4, 1, 1 / 2),  # min(2 / 3, .5 / 2) / .5
        (0.75, 1, 1, 1 / 2),  # min(.75 / 3, .25 / 2) / .25
        (0.25, 4, 1, 4 / 9),  # min(1 / 3, .75 / 2) / .75
        (0.25, 4, 2, 1 / 3),  # min(1 / 3, 1.5 / 2) / 1
    ],
)
def test_min_dcf_counted_by_hand(p_target, c_miss, c_fa, expected):
    # Above the 2: a third of targets missed, nothing accepted. From the 1:
    # nothing missed, half of the nontargets accepted.
    trials = [3, 3, 1, 2, 0], [1, 1, 1, 0, 0]
    assert min_dcf(*trials, p_target, c_miss, c_fa) == pytest.approx(expected)


def test_costs_at_both_ends_and_between():
    costs = detection_costs(
        np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.02, 0.0]), p_target=0.05
    )
    assert costs == pytest.approx([19.0, 0.1 + 19 * 0.02, 1.0])


def test_perfect_separation():
    trials = [1, 2, 3, 4], [0, 0, 1, 1]
    assert eer(*trials) == 0
    assert min_dcf(*trials) == 0
    assert eer_threshold(*trials) == 3


def test_reversed_scores_are_always_wrong():
    assert eer([1, 2, 3, 4], [1, 1, 0, 0]) == 1
    assert min_dcf([1, 2, 3, 4], [1, 1, 0, 0]) == 1


@pytest.mark.parametrize("n_targets", [1, 3, 7])
def test_all_scores_equal_is_chance(n_targets):
    trials = np.zeros(10), np.arange(10) < n_targets
    assert eer(*trials) == 0.5
    assert min_dcf(*trials) == 1
    assert eer_threshold(*trials) == 0


def test_eer_threshold_has_the_nearest_rates():
    # Miss and fa of the golden example: (0, 2/6) at .3, (1/4, 2/6) at .4,
    # (1/4, 1/6) at .6. With one more nontarget at .5 they are (1/4, 3/7) at
    # .4, (1/4, 2/7) at .5 and (1/4, 1/7) at .6: nearest at .5.
    assert eer_threshold(*GOLDEN) in (0.4, 0.6)
    assert eer_threshold([*GOLDEN[0], 0.5], [*GOLDEN[1], 0]) == 0.5


def test_tensors_and_half_precision_scores():
    # Ties of the stored numbers stay ties.
    scores = torch.tensor([0.1, 0.1, 0.3, 0.2], dtype=torch.float16)
    labels = torch.tensor([True, False, True, False])
    assert len(error_rates(scores, labels)[0]) == 4


# Laws


@settings(deadline=None)
@given(trial_lists)
def test_monotone_map_changes_nothing(trials):
    scores, labels = trials
    for mapped in (3 * scores - 7, scores**3, np.exp(scores / 2)):
        assert eer(mapped, labels) == eer(scores, labels)
        assert min_dcf(mapped, labels) == min_dcf(scores, labels)


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
    assert eer(scores[order], labels[order]) == eer(scores, labels)
    assert min_dcf(scores[order], labels[order]) == min_dcf(scores, labels)


@settings(deadline=None)
@given(trial_lists, st.floats(0.01, 0.99))
def test_swapping_the_classes_swaps_the_costs(trials, p_target):
    scores, labels = trials
    assert eer(-scores, ~labels) == pytest.approx(eer(scores, labels))
    swapped = min_dcf(-scores, ~labels, 1 - p_target, c_miss=3, c_fa=2)
    assert swapped == pytest.approx(
        min_dcf(scores, labels, p_target, c_miss=2, c_fa=3)
    )


@settings(deadline=None)
@given(trial_lists)
def test_negated_scores_mirror_the_eer(trials):
    scores, labels = trials
    assert eer(-scores, labels) == pytest.approx(1 - eer(scores, labels))


@settings(deadline=None)
@given(trial_lists, st.floats(0.001, 0.999), st.floats(0.1, 10))
def test_min_dcf_lies_between_zero_and_one(trials, p_target, c_miss):
    assert 0 <= min_dcf(*trials, p_target, c_miss) <= 1


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
    _, p_miss, p_fa = weighted_error_rates(
        scores.astype(float), labels, weights[None].astype(float)
    )
    assert eer_of_rates(p_miss, p_fa).tolist() == [eer(*repeated)]
    assert min_dcf_of_rates(p_miss, p_fa).tolist() == [min_dcf(*repeated)]


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


@pytest.mark.parametrize("seed", range(5))
def test_rates_equal_sklearn_roc_with_ties(seed):
    scores, labels = random_trials(seed, 40, 60)
    scores = scores.round(1)
    p_fa, p_hit, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    ours = error_rates(scores, labels)
    assert ours[0][::-1].tolist() == thresholds.tolist()
    np.testing.assert_allclose(ours[1][::-1], 1 - p_hit, atol=1e-12)
    np.testing.assert_allclose(ours[2][::-1], p_fa, atol=1e-12)


@pytest.mark.parametrize("p_target", [0.01, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_min_dcf_equals_speechbrain_after_normalising(seed, p_target):
    scores, labels = random_trials(seed, 60, 90)
    scores = scores.round(1)
    reference, _ = speechbrain_min_dcf(
        torch.tensor(scores[labels]),
        torch.tensor(scores[~labels]),
        p_target=p_target,
    )
    ours = min_dcf(scores, labels, p_target)
    assert ours == pytest.approx(reference / p_target, abs=1e-5)


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
    ],
)
def test_trials_without_error_rates_are_refused(scores, labels, match):
    for function in (check_trials, error_rates, eer, min_dcf, eer_threshold):
        with pytest.raises(ValueError, match=match):
            function(scores, labels)


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"p_target": 0}, "p_target is 0,"),
        ({"p_target": 1.0}, "p_target is 1.0,"),
        ({"c_miss": 0}, "c_miss is 0 and c_fa is 1.0"),
        ({"c_fa": -2}, "c_miss is 1.0 and c_fa is -2"),
    ],
)
def test_costs_out_of_range_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        min_dcf(*GOLDEN, **arguments)
