"""Training of PLDA by EM (``embeddings, labels -> Plda``).

A speaker is a point y ~ N(mean, between), and each of the speaker's n
recordings is x ~ N(y, within). All sums over recordings are taken once; a step
of EM then costs as much as its K speakers, in the space where within is I and
between is diagonal (see `scoring.plda` for the symbols): there, what is known
of a speaker is diagonal for any n.

Source: A. Sizov, K. A. Lee, T. Kinnunen, "Unifying probabilistic linear
discriminant analysis variants in biometric authentication", S+SSPR 2014.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg

from speechbrain_denokd.scoring.covariance import class_means, scatter
from speechbrain_denokd.scoring.scorer import check_embeddings, check_labels

_SINGULAR = 1e-10  # smallest eigenvalue of a usable covariance, of its largest
_LEAST_BETWEEN = 0.1  # that EM starts from, of the noise of speakers' means


class Statistics(NamedTuple):
    """All that EM needs to know of the recordings of K speakers.

    Attributes
    ----------
    counts : (K,) numpy.ndarray of int
        Recordings of each speaker.
    means : (K, D) numpy.ndarray
        Of each speaker's recordings.
    scatter : (D, D) numpy.ndarray
        Of all recordings around their speaker's mean.

    Example
    -------
    >>> Statistics(np.array([2]), np.ones((1, 1)), np.eye(1)).counts
    array([2])
    """

    counts: np.ndarray
    means: np.ndarray
    scatter: np.ndarray


def speaker_statistics(
    embeddings: np.ndarray, labels: Sequence, dim: int | None = None
) -> Statistics:
    """Sum up embeddings by speaker.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    labels : (N,) sequence of int or of str
        Speakers.
    dim : int or None
        D that is expected; None takes any.

    Raises
    ------
    ValueError
        If `scoring.scorer.check_embeddings` or `check_labels` refuses them.

    Example
    -------
    >>> x = np.array([[0.0], [2.0], [5.0]])
    >>> statistics = speaker_statistics(x, ["a", "a", "b"])
    >>> statistics.means.tolist(), statistics.scatter.tolist()
    ([[1.0], [5.0]], [[2.0]])
    """
    embeddings = check_embeddings(embeddings, dim)
    indices, n_speakers = check_labels(labels, len(embeddings))
    means = class_means(embeddings, indices, n_speakers)
    return Statistics(
        np.bincount(indices), means, scatter(embeddings, means, indices)
    )


def diagonalise(
    between: np.ndarray, within: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the space where within is I and between is diagonal.

    Arguments
    ---------
    between, within : (D, D) numpy.ndarray
        Covariances; within is not singular.

    Returns
    -------
    transform : (D, D) numpy.ndarray
        V, with V' within V = I and V' between V = diag(psi).
    psi : (D,) numpy.ndarray
        Not negative, the largest first.

    Raises
    ------
    ValueError
        If within is singular.

    Example
    -------
    >>> transform, psi = diagonalise(np.diag([1.0, 8.0]), np.diag([1.0, 4.0]))
    >>> abs(transform).tolist(), psi.tolist()
    ([[0.0, 1.0], [0.5, 0.0]], [2.0, 1.0])
    """
    try:
        psi, transform = scipy.linalg.eigh(between, within)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "within must be positive definite, but it has no Cholesky factor; "
            "use fewer components or more recordings"
        ) from error
    # eigh sorts upwards, and rounding makes a variance of 0 slightly negative.
    return np.ascontiguousarray(transform[:, ::-1]), np.maximum(psi[::-1], 0)


def first_guess(
    statistics: Statistics,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the parameters that EM starts from.

    Between is the covariance of the speakers' means, less what their few
    recordings add to it. A tenth of that is left where nothing else is, as EM
    would hardly raise a variance that is 0.

    Arguments
    ---------
    statistics : Statistics

    Returns
    -------
    mean : (D,) numpy.ndarray
    between, within : (D, D) numpy.ndarray

    Raises
    ------
    ValueError
        If there are fewer than two speakers, or recordings do not vary within
        speakers in all directions.

    Example
    -------
    >>> x = np.array([[0.0], [2.0], [5.0]])
    >>> mean, between, within = first_guess(speaker_statistics(x, [0, 0, 1]))
    >>> mean.round(6), between.round(6), within.round(6)
    (array([3.]), array([[2.5]]), array([[2.]]))
    """
    n_speakers, dim = statistics.means.shape
    n_spare = int(statistics.counts.sum()) - n_speakers
    if n_speakers < 2:
        raise ValueError(
            f"PLDA needs at least 2 speakers to learn from, got {n_speakers}"
        )
    variances = np.linalg.eigvalsh(statistics.scatter)
    if variances[0] <= _SINGULAR * variances[-1]:
        raise ValueError(
            f"{n_speakers + n_spare} recordings of {n_speakers} speakers, "
            f"{n_spare} beyond one each, do not vary within speakers in all "
            f"{dim} directions; use fewer components (Lda) or more recordings"
        )
    within = statistics.scatter / n_spare
    mean = statistics.means.mean(axis=0)
    centred = statistics.means - mean
    transform, psi = diagonalise(centred.T @ centred / n_speakers, within)
    noise = (1 / statistics.counts).mean()
    psi = np.maximum(psi - noise, _LEAST_BETWEEN * noise)
    back = np.linalg.inv(transform)
    return mean, (back.T * psi) @ back, within


def em_step(
    statistics: Statistics,
    mean: np.ndarray,
    transform: np.ndarray,
    psi: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return parameters under which the data are at least as likely.

    Arguments
    ---------
    statistics : Statistics
    mean : (D,) numpy.ndarray
    transform : (D, D) numpy.ndarray
    psi : (D,) numpy.ndarray
        The model so far; see `diagonalise`.

    Returns
    -------
    mean : (D,) numpy.ndarray
    between, within : (D, D) numpy.ndarray

    Example
    -------
    >>> x = np.array([[0.0], [2.0], [5.0], [7.0]])
    >>> statistics = speaker_statistics(x, [0, 0, 1, 1])
    >>> transform, psi = diagonalise(np.eye(1) * 6.25, np.eye(1) * 2)
    >>> mean, between, within = em_step(
    ...     statistics, np.array([3.5]), transform, psi
    ... )
    >>> mean.round(4).tolist(), between.round(4), within.round(4)
    ([3.5], array([[5.5068]]), array([[1.981]]))
    """
    n = statistics.counts[:, None]
    means = (statistics.means - mean) @ transform
    # E: posterior of every speaker, N(centres, diag(spread)).
    spread = psi / (n * psi + 1)
    centres = n * spread * means
    # M: moments of the speakers, and of recordings around them.
    shift = centres.mean(axis=0)
    centred = centres - shift
    between = centred.T @ centred / len(n)
    between += np.diag(spread.mean(axis=0))
    errors = means - centres
    within = transform.T @ statistics.scatter @ transform
    within += (n * errors).T @ errors + np.diag((n * spread).sum(axis=0))
    within /= n.sum()
    back = np.linalg.inv(transform)
    return (
        mean + shift @ back,
        back.T @ between @ back,
        back.T @ within @ back,
    )


def log_density(
    statistics: Statistics,
    mean: np.ndarray,
    transform: np.ndarray,
    psi: np.ndarray,
) -> float:
    """Return the log density of the recordings, summed over speakers.

    An orthonormal turn of the n recordings of a speaker makes them sqrt(n)
    times their mean, of variance n psi + 1, and n - 1 others, of variance 1.

    Arguments
    ---------
    statistics : Statistics
    mean : (D,) numpy.ndarray
    transform : (D, D) numpy.ndarray
    psi : (D,) numpy.ndarray
        The model; see `diagonalise`.

    Returns
    -------
    float
        In nats.

    Example
    -------
    >>> statistics = speaker_statistics(np.zeros((1, 1)), ["a"])
    >>> density = log_density(statistics, np.zeros(1), np.eye(1), np.ones(1))
    >>> round(np.exp(2 * density) * 2 * np.pi, 6)  # that of N(0, 1 + 1)
    np.float64(0.5)
    """
    n = statistics.counts[:, None]
    variance = n * psi + 1
    means = (statistics.means - mean) @ transform
    squares = (n * np.square(means) / variance).sum()
    # Trace of the scatter in the diagonal space.
    squares += (transform * (statistics.scatter @ transform)).sum()
    log_volume = np.linalg.slogdet(transform)[1]
    per_recording = len(mean) * np.log(2 * np.pi) - 2 * log_volume
    return -0.5 * float(
        n.sum() * per_recording + np.log(variance).sum() + squares
    )
