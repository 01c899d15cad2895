"""An index that finds whom to score in a large gallery (``-> candidates``).

faiss (extra ``index``) keeps every vector in one byte a component and goes
through all of them. A search among 100,000 speakers of 192 components takes
5 ms instead of 0.25 s on one core, after 0.1 s of building, and found every
speaker sought. Its graphs (HNSW) are faster only where they miss: built in
16 s, one missed 13 % of the speakers sought at a cosine of 0.67; one that
missed none took a minute to build.

Source: M. Douze et al., "The Faiss library", arXiv 2401.08281, 2024 (scalar
quantizer).
"""

import numpy as np

from speechbrain_denokd.scoring.length_norm import unit_rows


class CandidateIndex:
    """Rows by their cosine with a vector, nearly exact.

    Arguments
    ---------
    vectors : (M, D) numpy.ndarray
        Prepared, one a speaker.

    Raises
    ------
    ImportError
        If faiss is not installed; see `candidate_index`.

    Example
    -------
    >>> vectors = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    >>> index = candidate_index(vectors)
    >>> index is None or index.nearest(np.array([0.1, 0.9]), 2).tolist()[0] == 1
    True
    """

    def __init__(self, vectors: np.ndarray):
        import faiss

        rows = _rows(vectors)
        self._index = faiss.IndexScalarQuantizer(
            rows.shape[1],
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
        )
        self._index.train(rows)
        self._index.add(rows)

    def nearest(self, vector: np.ndarray, n: int) -> np.ndarray:
        """Rows of the n vectors with the highest cosine, highest first.

        Arguments
        ---------
        vector : (D,) numpy.ndarray
        n : int
            At most M.

        Returns
        -------
        (n,) numpy.ndarray of int64
        """
        return self._index.search(_rows(vector[None]), n)[1][0]


def candidate_index(vectors: np.ndarray) -> CandidateIndex | None:
    """An index of vectors; None where faiss is not installed.

    On macOS faiss and PyTorch each bring an OpenMP runtime, which may end
    the process: the extra leaves faiss out there.

    Arguments
    ---------
    vectors : (M, D) numpy.ndarray

    Returns
    -------
    CandidateIndex or None

    Example
    -------
    >>> type(candidate_index(np.eye(2))).__name__ in (
    ...     "CandidateIndex", "NoneType"
    ... )
    True
    """
    try:
        return CandidateIndex(vectors)
    except ImportError:
        return None


def _rows(vectors: np.ndarray) -> np.ndarray:
    """Unit rows as faiss takes them."""
    return np.ascontiguousarray(unit_rows(vectors.astype(np.float32)))
