"""Equal error rate (the arrow ``error rates -> EER``)."""

import numpy as np

from speechbrain_denokd.metrics.convex_hull import hull_points
from speechbrain_denokd.metrics.error_rates import (
    check_trials,
    error_rates,
    rank_trials,
)


def eer_of_rates(p_miss, p_fa):
    """Equal error rate of a list of operating points.

    Neighbouring operating points are joined by straight lines, and the EER is
    where that line meets ``p_miss = p_fa``; a system reaches every point of
    the line by tossing a biased coin between the two thresholds. The EER of
    the points' convex hull (`rocch_eer`) is lower or equal.

    Arguments
    ---------
    p_miss, p_fa : (..., P) numpy.ndarray
        From ``error_rates`` or ``ranked_error_rates``.

    Returns
    -------
    (...) numpy.ndarray

    Example
    -------
    >>> float(eer_of_rates(np.array([0.0, 0.5, 1]), np.array([1, 0.0, 0.0])))
    0.3333333333333333
    """
    gap = p_miss - p_fa
    right = np.argmax(gap >= 0, axis=-1)[..., None]

    def at(values, point):
        return np.take_along_axis(values, point, axis=-1)[..., 0]

    # The first gap is -1, so there is always a point to the left.
    left_gap, right_gap = at(gap, right - 1), at(gap, right)
    share = left_gap / (left_gap - right_gap)
    left_miss = at(p_miss, right - 1)
    crossing = left_miss + share * (at(p_miss, right) - left_miss)
    # Where one rate stands still, the EER is that rate to the last bit,
    # however far apart the two points are.
    return np.clip(crossing, at(p_fa, right), at(p_fa, right - 1))


def eer(scores, is_target):
    """Equal error rate: where as many targets are missed as nontargets pass.

    Linear between the two operating points around ``p_miss = p_fa``; see
    `eer_of_rates`. What other toolkits call EER is in ``metrics.compat``:
    SpeechBrain's gives .2083 below.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float
        A rate in [0, 1], not a percentage.

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> eer(targets + nontargets, [1] * 4 + [0] * 6)
    0.25
    """
    _, p_miss, p_fa = error_rates(scores, is_target)
    return float(eer_of_rates(p_miss, p_fa))


def eer_threshold(scores, is_target):
    """Score that separates accept from reject nearest to the EER.

    Always one of the scores: of the two operating points around the EER, the
    one whose rates differ least.

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float
        Accept trials that score this or more.

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> eer_threshold([0.1, 0.2, 0.7, 0.9], [0, 0, 1, 1])
    0.7
    """
    thresholds, p_miss, p_fa = error_rates(scores, is_target)
    # The infinite threshold has the largest gap there is, so it never wins.
    return float(thresholds[np.argmin(np.abs(p_miss - p_fa))])


def rocch_eer(scores, is_target):
    """Equal error rate of the convex hull of the operating points.

    The hull joins the thresholds that are best at some prior and costs, and
    skips the rest, so its EER is never above `eer`. It is also the highest
    Bayes error rate over all priors of scores that are optimally recalibrated
    by a monotone map.

    Source: N. Brümmer and E. de Villiers, "The BOSARIS toolkit", 2013
    (arXiv:1304.2865).

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float
        A rate in [0, 0.5]: reversed scores are as good as constant ones.

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> round(rocch_eer(targets + nontargets, [1] * 4 + [0] * 6), 4)
    0.1429
    """
    ranked = rank_trials(*check_trials(scores, is_target))
    hull = hull_points(ranked)
    n_nontargets = len(ranked.nontargets)
    p_miss = ranked.targets_below[hull] / len(ranked.targets)
    p_fa = (n_nontargets - ranked.nontargets_below[hull]) / n_nontargets
    return float(eer_of_rates(p_miss, p_fa))
