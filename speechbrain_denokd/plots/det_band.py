"""How sure a DET curve is (the arrow ``scores -> band``).

Speakers are resampled, not trials: see ``bootstrap``.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from speechbrain_denokd.bootstrap import speaker_intervals

_N_LEVELS = 100
_MAX_P_FA = 0.99


class DetBand(NamedTuple):
    """Interval of the miss rate at each of many false-alarm rates.

    Attributes
    ----------
    p_fa : (G,) numpy.ndarray
        False-alarm rates, ascending, evenly spaced on a probit axis.
    low, high : (G,) numpy.ndarray
        Limits of the miss rate.
    confidence : float
        Share of resamples inside, at each false-alarm rate by itself.

    Example
    -------
    >>> DetBand(np.array([0.1]), np.array([0.2]), np.array([0.3]), 0.95).low
    array([0.2])
    """

    p_fa: np.ndarray
    low: np.ndarray
    high: np.ndarray
    confidence: float


def det_band(
    scores,
    is_target,
    enroll_speakers,
    test_speakers,
    n_resamples=200,
    confidence=0.95,
    seed=0,
):
    """Bootstrap band of a DET curve over speakers.

    The band is pointwise: it holds the miss rate at one false-alarm rate with
    the given confidence, the whole curve with less.

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1
    enroll_speakers, test_speakers : (N,) sequences of str or int
        Speaker of either side of each trial.
    n_resamples : int
        Draws of the speakers; a plot needs fewer than a table.
    confidence : float
        Share of resamples inside the band, in (0, 1).
    seed : int
        Same seed, same band.

    Returns
    -------
    DetBand

    Raises
    ------
    ValueError
        As ``bootstrap.speaker_interval``.

    Example
    -------
    >>> scores = [0.9, 0.8, 0.2, 0.4, 0.1, 0.3]
    >>> speakers = list("abcabc"), list("abcbca")
    >>> band = det_band(scores, [1, 1, 1, 0, 0, 0], *speakers)
    >>> bool((band.low <= band.high).all())
    True
    """
    n_nontargets = max(2, np.count_nonzero(np.asarray(is_target) == 0))
    # Below one nontarget trial there is nothing to know.
    ends = norm.ppf([1 / n_nontargets, _MAX_P_FA])
    levels = norm.cdf(np.linspace(*ends, _N_LEVELS))
    intervals = speaker_intervals(
        scores,
        is_target,
        enroll_speakers,
        test_speakers,
        {level: partial(_p_miss_at, level) for level in levels.tolist()},
        n_resamples=n_resamples,
        confidence=confidence,
        seed=seed,
    )
    low, high = np.array(list(intervals.values())).T
    return DetBand(levels, low, high, confidence)


def _p_miss_at(level, p_miss, p_fa):
    """(R,) miss rate at one false-alarm rate, linear between the points."""
    # p_fa falls from 1 to 0, so there is a point on either side.
    right = (p_fa > level).sum(axis=-1)[:, None]

    def at(values, point):
        return np.take_along_axis(values, point, axis=-1)[:, 0]

    left_fa, right_fa = at(p_fa, right - 1), at(p_fa, right)
    left_miss, right_miss = at(p_miss, right - 1), at(p_miss, right)
    share = (left_fa - level) / (left_fa - right_fa)
    return left_miss + share * (right_miss - left_miss)
