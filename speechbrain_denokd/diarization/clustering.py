"""Which windows are of one speaker (``embeddings -> scores -> labels``).

Windows are compared by the model's own scoring system, and clustered by
scikit-learn. With a cosine back-end, average linkage at a log-likelihood
ratio of 0 is average linkage on cosine distance at the calibrated threshold.

The calibration was fitted to recordings longer than a window. Windows of one
speaker score lower than those, so that a threshold below 0, or the number of
speakers where it is known, may do better.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.cluster import AgglomerativeClustering, SpectralClustering

from speechbrain_denokd.scoring.norm import cohort_statistics, normalise
from speechbrain_denokd.scoring.system import ScoringSystem

METHODS = ("agglomerative", "spectral")

# A matrix of N x N float64, and a copy or two of it, must fit into memory.
_MOST_WINDOWS = 12_000


class WindowScores(NamedTuple):
    """Scores of all pairs of windows.

    Attributes
    ----------
    values : (N, N) numpy.ndarray
        Symmetric; the larger, the likelier one speaker.
    are_llrs : bool
        Whether they are natural log-likelihood ratios.

    Example
    -------
    >>> WindowScores(np.zeros((2, 2)), True).are_llrs
    True
    """

    values: np.ndarray
    are_llrs: bool


def score_windows(
    system: ScoringSystem, embeddings: np.ndarray
) -> WindowScores:
    """Score every window against every other.

    Arguments
    ---------
    system : ScoringSystem
    embeddings : (N, D) numpy.ndarray
        As the encoder returns them.

    Returns
    -------
    WindowScores
        Calibrated if the system is.

    Raises
    ------
    ValueError
        If there are more than 12,000 windows, or the calibration depends on
        qualities, which windows of one length do not differ in.

    Example
    -------
    >>> from speechbrain_denokd.scoring.backend import cosine_backend
    >>> system = ScoringSystem(cosine_backend(centre=False))
    >>> x = np.array([[3.0, 4.0], [4.0, 3.0]])
    >>> score_windows(system, x).values.round(4).tolist()
    [[1.0, 0.96], [0.96, 1.0]]
    """
    calibration = system.calibration
    if calibration is not None and calibration.quality_names:
        raise ValueError(
            f"the calibration depends on {list(calibration.quality_names)}, "
            "which windows of one length do not differ in; calibrate without "
            "--quality to diarize"
        )
    n = len(embeddings)
    if n > _MOST_WINDOWS:
        raise ValueError(
            f"the recording has {n} windows of speech, but at most "
            f"{_MOST_WINDOWS} can be compared with each other; take a longer "
            "hop, or cut the recording"
        )
    scorer = system.backend.scorer
    prepared = system.backend.transform(embeddings)
    values = np.asarray(scorer.score_matrix(prepared, prepared), np.float64)
    statistics = None
    if system.cohort is not None:
        cohort = system.backend.transform(system.cohort.embeddings)
        statistics = cohort_statistics(
            scorer, prepared, cohort, system.norm.top_n
        )
    # A row at a time, so that there is no second matrix of this size.
    for i in range(n):
        if statistics is not None:
            own = statistics.take(np.full(n, i))
            values[i] = normalise(values[i], own, statistics, system.norm.kind)
        if calibration is not None:
            values[i] = calibration.llr(values[i])
    # Some norms look at one side only, and products round.
    return WindowScores((values + values.T) / 2, calibration is not None)


def cluster(
    scores: WindowScores,
    n_speakers: int | None = None,
    threshold: float = 0.0,
    method: str = "agglomerative",
) -> np.ndarray:
    """Group windows by speaker.

    Arguments
    ---------
    scores : WindowScores
    n_speakers : int, optional
        How many there are; by default the threshold decides.
    threshold : float
        Groups whose windows have a mean log-likelihood ratio above it are of
        one speaker.
    method : str
        "agglomerative", average linkage; or "spectral", on the posterior of
        one speaker at even odds, which needs ``n_speakers``.

    Returns
    -------
    (N,) numpy.ndarray of int
        In 0..K - 1, in the order of their first windows.

    Raises
    ------
    ValueError
        If the method is unknown, the scores are not calibrated where
        log-likelihood ratios are needed, or ``n_speakers`` is missing or not
        in 1..N.

    Example
    -------
    >>> llrs = np.array([[9, -4, 3], [-4, 9, -5], [3, -5, 9.0]])
    >>> cluster(WindowScores(llrs, True)).tolist()
    [0, 1, 0]
    """
    n = len(scores.values)
    _check(scores, n_speakers, method)
    if n == 1 or n_speakers == 1:
        return np.zeros(n, dtype=np.int64)
    if method == "spectral":
        model = SpectralClustering(
            n_speakers,
            affinity="precomputed",
            assign_labels="cluster_qr",
            random_state=0,
        )
        return _in_order(model.fit_predict(expit(scores.values)))
    # Distances must not be negative; average linkage minds no offset.
    highest = max(scores.values.max(), threshold)
    model = AgglomerativeClustering(
        n_clusters=n_speakers,
        metric="precomputed",
        linkage="average",
        distance_threshold=None if n_speakers else highest - threshold,
    )
    return _in_order(model.fit_predict(highest - scores.values))


def _check(scores: WindowScores, n_speakers: int | None, method: str) -> None:
    n = len(scores.values)
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; use one of {list(METHODS)}")
    if n_speakers is not None and not 1 <= n_speakers <= n:
        raise ValueError(
            f"{n_speakers} speakers cannot be found in {n} windows of speech; "
            f"give a number in 1..{n}"
        )
    if method == "spectral" and n_speakers is None:
        raise ValueError(
            "spectral clustering needs the number of speakers; give it, or "
            "use 'agglomerative'"
        )
    if not scores.are_llrs and (method == "spectral" or n_speakers is None):
        raise ValueError(
            "this model is not calibrated, so that its scores do not tell how "
            "many speakers there are; run `denokd calibrate MODEL` on "
            "development trials first, or give the number of speakers to "
            "'agglomerative'"
        )


def _in_order(labels: np.ndarray) -> np.ndarray:
    """Number the clusters by their first window."""
    _, first, inverse = np.unique(
        labels, return_index=True, return_inverse=True
    )
    return np.argsort(np.argsort(first))[inverse]
