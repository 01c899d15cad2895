"""What transforms and scorers offer, and the checks that they share.

The flow is ``embedding -> transforms -> scorer -> scores``; a
`scoring.backend.BackEnd` holds one of each arrow. Everything is numpy:
float64 inside, no torch, no pickle. Checks of what a file held are in
`scoring.stored`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


class Transform(Protocol):
    """A map from embeddings to embeddings that is learnt once, then kept.

    Embeddings are (N, D) arrays, one row a recording; labels are (N,)
    integers or strings that name the speaker of each row. Transforms that
    learn without labels ignore them. A transform that is used before `fit`,
    or given another D than it was fitted with, raises ValueError.
    """

    def fit(self, embeddings: np.ndarray, labels: Sequence) -> "Transform":
        """Learn from embeddings (N, D) of speakers (N,); return self."""

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Map embeddings (N, D) to (N, D')."""

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `fit` learnt by name; empty if it learns nothing."""

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Transform":
        """Rebuild from what `settings` and `arrays` returned.

        Missing or unexpected names and wrong shapes raise ValueError.
        """


class Scorer(Protocol):
    """A score of two embeddings: the larger, the likelier one speaker.

    Embeddings must be prepared, that is, come out of the transforms the
    scorer was fitted behind. N counts trials (or recordings), M models.
    """

    def fit(self, embeddings: np.ndarray, labels: Sequence) -> "Scorer":
        """Learn from embeddings (N, D) of speakers (N,); return self."""

    def pool(
        self, embeddings: np.ndarray, models: np.ndarray, n_models: int
    ) -> np.ndarray:
        """Make one vector a model, (M, D), of its recordings.

        ``models`` holds the row of the result, in 0..n_models - 1, that
        each of the embeddings (N, D) belongs to.
        """

    def score(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Score row i of enroll (N, D) against row i of test (N, D).

        ``n_enroll`` (N,) counts the recordings behind each row of enroll
        (default: one each); scorers without a use for it ignore it.
        """

    def score_matrix(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Score all of enroll (M, D) against all of test (N, D): (M, N).

        The numbers are those of `score`, by matrix products; the caller
        bounds the memory by taking blocks. ``n_enroll`` is (M,).
        """

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `fit` learnt by name; empty if it learns nothing."""

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Scorer":
        """Rebuild from what `settings` and `arrays` returned.

        Missing or unexpected names and wrong shapes raise ValueError.
        """


def check_embeddings(
    embeddings: np.ndarray,
    dim: int | None = None,
    name: str = "embeddings",
    keep_float32: bool = False,
) -> np.ndarray:
    """Return embeddings as a float64 matrix, or say what is wrong.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
        Not changed; returned itself where it already has the type.
    dim : int or None
        D that is expected; None takes any.
    name : str
        What messages call the embeddings.
    keep_float32 : bool
        Leave float32 as it is: for large matrix products.

    Returns
    -------
    (N, D) numpy.ndarray of float64 (or float32)

    Raises
    ------
    ValueError
        If the rank is not 2, a size is 0, D is not ``dim``, or rows are not
        finite.

    Example
    -------
    >>> check_embeddings(np.array([[1, 2]])).tolist()
    [[1.0, 2.0]]
    >>> check_embeddings(np.array([[1, 2], [3, np.nan]]))
    Traceback (most recent call last):
    ...
    ValueError: 1 of 2 embeddings are not finite (first: row 1); ...
    """
    array = np.asarray(embeddings)
    if not (keep_float32 and array.dtype == np.float32):
        array = np.asarray(array, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must be a matrix with one row a recording, "
            f"got the shape {array.shape}"
        )
    if dim is not None and array.shape[1] != dim:
        raise ValueError(
            f"{name} have {array.shape[1]} components, but {dim} are expected; "
            "use those of the encoder that the back-end was fitted on"
        )
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if wrong.size:
        raise ValueError(
            f"{wrong.size} of {len(array)} {name} are not finite "
            f"(first: row {wrong[0]}); remove them or extract them again"
        )
    return array


def check_pairs(
    enroll: np.ndarray, test: np.ndarray, dim: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides of N trials as float64 matrices of one shape.

    Arguments
    ---------
    enroll, test : (N, D) numpy.ndarray
        Row i of one is compared with row i of the other.
    dim : int or None
        D that is expected; None takes any.

    Returns
    -------
    enroll, test : (N, D) numpy.ndarray of float64

    Raises
    ------
    ValueError
        If a side is refused by `check_embeddings`, or the shapes differ.

    Example
    -------
    >>> check_pairs(np.ones((2, 3)), np.ones((1, 3)))
    Traceback (most recent call last):
    ...
    ValueError: 2 enrolment embeddings cannot be paired with 1 test ...
    """
    enroll = check_embeddings(enroll, dim, "enrolment embeddings")
    test = check_embeddings(test, enroll.shape[1], "test embeddings")
    if len(enroll) != len(test):
        raise ValueError(
            f"{len(enroll)} enrolment embeddings cannot be paired with "
            f"{len(test)} test embeddings; give one row a trial on both sides"
        )
    return enroll, test


def check_labels(labels: Sequence, n: int) -> tuple[np.ndarray, int]:
    """Return the class of every recording as an index.

    Arguments
    ---------
    labels : (N,) sequence of int or of str
    n : int
        N that is expected.

    Returns
    -------
    indices : (N,) numpy.ndarray of int64
        In 0..K - 1, in the sorted order of the labels.
    n_classes : int
        K.

    Raises
    ------
    ValueError
        If the labels are not N integers or strings.

    Example
    -------
    >>> indices, n_classes = check_labels(["b", "a", "b"], 3)
    >>> indices.tolist(), n_classes
    ([1, 0, 1], 2)
    """
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(
            f"{n} embeddings need as many speaker labels, "
            f"got the shape {array.shape}"
        )
    if array.dtype.kind not in "iuUS":
        raise ValueError(
            "speaker labels must be integers or strings, "
            f"got the type {array.dtype}"
        )
    names, indices = np.unique(array, return_inverse=True)
    return indices.reshape(-1).astype(np.int64), len(names)


def check_models(models: np.ndarray, n: int, n_models: int) -> np.ndarray:
    """Return the model of every enrolment recording as an index.

    Arguments
    ---------
    models : (N,) numpy.ndarray of int
        In 0..n_models - 1.
    n : int
        N that is expected.
    n_models : int
        M; each model must have a recording.

    Returns
    -------
    (N,) numpy.ndarray of int64

    Raises
    ------
    ValueError
        If the indices are not N integers in range, or a model is empty.

    Example
    -------
    >>> check_models(np.array([0, 0, 2]), 3, 3)
    Traceback (most recent call last):
    ...
    ValueError: 1 of 3 models have no recording (first: model 1)
    """
    array = np.asarray(models)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{n} embeddings need as many integers that name their models, "
            f"got the shape {array.shape} and the type {array.dtype}"
        )
    if n and not (0 <= array.min() and array.max() < n_models):
        raise ValueError(
            f"models must lie in 0..{n_models - 1}, "
            f"got {array.min()}..{array.max()}"
        )
    counts = np.bincount(array.astype(np.int64), minlength=n_models)
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        raise ValueError(
            f"{empty.size} of {n_models} models have no recording "
            f"(first: model {empty[0]})"
        )
    return array.astype(np.int64)


def check_n_enroll(n_enroll: np.ndarray | None, n: int) -> np.ndarray:
    """Return how many recordings are behind each enrolment row.

    Arguments
    ---------
    n_enroll : (N,) numpy.ndarray of int or None
        None means one each.
    n : int
        N that is expected.

    Returns
    -------
    (N,) numpy.ndarray of int64

    Raises
    ------
    ValueError
        If these are not N integers of 1 or more.

    Example
    -------
    >>> check_n_enroll(None, 2).tolist()
    [1, 1]
    """
    if n_enroll is None:
        return np.ones(n, dtype=np.int64)
    array = np.asarray(n_enroll)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"n_enroll must be {n} integers, one an enrolment row, "
            f"got the shape {array.shape} and the type {array.dtype}"
        )
    if array.min(initial=1) < 1:
        raise ValueError(
            f"n_enroll must be 1 or more in every row, got {array.min()}"
        )
    return array.astype(np.int64)


def check_fitted(value: np.ndarray | None, owner: object) -> np.ndarray:
    """Return something that `fit` learns, or say that it has not run.

    Arguments
    ---------
    value : numpy.ndarray or None
        None until ``owner`` is fitted.
    owner : Transform or Scorer
        Named in the message.

    Returns
    -------
    numpy.ndarray
        ``value``.

    Raises
    ------
    ValueError
        If the value is None.

    Example
    -------
    >>> check_fitted(None, "a string")
    Traceback (most recent call last):
    ...
    ValueError: this str has learnt nothing yet; call fit first
    """
    if value is None:
        raise ValueError(
            f"this {type(owner).__name__} has learnt nothing yet; "
            "call fit first"
        )
    return value
