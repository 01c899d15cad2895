import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_denokd.metrics import (
    DENOKD,
    PRESETS,
    SRE08,
    SRE16,
    SSRFNET,
    VOXSRC,
    OperatingPoint,
    act_dcf,
    bayes_threshold,
    detection_costs,
    mean_act_dcf,
    mean_min_dcf,
    min_dcf,
    points_label,
    preset,
)
from tests.metrics.trial_lists import GOLDEN, random_trials, trial_lists

# Facts


def test_golden_example():
    assert min_dcf(*GOLDEN, p_target=0.01) == pytest.approx(0.25, abs=1e-12)
    assert min_dcf(*GOLDEN, p_target=0.05) == pytest.approx(0.25, abs=1e-12)


# Above the 2: a third of targets missed, nothing accepted. From the 1:
# nothing missed, half of the nontargets accepted.
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
    trials = [3, 3, 1, 2, 0], [1, 1, 1, 0, 0]
    assert min_dcf(*trials, p_target, c_miss, c_fa) == pytest.approx(expected)


def test_costs_at_both_ends_and_between():
    costs = detection_costs(
        np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.02, 0.0]), p_target=0.05
    )
    assert costs == pytest.approx([19.0, 0.1 + 19 * 0.02, 1.0])


def test_perfect_reversed_and_constant_scores():
    assert min_dcf([1, 2, 3, 4], [0, 0, 1, 1]) == 0
    assert min_dcf([1, 2, 3, 4], [1, 1, 0, 0]) == 1
    assert min_dcf(np.zeros(10), np.arange(10) < 3) == 1


@pytest.mark.parametrize(
    "point, odds",
    [(DENOKD[0], 99), (VOXSRC[0], 19), (SRE08[0], 9.9), (SRE16[1], 199)],
)
def test_bayes_thresholds_of_the_presets(point, odds):
    # A false alarm costs `odds` times what a miss costs.
    threshold = bayes_threshold(point.p_target, point.c_miss, point.c_fa)
    assert threshold == pytest.approx(math.log(odds))


def test_decisions_at_the_bayes_threshold_by_hand():
    # Prior 1/2, so the threshold is 0, and 0 itself is accepted: a quarter of
    # the targets is missed, a half of the nontargets accepted.
    llrs, is_target = [0.0, 3, 1, -1, 0, -5], [1, 1, 1, 1, 0, 0]
    assert act_dcf(llrs, is_target, 0.5) == pytest.approx(0.75)
    # A miss three times as dear: threshold -log 3, all targets accepted.
    assert act_dcf(llrs, is_target, 0.5, c_miss=3) == pytest.approx(0.5)


def test_accepting_everything_costs_the_odds():
    assert act_dcf([50.0, 50.0], [1, 0], p_target=0.01) == pytest.approx(99)
    assert act_dcf([-50.0, -50.0], [1, 0], p_target=0.01) == 1


def test_sre16_averages_two_points():
    # At odds of 99 and 199 the thresholds are 4.595 and 5.293: a target at 5
    # is missed at the second only, a nontarget at 6 accepted at both.
    trials = [9.0, 5.0, 6.0, -3.0], [1, 1, 0, 0]
    both = [99 / 2, 1 / 2 + 199 / 2]
    assert mean_act_dcf(*trials, SRE16) == pytest.approx(np.mean(both))
    # Best thresholds in hindsight: above 6 at both, missing the 5.
    assert mean_min_dcf(*trials, SRE16) == pytest.approx(0.5)


def test_every_preset_has_a_name():
    assert dict(PRESETS) == {
        "denokd": DENOKD,
        "voxsrc": VOXSRC,
        "ssrfnet": SSRFNET,
        "sre08": SRE08,
        "sre16": SRE16,
    }


def test_presets_by_name():
    assert preset("ssrfnet") == (OperatingPoint("SSRFNet", 0.05, 1, 1),)
    # The same point under two names: figures at both are comparable.
    assert preset("voxsrc")[0][1:] == preset("ssrfnet")[0][1:]
    with pytest.raises(ValueError, match="no operating point 'sre18'; use one"):
        preset("sre18")


def test_labels_tell_points_apart():
    assert points_label((OperatingPoint("x", 0.5, 2.5, 0.25),)) == (
        "0.5, C_miss 2.5, C_fa 0.25"
    )
    different = {points_label(points) for points in PRESETS.values()}
    assert len(different) == len(PRESETS) - 1  # voxsrc is ssrfnet


# Laws


@settings(deadline=None)
@given(trial_lists)
def test_monotone_map_changes_nothing(trials):
    scores, labels = trials
    for mapped in (3 * scores - 7, scores**3, np.exp(scores / 2)):
        assert min_dcf(mapped, labels) == min_dcf(scores, labels)


@settings(deadline=None)
@given(trial_lists, st.randoms())
def test_order_of_trials_changes_nothing(trials, random):
    scores, labels = trials
    order = list(range(len(scores)))
    random.shuffle(order)
    for metric in (min_dcf, act_dcf):
        assert metric(scores[order], labels[order]) == metric(scores, labels)


@settings(deadline=None)
@given(trial_lists, st.floats(0.01, 0.99))
def test_swapping_the_classes_swaps_the_costs(trials, p_target):
    scores, labels = trials
    swapped = min_dcf(-scores, ~labels, 1 - p_target, c_miss=3, c_fa=2)
    assert swapped == pytest.approx(
        min_dcf(scores, labels, p_target, c_miss=2, c_fa=3)
    )


@settings(deadline=None)
@given(trial_lists, st.floats(0.001, 0.999), st.floats(0.1, 10))
def test_min_dcf_is_the_best_shift_of_the_scores(trials, p_target, c_miss):
    scores, labels = trials
    least = min_dcf(scores, labels, p_target, c_miss)
    assert 0 <= least <= 1
    # Shifts that put the Bayes threshold between any two scores, or outside.
    threshold = bayes_threshold(p_target, c_miss)
    costs = [
        act_dcf(scores + threshold - cut, labels, p_target, c_miss)
        for cut in np.arange(-5, 5) + 0.5
    ]
    assert min(costs) == pytest.approx(least)


@settings(deadline=None)
@given(trial_lists)
def test_one_point_is_its_own_mean(trials):
    (point,) = VOXSRC
    expected = min_dcf(*trials, point.p_target, point.c_miss, point.c_fa)
    assert mean_min_dcf(*trials, VOXSRC) == expected
    assert mean_min_dcf(*trials, VOXSRC + VOXSRC) == pytest.approx(expected)


def test_gaussian_llrs_are_calibrated():
    # Scores N(+-m, 2 m) are their own log-likelihood ratios, so the Bayes
    # threshold is as good as the best one up to sampling.
    rng = np.random.default_rng(0)
    labels = np.arange(400_000) < 200_000
    llrs = np.where(labels, 4, -4) + rng.normal(0, np.sqrt(8), len(labels))
    for points in PRESETS.values():
        least = mean_min_dcf(llrs, labels, points)
        assert mean_act_dcf(llrs, labels, points) == pytest.approx(
            least, rel=0.02
        )
        assert mean_act_dcf(llrs + 2, labels, points) > 1.2 * least


# Errors


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
    for metric in (min_dcf, act_dcf):
        with pytest.raises(ValueError, match=match):
            metric(*random_trials(0), **arguments)
    with pytest.raises(ValueError, match=match):
        bayes_threshold(**arguments)


def test_no_operating_points_are_refused():
    for metric in (mean_min_dcf, mean_act_dcf):
        with pytest.raises(ValueError, match="points is empty"):
            metric(*GOLDEN, ())
