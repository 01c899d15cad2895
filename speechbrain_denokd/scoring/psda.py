"""Probabilistic spherical discriminant analysis (``unit vectors -> LLR``).

PLDA on the sphere: a speaker is a direction z ~ vMF(mean, between), and each
of the speaker's recordings is a direction x ~ vMF(z, within), where between
and within are concentrations (the larger, the closer) and not covariances.

    S           sum of a speaker's unit vectors
    natural     between mean + within S, of the posterior of z: a vMF whose
                concentration is its length
    C           normaliser of the vMF distribution, see `scoring.vmf`

Source: N. Brümmer, A. Swart, L. Mošner et al., "Probabilistic spherical
discriminant analysis: an alternative to PLDA for length-normalized
embeddings", Interspeech 2022 (arXiv 2203.14893).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.covariance import class_sums
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_fitted,
    check_labels,
    check_models,
    check_pairs,
)
from speechbrain_denokd.scoring.stored import check_arrays, check_keys
from speechbrain_denokd.scoring.vmf import (
    concentration_of,
    log_normaliser,
    mean_length,
)

_BLOCK = 1 << 13  # pairs scored at once: few enough for the cache
_CELLS = 1 << 18  # the same, of a matrix
_UNIT_ERROR = 1e-3  # how far from 1 a length may be: float32 and more
_SHORTEST = 1e-3  # length of a mean that EM may start from


class Psda:
    """PLDA for unit vectors, trained by EM, scored by the book.

    Three quantities are learnt: the mean direction and two concentrations.
    Embeddings must have length 1: put `LengthNorm` before.

    Arguments
    ---------
    n_iterations : int
        Steps of EM. The start (moments of the data) is close, so that few
        are enough.

    Raises
    ------
    ValueError
        If ``n_iterations`` is negative; if used before `fit`, or on
        embeddings that are not of length 1.

    Example
    -------
    >>> psda = Psda.from_parameters([1.0, 0.0], between=1.0, within=10.0)
    >>> here, there = np.array([[0.0, 1.0]]), np.array([[0.0, -1.0]])
    >>> psda.score(here, here).item() > 0 > psda.score(here, there).item()
    True
    >>> psda.pool(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 0]), 1)
    array([[1., 1.]])
    """

    def __init__(self, n_iterations: int = 10):
        if not isinstance(n_iterations, int) or n_iterations < 0:
            raise ValueError(
                "n_iterations of Psda must be an integer of 0 or more, "
                f"got {n_iterations!r}"
            )
        self.n_iterations = n_iterations
        # Of the training data, in nats: before EM and after each iteration.
        self.log_likelihoods: tuple[float, ...] = ()
        self.mean: np.ndarray | None = None
        self.between: float | None = None
        self.within: float | None = None

    @classmethod
    def from_parameters(
        cls, mean: np.ndarray, between: float, within: float
    ) -> "Psda":
        """Make a fitted PSDA of a direction and two concentrations.

        Arguments
        ---------
        mean : (D,) array_like
            Direction of speakers, of length 1.
        between, within : float
            Concentration of speakers, and of one speaker's recordings.

        Raises
        ------
        ValueError
            If the mean is not of length 1, or a concentration is negative.
        """
        arrays = {"mean": mean, "between": between, "within": within}
        return cls.restore(cls().settings(), arrays)

    def fit(self, embeddings: np.ndarray, labels: Sequence) -> "Psda":
        """Learn mean and concentrations by EM, on sums per speaker.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
            Unit vectors.
        labels : (N,) sequence of int or of str
            Speakers; those with one recording count, too.

        Raises
        ------
        ValueError
            If there are fewer than two speakers, no speaker has two
            recordings, or the recordings of each speaker coincide.
        """
        sums, counts = _statistics(embeddings, labels)
        self._set(*_start(sums, counts))
        likelihoods = [self._log_likelihood(sums, counts)]
        for _ in range(self.n_iterations):
            self._set(*self._em_step(sums, counts))
            likelihoods.append(self._log_likelihood(sums, counts))
        self.log_likelihoods = tuple(likelihoods)
        return self

    def log_likelihood(self, embeddings: np.ndarray, labels: Sequence) -> float:
        """Return the log density of embeddings (N, D) of speakers (N,).

        In nats, summed over speakers; recordings of a speaker are dependent.

        Raises
        ------
        ValueError
            If the PSDA is not fitted, or was fitted with another D.
        """
        dim = len(check_fitted(self.mean, self))
        return self._log_likelihood(*_statistics(embeddings, labels, dim))

    def pool(
        self, embeddings: np.ndarray, models: np.ndarray, n_models: int
    ) -> np.ndarray:
        """Add up the unit vectors of each model.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
            Unit vectors.
        models : (N,) numpy.ndarray of int
            Model of each row, in 0..n_models - 1.
        n_models : int
            M.

        Returns
        -------
        (M, D) numpy.ndarray
            Not of length 1: the length says how many recordings there were
            and how well they agree. Do not normalise it.

        Raises
        ------
        ValueError
            If a model has no recording, or an index is out of range.
        """
        embeddings = _check_units(check_embeddings(embeddings), "embeddings")
        models = check_models(models, len(embeddings), n_models)
        return class_sums(embeddings, models, n_models)

    def score(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Log-likelihood ratio of each pair of rows, in nats.

        Arguments
        ---------
        enroll : (N, D) numpy.ndarray
            Unit vectors, or what `pool` returned.
        test : (N, D) numpy.ndarray
            Unit vectors.
        n_enroll : (N,) numpy.ndarray of int or None
            Ignored: the sums of `pool` hold all that matters.

        Returns
        -------
        (N,) numpy.ndarray

        Raises
        ------
        ValueError
            If the PSDA is not fitted, or shapes or lengths do not fit.
        """
        dim = len(check_fitted(self.mean, self))
        enroll, test = check_pairs(enroll, test, dim)
        _check_units(test, "test embeddings")
        scores = np.empty(len(enroll))
        for i in range(0, len(enroll), _BLOCK):
            part = slice(i, i + _BLOCK)
            enrolled = self._natural(enroll[part])
            tested = self.within * test[part]
            joint = np.linalg.norm(enrolled + tested, axis=1)
            alone = log_normaliser(np.linalg.norm(enrolled, axis=1), dim)
            alone += self._of_test(tested)
            scores[part] = alone - log_normaliser(joint, dim)
        return scores

    def score_matrix(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Score every enrolment row against every test row.

        Arguments
        ---------
        enroll : (M, D) numpy.ndarray
        test : (N, D) numpy.ndarray
        n_enroll : (M,) numpy.ndarray of int or None
            Ignored, as in `score`.

        Returns
        -------
        (M, N) numpy.ndarray

        Raises
        ------
        ValueError
            As in `score`.
        """
        dim = len(check_fitted(self.mean, self))
        enroll = check_embeddings(enroll, dim, "enrolment embeddings")
        test = check_embeddings(test, dim, "test embeddings")
        _check_units(test, "test embeddings")
        enroll, test = self._natural(enroll), self.within * test
        squares = np.square(enroll).sum(axis=1)[:, None]
        of_enroll = log_normaliser(np.sqrt(squares), dim)
        of_test = self._of_test(test)
        squares_of_test = np.square(test).sum(axis=1)
        scores = enroll @ test.T
        n_rows = max(1, _CELLS // len(test))
        for i in range(0, len(enroll), n_rows):
            part = slice(i, i + n_rows)
            joint = 2 * scores[part] + squares[part] + squares_of_test
            # Rounding may take the square of a length below 0.
            joint = np.sqrt(np.maximum(joint, 0.0))
            alone = of_enroll[part] + of_test
            scores[part] = alone - log_normaliser(joint, dim)
        return scores

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"n_iterations": self.n_iterations}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return mean (D,), and between and within as arrays of rank 0."""
        return {
            "mean": check_fitted(self.mean, self),
            "between": np.array(self.between),
            "within": np.array(self.within),
        }

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Psda":
        """Rebuild from `settings` and `arrays`; scores are the same bits.

        Raises
        ------
        ValueError
            If names are missing or unexpected, shapes disagree, the mean is
            not of length 1, or a concentration is negative.
        """
        check_keys(settings, ["n_iterations"], "settings of Psda")
        shapes = {"mean": ("D",), "between": (), "within": ()}
        checked = check_arrays(arrays, shapes, "Psda")
        _check_units(checked["mean"][None], "means")
        for name in ("between", "within"):
            if checked[name] < 0:
                raise ValueError(
                    f"{name} of Psda is a concentration and must be 0 or "
                    f"more, got {checked[name]:g}"
                )
        psda = cls(**settings)
        psda._set(**checked)
        return psda

    def _set(self, mean, between, within):
        """Keep the parameters."""
        self.mean, self.between = mean, float(between)
        self.within = float(within)

    def _natural(self, sums):
        """Natural parameters (N, D) of the posterior, given sums (N, D)."""
        return self.between * self.mean + self.within * sums

    def _of_test(self, test):
        """What the test adds to a score alone, (N,); within * test is given."""
        dim = len(self.mean)
        prior = self.between * self.mean
        concentrations = np.linalg.norm(prior + test, axis=1)
        return log_normaliser(concentrations, dim) - log_normaliser(
            self.between, dim
        )

    def _log_likelihood(self, sums, counts):
        """Log density in nats: the prior over the posterior of each z."""
        dim = len(self.mean)
        posterior = np.linalg.norm(self._natural(sums), axis=1)
        return float(
            counts.sum() * log_normaliser(self.within, dim)
            + len(counts) * log_normaliser(self.between, dim)
            - log_normaliser(posterior, dim).sum()
        )

    def _em_step(self, sums, counts):
        """Mean, between and within after one step of EM."""
        natural = self._natural(sums)
        lengths = np.linalg.norm(natural, axis=1, keepdims=True)
        # E: mean of every speaker's posterior, shorter than 1. A length of 0
        # is a uniform posterior, whose mean is 0.
        directions = natural / np.where(lengths > 0, lengths, 1)
        centres = mean_length(lengths, len(self.mean)) * directions
        # M: concentrations of the lengths of the mean vectors.
        return _estimate(
            centres.mean(axis=0), (centres * sums).sum() / counts.sum()
        )


def _check_units(embeddings, name):
    """Return embeddings (N, D), or say that they are not of length 1."""
    lengths = np.linalg.norm(embeddings, axis=1)
    wrong = np.flatnonzero(np.abs(lengths - 1) > _UNIT_ERROR)
    if wrong.size:
        raise ValueError(
            f"{wrong.size} of {len(lengths)} {name} are not of length 1 "
            f"(first: row {wrong[0]}, of length {lengths[wrong[0]]:g}); "
            "put LengthNorm before Psda"
        )
    return embeddings


def _statistics(embeddings, labels, dim=None):
    """Sums (K, D) and counts (K,) of unit vectors (N, D) of speakers (N,)."""
    embeddings = _check_units(check_embeddings(embeddings, dim), "embeddings")
    indices, n_speakers = check_labels(labels, len(embeddings))
    return class_sums(embeddings, indices, n_speakers), np.bincount(indices)


def _start(sums, counts):
    """Mean, between and within that EM starts from.

    Two recordings of one speaker have the mean product rho(within)^2, and a
    recording has the mean rho(within) rho(between) times the mean direction.
    """
    if len(counts) < 2:
        raise ValueError(
            f"PSDA needs at least 2 speakers to learn from, got {len(counts)}"
        )
    if counts.max() < 2:
        raise ValueError(
            f"none of the {len(counts)} speakers has two recordings, so that "
            "nothing is known of how recordings of one speaker vary; fit on "
            "several recordings a speaker"
        )
    n_pairs = (counts * (counts - 1)).sum()
    product = ((sums**2).sum() - counts.sum()) / n_pairs
    within = np.sqrt(max(product, _SHORTEST**2))
    return _estimate((sums / counts[:, None]).mean(axis=0) / within, within)


def _estimate(centre, within_length):
    """Mean and concentrations of a mean vector (D,) and a mean length."""
    dim, length = len(centre), float(np.linalg.norm(centre))
    # Speakers in all directions alike have no mean direction: any will do.
    mean = centre / length if length > 0 else np.eye(dim)[0]
    try:
        within = concentration_of(float(within_length), dim)
    except ValueError as error:
        raise ValueError(
            "the recordings of each speaker (nearly) coincide, so that their "
            "concentration is unbounded; look for repeated recordings"
        ) from error
    # Moments of few speakers may exceed what a distribution allows.
    return mean, concentration_of(min(length, 1 - 1e-6), dim), within
