"""Two-covariance PLDA (``prepared embeddings -> log-likelihood ratio``).

A speaker is a point y ~ N(mean, between), and each of the speaker's
recordings is x ~ N(y, within). Both covariances are full.

Sources: S. Ioffe, "Probabilistic linear discriminant analysis", ECCV 2006;
N. Brümmer, E. de Villiers, "The speaker partitioning problem", Odyssey 2010.
Training is in `scoring.plda_training`.

Everything is computed where within is I and between is diagonal:

    transform   V, with V' within V = I and V' between V = diag(psi)
    psi         between-speaker variance per direction, in units of within
    spread      psi / (n psi + 1), variance of y given n recordings
    n spread    weight of their mean in E[y]; the rest goes to the model's mean
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.covariance import class_means
from speechbrain_denokd.scoring.plda_training import (
    diagonalise,
    em_step,
    first_guess,
    log_density,
    speaker_statistics,
)
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_fitted,
    check_models,
    check_n_enroll,
    check_pairs,
)
from speechbrain_denokd.scoring.stored import check_arrays, check_keys

_BLOCK = 1 << 11  # pairs scored at once: few enough for the cache


class Plda:
    """Two-covariance PLDA, trained by EM, scored by the book.

    Arguments
    ---------
    n_iterations : int
        Steps of EM. The start (covariance within speakers, covariance of
        the speakers' means) is close, so that few are enough.

    Raises
    ------
    ValueError
        If ``n_iterations`` is negative; if used before `fit`.

    Example
    -------
    >>> plda = Plda.from_parameters(np.zeros(1), np.eye(1), np.eye(1))
    >>> round(plda.score([[1.0]], [[1.0]]).item(), 4)
    0.3105
    >>> round(plda.score([[1.0]], [[1.0]], n_enroll=np.array([9])).item(), 4)
    0.5444
    """

    def __init__(self, n_iterations: int = 10):
        if not isinstance(n_iterations, int) or n_iterations < 0:
            raise ValueError(
                "n_iterations of Plda must be an integer of 0 or more, "
                f"got {n_iterations!r}"
            )
        self.n_iterations = n_iterations
        # Of the training data, in nats: before EM and after each iteration.
        self.log_likelihoods: tuple[float, ...] = ()
        self._mean = self._transform = self._psi = None

    @classmethod
    def from_parameters(
        cls, mean: np.ndarray, between: np.ndarray, within: np.ndarray
    ) -> "Plda":
        """Make a fitted PLDA of a mean and two covariances.

        Arguments
        ---------
        mean : (D,) array_like
        between, within : (D, D) array_like
            Covariance of speakers, and of one speaker's recordings.

        Raises
        ------
        ValueError
            If the shapes disagree, a matrix is not symmetric, between has a
            negative eigenvalue, or within is not positive definite.
        """
        shapes = {"mean": ("D",), "between": ("D", "D"), "within": ("D", "D")}
        given = {"mean": mean, "between": between, "within": within}
        given = check_arrays(given, shapes, "Plda")
        for name in ("between", "within"):
            matrix = given[name]
            error = np.abs(matrix - matrix.T).max()
            if error > 1e-6 * np.abs(matrix).max():
                raise ValueError(
                    f"{name} must be symmetric, but differs from its "
                    f"transpose by up to {error:.3g}"
                )
        lowest = np.linalg.eigvalsh(given["between"])[0]
        if lowest < -1e-8 * np.abs(given["between"]).max():
            raise ValueError(
                "between must be a covariance, but has the negative "
                f"eigenvalue {lowest:.3g}"
            )
        plda = cls()
        plda._set(**given)
        return plda

    @property
    def mean(self) -> np.ndarray:
        """Mean of speakers, (D,)."""
        return check_fitted(self._mean, self).copy()

    @property
    def between(self) -> np.ndarray:
        """Covariance of speakers, (D, D)."""
        inverse = np.linalg.inv(check_fitted(self._transform, self))
        return (inverse.T * self._psi) @ inverse

    @property
    def within(self) -> np.ndarray:
        """Covariance of one speaker's recordings, (D, D)."""
        inverse = np.linalg.inv(check_fitted(self._transform, self))
        return inverse.T @ inverse

    def fit(self, embeddings: np.ndarray, labels: Sequence) -> "Plda":
        """Learn mean and covariances by EM, on sums per speaker.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
        labels : (N,) sequence of int or of str
            Speakers; those with one recording count, too.

        Raises
        ------
        ValueError
            If there are fewer than two speakers, or too few recordings
            beyond one a speaker for a covariance within speakers.
        """
        statistics = speaker_statistics(embeddings, labels)
        self._set(*first_guess(statistics))
        likelihoods = [log_density(statistics, *self._model())]
        for _ in range(self.n_iterations):
            self._set(*em_step(statistics, *self._model()))
            likelihoods.append(log_density(statistics, *self._model()))
        self.log_likelihoods = tuple(likelihoods)
        return self

    def log_likelihood(self, embeddings: np.ndarray, labels: Sequence) -> float:
        """Return the log density of embeddings (N, D) of speakers (N,).

        In nats, summed over speakers; recordings of a speaker are dependent.

        Raises
        ------
        ValueError
            If the PLDA is not fitted, or was fitted with another D.
        """
        dim = len(check_fitted(self._mean, self))
        statistics = speaker_statistics(embeddings, labels, dim)
        return log_density(statistics, *self._model())

    def pool(
        self, embeddings: np.ndarray, models: np.ndarray, n_models: int
    ) -> np.ndarray:
        """Average the recordings of each model.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
        models : (N,) numpy.ndarray of int
            Model of each row, in 0..n_models - 1.
        n_models : int
            M.

        Returns
        -------
        (M, D) numpy.ndarray
            To be scored together with the number of recordings behind it.

        Raises
        ------
        ValueError
            If a model has no recording, or an index is out of range.
        """
        embeddings = check_embeddings(embeddings)
        models = check_models(models, len(embeddings), n_models)
        return class_means(embeddings, models, n_models)

    def score(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Log-likelihood ratio of each pair of rows, in nats.

        log N(t | n spread e, 1 + spread) - log N(t | 0, 1 + psi), summed over
        the directions of the diagonal space (e and t after the transform).

        Arguments
        ---------
        enroll : (N, D) numpy.ndarray
            Mean of the enrolment recordings.
        test : (N, D) numpy.ndarray
        n_enroll : (N,) numpy.ndarray of int or None
            Recordings behind each row of ``enroll``; one each by default.

        Returns
        -------
        (N,) numpy.ndarray

        Raises
        ------
        ValueError
            If the PLDA is not fitted, or shapes or counts do not fit.
        """
        dim = len(check_fitted(self._mean, self))
        enroll, test = check_pairs(enroll, test, dim)
        n_enroll = check_n_enroll(n_enroll, len(enroll))
        scores = np.empty(len(enroll))
        for i in range(0, len(enroll), _BLOCK):
            part = slice(i, i + _BLOCK)
            weight, variance = self._predict(n_enroll[part])
            tests = self._project(test[part])
            errors = tests - weight * self._project(enroll[part])
            scores[part] = 0.5 * (
                np.square(tests) / (1 + self._psi)
                - np.square(errors) / variance
                + np.log((1 + self._psi) / variance)
            ).sum(axis=1)
        return scores

    def score_matrix(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Score every enrolment row against every test row.

        The squares of `score` are multiplied out, which leaves a product of
        matrices and, per number of recordings, a term of the test alone.

        Arguments
        ---------
        enroll : (M, D) numpy.ndarray
        test : (N, D) numpy.ndarray
        n_enroll : (M,) numpy.ndarray of int or None

        Returns
        -------
        (M, N) numpy.ndarray

        Raises
        ------
        ValueError
            As in `score`.
        """
        dim = len(check_fitted(self._mean, self))
        enroll = check_embeddings(enroll, dim, "enrolment embeddings")
        test = check_embeddings(test, dim, "test embeddings")
        n_enroll = check_n_enroll(n_enroll, len(enroll))
        counts, group = np.unique(n_enroll, return_inverse=True)
        weight, variance = self._predict(counts)
        tests = self._project(test)
        predicted = self._project(enroll) * weight[group]
        scaled = predicted / variance[group]
        scores = scaled @ tests.T
        scores -= 0.5 * (predicted * scaled).sum(axis=1)[:, None]
        of_test = 0.5 * (
            (1 / (1 + self._psi) - 1 / variance) @ np.square(tests).T
            + np.log((1 + self._psi) / variance).sum(axis=1)[:, None]
        )
        for i in range(len(counts)):
            scores[group == i] += of_test[i]
        return scores

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"n_iterations": self.n_iterations}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return mean (D,), transform (D, D) and psi (D,)."""
        return {
            "mean": check_fitted(self._mean, self).copy(),
            "transform": self._transform.copy(),
            "psi": self._psi.copy(),
        }

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Plda":
        """Rebuild from `settings` and `arrays`; scores are the same bits.

        Raises
        ------
        ValueError
            If names are missing or unexpected, shapes disagree, or psi is
            negative.
        """
        check_keys(settings, ["n_iterations"], "settings of Plda")
        shapes = {"mean": ("D",), "transform": ("D", "D"), "psi": ("D",)}
        checked = check_arrays(arrays, shapes, "Plda")
        if checked["psi"].min() < 0:
            raise ValueError(
                "array 'psi' of Plda holds variances, but has the value "
                f"{checked['psi'].min():.3g}; the file is damaged"
            )
        plda = cls(**settings)
        plda._mean = checked["mean"]
        plda._transform = checked["transform"]
        plda._psi = checked["psi"]
        return plda

    def _set(self, mean, between, within):
        """Keep the model as mean, transform and psi."""
        self._transform, self._psi = diagonalise(between, within)
        self._mean = mean

    def _model(self):
        """What `scoring.plda_training` asks for, after the statistics."""
        return self._mean, self._transform, self._psi

    def _project(self, embeddings):
        """(N, D) embeddings to the diagonal space."""
        return (embeddings - self._mean) @ self._transform

    def _predict(self, counts):
        """Weight of the enrolment's mean and variance of the test, (N, D)."""
        n = counts[:, None]
        spread = self._psi / (n * self._psi + 1)
        return n * spread, 1 + spread
