"""Within-class covariance normalisation (``embeddings -> embeddings``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.covariance import (
    inverse_root,
    within_covariance,
)
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_fitted,
    check_labels,
)
from speechbrain_denokd.scoring.stored import check_arrays, check_keys


class Wccn:
    """Make recordings of one speaker vary alike in all directions.

    Multiplies by the symmetric B with ``B·Bᵀ = W⁻¹``, W the covariance
    within speakers, which is the identity afterwards (Hatch, Kajarekar &
    Stolcke, "Within-class covariance normalization for SVM-based speaker
    recognition", Interspeech 2006). Any such B gives the same angles.
    Eigenvalues of W below 1e-6 of its largest are raised to that.
    See `scoring.scorer.Transform` for the methods.

    Raises
    ------
    ValueError
        In `fit`, if no speaker has two recordings.

    Example
    -------
    >>> x = np.array([[0.0, 0.0], [2.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    >>> wccn = Wccn().fit(x, [0, 0, 1, 1])
    >>> wccn.transform(np.eye(2)).round(4).tolist()
    [[0.7071, 0.0], [0.0, 1.4142]]
    """

    def __init__(self) -> None:
        self.matrix: np.ndarray | None = None

    def fit(self, embeddings: np.ndarray, labels: Sequence) -> "Wccn":
        """Learn W from embeddings (N, D) of speakers (N,)."""
        embeddings = check_embeddings(embeddings)
        indices, n_classes = check_labels(labels, len(embeddings))
        within = within_covariance(embeddings, indices, n_classes)
        self.matrix = inverse_root(within)
        return self

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Multiply embeddings (N, D) by B."""
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
    ) -> "Wccn":
        """Rebuild from `settings` and `arrays`."""
        check_keys(settings, (), "settings of Wccn")
        wccn = cls()
        shapes = {"matrix": ("D", "D")}
        wccn.matrix = check_arrays(arrays, shapes, "Wccn")["matrix"]
        return wccn
