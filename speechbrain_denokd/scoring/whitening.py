"""Whitening (``embeddings -> embeddings of unit covariance``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.covariance import (
    inverse_root,
    total_covariance,
)
from speechbrain_denokd.scoring.scorer import check_embeddings, check_fitted
from speechbrain_denokd.scoring.stored import check_arrays, check_keys


class Whitening:
    """Make embeddings vary alike in all directions, whoever speaks.

    Multiplies by the symmetric inverse root of the covariance of all
    embeddings (Garcia-Romero & Espy-Wilson, "Analysis of i-vector length
    normalization in speaker recognition systems", Interspeech 2011, have it
    between centring and length normalisation). Labels are ignored, and the
    mean stays: put `Centre` before it. Eigenvalues below 1e-6 of the largest
    are raised to that. See `scoring.scorer.Transform` for the methods.

    Raises
    ------
    ValueError
        In `fit`, if there are fewer than two embeddings, or all are equal.

    Example
    -------
    >>> x = np.array([[-3.0, 0.0], [3.0, 0.0], [0.0, -6.0], [0.0, 6.0]])
    >>> whitening = Whitening().fit(x)
    >>> np.cov(whitening.transform(x).T).round(6).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self) -> None:
        self.matrix: np.ndarray | None = None

    def fit(
        self, embeddings: np.ndarray, labels: Sequence | None = None
    ) -> "Whitening":
        """Learn the covariance of embeddings (N, D)."""
        covariance = total_covariance(check_embeddings(embeddings))
        self.matrix = inverse_root(covariance)
        return self

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Multiply embeddings (N, D) by the inverse root."""
        matrix = check_fitted(self.matrix, self)
        return check_embeddings(embeddings, len(matrix)) @ matrix

    def settings(self) -> dict[str, Any]:
        """Return no settings."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return ``matrix`` (D, D)."""
        return {"matrix": check_fitted(self.matrix, self)}

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Whitening":
        """Rebuild from `settings` and `arrays`."""
        check_keys(settings, (), "settings of Whitening")
        whitening = cls()
        shapes = {"matrix": ("D", "D")}
        whitening.matrix = check_arrays(arrays, shapes, "Whitening")["matrix"]
        return whitening
