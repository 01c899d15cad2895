"""The cohort: speakers that nobody in the trials is (``embedding -> norm``).

Score normalisation compares every utterance with it. It holds embeddings as
the encoder made them, so that it is transformed with whatever back-end it is
used with.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechbrain_denokd.scoring.scorer import check_embeddings, check_labels
from speechbrain_denokd.scoring.stored import check_keys

KINDS = ("utterances", "speakers")


@dataclass(frozen=True, eq=False)
class Cohort:
    """Embeddings of a cohort, and what they are of.

    Attributes
    ----------
    embeddings : (M, D) numpy.ndarray of float32
        Raw: before any transform.
    kind : str
        "utterances", one row a recording, or "speakers", their mean a row.
    source : str
        What it was made from, for people: "VoxCeleb2 dev, 5994 speakers".

    Raises
    ------
    ValueError
        If the kind is unknown, the source is no text, or the embeddings are
        not a finite matrix.

    Example
    -------
    >>> cohort = Cohort(np.array([[1.0, 0.0], [0.0, 1.0]]), "speakers")
    >>> len(cohort.embeddings), cohort.fingerprint()[:8]
    (2, 'cac5d2bf')
    """

    embeddings: np.ndarray
    kind: str
    source: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"a cohort of kind {self.kind!r} is unknown; give one of "
                f"{list(KINDS)}"
            )
        if not isinstance(self.source, str):
            raise ValueError(
                f"the source of a cohort is {self.source!r}; describe in words "
                "what it was made from"
            )
        matrix = check_embeddings(
            self.embeddings, name="cohort embeddings", keep_float32=True
        )
        # A copy: the fingerprint must not change behind the cohort's back.
        matrix = np.array(matrix, dtype=np.float32, order="C")
        matrix.setflags(write=False)
        object.__setattr__(self, "embeddings", matrix)

    @classmethod
    def from_speakers(
        cls,
        embeddings: np.ndarray,
        labels: Sequence,
        max_size: int | None = None,
        seed: int = 0,
        source: str = "",
    ) -> "Cohort":
        """Make a cohort with one row a speaker: the mean of its embeddings.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
        labels : (N,) sequence of int or of str
            Speakers.
        max_size : int or None
            Draw this many speakers when there are more.
        seed : int
            Of that draw.
        source : str
            What the embeddings are of.

        Returns
        -------
        Cohort

        Raises
        ------
        ValueError
            If labels or embeddings are refused, or ``max_size`` is below 1.

        Example
        -------
        >>> embeddings = np.array([[1.0, 0.0], [4.0, 4.0], [3.0, 0.0]])
        >>> Cohort.from_speakers(embeddings, ["b", "a", "b"]).embeddings
        array([[4., 4.],
               [2., 0.]], dtype=float32)
        """
        means = speaker_means(embeddings, labels)
        rows = _drawn_rows(len(means), max_size, seed)
        return cls(means[rows], "speakers", source)

    @classmethod
    def from_utterances(
        cls,
        embeddings: np.ndarray,
        max_size: int | None = None,
        seed: int = 0,
        source: str = "",
    ) -> "Cohort":
        """Make a cohort with one row a recording.

        Arguments
        ---------
        embeddings : (N, D) numpy.ndarray
        max_size : int or None
            Draw this many recordings when there are more.
        seed : int
            Of that draw.
        source : str
            What the embeddings are of.

        Returns
        -------
        Cohort

        Raises
        ------
        ValueError
            If the embeddings are refused, or ``max_size`` is below 1.

        Example
        -------
        >>> cohort = Cohort.from_utterances(np.eye(9), max_size=4)
        >>> cohort.embeddings.shape
        (4, 9)
        """
        rows = _drawn_rows(len(embeddings), max_size, seed)
        return cls(np.asarray(embeddings)[rows], "utterances", source)

    def fingerprint(self) -> str:
        """SHA-256 of the kind and of every number, as hexadecimal digits."""
        digest = hashlib.sha256(
            f"{self.kind} {self.embeddings.shape} float32\n".encode()
        )
        digest.update(self.embeddings.astype("<f4", copy=False).data)
        return digest.hexdigest()

    def settings(self) -> dict[str, Any]:
        """Return all but the embeddings, and what they are, as JSON values."""
        return {
            "kind": self.kind,
            "source": self.source,
            "size": len(self.embeddings),
            "fingerprint": self.fingerprint(),
        }

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], embeddings: np.ndarray | None
    ) -> "Cohort":
        """Rebuild a cohort, if it is the one that the settings describe.

        Arguments
        ---------
        settings : mapping of str
            As `settings` returned.
        embeddings : (M, D) numpy.ndarray or None
            None, where a file has none, is refused.

        Returns
        -------
        Cohort

        Raises
        ------
        ValueError
            If keys are missing or unexpected, or the embeddings are missing
            or not those of the fingerprint.

        Example
        -------
        >>> cohort = Cohort(np.eye(3), "speakers", "three speakers")
        >>> Cohort.restore(cohort.settings(), np.eye(3)).source
        'three speakers'
        """
        keys = ("kind", "source", "size", "fingerprint")
        check_keys(settings, keys, "settings of Cohort")
        if embeddings is None:
            raise ValueError(
                f"the embeddings of a cohort of {settings['size']} rows are "
                "missing; save the scoring system again"
            )
        cohort = cls(embeddings, settings["kind"], settings["source"])
        found = cohort.settings()
        for key in ("size", "fingerprint"):
            if found[key] != settings[key]:
                raise ValueError(
                    f"this is another cohort than was saved: {key} "
                    f"{found[key]!r} instead of {settings[key]!r}; copy its "
                    "files again"
                )
        return cohort


def speaker_means(embeddings: np.ndarray, labels: Sequence) -> np.ndarray:
    """Mean embedding of each speaker, in the sorted order of the labels.

    The embeddings count as they are, long or short: scale them to length
    one before, if recordings should count alike.

    Arguments
    ---------
    embeddings : (N, D) numpy.ndarray
    labels : (N,) sequence of int or of str
        Speakers.

    Returns
    -------
    (K, D) numpy.ndarray of float64

    Raises
    ------
    ValueError
        If the embeddings are not a finite matrix, or the labels do not fit.

    Example
    -------
    >>> speaker_means(np.array([[1.0], [5.0], [3.0]]), ["b", "a", "b"]).tolist()
    [[5.0], [2.0]]
    """
    matrix = check_embeddings(embeddings, keep_float32=True)
    indices, n_speakers = check_labels(labels, len(matrix))
    order = np.argsort(indices, kind="stable")
    ends = np.cumsum(np.bincount(indices, minlength=n_speakers))
    # A speaker at a time: VoxCeleb2 in float64 would take 1.7 GB.
    return np.stack(
        [
            matrix[rows].mean(axis=0, dtype=np.float64)
            for rows in np.split(order, ends[:-1])
        ]
    )


def check_no_shared_speakers(
    cohort_speakers: Iterable[str], trial_speakers: Iterable[str]
) -> None:
    """Refuse a cohort with speakers that occur in the trials.

    Such a speaker's own trials lose score to the cohort rows of the same
    speaker, and the error rates are no longer those of unseen speakers.

    Arguments
    ---------
    cohort_speakers, trial_speakers : iterable of str

    Raises
    ------
    ValueError
        If a speaker is in both.

    Example
    -------
    >>> check_no_shared_speakers(["a", "b"], ["c", "b"])
    Traceback (most recent call last):
    ...
    ValueError: 1 of 2 cohort speakers occur in the trials (first: 'b'); ...
    """
    cohort_speakers = set(cohort_speakers)
    shared = sorted(cohort_speakers.intersection(trial_speakers))
    if shared:
        raise ValueError(
            f"{len(shared)} of {len(cohort_speakers)} cohort speakers occur in "
            f"the trials (first: {shared[0]!r}); make the cohort from training "
            "speakers only"
        )


def _drawn_rows(n: int, max_size: int | None, seed: int) -> np.ndarray:
    """Rows of a random subset, in ascending order; all if they are few."""
    if max_size is None or n <= max_size:
        return np.arange(n)
    if max_size < 1:
        raise ValueError(
            f"max_size is {max_size}, but a cohort has rows; give 1 or more, "
            "or None for all"
        )
    drawn = np.random.default_rng(seed).choice(n, max_size, replace=False)
    return np.sort(drawn)
