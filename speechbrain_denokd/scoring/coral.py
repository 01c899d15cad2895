"""CORAL: training embeddings in the colours of another domain.

A tool for training (``out-of-domain embeddings -> Coral -> Lda, Plda``), and
no part of the chain that scores: test embeddings are in the domain already.

Sources: B. Sun, J. Feng, K. Saenko, "Return of frustratingly easy domain
adaptation", AAAI 2016; J. Alam, G. Bhattacharya, P. Kenny, "Speaker
verification in mismatched conditions with frustratingly easy domain
adaptation", Odyssey 2018.

Differs: covariances are not regularised by adding I, so that the covariance
afterwards is the domain's exactly; the mean becomes the domain's, too.
"""

import numpy as np

from speechbrain_denokd.scoring.covariance import total_covariance
from speechbrain_denokd.scoring.scorer import check_embeddings, check_fitted

_SINGULAR = 1e-10  # smallest eigenvalue of a usable covariance, of its largest


class Coral:
    """Affine map that gives source embeddings the target's mean and covariance.

    A source embedding x becomes (x - mean_s) C_s^(-1/2) C_t^(1/2) + mean_t.
    No labels are used, on either side.

    Raises
    ------
    ValueError
        If used before `fit`, or a covariance is singular in `fit`.

    Example
    -------
    >>> source = np.array([[-1.0], [1.0], [3.0]])
    >>> target = np.array([[10.0], [14.0], [18.0]])
    >>> Coral().fit(source, target).transform(source).round(6).tolist()
    [[10.0], [14.0], [18.0]]
    """

    def __init__(self) -> None:
        self.source_mean: np.ndarray | None = None
        self.target_mean: np.ndarray | None = None
        self.matrix: np.ndarray | None = None

    def fit(self, source: np.ndarray, target: np.ndarray) -> "Coral":
        """Learn the map.

        Arguments
        ---------
        source : (N, D) numpy.ndarray
            Of the domain that has labels to train with.
        target : (M, D) numpy.ndarray
            Of the domain where the system will be used.

        Returns
        -------
        Coral
            Itself.

        Raises
        ------
        ValueError
            If the two D differ, or a side does not vary in all directions
            (it needs more than D embeddings).
        """
        source = check_embeddings(source, name="source embeddings")
        target = check_embeddings(target, source.shape[1], "target embeddings")
        whiten = _power(source, -0.5, "source")
        self.matrix = whiten @ _power(target, 0.5, "target")
        self.source_mean = source.mean(axis=0)
        self.target_mean = target.mean(axis=0)
        return self

    def transform(self, source: np.ndarray) -> np.ndarray:
        """Map source embeddings (N, D) to the target domain, (N, D)."""
        matrix = check_fitted(self.matrix, self)
        source = check_embeddings(source, len(matrix), "source embeddings")
        return (source - self.source_mean) @ matrix + self.target_mean


def _power(embeddings, exponent, name):
    """Power of the covariance of embeddings (N, D), symmetric (D, D)."""
    values, vectors = np.linalg.eigh(total_covariance(embeddings))
    if values[0] <= _SINGULAR * values[-1]:
        n, dim = embeddings.shape
        raise ValueError(
            f"{n} {name} embeddings do not vary in all {dim} directions; use "
            "more of them, or fewer components"
        )
    return (vectors * values**exponent) @ vectors.T
