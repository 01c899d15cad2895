"""Calibration to log-likelihood ratios."""

import json
import warnings

import numpy as np
import pytest

from speechbrain_denokd.metrics import act_dcf, cllr, eer, min_dcf
from speechbrain_denokd.scoring.calibration import Calibration, effective_prior
from speechbrain_denokd.scoring.quality import Qualities

RNG = np.random.default_rng(0)
IS_TARGET = np.arange(3000) < 1000
SCORES = RNG.normal(np.where(IS_TARGET, 0.6, 0.2), 0.15)
QUALITIES = Qualities(RNG.normal(size=(3000, 2)), ("good", "better"))


def test_fact_equal_variances():
    """N(1, 1) over N(-1, 1) has the log-likelihood ratio 2 s."""
    rng = np.random.default_rng(1)
    is_target = np.arange(400_000) < 200_000
    scores = 10 * rng.normal(np.where(is_target, 1.0, -1.0), 1.0) + 3
    calibration = Calibration.fit(scores, is_target)
    assert calibration.scale == pytest.approx(0.2, rel=0.01)
    assert calibration.offset == pytest.approx(-0.6, abs=0.01)
    assert (calibration.n_targets, calibration.n_nontargets) == (200_000,) * 2


@pytest.mark.parametrize("scale", [0.1, 1, 100])
def test_law_calibration_lowers_cllr_and_keeps_the_eer(scale):
    scores = scale * SCORES
    llrs = Calibration.fit(scores, IS_TARGET).llr(scores)
    assert cllr(llrs, IS_TARGET) < cllr(scores, IS_TARGET)
    assert eer(llrs, IS_TARGET) == pytest.approx(eer(scores, IS_TARGET))


def test_law_fitting_what_is_calibrated_changes_nothing():
    llrs = Calibration.fit(SCORES, IS_TARGET).llr(SCORES)
    again = Calibration.fit(llrs, IS_TARGET)
    assert again.scale == pytest.approx(1, rel=1e-4)
    assert again.offset == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("qualities", [None, QUALITIES])
def test_law_the_unit_of_the_scores_does_not_matter(qualities):
    llrs = [
        Calibration.fit(x, IS_TARGET, qualities, 0.1).llr(x, qualities)
        for x in (SCORES, 300 * SCORES - 40)
    ]
    np.testing.assert_allclose(*llrs, atol=1e-6)


def test_law_a_quality_that_matters_lowers_cllr():
    """Scores of bad recordings are shifted up by what the quality says."""
    shifted = SCORES + 0.3 * QUALITIES.values[:, 0]
    plain = Calibration.fit(shifted, IS_TARGET)
    aware = Calibration.fit(shifted, IS_TARGET, QUALITIES)
    ratio = aware.quality_weights[0] / aware.scale
    assert ratio == pytest.approx(-0.3, abs=0.02)
    assert cllr(aware.llr(shifted, QUALITIES), IS_TARGET) < 0.5 * cllr(
        plain.llr(shifted), IS_TARGET
    )


def test_law_rises_with_the_score_when_qualities_are_fixed():
    calibration = Calibration.fit(SCORES, IS_TARGET, QUALITIES)
    higher = calibration.llr(SCORES + 0.01, QUALITIES)
    assert (higher > calibration.llr(SCORES, QUALITIES)).all()


@pytest.mark.parametrize("costs", [(0.5, 1, 1), (0.01, 1, 1), (0.01, 10, 1)])
def test_law_threshold_and_decision_agree_with_the_bayes_decision(costs):
    calibration = Calibration.fit(SCORES, IS_TARGET, prior=0.05)
    p_target, c_miss, c_fa = costs
    decisions = calibration.decide(
        SCORES, p_target=p_target, c_miss=c_miss, c_fa=c_fa
    )
    posterior = 1 / (
        1 + (1 - p_target) / p_target / np.exp(calibration.llr(SCORES))
    )
    cheaper = c_miss * posterior >= c_fa * (1 - posterior)
    assert np.array_equal(decisions, cheaper)
    assert np.array_equal(decisions, SCORES >= calibration.threshold(*costs))
    assert 0 < decisions.sum() < len(decisions)


def test_law_actual_cost_comes_near_the_minimum():
    scores = 30 * SCORES
    llrs = Calibration.fit(scores, IS_TARGET, prior=0.1).llr(scores)
    least = min_dcf(scores, IS_TARGET, 0.1)
    assert least <= act_dcf(llrs, IS_TARGET, 0.1) < 1.1 * least
    assert act_dcf(scores, IS_TARGET, 0.1) > 1.5 * least


@pytest.mark.parametrize("qualities", [None, QUALITIES])
def test_law_json_keeps_every_bit(qualities):
    calibration = Calibration.fit(SCORES, IS_TARGET, qualities, 0.2)
    assert calibration.prior == 0.2
    text = json.dumps(calibration.settings())
    assert Calibration.restore(json.loads(text)) == calibration


def test_law_effective_prior_has_the_threshold_of_the_costs():
    assert effective_prior(0.01) == pytest.approx(0.01)
    calibration = Calibration(3.0, 1.0)
    assert calibration.threshold(effective_prior(0.01, 10, 2)) == (
        pytest.approx(calibration.threshold(0.01, 10, 2))
    )


def test_trials_without_an_error_are_calibrated_with_a_warning():
    is_target = np.arange(40) < 10
    scores = np.where(is_target, 0.8, 0.1) + np.arange(40) / 1000
    with pytest.warns(UserWarning, match="10 targets score above all 30 nont"):
        calibration = Calibration.fit(scores, is_target)
    decisions = calibration.decide(scores, p_target=0.01)
    assert np.array_equal(decisions, is_target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Calibration.fit(SCORES, IS_TARGET)


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        (-SCORES, "scale of the calibration is -.*upside down"),
        (np.full(3000, 0.25), "all 3000 scores are 0.25"),
        (SCORES * np.nan, "3000 of 3000 scores are NaN"),
    ],
)
def test_scores_that_cannot_be_calibrated_are_refused(scores, match):
    with pytest.raises(ValueError, match=match):
        Calibration.fit(scores, IS_TARGET)


@pytest.mark.parametrize(
    ("qualities", "match"),
    [
        (None, r"needs the qualities \['good', 'better'\], but got \[\]"),
        (QUALITIES._replace(names=("better", "good")), "in this order"),
        (QUALITIES._replace(values=np.ones((2, 2))), r"shape \(2, 2\) and 2"),
        (QUALITIES._replace(values=np.full((3000, 2), np.inf)), "3000 of 3000"),
    ],
)
def test_other_qualities_than_it_was_fitted_with_are_refused(qualities, match):
    calibration = Calibration.fit(SCORES, IS_TARGET, QUALITIES)
    with pytest.raises(ValueError, match=match):
        calibration.llr(SCORES, qualities)


def test_there_is_no_one_threshold_with_qualities():
    calibration = Calibration.fit(SCORES, IS_TARGET, QUALITIES)
    with pytest.raises(ValueError, match="no one threshold.*use decide"):
        calibration.threshold(0.01)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"scale": -1.0}, "scale of the calibration is -1"),
        ({"scale": "1"}, "scale of the calibration is '1', but .* float"),
        ({"offset": float("nan")}, "not finite"),
        ({"offset": True}, "offset of the calibration is True"),
        ({"prior": 0}, "prior is 0.0"),
        ({"n_targets": 1.5}, "n_targets of the calibration is 1.5.*int"),
        ({"quality_names": ["a"]}, "1 qualities have 0 weights"),
        ({"quality_names": "ab"}, "quality_names .* is 'ab'.*list"),
        ({"quality_weights": [None]}, "quality_weights .* is None"),
        ({"extra": 1}, r"unexpected \['extra'\]"),
    ],
)
def test_damaged_settings_are_refused(change, match):
    settings = Calibration(1.0, 0.0).settings() | change
    with pytest.raises(ValueError, match=match):
        Calibration.restore(settings)
