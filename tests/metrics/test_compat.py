import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from speechbrain.utils.metric_stats import EER, minDCF

from speechbrain_denokd.metrics import eer, min_dcf
from speechbrain_denokd.metrics.compat import (
    nist_eer,
    nist_min_dcf,
    speechbrain_eer,
    speechbrain_min_dcf,
    voxceleb_eer,
)
from tests.metrics.trial_lists import GOLDEN, random_trials, trial_lists


def speechbrain_trials(scores, labels, dtype=torch.float32):
    scores = torch.as_tensor(scores).to(dtype)
    labels = torch.as_tensor(labels)
    return scores[labels], scores[~labels]


# Facts


def test_golden_example():
    assert speechbrain_eer(*GOLDEN) == pytest.approx(0.20833333, abs=1e-8)
    assert speechbrain_min_dcf(*GOLDEN) == pytest.approx(0.0025)
    assert speechbrain_min_dcf(*GOLDEN, p_target=0.05) == pytest.approx(0.0125)
    assert nist_eer(*GOLDEN) == pytest.approx(0.25)
    assert nist_min_dcf(*GOLDEN) == pytest.approx(0.25)


def test_voxceleb_trainer_skips_points_on_straight_lines():
    # Nearest rates are (1/4, 1/6), but scikit-learn drops this point between
    # two nontargets; next is (1/4, 2/6).
    assert voxceleb_eer(*GOLDEN) == pytest.approx(2 / 6)
    # From the top t n n n n t t t: with 3 of the 4 nontargets accepted both
    # rates are 3/4, but of that stretch only its ends (3/4, 0) and (3/4, 1)
    # are left.
    stretch = [8, 7, 6, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 1, 1, 1]
    assert eer(*stretch) == 0.75 and voxceleb_eer(*stretch) == 1
    # n t n t: at 3 miss 1/2, fa 1/2 are equal.
    assert voxceleb_eer([1, 2, 3, 4], [0, 1, 0, 1]) == 0.5
    # n n t n t t: nearest at the second target, where 1/3 is missed and 1/3
    # accepted.
    assert voxceleb_eer([1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1]) == (
        pytest.approx(1 / 3)
    )


def test_nist_rates_depend_on_the_order_of_tied_trials():
    # One threshold rejects both fives or none, but the script counts them one
    # after the other: as n n t t in one order, as n t n t in the other.
    for tied, theirs in (([0, 1], 0), ([1, 0], 0.5)):
        trials = [1, 5, 5, 9], [0, *tied, 1]
        assert eer(*trials) == 0.25 and min_dcf(*trials) == 0.5
        assert nist_eer(*trials) == nist_min_dcf(*trials) == theirs


# Laws


@settings(deadline=None)
@given(
    st.permutations(range(10)),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_nist_equals_ours_without_ties(scores, labels):
    # At least two of each kind, where NIST's EER always exists.
    trials = scores, [True, True, False, False, *labels]
    assert nist_eer(*trials) == pytest.approx(eer(*trials))
    assert nist_min_dcf(*trials) == pytest.approx(min_dcf(*trials))


@pytest.mark.parametrize("seed", range(3))
def test_all_conventions_agree_on_many_trials(seed):
    trials = random_trials(seed, 20_000, 30_000)
    ours = eer(*trials)
    for other in (speechbrain_eer, nist_eer, voxceleb_eer):
        assert other(*trials) == pytest.approx(ours, abs=3e-4)


# References


@settings(deadline=None, max_examples=200)
@given(trial_lists)
def test_speechbrain_with_ties(trials):
    theirs = speechbrain_trials(*trials)
    assert speechbrain_eer(*trials) == EER(*theirs)[0]
    assert speechbrain_min_dcf(*trials) == minDCF(*theirs)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_targets, n_nontargets", [(70, 130), (1, 50)])
@pytest.mark.parametrize("seed", range(5))
def test_speechbrain_exactly(seed, n_targets, n_nontargets, dtype):
    scores, labels = random_trials(seed, n_targets, n_nontargets, 1.0)
    theirs = speechbrain_trials(scores, labels, dtype)
    ours = torch.as_tensor(scores).to(dtype), labels
    assert speechbrain_eer(*ours) == EER(*theirs)[0]
    for costs in ({}, {"p_target": 0.05}, {"c_miss": 10, "c_fa": 3}):
        assert (
            speechbrain_min_dcf(*ours, **costs) == minDCF(*theirs, **costs)[0]
        )


@pytest.mark.parametrize("p_target", [0.01, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_min_dcf_equals_speechbrain_after_normalising(seed, p_target):
    scores, labels = random_trials(seed, 60, 90)
    scores = scores.round(1)
    reference, _ = minDCF(
        *speechbrain_trials(scores, labels), p_target=p_target
    )
    ours = min_dcf(scores, labels, p_target)
    assert ours == pytest.approx(reference / p_target, abs=1e-5)


# Errors


@pytest.mark.parametrize("labels", [[1, 0, 0], [0, 1, 1]])
def test_nist_has_no_eer_where_the_only_trial_of_a_kind_is_lowest(labels):
    with pytest.raises(ValueError, match="lowest of 3 scores .* only trial"):
        nist_eer([1.0, 2.0, 3.0], labels)
