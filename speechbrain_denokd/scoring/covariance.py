"""Sums and scatter by speaker (``embeddings, labels -> statistics``).

Used by the transforms and scorers that learn from labels. No Python loop
runs over embeddings or speakers, so that a million rows are no obstacle.
"""

import numpy as np
import scipy.linalg
import scipy.sparse

_BLOCK = 1 << 16  # rows centred at once: bounds the memory
_FLOOR = 1e-6  # smallest eigenvalue that is kept, relative to the largest


def class_sums(
    embeddings: np.ndarray, indices: np.ndarray, n_classes: int
) -> np.ndarray:
    """Add up the embeddings of every class.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    indices : (N,) numpy.ndarray of int
        Class of each row, in 0..K - 1.
    n_classes : int
        K.

    Returns
    -------
    (K, D) numpy.ndarray

    Example
    -------
    >>> class_sums(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1]), 2)
    array([[2.],
           [5.]])
    """
    n = len(indices)
    members = scipy.sparse.csr_array(
        (np.ones(n, embeddings.dtype), (indices, np.arange(n))),
        shape=(n_classes, n),
    )
    return members @ embeddings


def class_means(
    embeddings: np.ndarray, indices: np.ndarray, n_classes: int
) -> np.ndarray:
    """Average the embeddings of every class.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    indices : (N,) numpy.ndarray of int
        Class of each row, in 0..K - 1; every class has a row.
    n_classes : int
        K.

    Returns
    -------
    (K, D) numpy.ndarray

    Example
    -------
    >>> class_means(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1]), 2)
    array([[2. ],
           [2.5]])
    """
    counts = np.bincount(indices, minlength=n_classes)
    return class_sums(embeddings, indices, n_classes) / counts[:, None]


def scatter(
    embeddings: np.ndarray, centres: np.ndarray, indices: np.ndarray
) -> np.ndarray:
    """Add up the outer products of embeddings around their centres.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    centres : (K, D) numpy.ndarray
    indices : (N,) numpy.ndarray of int
        Which centre belongs to each row.

    Returns
    -------
    (D, D) numpy.ndarray
        Exactly symmetric.

    Example
    -------
    >>> scatter(np.array([[1.0], [3.0]]), np.array([[0.0]]), np.array([0, 0]))
    array([[10.]])
    """
    total = np.zeros((embeddings.shape[1], embeddings.shape[1]))
    for i in range(0, len(embeddings), _BLOCK):
        part = slice(i, i + _BLOCK)
        rest = embeddings[part] - centres[indices[part]]
        total += rest.T @ rest
    return (total + total.T) / 2


def total_covariance(embeddings: np.ndarray) -> np.ndarray:
    """Estimate the covariance of embeddings, whoever speaks.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray

    Returns
    -------
    (D, D) numpy.ndarray
        Scatter around the mean over N - 1 (unbiased).

    Raises
    ------
    ValueError
        If there is one embedding.

    Example
    -------
    >>> total_covariance(np.array([[0.0], [2.0], [4.0]]))
    array([[4.]])
    """
    n = len(embeddings)
    if n < 2:
        raise ValueError(f"a covariance needs 2 embeddings or more, got {n}")
    mean = embeddings.mean(axis=0, keepdims=True)
    return scatter(embeddings, mean, np.zeros(n, np.int64)) / (n - 1)


def within_covariance(
    embeddings: np.ndarray, indices: np.ndarray, n_classes: int
) -> np.ndarray:
    """Estimate how the recordings of one speaker vary.

    The scatter around the speakers' means over N - K (pooled, unbiased). A
    speaker with one recording adds 0 to the scatter, to N - K too, and so
    changes nothing.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    indices : (N,) numpy.ndarray of int
        Class of each row, in 0..K - 1; every class has a row.
    n_classes : int
        K.

    Returns
    -------
    (D, D) numpy.ndarray

    Raises
    ------
    ValueError
        If no speaker has two recordings.

    Example
    -------
    >>> x = np.array([[0.0], [2.0], [9.0]])
    >>> within_covariance(x, np.array([0, 0, 1]), 2)
    array([[2.]])
    """
    n = len(embeddings)
    if n == n_classes:
        raise ValueError(
            f"none of the {n_classes} speakers has two recordings, so that "
            "nothing is known of how recordings of one speaker vary; fit on "
            "several recordings a speaker"
        )
    means = class_means(embeddings, indices, n_classes)
    return scatter(embeddings, means, indices) / (n - n_classes)


def between_covariance(
    embeddings: np.ndarray, indices: np.ndarray, n_classes: int
) -> np.ndarray:
    """Measure how the means of speakers vary, weighted by recordings.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    indices : (N,) numpy.ndarray of int
        Class of each row, in 0..K - 1; every class has a row.
    n_classes : int
        K.

    Returns
    -------
    (D, D) numpy.ndarray
        Sum over k of n_k / N times the outer product of the mean of speaker
        k around the mean of all embeddings.

    Example
    -------
    >>> x = np.array([[0.0], [2.0], [4.0]])
    >>> between_covariance(x, np.array([0, 0, 1]), 2)
    array([[2.]])
    """
    counts = np.bincount(indices, minlength=n_classes)
    means = class_means(embeddings, indices, n_classes)
    rest = means - embeddings.mean(axis=0)
    total = (rest * counts[:, None]).T @ rest / len(embeddings)
    return (total + total.T) / 2


def inverse_root(covariance: np.ndarray) -> np.ndarray:
    """Return the symmetric R with R·R the inverse of a covariance.

    Eigenvalues below 1e-6 of the largest are raised to it, so that
    directions which hardly vary are not blown up beyond 1000 times the
    direction that varies most.

    Arguments
    ---------
    covariance : (D, D) numpy.ndarray
        Symmetric, without negative eigenvalues.

    Returns
    -------
    (D, D) numpy.ndarray
        C-contiguous.

    Raises
    ------
    ValueError
        If nothing varies at all.

    Example
    -------
    >>> inverse_root(np.diag([4.0, 0.25])).tolist()
    [[0.5, 0.0], [0.0, 2.0]]
    """
    values, vectors = scipy.linalg.eigh(covariance)
    if values[-1] <= 0:
        raise ValueError(
            "the covariance is zero: all embeddings (of each speaker) are "
            "the same; fit on different recordings"
        )
    values = np.maximum(values, _FLOOR * values[-1])
    return np.ascontiguousarray((vectors / np.sqrt(values)) @ vectors.T)
