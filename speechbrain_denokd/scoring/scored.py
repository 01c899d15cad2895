"""Trials as arrays, before and after they are scored (``trials -> llr``)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.norm import CohortStatistics
from speechbrain_denokd.scoring.pairs import index_trials
from speechbrain_denokd.scoring.quality import (
    Qualities,
    measures_of,
    quality_matrix,
)


class TrialScores(NamedTuple):
    """Scores of trials after each step.

    Attributes
    ----------
    raw : (N,) numpy.ndarray of float64
        Of the back-end.
    normalised : (N,) numpy.ndarray of float64
        The same where the norm is "none".
    llr : (N,) numpy.ndarray of float64 or None
        Natural log-likelihood ratios; None without a calibration.

    Example
    -------
    >>> TrialScores(np.zeros(1), np.ones(1), None).normalised
    array([1.])
    """

    raw: np.ndarray
    normalised: np.ndarray
    llr: np.ndarray | None


class ScoredTrials(NamedTuple):
    """Scores of trials, and what the quality of their sides is made from.

    Attributes
    ----------
    raw, normalised : (N,) numpy.ndarray of float64
        Scores.
    sides : pair of (N,) numpy.ndarray of int
        Utterances on the enrolment and on the test side, in 0..U - 1.
    magnitudes : (U,) numpy.ndarray
        Euclidean lengths of the raw embeddings.
    durations_s : (U,) numpy.ndarray or None
        Seconds.
    statistics : CohortStatistics or None
        Of the U utterances.

    Example
    -------
    >>> rows = np.array([0]), np.array([1])
    >>> trials = ScoredTrials(
    ...     np.ones(1), np.ones(1), rows, np.array([7.0, 5.0]), None, None
    ... )
    >>> trials.qualities(["magnitude"]).values
    array([[5., 7.]])
    """

    raw: np.ndarray
    normalised: np.ndarray
    sides: tuple[np.ndarray, np.ndarray]
    magnitudes: np.ndarray
    durations_s: np.ndarray | None
    statistics: CohortStatistics | None

    def measures(self) -> list[str]:
        """Measures that there is something for."""
        return [
            measure
            for measure, values in self._values().items()
            if values is not None
        ]

    def qualities(self, measures: Sequence[str]) -> Qualities | None:
        """Measure the quality of the trials.

        Arguments
        ---------
        measures : sequence of str
            Some of `scoring.quality.MEASURES`.

        Returns
        -------
        Qualities or None
            None if nothing is asked for.

        Raises
        ------
        ValueError
            If there is nothing to measure by.
        """
        missing = [m for m in measures if m not in self.measures()]
        if missing:
            raise ValueError(
                f"the calibration depends on {missing}, but this scoring has "
                f"{self.measures()}; log_duration needs the durations of the "
                "recordings, cohort_mean a norm"
            )
        if not measures:
            return None
        values = self._values()
        return quality_matrix(
            {
                measure: tuple(values[measure][side] for side in self.sides)
                for measure in measures
            }
        )

    def finish(self, calibration: Calibration | None) -> TrialScores:
        """Calibrate, if there is a calibration.

        Arguments
        ---------
        calibration : Calibration or None

        Returns
        -------
        TrialScores

        Raises
        ------
        ValueError
            If there is nothing to measure a quality by that it needs.
        """
        llr = None
        if calibration is not None:
            measures = measures_of(calibration.quality_names)
            llr = calibration.llr(self.normalised, self.qualities(measures))
        return TrialScores(self.raw, self.normalised, llr)

    def _values(self) -> dict[str, np.ndarray | None]:
        """Each measure of the utterances."""
        statistics = self.statistics
        return {
            "log_duration": self.durations_s,
            "magnitude": self.magnitudes,
            "cohort_mean": None if statistics is None else statistics.mean,
        }


def gather_trials(
    embeddings: Mapping[str, np.ndarray],
    trials: Sequence[Trial],
    durations_s: Mapping[str, float] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Put what a trial list names into arrays, each utterance once.

    Arguments
    ---------
    embeddings : mapping of str to (D,) numpy.ndarray
        By utterance ID; more than the trials name may be there.
    trials : (N,) sequence of Trial
        With IDs on both sides.
    durations_s : mapping of str to float, optional
        Seconds.

    Returns
    -------
    matrix : (U, D) numpy.ndarray
        Embeddings of the utterances that the trials name.
    enroll, test : (N,) numpy.ndarray of int64
        Rows of ``matrix``.
    durations_s : (U,) numpy.ndarray of float64 or None

    Raises
    ------
    ValueError
        If there are no trials, or an utterance has no embedding, or no
        duration where others have.

    Example
    -------
    >>> embeddings = {"a": np.ones(2), "b": np.zeros(2), "c": np.ones(2)}
    >>> matrix, enroll, test, _ = gather_trials(
    ...     embeddings, [Trial(True, "c", "a")]
    ... )
    >>> len(matrix), enroll.tolist(), test.tolist()
    (2, [0], [1])
    """
    if not trials:
        raise ValueError("there are no trials to score; give at least one")
    sides = dict.fromkeys(side for trial in trials for side in trial[1:])
    names = [name for name in sides if name in embeddings]
    enroll, test, _ = index_trials(names, trials)
    matrix = np.stack([embeddings[name] for name in names])
    if durations_s is None:
        return matrix, enroll, test, None
    missing = [name for name in names if name not in durations_s]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(names)} utterances of the trials have no "
            f"duration (first: {missing[0]!r}); give them all, or none"
        )
    seconds = np.array([durations_s[name] for name in names], np.float64)
    return matrix, enroll, test, seconds
