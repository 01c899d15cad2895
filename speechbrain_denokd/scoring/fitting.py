"""A plan and embeddings in, a fitted scoring system out.

Back-end and cohort learn from training embeddings, the calibration from
development trials: it must see scores of speakers that neither the encoder
nor the back-end has seen.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.metrics import OperatingPoint
from speechbrain_denokd.scoring.backend import (
    BackEnd,
    cosine_backend,
    lda_backend,
    plda_backend,
    psda_backend,
)
from speechbrain_denokd.scoring.cohort import KINDS as COHORT_KINDS
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.norm import ScoreNorm
from speechbrain_denokd.scoring.run import durations_of
from speechbrain_denokd.scoring.system import ScoringSystem, TrialScores

BACKENDS: Mapping[str, Callable[[int | None], BackEnd]] = {
    "cosine": lambda n_components: cosine_backend(centre=False),
    "centred_cosine": lambda n_components: cosine_backend(),
    "lda": lambda n_components: lda_backend(n_components),
    "plda": lambda n_components: plda_backend(n_components),
    "psda": lambda n_components: psda_backend(),
}


# Targets as likely as nontargets, both errors equally bad.
EVEN = OperatingPoint("even", 0.5)


class Plan(NamedTuple):
    """What a scoring system is to be.

    Attributes
    ----------
    backend : str
        One of ``BACKENDS``.
    n_components : int, optional
        Directions that LDA keeps, alone or before PLDA.
    norm : str
        "none", "z", "t", "s" or "as".
    top_n : int
        Of "as"; not more than the cohort has rows.
    cohort : str
        "speakers" or "utterances".
    quality : bool
        Whether durations, magnitudes and, with a norm, cohort means shift
        the log-likelihood ratio.

    Example
    -------
    >>> Plan(backend="plda", norm="as", top_n=100).cohort
    'speakers'
    """

    backend: str = "cosine"
    n_components: int | None = None
    norm: str = "none"
    top_n: int = 300
    cohort: str = "speakers"
    quality: bool = False

    @property
    def learns(self) -> bool:
        """Whether training embeddings are needed."""
        return self.backend != "cosine" or self.norm != "none"


class Embedded(NamedTuple):
    """Embeddings of labelled recordings.

    Attributes
    ----------
    embeddings : (N, D) numpy.ndarray
    speakers : (N,) sequence of str
    source : str
        Where they come from, for people.
    """

    embeddings: np.ndarray
    speakers: Sequence[str]
    source: str

    @classmethod
    def of(
        cls,
        embeddings: Mapping[str, np.ndarray],
        utterances: Sequence[Utterance],
        source: str,
    ) -> "Embedded":
        """Join embeddings by utterance ID with manifest rows."""
        return cls(
            np.stack([embeddings[row.id] for row in utterances]),
            [row.spk_id for row in utterances],
            source,
        )


def fit_system(
    plan: Plan,
    train: Embedded | None,
    dev: TrialSet,
    dev_embeddings: Mapping[str, np.ndarray],
    point: OperatingPoint,
) -> tuple[ScoringSystem, TrialScores]:
    """Fit back-end, cohort and calibration.

    Arguments
    ---------
    plan : Plan
    train : Embedded, optional
        Needed where ``plan.learns``.
    dev : TrialSet
        Development trials.
    dev_embeddings : mapping of str to (D,) numpy.ndarray
        By utterance ID.
    point : OperatingPoint
        Prior and costs that decisions assume.

    Returns
    -------
    system : ScoringSystem
    scores : TrialScores
        Of the development trials.

    Raises
    ------
    ValueError
        If the plan names what does not exist or cannot be fitted, or as
        `Calibration.fit`.
    """
    if plan.backend not in BACKENDS:
        raise ValueError(
            f"no back-end {plan.backend!r}; use one of {', '.join(BACKENDS)}"
        )
    if plan.backend == "lda" and plan.n_components is None:
        raise ValueError(
            "the back-end 'lda' needs n_components, fewer than there are "
            "training speakers; pass --n_components=100 or so"
        )
    backend, cohort = BACKENDS[plan.backend](plan.n_components), None
    if plan.learns:
        backend = backend.fit(train.embeddings, train.speakers)
    if plan.norm != "none":
        cohort = make_cohort(plan.cohort, train)
    norm = ScoreNorm(plan.norm, plan.top_n if plan.norm == "as" else None)
    system = ScoringSystem(backend, norm, cohort)
    return system.calibrated(
        dev_embeddings,
        dev.trials,
        durations_of(dev.utterances),
        use_quality=plan.quality,
        point=point,
    )


def make_cohort(kind: str, train: Embedded) -> Cohort:
    """Cohort of training speakers' means, or of training utterances.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "speakers":
        return Cohort.from_speakers(
            train.embeddings, train.speakers, source=train.source
        )
    if kind == "utterances":
        return Cohort.from_utterances(train.embeddings, source=train.source)
    raise ValueError(
        f"no cohort of {kind!r}; use one of {', '.join(COHORT_KINDS)}"
    )
