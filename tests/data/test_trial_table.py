import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trial_table import (
    FEMALE,
    MALE,
    UNKNOWN,
    join_trials,
)
from speechbrain_denokd.data.trials import Trial


def utterance(name, spk, wav=None, session="", gender=""):
    wav = wav or f"/c/{spk}/{name}.wav"
    return Utterance(name, 2.0, wav, 0, 32000, spk, session, gender)


ROWS = [
    utterance("a1", "a", session="1", gender="F"),
    utterance("a2", "a", session="1", gender="female"),
    utterance("b1", "b", session="1", gender="m"),
    utterance("b2", "b", wav="/c/b/b1.wav", gender="x"),
]


def test_fact_columns():
    [table] = join_trials([[Trial(True, "a1", "nobody")]], ROWS)
    assert table.names == ["a1", "a2", "b1", "b2", "nobody"]
    assert table.n_fits.tolist() == [1, 1, 1, 1, 0]
    assert table.speaker.tolist() == [0, 0, 1, 1, UNKNOWN]
    assert table.wav.tolist() == [0, 1, 2, 2, UNKNOWN]
    # Two speakers' sessions "1" are two sessions.
    assert table.session.tolist() == [0, 0, 1, UNKNOWN, UNKNOWN]
    female = [FEMALE, FEMALE, MALE, UNKNOWN, UNKNOWN]
    assert table.gender.tolist() == female
    np.testing.assert_array_equal(table.duration, [2, 2, 2, 2, np.nan])
    assert table.used.tolist() == [0, 4] and table.used_rows.tolist() == [0]


def test_fact_every_name_of_a_row_is_one_side():
    trials = [Trial(True, "a1", "a/a2"), Trial(False, "b1", "/c/a/a1.wav")]
    [table] = join_trials([trials], ROWS)
    assert table.enroll.tolist() == [0, 2] and table.test.tolist() == [1, 0]
    assert table.is_target.tolist() == [True, False]
    assert table.pair_text(1) == "b1 a1"


def test_fact_a_name_of_two_rows_is_a_side_of_its_own():
    # The file holds b1 and b2.
    [table] = join_trials([[Trial(True, "b/b1.wav", "b1")]], ROWS)
    assert table.names[4:] == ["b/b1.wav"] and table.n_fits[4] == 2
    assert table.enroll.tolist() == [4] and table.test.tolist() == [2]


def test_law_pairs_are_equal_if_and_only_if_the_two_sides_are():
    names = ["a1", "a2", "b1", "x", "y"]
    trials = [Trial(True, one, two) for one in names for two in names]
    [table] = join_trials([trials], ROWS)
    sets = [frozenset(trial[1:]) for trial in trials]
    for i, pair in enumerate(table.pairs):
        same = [other == sets[i] for other in sets]
        assert (table.pairs == pair).tolist() == same


def test_law_lists_share_their_sides():
    one, two = [Trial(True, "x", "a1")], [Trial(False, "y", "x")]
    table, other = join_trials([one, two], ROWS)
    assert table.names == other.names
    assert table.enroll[0] == other.test[0]


def test_fact_no_trials_and_no_rows():
    [table] = join_trials([[]], [])
    assert table.n_trials == len(table.pairs) == len(table.used) == 0
