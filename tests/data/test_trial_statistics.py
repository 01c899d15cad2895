"""Numbers of a list that is small enough to count by hand."""

import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trial_report import TrialReport
from speechbrain_denokd.data.trial_statistics import trial_statistics
from speechbrain_denokd.data.trial_table import join_trials
from speechbrain_denokd.data.trials import Trial


def utterance(name, seconds, session, gender):
    return Utterance(name, seconds, name, 0, None, name[0], session, gender)


ROWS = [
    utterance("a1", 1.0, "x", "f"),
    utterance("a2", 2.0, "x", "f"),
    utterance("a3", 4.0, "y", "f"),
    utterance("b1", 8.0, "x", "f"),
    utterance("c1", 16.0, "", "m"),
    utterance("c2", 32.0, "z", "m"),
    utterance("d1", 64.0, "", ""),
]
TRIALS = [
    Trial(True, "a1", "a2"),  # the same session
    Trial(True, "a1", "a3"),
    Trial(True, "c1", "c2"),  # one session is not known
    Trial(True, "c1", "c1"),  # itself
    Trial(False, "a1", "b1"),  # session "x" of another speaker
    Trial(False, "a2", "c2"),
    Trial(False, "c2", "nobody"),
]


def report(trials, rows):
    [table] = join_trials([trials], rows)
    return TrialReport(tuple(trial_statistics(table)))


@pytest.fixture
def found():
    return report(TRIALS, ROWS)


def test_fact_sizes(found):
    assert found.values("trials") == {"n_targets": 4, "n_nontargets": 3}
    assert found.values("utterances") == {"n_used": 6, "n_unused": 1}
    assert found.values("official_list") is None


def test_fact_targets_per_speaker(found):
    # a has 2 targets, c has 2, b none; d takes no part.
    speakers = {"n_speakers": 3, "n_without_target": 1}
    assert found.values("speakers") == speakers
    spread = {"min": 0, "median": 2, "max": 2}
    assert found.values("targets_per_speaker") == spread


def test_fact_genders(found):
    counts = {"f-f": 2, "m-m": 2, "f-m": 0, "unknown": 0}
    assert found.values("target_genders") == {**counts, "same_gender_share": 1}
    assert found.values("nontarget_genders") == {
        "f-f": 1,
        "m-m": 0,
        "f-m": 1,
        "unknown": 1,
        "same_gender_share": 0.5,
    }


def test_fact_sessions(found):
    sessions = {"n_same": 1, "n_known": 2, "share": 0.5}
    assert found.values("targets_of_one_session") == sessions


def test_fact_durations(found):
    # enroll: a1 a1 c1 c1 a1 a2 c2; test: a2 a3 c2 c1 b1 c2 and one unknown.
    spread = {"min": 1, "median": 2, "max": 32}
    assert found.values("enroll_duration") == spread
    spread = {"min": 2, "median": 12, "max": 32}
    assert found.values("test_duration") == spread
    [text] = [f.text for f in found.findings if f.name == "test_duration"]
    assert text == "min 2.0 s, median 12.0 s, max 32.0 s"


def test_fact_an_official_list_is_known_by_its_length():
    trials = [Trial(True, "a1", "a2")] * 37_611
    assert report(trials, ROWS).values("official_list") == {"list": "O"}


def test_fact_nothing_known_of_an_empty_list():
    found = report([], [])
    assert found.values("trials") == {"n_targets": 0, "n_nontargets": 0}
    unknown = {"min": None, "median": None, "max": None}
    for name in ("targets_per_speaker", "enroll_duration", "test_duration"):
        assert found.values(name) == unknown
    assert found.values("nontarget_genders")["same_gender_share"] is None
    assert found.values("targets_of_one_session")["share"] is None
