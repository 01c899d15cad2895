"""Score normalisation against a cohort (``score -> norm -> score``).

A recording that scores high against strangers scores high against everyone.
Normalisation measures that on a cohort of other speakers, and counts a trial's
score in standard deviations above its own recordings' cohort scores.

Source: R. Auckenthaler et al., "Score normalization for text-independent
speaker verification systems", Digital Signal Processing 2000 (z, t);
S. Cumani et al., "Comparison of speaker recognition approaches for real
applications", Interspeech 2011 (as, in the form called AS-norm1); the standard
deviation is the biased one, as in WeSpeaker.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.files import threaded_map
from speechbrain_denokd.scoring.scorer import Scorer

KINDS = ("none", "z", "t", "s", "as")
SIDES = ("enroll", "test")

_ROWS = 256  # rows a thread works on: their copy stays small


class ScoreNorm(NamedTuple):
    """Which normalisation.

    Attributes
    ----------
    kind : str
        "none"; "z", by the enrolment's cohort scores; "t", by the test's;
        "s", the mean of both; "as", that with the nearest of the cohort only.
    top_n : int or None
        How many of the cohort are near, for "as" alone.

    Example
    -------
    >>> ScoreNorm("as", 300)
    ScoreNorm(kind='as', top_n=300)
    """

    kind: str = "none"
    top_n: int | None = None


NO_NORM = ScoreNorm()


class CohortStatistics(NamedTuple):
    """Mean and spread of each utterance's scores against the cohort.

    Attributes
    ----------
    mean : (U,) numpy.ndarray of float64
    std : (U,) numpy.ndarray of float64
        Biased (the sum of squares is divided by their number).

    Example
    -------
    >>> CohortStatistics(np.zeros(2), np.array([1.0, 2.0])).take([1, 1]).std
    array([2., 2.])
    """

    mean: np.ndarray
    std: np.ndarray

    def take(self, rows: np.ndarray) -> "CohortStatistics":
        """Return the statistics of these rows, as for the side of trials."""
        return CohortStatistics(self.mean[rows], self.std[rows])


def check_norm(norm: ScoreNorm, cohort_size: int) -> None:
    """Refuse a normalisation that does not exist or its cohort cannot serve.

    Arguments
    ---------
    norm : ScoreNorm
    cohort_size : int
        M; 0 without a cohort.

    Raises
    ------
    ValueError
        If the kind is unknown, ``top_n`` is missing, out of place or not in
        2..M, or a cohort is missing or not used.

    Example
    -------
    >>> check_norm(ScoreNorm("as", 300), cohort_size=100)
    Traceback (most recent call last):
    ...
    ValueError: top_n is 300, but the cohort has 100 rows; ...
    """
    _check_choice("kind", norm.kind, KINDS)
    if (norm.kind == "none") != (cohort_size == 0):
        raise ValueError(
            f"the norm {norm.kind!r} comes with a cohort of {cohort_size} "
            "rows; give a cohort to every norm but 'none', and only to those"
        )
    if (norm.kind == "as") != (norm.top_n is not None):
        raise ValueError(
            f"the norm {norm.kind!r} comes with top_n = {norm.top_n}; give a "
            "number to 'as' (such as 300), and None to the others"
        )
    if cohort_size:
        _check_top_n(norm.top_n, cohort_size)


def cohort_statistics(
    scorer: Scorer,
    embeddings: np.ndarray,
    cohort: np.ndarray,
    top_n: int | None = None,
    side: str = "enroll",
    n_enroll: np.ndarray | None = None,
    block_bytes: int = 2**27,
) -> CohortStatistics:
    """Score utterances against a cohort, and keep means and deviations.

    The scores are made in blocks and never held together, so the memory does
    not grow with U. float32 embeddings are handed on as they are.

    Arguments
    ---------
    scorer : Scorer
    embeddings : (U, D) numpy.ndarray
        Prepared: the output of the transforms.
    cohort : (M, D) numpy.ndarray
        Prepared in the same way.
    top_n : int or None
        Keep the highest scores only; None keeps all.
    side : str
        Which side the utterances are on: "enroll" or "test". The cohort is
        on the other.
    n_enroll : numpy.ndarray of int or None
        Recordings behind each row of the enrolment side: (U,), or (M,) if
        the utterances are on the test side.
    block_bytes : int
        About as much memory do the scores of a block take; what the scorer
        needs to make them comes on top.

    Returns
    -------
    CohortStatistics

    Raises
    ------
    ValueError
        If ``side`` or ``top_n`` is out of range, or the cohort scores of an
        utterance are not finite or all alike.

    Example
    -------
    >>> from speechbrain_denokd.scoring.cosine import Cosine
    >>> cohort = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    >>> utterances = np.array([[5.0, 0.0]])
    >>> cohort_statistics(Cosine(), utterances, cohort, top_n=2)
    CohortStatistics(mean=array([0.5]), std=array([0.5]))
    """
    _check_choice("side", side, SIDES)
    _check_top_n(top_n, len(cohort))
    parts = []
    for rows in _slices(len(embeddings), block_bytes // (8 * len(cohort))):
        if side == "enroll":
            n = None if n_enroll is None else n_enroll[rows]
            scores = scorer.score_matrix(embeddings[rows], cohort, n)
        else:
            scores = scorer.score_matrix(cohort, embeddings[rows], n_enroll).T
        parts += threaded_map(
            partial(_statistics_of_rows, scores, top_n),
            list(_slices(len(scores), _ROWS)),
        )
    mean, std = (np.concatenate(part) for part in zip(*parts, strict=True))
    _check_spread(mean, std)
    return CohortStatistics(mean, std)


def normalise(
    scores: np.ndarray,
    enroll: CohortStatistics | None,
    test: CohortStatistics | None,
    kind: str,
) -> np.ndarray:
    """Normalise the scores of trials by the statistics of their sides.

    Arguments
    ---------
    scores : (N,) numpy.ndarray
    enroll : CohortStatistics or None
        Of the enrolment side of each trial, (N,); not needed for "t".
    test : CohortStatistics or None
        Of the test side; not needed for "z".
    kind : str
        As in `ScoreNorm`. "s" and "as" are one formula; what differs is
        ``top_n`` of the statistics.

    Returns
    -------
    (N,) numpy.ndarray of float64

    Raises
    ------
    ValueError
        If the kind is unknown, or a side's statistics are missing or not one
        a trial.

    Example
    -------
    >>> enroll = CohortStatistics(np.array([0.5]), np.array([0.1]))
    >>> test = CohortStatistics(np.array([0.3]), np.array([0.2]))
    >>> normalise(np.array([0.7]), enroll, test, "z").round(6).tolist()
    [2.0]
    """
    _check_choice("kind", kind, KINDS)
    scores = np.asarray(scores, dtype=np.float64)
    sides = {
        "none": {},
        "z": {"enroll": enroll},
        "t": {"test": test},
    }.get(kind, {"enroll": enroll, "test": test})
    if not sides:
        return scores.copy()
    for side, statistics in sides.items():
        shape = None if statistics is None else statistics.mean.shape
        if shape != scores.shape:
            raise ValueError(
                f"the norm {kind!r} of {len(scores)} scores has statistics of "
                f"shape {shape} for the {side} side; give one mean and one "
                "deviation a trial"
            )
    return np.mean([(scores - s.mean) / s.std for s in sides.values()], axis=0)


def _statistics_of_rows(
    scores: np.ndarray, top_n: int | None, rows: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased deviation of the highest scores in some rows."""
    part = np.array(scores[rows], order="C")
    if top_n is not None:
        first = part.shape[1] - top_n
        part.partition(first, axis=1)
        part = part[:, first:]
    part = part.astype(np.float64)
    return part.mean(axis=1), part.std(axis=1)


def _slices(n: int, step: int) -> Iterator[slice]:
    """Cut n rows into pieces of ``step``, or of 1 where that is 0."""
    step = max(step, 1)
    return (slice(i, min(i + step, n)) for i in range(0, n, step))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; give one of {list(choices)}")


def _check_top_n(top_n: int | None, cohort_size: int) -> None:
    """Refuse a number of neighbours that has no spread."""
    n_scores = cohort_size if top_n is None else top_n
    if not isinstance(n_scores, int):
        raise ValueError(f"top_n is {top_n!r}; give a whole number, or None")
    if n_scores > cohort_size:
        raise ValueError(
            f"top_n is {top_n}, but the cohort has {cohort_size} rows; give "
            f"at most {cohort_size}, or a larger cohort"
        )
    if n_scores < 2:
        raise ValueError(
            f"a spread needs two cohort scores, but top_n is {top_n} and the "
            f"cohort has {cohort_size} rows; give 2 or more of both"
        )


def _check_spread(mean: np.ndarray, std: np.ndarray) -> None:
    """Refuse deviations that nothing can be divided by."""
    wrong = np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(std))
    if wrong.size:
        raise ValueError(
            f"the cohort scores of {wrong.size} of {len(mean)} utterances are "
            f"not finite (first: utterance {wrong[0]}); look for damaged "
            "embeddings"
        )
    # float32 scores that are alike differ by rounding, 6e-8 of their size.
    wrong = np.flatnonzero(std <= 1e-6 * np.abs(mean))
    if wrong.size:
        raise ValueError(
            f"the cohort scores of {wrong.size} of {len(mean)} utterances are "
            f"all alike (first: utterance {wrong[0]}, all "
            f"{mean[wrong[0]]:.6g}); remove repeated rows from the cohort, or "
            "take a larger top_n"
        )
