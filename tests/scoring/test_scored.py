"""Trials as arrays."""

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.norm import CohortStatistics
from speechbrain_denokd.scoring.scored import ScoredTrials, gather_trials

EMBEDDINGS = {name: np.full(3, ord(name)) for name in "abcd"}
SECONDS = {name: float(ord(name)) for name in "abcd"}
TRIALS = [Trial(True, "d", "b"), Trial(False, "b", "a"), Trial(True, "d", "d")]


def test_law_rows_hold_what_the_trials_name_once_each():
    matrix, enroll, test, seconds = gather_trials(EMBEDDINGS, TRIALS, SECONDS)
    assert sorted(matrix[:, 0]) == [ord(name) for name in "abd"]
    for rows, side in ((enroll, 1), (test, 2)):
        expected = [ord(trial[side]) for trial in TRIALS]
        assert matrix[rows, 0].tolist() == expected
        assert seconds[rows].tolist() == expected


def test_float32_stays_float32():
    embeddings = {n: e.astype(np.float32) for n, e in EMBEDDINGS.items()}
    matrix, *_, seconds = gather_trials(embeddings, TRIALS)
    assert (matrix.dtype, seconds) == (np.float32, None)


@pytest.mark.parametrize(
    ("embeddings", "trials", "seconds", "match"),
    [
        (EMBEDDINGS, [], None, "no trials"),
        ({"a": np.ones(3)}, TRIALS, None, r"2 utterances .* \(first: 'b'\)"),
        (EMBEDDINGS, TRIALS, {"d": 1.0}, r"2 of 3 .* \(first: 'b'\)"),
    ],
)
def test_what_is_missing_is_counted(embeddings, trials, seconds, match):
    with pytest.raises(ValueError, match=match):
        gather_trials(embeddings, trials, seconds)


def scored(**changes):
    trials = ScoredTrials(
        raw=np.zeros(2),
        normalised=np.zeros(2),
        sides=(np.array([0, 1]), np.array([2, 0])),
        magnitudes=np.array([3.0, 5.0, 4.0]),
        durations_s=np.exp([0.5, 1.5, 1.0]),
        statistics=CohortStatistics(np.array([7.0, 9.0, 8.0]), np.ones(3)),
    )
    return trials._replace(**changes)


def test_fact_qualities_are_those_of_the_sides():
    measures = ["magnitude", "log_duration", "cohort_mean"]
    np.testing.assert_allclose(
        scored().qualities(measures).values,
        [[0.5, 1.0, 3, 4, 7, 8], [0.5, 1.5, 3, 5, 7, 9]],
    )
    assert scored().qualities([]) is None


@pytest.mark.parametrize(
    ("lost", "measure"),
    [("durations_s", "log_duration"), ("statistics", "cohort_mean")],
)
def test_a_measure_without_anything_to_measure_is_refused(lost, measure):
    trials = scored(**{lost: None})
    assert measure not in trials.measures()
    with pytest.raises(ValueError, match=rf"depends on \['{measure}'\], but"):
        trials.qualities([measure])
