"""Inner products (``embeddings of any length -> scores``)."""

from collections.abc import Sequence

import numpy as np

from speechbrain_denokd.scoring.covariance import class_means
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_models,
    check_pairs,
)
from speechbrain_denokd.scoring.stored import StoresNothing


class InnerProduct(StoresNothing):
    """Score two embeddings by their inner product.

    Of unit vectors that is `Cosine`; of means of unit vectors it is the mean
    of the cosines between all of one side and all of the other, because an
    inner product is linear in both (see `score_mode`). It learns nothing, and
    may be used without `fit`. See `scoring.scorer.Scorer` for the methods.

    Example
    -------
    >>> x = np.array([[0.5, 0.5], [0.0, 1.0]])
    >>> InnerProduct().score_matrix(x, x).tolist()
    [[0.5, 0.5], [0.5, 1.0]]
    """

    def fit(
        self, embeddings: np.ndarray, labels: Sequence | None = None
    ) -> "InnerProduct":
        """Learn nothing."""
        return self

    def pool(
        self, embeddings: np.ndarray, models: np.ndarray, n_models: int
    ) -> np.ndarray:
        """Average the vectors of each model: (M, D)."""
        embeddings = check_embeddings(embeddings)
        models = check_models(models, len(embeddings), n_models)
        return class_means(embeddings, models, n_models)

    def score(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Row i of enroll (N, D) times row i of test (N, D)."""
        enroll, test = check_pairs(enroll, test)
        return np.einsum("nd,nd->n", enroll, test)

    def score_matrix(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """All of enroll (M, D) times all of test (N, D): (M, N).

        In float32 if both sides are, which halves the time and the memory.
        """
        enroll = check_embeddings(
            enroll, name="enrolment embeddings", keep_float32=True
        )
        test = check_embeddings(
            test, enroll.shape[1], "test embeddings", keep_float32=True
        )
        return enroll @ test.T
