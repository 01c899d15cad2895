"""Linear discriminant analysis (``embeddings -> discriminant directions``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from speechbrain_denokd.scoring.covariance import (
    between_covariance,
    inverse_root,
    within_covariance,
)
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_fitted,
    check_labels,
)
from speechbrain_denokd.scoring.stored import check_arrays, check_keys


class Lda:
    """Project on the directions that tell speakers apart best.

    With W the covariance within and B that between speakers, the directions
    v solve ``B v = λ W v`` for the largest λ (Fisher 1936; Bishop, *Pattern
    Recognition and Machine Learning*, section 4.1.6). They are scaled such
    that the covariance within speakers is the identity afterwards.
    Eigenvalues of W below 1e-6 of its largest are raised to that.
    See `scoring.scorer.Transform` for the methods.

    The map is linear: put `Centre` before it where the mean matters, as it
    does ahead of a length normalisation.

    Arguments
    ---------
    n_components : int
        Directions that are kept: at most D, and one less than the speakers.

    Raises
    ------
    ValueError
        If ``n_components`` is not positive; in `fit`, if it is larger than
        the speakers or D allow, or no speaker has two recordings.

    Example
    -------
    >>> x = np.array([[0.0, 0.0], [2.0, 9.0], [5.0, 0.0], [7.0, 9.0]])
    >>> lda = Lda(1).fit(x, ["a", "b", "a", "b"])
    >>> abs(lda.matrix / lda.matrix[1]).round(6).tolist()
    [[0.0], [1.0]]
    """

    def __init__(self, n_components: int) -> None:
        if not isinstance(n_components, int) or n_components < 1:
            raise ValueError(
                "n_components of Lda must be an integer of 1 or more, "
                f"got {n_components!r}"
            )
        self.n_components = n_components
        self.matrix: np.ndarray | None = None

    def fit(self, embeddings: np.ndarray, labels: Sequence) -> "Lda":
        """Learn the directions from embeddings (N, D) of speakers (N,)."""
        embeddings = check_embeddings(embeddings)
        indices, n_classes = check_labels(labels, len(embeddings))
        n_dims = embeddings.shape[1]
        if self.n_components > min(n_classes - 1, n_dims):
            raise ValueError(
                f"n_components of Lda is {self.n_components}, but {n_classes} "
                f"speakers and {n_dims} components of the embeddings allow "
                f"{min(n_classes - 1, n_dims)} at most"
            )
        whiten = inverse_root(within_covariance(embeddings, indices, n_classes))
        between = between_covariance(embeddings, indices, n_classes)
        _, vectors = scipy.linalg.eigh(
            whiten @ between @ whiten,
            subset_by_index=(n_dims - self.n_components, n_dims - 1),
        )
        # eigh sorts upwards: the best direction comes first here.
        self.matrix = np.ascontiguousarray(whiten @ vectors[:, ::-1])
        return self

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Project embeddings (N, D) to (N, n_components), the best first."""
        matrix = check_fitted(self.matrix, self)
        return check_embeddings(embeddings, len(matrix)) @ matrix

    def settings(self) -> dict[str, Any]:
        """Return ``n_components``."""
        return {"n_components": self.n_components}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return ``matrix`` (D, n_components)."""
        return {"matrix": check_fitted(self.matrix, self)}

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> "Lda":
        """Rebuild from `settings` and `arrays`."""
        check_keys(settings, ("n_components",), "settings of Lda")
        lda = cls(**settings)
        shapes = {"matrix": ("D", lda.n_components)}
        lda.matrix = check_arrays(arrays, shapes, "Lda")["matrix"]
        return lda
