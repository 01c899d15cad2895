"""Cosine scoring (``embeddings -> cosine -> scores``)."""

from collections.abc import Mapping, Sequence

import numpy as np

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.covariance import class_means
from speechbrain_denokd.scoring.length_norm import unit_rows
from speechbrain_denokd.scoring.pairs import index_trials, score_pairs
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_models,
    check_pairs,
)
from speechbrain_denokd.scoring.stored import StoresNothing


class Cosine(StoresNothing):
    """Score two embeddings by the cosine of their angle, in [-1, 1].

    It learns nothing, and may be used without `fit`. See
    `scoring.scorer.Scorer` for the methods.

    Raises
    ------
    ValueError
        If an embedding is zero.

    Example
    -------
    >>> x = np.array([[3.0, 4.0], [0.0, 2.0]])
    >>> Cosine().score_matrix(x, x).round(4).tolist()
    [[1.0, 0.8], [0.8, 1.0]]
    """

    def fit(
        self, embeddings: np.ndarray, labels: Sequence | None = None
    ) -> "Cosine":
        """Learn nothing."""
        return self

    def pool(
        self, embeddings: np.ndarray, models: np.ndarray, n_models: int
    ) -> np.ndarray:
        """Average the unit vectors of each model: (M, D), lengths below 1.

        The cosine with such a mean is, but for a factor of the model, the
        mean of the cosines with its recordings.
        """
        embeddings = check_embeddings(embeddings)
        models = check_models(models, len(embeddings), n_models)
        return class_means(unit_rows(embeddings), models, n_models)

    def score(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Cosine of row i of enroll (N, D) with row i of test (N, D)."""
        enroll, test = check_pairs(enroll, test)
        return np.einsum(
            "nd,nd->n",
            unit_rows(enroll, "enrolment embeddings"),
            unit_rows(test, "test embeddings"),
        )

    def score_matrix(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        n_enroll: np.ndarray | None = None,
    ) -> np.ndarray:
        """Cosine of all of enroll (M, D) with all of test (N, D): (M, N).

        In float32 if both sides are, which halves the time and the memory.
        """
        sides = []
        for side, name in ((enroll, "enrolment"), (test, "test")):
            name = f"{name} embeddings"
            dim = sides[0].shape[1] if sides else None
            side = check_embeddings(side, dim, name, keep_float32=True)
            sides.append(unit_rows(side, name))
        return sides[0] @ sides[1].T


def cosine_scores(
    embeddings: Mapping[str, np.ndarray], trials: Sequence[Trial]
) -> tuple[np.ndarray, np.ndarray]:
    """Score every trial by the cosine of its two embeddings.

    Arguments
    ---------
    embeddings : mapping of str to (D,) numpy.ndarray
        By utterance ID.
    trials : sequence of Trial
        With IDs on both sides.

    Returns
    -------
    scores : (N,) numpy.ndarray of float64
        In [-1, 1], in the order of ``trials``.
    is_target : (N,) numpy.ndarray of bool

    Raises
    ------
    ValueError
        If a side has no embedding, or an embedding has no direction.

    Example
    -------
    >>> embeddings = {"a": np.array([3.0, 4.0]), "b": np.array([4.0, 3.0])}
    >>> scores, is_target = cosine_scores(embeddings, [Trial(True, "a", "b")])
    >>> round(scores[0].item(), 4), is_target.tolist()
    (0.96, [True])
    """
    names = list(embeddings)
    enroll, test, is_target = index_trials(names, trials)
    matrix = np.stack([np.asarray(e, np.float64) for e in embeddings.values()])
    norms = np.linalg.norm(matrix, axis=1)
    if not (np.isfinite(norms) & (norms > 0)).all():
        worst = names[int(np.argmin(np.nan_to_num(norms, posinf=0)))]
        raise ValueError(
            f"the embedding of {worst!r} is zero or not finite: its audio may "
            "be silent, or the weights damaged"
        )
    return score_pairs(Cosine(), matrix, enroll, test), is_target
