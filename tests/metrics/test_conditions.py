import json

import numpy as np
import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.metrics import (
    SRE16,
    cllr,
    duration_bins,
    eer,
    gender_pairs,
    mean_min_dcf,
    min_dcf,
    rates_by_condition,
    session_pairs,
)
from tests.metrics.trial_lists import random_trials


def utterance(spk_id="ann", duration=3.0, session="", gender=""):
    return Utterance("u", duration, "u.wav", 0, None, spk_id, session, gender)


# Facts


def test_rates_by_hand():
    # a: t n t n at 4 3 2 1, so miss = fa = 1/2 between the 2 and the 3;
    # b: separated; c: no nontargets.
    scores = [4, 3, 2, 1, 9, 0, 5]
    is_target = [1, 0, 1, 0, 1, 0, 1]
    rates = rates_by_condition(scores, is_target, {"room": list("aaaabbc")})
    assert rates == {
        "room": {
            "a": {
                "n_targets": 2,
                "n_nontargets": 2,
                "eer": 0.5,
                "min_dcf": 0.5,
                "note": None,
            },
            "b": {
                "n_targets": 1,
                "n_nontargets": 1,
                "eer": 0,
                "min_dcf": 0,
                "note": None,
            },
            "c": {
                "n_targets": 1,
                "n_nontargets": 0,
                "eer": None,
                "min_dcf": None,
                "note": "no nontarget trials",
            },
        }
    }


def test_pairs_of_genders():
    ann, bob = utterance(gender="f"), utterance(gender="m")
    enroll = [ann, bob, ann, bob, ann]
    test = [ann, bob, bob, ann, utterance()]
    assert gender_pairs(enroll, test) == ["f-f", "m-m", "f-m", "f-m", "unknown"]


def test_pairs_of_sessions():
    # Session "1" of ann is not session "1" of bob.
    ann, bob = utterance("ann", session="1"), utterance("bob", session="1")
    later, unknown = utterance("ann", session="2"), utterance("ann")
    pairs = session_pairs([ann, ann, ann, unknown], [ann, later, bob, ann])
    assert pairs == ["same", "different", "different", "unknown"]


def test_bins_of_the_shorter_side_hold_their_lower_edge():
    durations = [0.5, 2.0, 3.9, 4.0, 60.0]
    enroll = [utterance(duration=seconds) for seconds in durations]
    test = [utterance(duration=60.0) for _ in durations]
    expected = ["0-2 s", "2-4 s", "2-4 s", "4 s and more", "4 s and more"]
    assert duration_bins(enroll, test, (2, 4)) == expected
    assert duration_bins(test, enroll, (2, 4)) == expected


def test_labels_are_sorted_and_numbers_by_size():
    labels = ["10-20 s", "2-4 s", "20 s and more", "0-2 s", "4-10 s"] * 2
    scores, is_target = np.arange(10.0), np.arange(10) < 5
    rates = rates_by_condition(scores, is_target, {"duration": labels})
    assert list(rates["duration"]) == [
        "0-2 s",
        "2-4 s",
        "4-10 s",
        "10-20 s",
        "20 s and more",
    ]


# Laws


def test_a_condition_of_one_value_is_the_whole_list():
    trials = random_trials(0)
    conditions = {"all": np.ones(1000, int), "odd": np.arange(1000) % 2 == 1}
    rates = rates_by_condition(*trials, conditions, SRE16, with_cllr=True)
    assert rates["all"]["1"] == {
        "n_targets": 400,
        "n_nontargets": 600,
        "eer": eer(*trials),
        "min_dcf": mean_min_dcf(*trials, SRE16),
        "cllr": cllr(*trials),
        "note": None,
    }
    odd = trials[0][1::2], trials[1][1::2]
    assert rates["odd"]["True"]["eer"] == eer(*odd)


def test_default_cost_is_that_of_the_paper_and_json_holds_it():
    trials = random_trials(1)
    rates = rates_by_condition(*trials, {"all": ["x"] * 1000})
    assert rates["all"]["x"]["min_dcf"] == min_dcf(*trials, p_target=0.01)
    assert json.loads(json.dumps(rates)) == rates


# Errors


def test_missing_labels_are_refused():
    with pytest.raises(ValueError, match="condition room has 1 .* 2 trials"):
        rates_by_condition([1.0, 2.0], [1, 0], {"room": ["a"]})


@pytest.mark.parametrize("edges", [(), (4, 2), (2, 2), (0, 2), (-1,)])
def test_edges_that_do_not_rise_are_refused(edges):
    with pytest.raises(ValueError, match="edges_s are .* rising"):
        duration_bins([utterance()], [utterance()], edges)
