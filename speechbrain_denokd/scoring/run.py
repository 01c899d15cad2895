"""A model folder and a trial list in, scores with their provenance out.

The arrow ``wav -> embedding -> BackEnd -> norm -> calibration -> scores`` as
one call, for the command line and for training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.fingerprints import (
    folder_fingerprint,
    trials_fingerprint,
)
from speechbrain_denokd.scoring.system import ScoringSystem, TrialScores

KINDS = ("llr", "normalised", "raw")


class Chosen(NamedTuple):
    """One of the three stages that scores go through.

    Attributes
    ----------
    kind : str
        "llr", "normalised" or "raw".
    scores : (N,) numpy.ndarray
    """

    kind: str
    scores: np.ndarray


def scoring_of(folder: str | Path) -> ScoringSystem:
    """The scoring system of a model folder; plain cosine where it has none.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    ScoringSystem
        Fitted.

    Raises
    ------
    ValueError
        If its files are damaged.

    Example
    -------
    >>> scoring_of("tests/samples").calibration is None
    True
    """
    if ScoringSystem.is_in(folder):
        return ScoringSystem.load(folder)
    return ScoringSystem(cosine_backend(centre=False))


def choose(scores: TrialScores, kind: str | None = None) -> Chosen:
    """The scores of one stage; by default the last that there is.

    Arguments
    ---------
    scores : TrialScores
    kind : str, optional
        One of ``KINDS``.

    Returns
    -------
    Chosen

    Raises
    ------
    ValueError
        If there is no such stage, or the model is not calibrated.
    """
    if kind is None:
        kind = "normalised" if scores.llr is None else "llr"
    if kind not in KINDS:
        raise ValueError(f"no kind of score {kind!r}; use {', '.join(KINDS)}")
    chosen = getattr(scores, kind)
    if chosen is None:
        raise ValueError(
            "this model is not calibrated, so it has no log-likelihood "
            "ratios; run `denokd calibrate MODEL` on development trials first"
        )
    return Chosen(kind, chosen)


def durations_of(
    utterances: Sequence[Utterance], crop_s: float | None = None
) -> dict[str, float]:
    """Seconds by utterance ID, for quality measures.

    Arguments
    ---------
    utterances : sequence of Utterance
    crop_s : float, optional
        Longest that is heard.

    Example
    -------
    >>> row = Utterance("u1", 5.0, "u1.wav", 0, 80000, "ann")
    >>> durations_of([row]), durations_of([row], crop_s=2.0)
    ({'u1': 5.0}, {'u1': 2.0})
    """
    longest = float("inf") if crop_s is None else crop_s
    return {row.id: min(row.duration, longest) for row in utterances}


def provenance(
    model: str | Path, trial_set: TrialSet, system: ScoringSystem, kind: str
) -> dict:
    """What a score file says about where its scores come from.

    Arguments
    ---------
    model : str or Path
        Model folder.
    trial_set : TrialSet
    system : ScoringSystem
    kind : str
        Of `Chosen`.

    Returns
    -------
    dict
        Of JSON values.
    """
    return {
        "kind": kind,
        "model": str(model),
        "model_sha256": folder_fingerprint(model),
        "trials_sha256": trials_fingerprint(trial_set.trials),
        "scoring": system.describe(),
    }
