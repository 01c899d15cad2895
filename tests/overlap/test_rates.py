import numpy as np
import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.overlap.mixtures import Mixture, Source
from speechbrain_denokd.overlap.rates import (
    frr_at_far,
    overlap_rates,
    overlap_table,
    trial_speakers,
)
from speechbrain_denokd.overlap.trial_set import MixtureTrialSet

GENDER = {"a": "f", "b": "m", "c": "m", "d": "f"}


def mixture(name, duration=1.0):
    """ "ab": ann's and bob's utterances over one another."""
    sources = tuple(Source(s, s, 0.0, 1.0, 0.0, 0.0) for s in name)
    return Mixture(name, duration, sources)


@pytest.fixture
def trial_set():
    rows = [
        Utterance(s, 1.0, "x.wav", 0, 16000, s, gender=g)
        for s, g in GENDER.items()
    ]
    mixtures = [mixture(name) for name in ("ab", "ac", "cd", "bd")]
    trials = [
        Trial(True, "ab", "ac"),
        Trial(False, "ab", "cd"),
        Trial(True, "ac", "cd"),
        Trial(False, "ac", "bd"),
    ]
    return MixtureTrialSet("test", [], mixtures, rows, trials)


def test_fact_whom_a_trial_is_about(trial_set):
    """The shared speaker; of nontargets the first of each side."""
    enroll, test = trial_speakers(trial_set)
    assert enroll == ["a", "a", "c", "a"]
    assert test == ["a", "c", "c", "b"]


def test_fact_rates_by_hand(trial_set):
    rates = overlap_rates(np.array([0.9, 0.1, 0.4, 0.5]), trial_set)
    assert (rates["eer"], rates["n_targets"]) == (0.5, 2)
    assert rates["frr_at_far"] == {"0.01": 0.5, "0.05": 0.5, "0.1": 0.5}
    low, high = rates["eer_interval"]
    assert 0 <= low <= 0.5 <= high <= 1
    # ab, ac, cd and bd are all mixed pairs.
    assert rates["conditions"]["gender"]["f-m"]["eer"] == 0.5
    assert rates["conditions"]["overlap"]["100 %"]["n_targets"] == 2


def test_law_frr_falls_as_more_may_pass():
    rng = np.random.default_rng(0)
    is_target = rng.random(400) < 0.5
    scores = rng.normal(size=400) + is_target
    fars = np.linspace(0, 1, 21)
    found = [frr_at_far(scores, is_target, far) for far in fars]
    assert (np.diff(found) <= 0).all() and found[-1] == 0
    for far, frr in zip(fars, found, strict=True):
        # No threshold rejects fewer targets and keeps the promise.
        for threshold in [*scores, np.inf]:
            if np.mean(scores[~is_target] >= threshold) <= far:
                assert np.mean(scores[is_target] < threshold) >= frr - 1e-12


def test_fact_a_part_that_one_system_lacks_is_a_dash():
    def rates(**genders):
        return {
            "eer": 0.5,
            "eer_interval": (0.4, 0.6),
            "frr_at_far": {"0.05": 1.0},
            "conditions": {
                "gender": {name: {"eer": e} for name, e in genders.items()}
            },
        }

    table = overlap_table({"one": rates(ff=0.25), "two": rates(mm=None)})
    cells = [line.split("|") for line in table.splitlines()[2:]]
    assert [[c.strip() for c in row[-3:-1]] for row in cells] == [
        ["25.00", "–"],
        ["–", "–"],
    ]
