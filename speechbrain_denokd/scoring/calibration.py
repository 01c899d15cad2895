"""Calibration (``normalised score -> log-likelihood ratio``).

A score only ranks trials. A calibrated score is the natural logarithm of how
many times likelier it is under one speaker than under two, and has the same
threshold for given costs in every system.

Source: N. Brümmer and J. du Preez, "Application-independent evaluation of
speaker detection", Computer Speech and Language 2006 (the objective);
J. Thienpondt et al., "The IDLab VoxSRC-20 submission", ICASSP 2021 (quality
measures).
Differs: a small ridge, see `scoring.logistic_regression`.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from speechbrain_denokd.metrics import bayes_threshold, check_trials
from speechbrain_denokd.scoring.logistic_regression import (
    check_prior,
    logistic_regression,
)
from speechbrain_denokd.scoring.quality import Qualities
from speechbrain_denokd.scoring.stored import check_keys


@dataclass(frozen=True)
class Calibration:
    """An affine map from scores, and qualities, to log-likelihood ratios.

    ``llr = scale * score + offset + quality_weights . qualities``

    Attributes
    ----------
    scale, offset : float
        The scale is positive: a higher score never lowers the result.
    quality_names : tuple of str
        Columns of `scoring.quality.Qualities` that it needs; often none.
    quality_weights : tuple of float
    prior : float
        Probability of a target trial in the objective it was fitted to.
    n_targets, n_nontargets : int
        Trials it was fitted on.

    Raises
    ------
    ValueError
        If the scale is not positive, a number is not finite, or qualities
        and weights are not as many.

    Example
    -------
    >>> calibration = Calibration(scale=10.0, offset=-4.0)
    >>> calibration.llr(np.array([0.4, 0.5])).tolist()
    [0.0, 1.0]
    >>> round(calibration.threshold(p_target=0.01), 4)
    0.8595
    """

    scale: float
    offset: float
    quality_names: tuple[str, ...] = ()
    quality_weights: tuple[float, ...] = ()
    prior: float = 0.5
    n_targets: int = 0
    n_nontargets: int = 0

    def __post_init__(self):
        numbers = (self.scale, self.offset, *self.quality_weights)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(
                f"a calibration of {numbers} is not finite; fit it again"
            )
        if self.scale <= 0:
            raise ValueError(
                f"the scale of the calibration is {self.scale:.6g}, but must "
                "be positive: the scores are upside down, or do not tell "
                "targets from nontargets"
            )
        if len(self.quality_names) != len(self.quality_weights):
            raise ValueError(
                f"{len(self.quality_names)} qualities have "
                f"{len(self.quality_weights)} weights; give one each"
            )
        check_prior(self.prior)

    @classmethod
    def fit(
        cls,
        scores: np.ndarray,
        is_target: np.ndarray,
        qualities: Qualities | None = None,
        prior: float = 0.5,
    ) -> "Calibration":
        """Minimise the cross entropy at a prior (at 0.5: Cllr).

        Both classes weigh ``prior`` and ``1 - prior``, however many trials
        they have. Rescaled or shifted scores give the same result.

        Arguments
        ---------
        scores : (N,) numpy.ndarray
            Of development trials, by other speakers than will be tested.
        is_target : (N,) numpy.ndarray of bool
        qualities : Qualities, optional
            Of the same trials.
        prior : float
            Probability of a target trial, in (0, 1).

        Returns
        -------
        Calibration

        Raises
        ------
        ValueError
            If the trials are refused by ``metrics.check_trials``, all scores
            are equal, or higher scores do not mean targets.

        Warns
        -----
        UserWarning
            If the result tells all targets from all nontargets: the trials
            then do not say how steep it should be, and the ridge decides.

        Example
        -------
        >>> rng = np.random.default_rng(0)
        >>> is_target = np.arange(20000) < 10000
        >>> scores = rng.normal(np.where(is_target, 1.0, -1.0), 1.0)
        >>> calibration = Calibration.fit(scores, is_target)
        >>> abs(calibration.scale - 2.0) < 0.1  # of these distributions
        True
        """
        scores, is_target = check_trials(scores, is_target)
        names = () if qualities is None else tuple(qualities.names)
        columns = _columns(scores, qualities, names)
        if np.ptp(scores) == 0:
            raise ValueError(
                f"all {len(scores)} scores are {scores[0]:.6g}, so nothing can "
                "be calibrated; look at the embeddings"
            )
        weights, offset = logistic_regression(columns, is_target, prior)
        llrs = columns @ weights + offset
        if llrs[is_target].min() > llrs[~is_target].max():
            warnings.warn(
                f"all {is_target.sum()} targets score above all "
                f"{(~is_target).sum()} nontargets, which does not tell how "
                "sure a score makes; take more or harder development trials "
                "before using the size of the log-likelihood ratios",
                stacklevel=2,
            )
        return cls(
            scale=float(weights[0]),
            offset=float(offset),
            quality_names=names,
            quality_weights=tuple(float(weight) for weight in weights[1:]),
            prior=float(prior),
            n_targets=int(is_target.sum()),
            n_nontargets=int((~is_target).sum()),
        )

    def llr(
        self, scores: np.ndarray, qualities: Qualities | None = None
    ) -> np.ndarray:
        """Log-likelihood ratios of trials, in nats.

        Arguments
        ---------
        scores : (N,) numpy.ndarray
        qualities : Qualities, optional
            With exactly ``quality_names`` for columns.

        Returns
        -------
        (N,) numpy.ndarray of float64

        Raises
        ------
        ValueError
            If the qualities are not those it was fitted with.

        Example
        -------
        >>> calibration = Calibration(1.0, 0.0, ("magnitude_min",), (2.0,))
        >>> qualities = Qualities(np.array([[3.0]]), ("magnitude_min",))
        >>> calibration.llr(np.array([0.5]), qualities).tolist()
        [6.5]
        """
        scores = np.asarray(scores, dtype=np.float64)
        columns = _columns(scores, qualities, self.quality_names)
        return columns @ [self.scale, *self.quality_weights] + self.offset

    def threshold(
        self, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
    ) -> float:
        """Score from which on accepting costs less than rejecting.

        Arguments
        ---------
        p_target : float
            Prior probability of a target trial, in (0, 1).
        c_miss, c_fa : float
            Costs of a miss and of a false alarm.

        Returns
        -------
        float
            On the scale of the scores it was fitted to.

        Raises
        ------
        ValueError
            If the threshold depends on qualities, or the operating point is
            none.

        Example
        -------
        >>> Calibration(scale=2.0, offset=-1.0).threshold(p_target=0.5)
        0.5
        """
        if self.quality_names:
            raise ValueError(
                "this calibration has no one threshold, for it depends on "
                f"{list(self.quality_names)}; use decide"
            )
        bayes = bayes_threshold(p_target, c_miss, c_fa)
        return float((bayes - self.offset) / self.scale)

    def decide(
        self,
        scores: np.ndarray,
        qualities: Qualities | None = None,
        *,
        p_target: float,
        c_miss: float = 1.0,
        c_fa: float = 1.0,
    ) -> np.ndarray:
        """Accept the trials that cost less accepted than rejected.

        Arguments
        ---------
        scores : (N,) numpy.ndarray
        qualities : Qualities, optional
        p_target, c_miss, c_fa : float
            As in `threshold`.

        Returns
        -------
        (N,) numpy.ndarray of bool

        Raises
        ------
        ValueError
            As `llr` and `threshold`.

        Example
        -------
        >>> calibration = Calibration(scale=2.0, offset=-1.0)
        >>> calibration.decide(np.array([0.4, 0.6]), p_target=0.5).tolist()
        [False, True]
        """
        bayes = bayes_threshold(p_target, c_miss, c_fa)
        return self.llr(scores, qualities) >= bayes

    def settings(self) -> dict[str, Any]:
        """Return all attributes as JSON values."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> "Calibration":
        """Rebuild from what `settings` returned.

        Arguments
        ---------
        settings : mapping of str

        Returns
        -------
        Calibration

        Raises
        ------
        ValueError
            If keys are missing or unexpected, or a value is not of its type.

        Example
        -------
        >>> calibration = Calibration(2.0, 1.0)
        >>> Calibration.restore(calibration.settings()) == calibration
        True
        """
        keys = [field.name for field in fields(cls)]
        check_keys(settings, keys, "settings of Calibration")
        values = dict(settings)
        for key, kind in (("quality_names", str), ("quality_weights", float)):
            _typed(key, values[key], list)
            values[key] = tuple(_typed(key, v, kind) for v in values[key])
        for key in ("scale", "offset", "prior"):
            values[key] = _typed(key, values[key], float)
        for key in ("n_targets", "n_nontargets"):
            values[key] = _typed(key, values[key], int)
        return cls(**values)


def effective_prior(
    p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> float:
    """Prior at which equal costs have the same threshold as these.

    Arguments
    ---------
    p_target : float
        Prior probability of a target trial, in (0, 1).
    c_miss, c_fa : float
        Costs of a miss and of a false alarm.

    Returns
    -------
    float
        In (0, 1).

    Raises
    ------
    ValueError
        If the operating point is none.

    Example
    -------
    >>> effective_prior(0.5, c_miss=3.0, c_fa=1.0)
    0.75
    """
    return 1 / (1 + math.exp(bayes_threshold(p_target, c_miss, c_fa)))


def _columns(
    scores: np.ndarray, qualities: Qualities | None, names: tuple[str, ...]
) -> np.ndarray:
    """Scores and then qualities as (N, 1 + Q), if they belong together."""
    given = () if qualities is None else tuple(qualities.names)
    if given != tuple(names):
        raise ValueError(
            f"the calibration needs the qualities {list(names)}, but got "
            f"{list(given)}; give these columns in this order"
        )
    if qualities is None:
        return scores[:, None]
    values = np.asarray(qualities.values, dtype=np.float64)
    if values.shape != (len(scores), len(names)) or not len(names):
        raise ValueError(
            f"{len(scores)} scores come with qualities of shape "
            f"{values.shape} and {len(names)} names; give one row a trial and "
            "one name a column"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{(~np.isfinite(values)).any(axis=1).sum()} of {len(values)} "
            "trials have a quality that is not finite; measure them again"
        )
    return np.column_stack([scores, values])


def _typed(key: str, value: Any, kind: type) -> Any:
    """Convert a number or text from a file; refuse all else."""
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or isinstance(value, bool):
        raise ValueError(
            f"{key} of the calibration is {value!r}, but must be of type "
            f"{kind.__name__}"
        )
    return kind(value)
