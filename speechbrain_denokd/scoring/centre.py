"""Subtraction of the mean (``embeddings -> centred embeddings``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.scorer import check_embeddings, check_fitted
from speechbrain_denokd.scoring.stored import check_arrays, check_keys


class Centre:
    """Subtract the mean of the embeddings it was fitted on.

    See `scoring.scorer.Transform` for the methods. Labels are ignored.

    Raises
    ------
    ValueError
        If used before `fit`, or on another D.

    Example
    -------
    >>> centre = Centre().fit(np.array([[1.0, 0.0], [3.0, 4.0]]))
    >>> centre.transform(np.array([[2.0, 2.0], [2.0, 3.0]])).tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self) -> None:
        self.mean: np.ndarray | None = None

    def fit(
        self, embeddings: np.ndarray, labels: Sequence | None = None
    ) -> "Centre":
        """Learn the mean of embeddings (N, D)."""
        self.mean = check_embeddings(embeddings).mean(axis=0)
        return self

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Subtract the mean from embeddings (N, D)."""
        mean = check_fitted(self.mean, self)
        return check_embeddings(embeddings, len(mean)) - mean

    def settings(self) -> dict[str, Any]:
        """Return no settings."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return ``mean`` (D,)."""
        return {"mean": check_fitted(self.mean, self)}

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Centre":
        """Rebuild from `settings` and `arrays`."""
        check_keys(settings, (), "settings of Centre")
        centre = cls()
        centre.mean = check_arrays(arrays, {"mean": ("D",)}, "Centre")["mean"]
        return centre
