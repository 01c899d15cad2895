"""Quality of the recordings of a trial (``recordings -> calibration``).

A score from two seconds of speech means less than one from twenty. Quality
measures let the calibration take that into account.

Source: J. Thienpondt et al., "The IDLab VoxSRC-20 submission: large margin
fine-tuning and quality-aware score calibration in DNN based speaker
verification", ICASSP 2021. WeSpeaker's recipe uses durations capped at 20 s,
lengths of embeddings and cohort means.
Differs from WeSpeaker: durations enter by their logarithm, and the difference
and ratio of both sides are left out; the difference adds nothing to a linear
model of minimum and maximum.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

# The cap is WeSpeaker's. The floor keeps the logarithm of a click from
# outweighing the score: VoxCeleb, to which it is fitted, has none below 4 s.
DURATION_RANGE_S = (1.0, 20.0)

MEASURES = ("log_duration", "magnitude", "cohort_mean")


class Qualities(NamedTuple):
    """Quality measures of trials.

    Attributes
    ----------
    values : (N, Q) numpy.ndarray of float64
    names : tuple of str
        Names of the Q columns.

    Example
    -------
    >>> Qualities(np.zeros((3, 1)), ("log_duration_min",)).values.shape
    (3, 1)
    """

    values: np.ndarray
    names: tuple[str, ...]


def quality_names(measures: Sequence[str]) -> tuple[str, ...]:
    """Columns that measures give, in the order of `MEASURES`.

    Arguments
    ---------
    measures : sequence of str
        Some of `MEASURES`.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If there is no such measure.

    Example
    -------
    >>> quality_names(["magnitude"])
    ('magnitude_min', 'magnitude_max')
    """
    unknown = [name for name in measures if name not in MEASURES]
    if unknown:
        raise ValueError(
            f"there is no quality measure {unknown[0]!r}; choose from "
            f"{list(MEASURES)}"
        )
    return tuple(
        f"{measure}_{extreme}"
        for measure in MEASURES
        if measure in measures
        for extreme in ("min", "max")
    )


def measures_of(names: Sequence[str]) -> list[str]:
    """Measures that columns come from: the inverse of `quality_names`.

    Arguments
    ---------
    names : sequence of str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If these are not the columns of any measures.

    Example
    -------
    >>> measures_of(("magnitude_min", "magnitude_max"))
    ['magnitude']
    """
    measures = [name for name in MEASURES if f"{name}_min" in names]
    if quality_names(measures) != tuple(names):
        raise ValueError(
            f"there are no measures with the columns {list(names)}; there are "
            f"{list(quality_names(MEASURES))}, in this order and in pairs"
        )
    return measures


def quality_matrix(sides: Mapping[str, Sequence[np.ndarray]]) -> Qualities:
    """Measure the quality of trials by the lesser and greater of both sides.

    So the result does not depend on which side is the enrolment.

    Arguments
    ---------
    sides : mapping of str to pair of (N,) numpy.ndarray
        By measure, the values of the enrolment and of the test side:
        "log_duration" in seconds, which are taken as 1 s below that and as
        20 s above, and by their natural logarithm; "magnitude", the Euclidean
        length of the raw embedding; "cohort_mean", the mean of
        `scoring.norm.CohortStatistics`.

    Returns
    -------
    Qualities
        Two columns for each measure, as in `quality_names`.

    Raises
    ------
    ValueError
        If no measure is given, or an unknown one, lengths differ, a number is
        not finite, or a duration is not positive.

    Example
    -------
    >>> seconds = np.array([2.0, 60.0]), np.array([8.0, 0.1])
    >>> qualities = quality_matrix({"log_duration": seconds})
    >>> qualities.names
    ('log_duration_min', 'log_duration_max')
    >>> np.exp(qualities.values).round(6)
    array([[ 2.,  8.],
           [ 1., 20.]])
    """
    if not sides:
        raise ValueError(f"no quality is given; choose from {list(MEASURES)}")
    names = quality_names(tuple(sides))
    pairs = {
        measure: _checked_sides(measure, *sides[measure])
        for measure in MEASURES
        if measure in sides
    }
    counts = {measure: pair.shape[1] for measure, pair in pairs.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"the measures are of different numbers of trials: {counts}; give "
            "each one value a trial"
        )
    if "log_duration" in pairs:
        pairs["log_duration"] = _log_durations(pairs["log_duration"])
    columns = [
        extreme
        for pair in pairs.values()
        for extreme in (pair.min(axis=0), pair.max(axis=0))
    ]
    return Qualities(np.stack(columns, axis=1), names)


def _checked_sides(
    measure: str, enroll: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Both sides as a finite (2, N) array."""
    enroll, test = (np.asarray(side, np.float64) for side in (enroll, test))
    if enroll.ndim != 1 or enroll.shape != test.shape:
        raise ValueError(
            f"{measure} has shapes {enroll.shape} and {test.shape} for the two "
            "sides of the trials; give each one value a trial"
        )
    pair = np.stack([enroll, test])
    wrong = np.flatnonzero(~np.isfinite(pair).all(axis=0))
    if wrong.size:
        raise ValueError(
            f"{measure} is not finite in {wrong.size} of {pair.shape[1]} "
            f"trials (first: trial {wrong[0]}); measure these recordings again"
        )
    return pair


def _log_durations(seconds: np.ndarray) -> np.ndarray:
    """Logarithm of durations inside `DURATION_RANGE_S`."""
    if seconds.min(initial=np.inf) <= 0:
        raise ValueError(
            f"a duration of {seconds.min()} s is not positive; give the "
            "durations of the recordings in seconds"
        )
    return np.log(np.clip(seconds, *DURATION_RANGE_S))
