import functools

import numpy as np
import pytest

from speechbrain_denokd.bootstrap import (
    resampled_values,
    speaker_interval,
    speaker_intervals,
)
from speechbrain_denokd.metrics import (
    eer,
    eer_of_rates,
    min_dcf,
    min_dcf_of_rates,
)

TAILS = (1 - 0.95) / 2, 1 - (1 - 0.95) / 2


def random_system(seed, n_speakers=30, voice_spread=0.8, noise=1.0):
    """Scores in which some voices are hard: all their trials move together."""
    rng = np.random.default_rng(seed)
    voice = rng.normal(0, voice_spread, n_speakers)
    enroll = np.repeat(np.arange(n_speakers), 20)
    test = enroll.copy()
    shift = rng.integers(1, n_speakers, len(enroll))
    nontarget = np.arange(len(enroll)) % 2 == 1
    test[nontarget] = (enroll + shift)[nontarget] % n_speakers
    scores = np.where(nontarget, 0, 3) + rng.normal(0, noise, len(enroll))
    scores = scores + np.where(nontarget, 0, voice[enroll])
    return scores, ~nontarget, enroll, test


def resampled_at_every_threshold(
    scores, labels, enroll, test, n_resamples, seed
):
    """EER and minDCF of each draw: a float weight for every trial, rates at
    every score, one draw after the other.
    """
    rng = np.random.default_rng(seed)
    names, sides = np.unique([enroll, test], return_inverse=True)
    enroll, test = sides.reshape(2, -1)
    thresholds = [*np.unique(scores), np.inf]
    found = []
    while len(found) < n_resamples:
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))
        weights = np.where(
            labels, drawn[enroll], drawn[enroll] * drawn[test]
        ).astype(float)
        target, nontarget = weights * labels, weights * ~labels
        if target.sum() == 0 or nontarget.sum() == 0:
            continue
        miss = [target[scores < cut].sum() for cut in thresholds]
        alarm = [nontarget[scores >= cut].sum() for cut in thresholds]
        rates = (
            np.array(miss) / target.sum(),
            np.array(alarm) / nontarget.sum(),
        )
        found.append([eer_of_rates(*rates), min_dcf_of_rates(*rates)])
    return np.array(found).T


# Facts


def test_perfect_system_has_no_spread():
    trials = [5, 6, 1, 2], [1, 1, 0, 0], list("abab"), list("abba")
    assert speaker_interval(*trials, n_resamples=50) == (0, 0)


def test_two_speakers_by_hand():
    # a's target beats the nontarget, b's does not. Usable draws hold both
    # speakers once, so every resample is the list itself.
    trials = [3.0, 1.0, 2.0], [1, 1, 0], list("aba"), list("abb")
    value = eer(*trials[:2])
    assert speaker_interval(*trials, n_resamples=50) == (value, value)


def test_resample_equals_a_list_of_copied_speakers():
    # One resample, so both ends of the interval are its metric.
    scores, labels, enroll, test = random_system(0, n_speakers=8)
    low, high = speaker_interval(
        scores, labels, enroll, test, n_resamples=1, seed=5
    )
    drawn = np.random.default_rng(5).multinomial(8, np.full(8, 1 / 8), size=1)
    copies = [[] for _ in range(8)]
    for copy, speaker in enumerate(np.repeat(np.arange(8), drawn[0])):
        copies[speaker].append(copy)
    rows = []
    for score, label, a, b in zip(scores, labels, enroll, test, strict=True):
        if label:
            rows += [(score, True)] * len(copies[a])
        else:
            rows += [(score, False) for _ in copies[a] for _ in copies[b]]
    assert low == high == eer(*zip(*rows, strict=True))


# References


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("n_speakers", [3, 30])
def test_intervals_equal_those_of_every_threshold(n_speakers, decimals):
    # To the last bit, with ties and with draws that have to be repeated.
    scores, *trials = random_system(12, n_speakers)
    scores = scores.round(decimals)
    values = resampled_at_every_threshold(scores, *trials, 40, seed=2)
    intervals = speaker_intervals(
        scores,
        *trials,
        {"eer": eer_of_rates, "min_dcf": min_dcf_of_rates},
        n_resamples=40,
        seed=2,
    )
    for name, of_draws in zip(("eer", "min_dcf"), values, strict=True):
        expected = np.quantile(of_draws, TAILS)
        assert intervals[name] == tuple(expected)


def test_values_of_draws_are_those_of_the_interval():
    scores, *trials = random_system(15, n_speakers=12)
    draws = resampled_values([scores, -scores], *trials, n_resamples=200)
    assert draws.observed.tolist() == [
        eer(scores, trials[0]),
        eer(-scores, trials[0]),
    ]
    for system, values in zip((scores, -scores), draws.values, strict=True):
        expected = speaker_interval(system, *trials, n_resamples=200)
        assert tuple(np.quantile(values, TAILS)) == expected


# Laws


def test_metrics_of_one_pass_equal_their_own():
    system = random_system(14)
    metrics = {
        "eer": eer_of_rates,
        "min_dcf": functools.partial(min_dcf_of_rates, p_target=0.05),
    }
    together = speaker_intervals(*system, metrics, n_resamples=100)
    for name, metric in metrics.items():
        alone = speaker_interval(*system, metric, n_resamples=100)
        assert together[name] == alone


def test_same_seed_same_interval_other_seed_other():
    system = random_system(1)
    first = speaker_interval(*system, n_resamples=200, seed=3)
    assert first == speaker_interval(*system, n_resamples=200, seed=3)
    assert first != speaker_interval(*system, n_resamples=200, seed=4)


def test_names_and_sides_of_speakers_do_not_matter():
    scores, labels, enroll, test = random_system(2)
    expected = speaker_interval(scores, labels, enroll, test, n_resamples=100)
    names = np.array([f"id{10000 + n}" for n in range(30)])
    assert expected == speaker_interval(
        scores, labels, names[test], names[enroll], n_resamples=100
    )


def test_more_confidence_contains_less_confidence():
    system = random_system(3)
    low, high = speaker_interval(*system, confidence=0.99)
    inner_low, inner_high = speaker_interval(*system, confidence=0.8)
    assert low < inner_low < eer(*system[:2]) < inner_high < high


def test_more_speakers_narrow_the_interval():
    few, many = (
        np.diff(speaker_interval(*random_system(4, n_speakers=n)))[0]
        for n in (20, 320)
    )
    # A quarter by the square-root law.
    assert 0.15 * few < many < 0.4 * few


def test_splitting_speakers_hides_their_spread():
    # Treating every target trial as a speaker of its own is the trial-level
    # bootstrap that the module warns of.
    scores, labels, enroll, test = random_system(5, voice_spread=1.5)
    by_speaker = np.diff(speaker_interval(scores, labels, enroll, test))
    own = np.arange(len(scores))
    by_trial = np.diff(
        speaker_interval(scores, labels, own, np.where(labels, own, -1 - own))
    )
    assert by_speaker > 1.3 * by_trial


def test_interval_covers_the_true_eer():
    # 95 % promised; 60 systems should miss about 3 times, and 9 misses or
    # more have a probability below 0.4 % if the promise holds.
    population = random_system(99, n_speakers=20000)
    truth = eer(*population[:2])
    misses = 0
    for seed in range(60):
        low, high = speaker_interval(*random_system(seed), n_resamples=200)
        misses += not low <= truth <= high
    assert misses <= 8


def test_min_dcf_interval_surrounds_the_estimate():
    system = random_system(6)
    for p_target in (0.01, 0.05):
        metric = functools.partial(min_dcf_of_rates, p_target=p_target)
        low, high = speaker_interval(*system, metric=metric)
        assert low < min_dcf(*system[:2], p_target=p_target) < high


def test_memory_chunks_do_not_change_the_draws(monkeypatch):
    system = random_system(7)
    whole = speaker_interval(*system, n_resamples=64)
    monkeypatch.setattr("speechbrain_denokd.bootstrap._CHUNK_ENTRIES", 600 * 7)
    assert speaker_interval(*system, n_resamples=64) == whole


# Errors


def test_speakers_that_contradict_the_labels_are_refused():
    scores, labels = [1.0, 2.0, 3.0], [1, 0, 0]
    with pytest.raises(ValueError, match="trial 2 is labelled nontarget.*c"):
        speaker_interval(scores, labels, list("aac"), list("abc"))
    with pytest.raises(ValueError, match="trial 0 is labelled target.*a and"):
        speaker_interval(scores, labels, list("aab"), list("bbc"))


def test_missing_speakers_are_refused():
    with pytest.raises(ValueError, match=r"test_speakers hold 1 .* 2 trials"):
        speaker_interval([1.0, 2.0], [1, 0], list("aa"), list("a"))


@pytest.mark.parametrize(
    "settings, match",
    [
        ({"n_resamples": 0}, "n_resamples is 0"),
        ({"confidence": 95}, "confidence is 95"),
        ({"confidence": 0}, "confidence is 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, match):
    trials = [1.0, 2.0], [1, 0], list("aa"), list("ab")
    with pytest.raises(ValueError, match=match):
        speaker_interval(*trials, **settings)


def test_systems_with_other_trials_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\).*shape \(2,\)"):
        resampled_values(
            [[1.0, 2.0], [1.0, 2.0, 3.0]], [1, 0], list("aa"), list("ab")
        )
