"""Scores of trial lists (``trials, prepared embeddings -> scores``)."""

from collections.abc import Sequence

import numpy as np

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.scorer import (
    Scorer,
    check_embeddings,
    check_n_enroll,
)


def index_trials(
    names: Sequence[str], trials: Sequence[Trial]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replace the names in trials by rows of a matrix.

    Arguments
    ---------
    names : (U,) sequence of str
        Name of each row: utterances, or models and utterances.
    trials : (N,) sequence of Trial

    Returns
    -------
    enroll, test : (N,) numpy.ndarray of int64
        Rows, in the order of ``trials``.
    is_target : (N,) numpy.ndarray of bool

    Raises
    ------
    ValueError
        If a side is not among the names, or a name stands for two rows.

    Example
    -------
    >>> enroll, test, is_target = index_trials(
    ...     ["a", "b"], [Trial(True, "b", "a")]
    ... )
    >>> enroll.tolist(), test.tolist(), is_target.tolist()
    ([1], [0], [True])
    """
    row = {name: i for i, name in enumerate(names)}
    if len(row) < len(names):
        twice = min(n for i, n in enumerate(names) if row[n] != i)
        raise ValueError(
            f"{len(names) - len(row)} names stand for several embeddings "
            f"(first: {twice!r}); rename the models or the utterances"
        )
    missing = {
        side for trial in trials for side in trial[1:] if side not in row
    }
    if missing:
        raise ValueError(
            f"{len(missing)} utterances of the trials have no embedding "
            f"(first: {min(missing)!r}); extract them all before scoring"
        )
    return (
        np.array([row[trial.enroll] for trial in trials], dtype=np.int64),
        np.array([row[trial.test] for trial in trials], dtype=np.int64),
        np.array([trial.is_target for trial in trials], dtype=bool),
    )


def score_pairs(
    scorer: Scorer,
    prepared: np.ndarray,
    enroll: np.ndarray,
    test: np.ndarray,
    n_enroll: np.ndarray | None = None,
    block: int = 1 << 16,
) -> np.ndarray:
    """Score pairs of rows, a block of pairs at a time.

    The memory in use is that of some copies of (block, D'), however many the
    pairs are: VoxCeleb-H has 550,894 of them over 138,137 embeddings.

    Arguments
    ---------
    scorer : Scorer
        Fitted, where it learns.
    prepared : (U, D') numpy.ndarray
        What the transforms of the back-end made of the embeddings.
    enroll, test : (N,) numpy.ndarray of int
        Rows of ``prepared``.
    n_enroll : (N,) numpy.ndarray of int or None
        Recordings behind the enrolment side of each pair; None means one.
    block : int
        Pairs scored at once.

    Returns
    -------
    (N,) numpy.ndarray of float64

    Raises
    ------
    ValueError
        If the rows are out of range, or the sizes differ.

    Example
    -------
    >>> from speechbrain_denokd.scoring.cosine import Cosine
    >>> x = np.array([[3.0, 4.0], [4.0, 3.0], [0.0, 1.0]])
    >>> rows = np.array([0, 2]), np.array([1, 0])
    >>> score_pairs(Cosine(), x, *rows).round(4).tolist()
    [0.96, 0.8]
    """
    prepared = check_embeddings(prepared, keep_float32=True)
    enroll = _check_rows(enroll, len(prepared), "enroll")
    test = _check_rows(test, len(prepared), "test")
    if len(enroll) != len(test):
        raise ValueError(
            f"{len(enroll)} rows of enroll cannot be paired with "
            f"{len(test)} rows of test; give one of each a trial"
        )
    if block < 1:
        raise ValueError(f"block must be 1 pair or more, got {block}")
    n_enroll = check_n_enroll(n_enroll, len(enroll))
    scores = np.empty(len(enroll))
    for i in range(0, len(enroll), block):
        part = slice(i, i + block)
        scores[part] = scorer.score(
            prepared[enroll[part]], prepared[test[part]], n_enroll[part]
        )
    return scores


def _check_rows(rows: np.ndarray, n: int, name: str) -> np.ndarray:
    """Refuse what numpy would wrap around or broadcast."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of integer rows, "
            f"got the shape {rows.shape} and the type {rows.dtype}"
        )
    if rows.size and not (0 <= rows.min() and rows.max() < n):
        raise ValueError(
            f"rows of {name} must lie in 0..{n - 1}, "
            f"got {rows.min()}..{rows.max()}"
        )
    return rows
