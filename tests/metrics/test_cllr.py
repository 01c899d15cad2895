import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_denokd.metrics import (
    act_dcf,
    cllr,
    min_cllr,
    min_dcf,
    pav_llrs,
)
from tests.metrics.trial_lists import GOLDEN, random_trials, trial_lists

LOG_2 = np.log(2)


def pav_by_brute_force(scores, labels):
    """Isotonic fit of the labels: the largest least mean around a score."""
    fitted = np.empty(len(scores))
    for number, score in enumerate(scores):
        fitted[number] = max(
            min(
                labels[(low <= scores) & (scores <= high)].mean()
                for high in scores[scores >= score]
            )
            for low in scores[scores <= score]
        )
    return fitted


# Facts


def test_golden_values():
    assert cllr(np.zeros(7), [1, 0, 0, 1, 0, 1, 0]) == 1.0
    assert cllr([1.0, -1.0], [1, 0]) == pytest.approx(0.45194108, abs=5e-9)
    assert cllr([2.0, -2.0], [1, 0]) == pytest.approx(0.18311841, abs=5e-9)


def test_cllr_by_hand():
    # A ratio of 3 for a target costs log2(1 + 1/3), for a nontarget
    # log2(1 + 3) = 2; nontargets average to (2 + 1) / 2.
    llrs = [np.log(3), np.log(3), 0.0]
    expected = (np.log2(4 / 3) + 1.5) / 2
    assert cllr(llrs, [1, 0, 0]) == pytest.approx(expected)


def test_classes_weigh_the_same_whatever_their_counts():
    llrs, labels = np.array([1.0, -0.5, 0.3]), np.array([1, 0, 0])
    repeated = np.repeat(llrs, [50, 1, 1]), np.repeat(labels, [50, 1, 1])
    assert cllr(*repeated) == pytest.approx(cllr(llrs, labels))


def test_huge_llrs_cost_their_own_size():
    # log2(1 + e^x) is x / log 2 for large x and 0 for very negative x.
    assert cllr([1e4, -1e4], [0, 1]) == pytest.approx(1e4 / LOG_2)
    assert cllr([1e4, -1e4], [1, 0]) == 0


def test_pav_of_the_golden_example():
    # Pooled between the lowest target at .3 and the highest nontarget at .6:
    # 1 of 4 targets and 2 of 6 nontargets.
    llrs = pav_llrs(*GOLDEN)
    pooled = np.log((1 / 4) / (2 / 6))
    inf = np.inf
    expected = [inf] * 3 + [pooled] * 3 + [-inf] * 4
    assert llrs == pytest.approx(expected)
    cost_target = np.log2(1 + np.exp(-pooled)) / 4
    cost_nontarget = 2 * np.log2(1 + np.exp(pooled)) / 6
    assert min_cllr(*GOLDEN) == pytest.approx(
        (cost_target + cost_nontarget) / 2
    )


def test_useless_and_perfect_scores():
    assert min_cllr(np.zeros(5), [1, 0, 0, 1, 0]) == 1
    assert min_cllr([1, 2, 3, 4], [1, 1, 0, 0]) == 1
    assert min_cllr([1, 2, 3, 4], [0, 0, 1, 1]) == 0


# Laws


@settings(deadline=None)
@given(trial_lists)
def test_monotone_map_changes_nothing(trials):
    scores, labels = trials
    for mapped in (3 * scores - 7, scores**3, np.exp(scores / 2)):
        assert min_cllr(mapped, labels) == min_cllr(scores, labels)
        assert (pav_llrs(mapped, labels) == pav_llrs(scores, labels)).all()


@settings(deadline=None)
@given(trial_lists, st.randoms())
def test_llrs_follow_the_order_of_the_trials(trials, random):
    scores, labels = trials
    order = list(range(len(scores)))
    random.shuffle(order)
    shuffled = pav_llrs(scores[order], labels[order])
    assert (shuffled == pav_llrs(scores, labels)[order]).all()
    assert cllr(scores[order], labels[order]) == pytest.approx(cllr(*trials))


@settings(deadline=None)
@given(trial_lists)
def test_swapping_the_classes_negates_the_llrs(trials):
    scores, labels = trials
    assert cllr(-scores, ~labels) == pytest.approx(cllr(scores, labels))
    np.testing.assert_allclose(
        pav_llrs(-scores, ~labels), -pav_llrs(scores, labels), atol=1e-12
    )


@settings(deadline=None)
@given(trial_lists, st.floats(0, 3), st.floats(-3, 3))
def test_no_rising_line_beats_the_pav(trials, slope, shift):
    scores, labels = trials
    least = min_cllr(scores, labels)
    assert 0 <= least <= 1 + 1e-12
    assert least <= cllr(slope * scores + shift, labels) + 1e-12


@settings(deadline=None)
@given(trial_lists, st.floats(0.001, 0.999), st.floats(0.1, 10))
def test_pav_decides_best_at_every_operating_point(trials, p_target, c_miss):
    llrs = np.clip(pav_llrs(*trials), -1e3, 1e3)
    actual = act_dcf(llrs, trials[1], p_target, c_miss)
    assert actual == pytest.approx(min_dcf(*trials, p_target, c_miss))


# References


@settings(deadline=None, max_examples=50)
@given(trial_lists)
def test_pav_equals_brute_force_with_ties(trials):
    scores, labels = trials
    share = labels.mean()
    with np.errstate(divide="ignore"):
        fitted = pav_by_brute_force(scores, labels)
        expected = np.log(fitted / (1 - fitted)) - np.log(share / (1 - share))
    np.testing.assert_allclose(pav_llrs(scores, labels), expected, atol=1e-9)


def test_cllr_equals_its_formula():
    llrs, labels = random_trials(4)
    cost_target = np.log2(1 + np.exp(-llrs[labels])).mean()
    cost_nontarget = np.log2(1 + np.exp(llrs[~labels])).mean()
    expected = (cost_target + cost_nontarget) / 2
    assert cllr(llrs, labels) == pytest.approx(expected, rel=1e-12)
