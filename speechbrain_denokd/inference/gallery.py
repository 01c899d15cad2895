"""Enrolled speakers, and who of them is speaking (``embedding -> names``).

The raw embedding of every recording is kept. What a back-end makes of several
recordings is not linear in them (it centres, maps and scales each before it
pools), so only the raw ones stay right when the model is calibrated anew.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.inference.gallery_file import (
    GalleryFile,
    encoder_fingerprint,
    read_gallery_file,
    write_gallery_file,
)
from speechbrain_denokd.inference.gallery_index import (
    CandidateIndex,
    candidate_index,
)
from speechbrain_denokd.metrics import OperatingPoint, bayes_threshold
from speechbrain_denokd.scoring.norm import (
    CohortStatistics,
    cohort_statistics,
    normalise,
)
from speechbrain_denokd.scoring.run import scoring_of
from speechbrain_denokd.scoring.scorer import check_embeddings
from speechbrain_denokd.scoring.system import ScoringSystem

_FEWEST_CANDIDATES = 100  # the index's order is not that of the scores


class Match(NamedTuple):
    """An enrolled speaker compared with a recording.

    Attributes
    ----------
    name : str
    score : float
        Of the back-end, normalised if the model does so.
    llr : float, optional
        Natural log-likelihood ratio; None if the model is not calibrated.
    same_speaker : bool, optional
        Whether ``llr`` reaches the threshold; None if it is None.

    Example
    -------
    >>> Match("ann", 0.71, 4.2, True).name
    'ann'
    """

    name: str
    score: float
    llr: float | None
    same_speaker: bool | None


class Gallery:
    """Enrolled speakers.

    Arguments
    ---------
    scoring : ScoringSystem
        Back-end, normalisation and calibration of the model.
    model_sha256 : str
        `encoder_fingerprint` of the model that makes the embeddings.
    index_from : int
        Galleries of so many names or more are first searched by an index,
        if the extra ``index`` is installed. Of the nearest 100 that it finds
        (10 n, if more) the scores are exact; where the score norm ranks
        otherwise than the cosine, later matches may be missing.

    Raises
    ------
    ValueError
        If the calibration depends on qualities, which are defined for pairs
        of recordings.

    Example
    -------
    >>> from speechbrain_denokd.scoring.backend import cosine_backend
    >>> from speechbrain_denokd.scoring.calibration import Calibration
    >>> scoring = ScoringSystem(
    ...     cosine_backend(centre=False),
    ...     calibration=Calibration(scale=10.0, offset=-5.0),
    ... )
    >>> gallery = Gallery(scoring, "of this example")
    >>> gallery.add("ann", np.array([[1.0, 0.0], [0.8, 0.6]]))
    >>> gallery.add("bob", np.array([[0.0, 2.0]]))
    >>> best, other = gallery.search(np.array([3.0, 1.0]), n=2)
    >>> best.name, round(best.score, 4), best.same_speaker
    ('ann', 1.0, True)
    >>> other.name, round(other.llr, 4), other.same_speaker
    ('bob', -1.8377, False)
    """

    def __init__(
        self,
        scoring: ScoringSystem,
        model_sha256: str,
        index_from: int = 50_000,
    ):
        calibration = scoring.calibration
        if calibration is not None and calibration.quality_names:
            raise ValueError(
                f"the calibration depends on {list(calibration.quality_names)}"
                ", which are defined for pairs of recordings; calibrate "
                "without --quality to use a gallery"
            )
        self.scoring = scoring
        self.model_sha256 = model_sha256
        self.index_from = index_from
        self._embeddings: dict[str, np.ndarray] = {}
        self._ready: _Ready | None = None

    @classmethod
    def of_model(cls, folder: str | Path, **kwargs) -> "Gallery":
        """An empty gallery for a model folder.

        Arguments
        ---------
        folder : str or Path
        **kwargs
            ``index_from`` of the class.

        Returns
        -------
        Gallery

        Raises
        ------
        FileNotFoundError
            If it is no model folder.
        """
        return cls(scoring_of(folder), encoder_fingerprint(folder), **kwargs)

    @classmethod
    def load(cls, path: str | Path, folder: str | Path, **kwargs) -> "Gallery":
        """Read what `save` wrote.

        Arguments
        ---------
        path : str or Path
        folder : str or Path
            Model folder; its encoder must be that of the gallery, its
            back-end and calibration may be newer.
        **kwargs
            ``index_from`` of the class.

        Returns
        -------
        Gallery

        Raises
        ------
        FileNotFoundError
            If there is no such file or folder.
        ValueError
            If the file is damaged, or the gallery is of another model.
        """
        gallery = cls.of_model(folder, **kwargs)
        stored = read_gallery_file(path)
        if stored.model_sha256 != gallery.model_sha256:
            raise ValueError(
                f"{path} was made with another model (fingerprint "
                f"{stored.model_sha256[:12]}...) than {folder} "
                f"({gallery.model_sha256[:12]}...); give that model, or enrol "
                "the recordings again"
            )
        ends = np.cumsum(stored.counts)[:-1]
        groups = np.split(stored.embeddings, ends)
        # An empty gallery splits into one empty group.
        gallery._embeddings = dict(zip(stored.names, groups, strict=False))
        return gallery

    def save(self, path: str | Path) -> None:
        """Write the gallery to one safetensors file, whole or not at all.

        Arguments
        ---------
        path : str or Path
        """
        groups = list(self._embeddings.values())
        rows = np.concatenate(groups) if groups else np.zeros((0, 0))
        content = GalleryFile(
            list(self._embeddings),
            [len(group) for group in groups],
            rows.astype(np.float32, copy=False),
            self.model_sha256,
        )
        write_gallery_file(path, content)

    def __len__(self) -> int:
        """Enrolled speakers."""
        return len(self._embeddings)

    @property
    def names(self) -> tuple[str, ...]:
        """Enrolled speakers, in the order of their enrolment."""
        return tuple(self._embeddings)

    def n_recordings(self, name: str) -> int:
        """Recordings behind a name; 0 if it is not enrolled."""
        return len(self._embeddings.get(name, ()))

    def add(self, name: str, embeddings: np.ndarray) -> None:
        """Enrol recordings; those of a known name join the earlier ones.

        Arguments
        ---------
        name : str
        embeddings : (R, D) numpy.ndarray
            As the encoder returns them.

        Raises
        ------
        ValueError
            If the name is empty or has blank ends or line breaks, the
            embeddings are not a finite matrix of the gallery's D, or one of
            them is enrolled under this name already.
        """
        if not name or name != name.strip() or not name.isprintable():
            raise ValueError(
                f"{name!r} is no name to enrol; give one line of text without "
                "blanks at its ends"
            )
        others = next(iter(self._embeddings.values()), None)
        dim = None if others is None else others.shape[1]
        rows = check_embeddings(embeddings, dim, f"embeddings of {name!r}")
        rows = rows.astype(np.float32)
        known = self._embeddings.get(name, rows[:0])
        together = np.concatenate([known, rows])
        # Counted twice, a recording would make PLDA and PSDA too sure.
        n_new = len(np.unique(together, axis=0)) - len(known)
        if n_new < len(rows):
            raise ValueError(
                f"{len(rows) - n_new} of {len(rows)} recordings of {name!r} "
                "are enrolled already, or given twice; give each once"
            )
        self._embeddings[name] = together
        self._ready = None

    def remove(self, name: str) -> None:
        """Forget a speaker; a file keeps it until the gallery is saved.

        Arguments
        ---------
        name : str

        Raises
        ------
        ValueError
            If nobody of that name is enrolled.
        """
        if name not in self._embeddings:
            raise ValueError(
                f"{name!r} is not among the {len(self)} enrolled; look at "
                "the names of the gallery"
            )
        del self._embeddings[name]
        self._ready = None

    def threshold(self, point: OperatingPoint | None = None) -> float | None:
        """What `search` compares log-likelihood ratios with, if it has any."""
        if self.scoring.calibration is None:
            return None
        point = point or self.scoring.point
        return bayes_threshold(point.p_target, point.c_miss, point.c_fa)

    def search(
        self,
        embedding: np.ndarray,
        n: int = 5,
        point: OperatingPoint | None = None,
    ) -> list[Match]:
        """Find the speakers that a recording is most likely of.

        The recording is of nobody enrolled if the first is not the same
        speaker.

        Arguments
        ---------
        embedding : (D,) numpy.ndarray
            As the encoder returns it.
        n : int
            How many are returned, if so many are enrolled.
        point : OperatingPoint, optional
            Prior of each name and costs; by default those the model was
            calibrated for. If one of M names is expected with probability p,
            the prior of each is p / M: the more names, the easier one of
            them is reached by chance.

        Returns
        -------
        list of Match
            The likeliest first.

        Raises
        ------
        ValueError
            If nobody is enrolled, ``n`` is below 1, or the embedding is not
            finite or of another D.
        """
        if n < 1:
            raise ValueError(f"n is {n}, but one match or more is asked for")
        if not self._embeddings:
            raise ValueError("nobody is enrolled; add a speaker first")
        embedding = np.asarray(embedding)
        if embedding.ndim != 1:
            raise ValueError(
                f"one embedding is searched at a time, got the shape "
                f"{embedding.shape}; give (D,)"
            )
        if self._ready is None:
            self._ready = self._prepare()
        prepared = self.scoring.backend.transform(
            check_embeddings(embedding[None])
        )
        rows = self._ready.candidates(prepared[0], n)
        scores = self._scores(prepared, rows)
        order = np.argsort(-scores, kind="stable")[:n]
        return self._matches(rows[order], scores[order], point)

    def _prepare(self) -> "_Ready":
        """Pool the recordings of each speaker as the scorer says."""
        backend, scoring = self.scoring.backend, self.scoring
        groups = list(self._embeddings.values())
        counts = np.array([len(group) for group in groups])
        vectors = backend.pool(
            np.concatenate(groups),
            np.repeat(np.arange(len(groups)), counts),
            len(groups),
        )
        cohort = statistics = None
        if scoring.cohort is not None:
            cohort = backend.transform(scoring.cohort.embeddings)
            statistics = cohort_statistics(
                backend.scorer,
                vectors,
                cohort,
                scoring.norm.top_n,
                n_enroll=counts,
            )
        index = None
        if len(groups) >= self.index_from:
            index = candidate_index(vectors)
        return _Ready(self.names, vectors, counts, cohort, statistics, index)

    def _scores(self, prepared: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(R,) normalised scores of some speakers, against one recording."""
        scorer, ready = self.scoring.backend.scorer, self._ready
        raw = scorer.score_matrix(
            ready.vectors[rows], prepared, ready.counts[rows]
        )[:, 0]
        if ready.statistics is None:
            return raw.astype(np.float64)
        norm = self.scoring.norm
        of_test = cohort_statistics(
            scorer, prepared, ready.cohort, norm.top_n, side="test"
        ).take(np.zeros(len(rows), dtype=np.int64))
        return normalise(raw, ready.statistics.take(rows), of_test, norm.kind)

    def _matches(
        self,
        rows: Sequence[int],
        scores: np.ndarray,
        point: OperatingPoint | None,
    ) -> list[Match]:
        names = [self._ready.names[row] for row in rows]
        pairs = zip(names, scores.tolist(), strict=True)
        if self.scoring.calibration is None:
            return [Match(name, score, None, None) for name, score in pairs]
        llrs = self.scoring.calibration.llr(scores).tolist()
        threshold = self.threshold(point)
        return [
            Match(name, score, llr, llr >= threshold)
            for (name, score), llr in zip(pairs, llrs, strict=True)
        ]


class _Ready(NamedTuple):
    """A gallery as its scorer takes it."""

    names: tuple[str, ...]
    vectors: np.ndarray
    counts: np.ndarray
    cohort: np.ndarray | None
    statistics: CohortStatistics | None
    index: CandidateIndex | None

    def candidates(self, vector: np.ndarray, n: int) -> np.ndarray:
        """Rows to be scored: all of them, or what the index finds."""
        if self.index is None:
            return np.arange(len(self.names))
        n_candidates = min(max(_FEWEST_CANDIDATES, 10 * n), len(self.names))
        return self.index.nearest(vector, n_candidates)
