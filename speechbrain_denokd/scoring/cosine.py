"""Cosine scoring of trial lists (``embedding -> cosine -> scores``)."""

from collections.abc import Mapping, Sequence

import numpy as np

from speechbrain_denokd.data.trials import Trial

_CHUNK = 1 << 18  # trials multiplied at once: bounds the memory


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
    row = {name: i for i, name in enumerate(embeddings)}
    missing = {
        side for trial in trials for side in trial[1:] if side not in row
    }
    if missing:
        raise ValueError(
            f"{len(missing)} utterances of the trials have no embedding "
            f"(first: {min(missing)!r}); extract them all before scoring"
        )
    matrix = np.stack([np.asarray(e, np.float64) for e in embeddings.values()])
    norms = np.linalg.norm(matrix, axis=1)
    if not (np.isfinite(norms) & (norms > 0)).all():
        worst = list(embeddings)[int(np.argmin(np.nan_to_num(norms, posinf=0)))]
        raise ValueError(
            f"the embedding of {worst!r} is zero or not finite: its audio may "
            "be silent, or the weights damaged"
        )
    matrix /= norms[:, None]
    enroll = np.array([row[trial.enroll] for trial in trials])
    test = np.array([row[trial.test] for trial in trials])
    scores = np.empty(len(trials))
    for i in range(0, len(trials), _CHUNK):
        part = slice(i, i + _CHUNK)
        scores[part] = (matrix[enroll[part]] * matrix[test[part]]).sum(axis=1)
    return scores, np.array([trial.is_target for trial in trials])
