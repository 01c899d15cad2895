import numpy as np
import pytest
from scipy.stats import norm

from speechbrain_denokd.metrics import error_rates
from speechbrain_denokd.plots import det_band


def voices(n_speakers, seed=0, spread=0.8):
    """Scores in which all target trials of a voice move together."""
    rng = np.random.default_rng(seed)
    enroll = np.repeat(np.arange(n_speakers), 20)
    is_target = np.arange(len(enroll)) % 2 == 0
    shift = rng.integers(1, n_speakers, len(enroll))
    test = np.where(is_target, enroll, (enroll + shift) % n_speakers)
    voice = rng.normal(0, spread, n_speakers)
    scores = rng.normal(size=len(enroll)) + is_target * (2 + voice[enroll])
    return scores, is_target, enroll, test


def miss_rates_at(levels, scores, is_target):
    """Miss rate where the curve crosses each false-alarm rate."""
    _, p_miss, p_fa = error_rates(scores, is_target)
    return np.interp(levels, p_fa[::-1], p_miss[::-1])


def test_reference_resampled_copies_of_speakers():
    # Drawing a speaker twice is having all of its trials twice.
    scores, is_target, enroll, test = voices(12)
    band = det_band(scores, is_target, enroll, test, n_resamples=2000)
    rng = np.random.default_rng(1)
    curves = []
    for _ in range(2000):
        drawn = np.bincount(rng.integers(12, size=12), minlength=12)
        copies = np.where(is_target, 1, drawn[test]) * drawn[enroll]
        trials = np.repeat(np.arange(len(scores)), copies)
        curves.append(
            miss_rates_at(band.p_fa, scores[trials], is_target[trials])
        )
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(band.low, low, atol=0.035)
    np.testing.assert_allclose(band.high, high, atol=0.035)


def test_law_the_curve_runs_inside_its_band():
    trials = voices(40)
    band = det_band(*trials)
    miss = miss_rates_at(band.p_fa, *trials[:2])
    assert (band.low <= miss).all() and (miss <= band.high).all()
    assert (np.diff(band.low) <= 0).all() and (np.diff(band.high) <= 0).all()


def test_fact_levels_are_even_on_a_probit_axis_from_one_trial_on():
    trials = voices(40)  # 400 nontarget trials
    places = norm.ppf(det_band(*trials, n_resamples=2).p_fa)
    assert norm.cdf(places[[0, -1]]) == pytest.approx([1 / 400, 0.99])
    np.testing.assert_allclose(np.diff(places), np.ptp(places) / 99)


def test_law_more_confidence_or_fewer_speakers_widen_the_band():
    trials = voices(40)

    def width(trials, **settings):
        band = det_band(*trials, **settings)
        assert band.confidence == settings.get("confidence", 0.95)
        return np.mean(band.high - band.low)

    assert width(trials, confidence=0.99) > width(trials)
    assert width(trials) > width(trials, confidence=0.5)
    assert width(voices(10)) > 1.5 * width(voices(160))


def test_law_same_seed_same_band():
    trials = voices(10)
    first, same, other = (det_band(*trials, seed=seed) for seed in (1, 1, 2))
    assert (first.low == same.low).all() and (first.high == same.high).all()
    assert (first.high != other.high).any()


def test_fact_perfect_separation_has_no_width():
    _, is_target, enroll, test = voices(10)
    band = det_band(is_target.astype(float), is_target, enroll, test)
    assert (band.low == 0).all() and (band.high == 0).all()


def test_fact_scores_that_are_all_tied_give_the_straight_line():
    _, is_target, enroll, test = voices(10)
    band = det_band(np.ones(len(is_target)), is_target, enroll, test)
    np.testing.assert_allclose(band.low, 1 - band.p_fa)
    np.testing.assert_allclose(band.high, 1 - band.p_fa)


def test_labels_that_contradict_the_speakers():
    scores, is_target, enroll, test = voices(10)
    with pytest.raises(ValueError, match="labelled nontarget"):
        det_band(scores, ~is_target, enroll, test)
