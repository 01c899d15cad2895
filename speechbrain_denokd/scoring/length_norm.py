"""Length normalisation (``embeddings -> unit vectors``)."""

from collections.abc import Sequence

import numpy as np

from speechbrain_denokd.scoring.scorer import check_embeddings
from speechbrain_denokd.scoring.stored import StoresNothing


def unit_rows(embeddings: np.ndarray, name: str = "embeddings") -> np.ndarray:
    """Scale every row to length 1.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray of float64 or float32
        Finite, as `scoring.scorer.check_embeddings` returns them.
    name : str
        What messages call the embeddings.

    Returns
    -------
    (N, D) numpy.ndarray
        Of the type that was given.

    Raises
    ------
    ValueError
        If rows have no direction: they are zero, or their length is beyond
        the largest float.

    Example
    -------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 2.0]])).tolist()
    [[0.6, 0.8], [0.0, 1.0]]
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    wrong = np.flatnonzero(~((lengths > 0) & np.isfinite(lengths)))
    if wrong.size:
        raise ValueError(
            f"{wrong.size} of {len(embeddings)} {name} have no direction "
            f"(first: row {wrong[0]}, of length {lengths[wrong[0], 0]}): "
            "their audio may be silent"
        )
    return embeddings / lengths


class LengthNorm(StoresNothing):
    """Scale embeddings to length 1.

    See `scoring.scorer.Transform` for the methods. It learns nothing, and
    may be used without `fit`. After Garcia-Romero & Espy-Wilson,
    "Analysis of i-vector length normalization in speaker recognition
    systems" (Interspeech 2011): lengths say little of the speaker, and
    without them embeddings are nearer to Gaussian.

    Raises
    ------
    ValueError
        If an embedding is zero.

    Example
    -------
    >>> LengthNorm().transform(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """

    def fit(
        self, embeddings: np.ndarray, labels: Sequence | None = None
    ) -> "LengthNorm":
        """Learn nothing; embeddings that cannot be normalised are refused."""
        unit_rows(check_embeddings(embeddings))
        return self

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Scale embeddings (N, D) to length 1."""
        return unit_rows(check_embeddings(embeddings))
