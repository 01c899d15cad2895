"""Cost of log-likelihood ratios (the arrow ``calibrated scores -> Cllr``).

Cllr is the mean cost, in bits, of using the scores as log-likelihood ratios
at every operating point at once. It splits in two: ``min_cllr`` is the cost
that no monotone recalibration can remove, the rest is bad calibration.

Source: N. Brümmer and J. du Preez, "Application-independent evaluation of
speaker detection", Computer Speech & Language 20, 2006.
"""

import numpy as np

from speechbrain_denokd.metrics.convex_hull import hull_points
from speechbrain_denokd.metrics.error_rates import check_trials, rank_trials


def cllr(llrs, is_target):
    """Cost of the log-likelihood ratios, in bits.

    ``1/2 (mean log2(1 + exp(-llr)) over targets + mean log2(1 + exp(llr)) over
    nontargets)``.

    Arguments
    ---------
    llrs : (N,) array_like of float
        Log-likelihood ratios, natural logarithm.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float
        0 or more; 1 is what ratios of zero cost, which say nothing.

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> cllr([0.0, 0.0, 0.0], [1, 0, 0]), round(cllr([2.0, -2.0], [1, 0]), 8)
    (1.0, 0.18311841)
    """
    return _mean_cost(*check_trials(llrs, is_target))


def min_cllr(scores, is_target):
    """Cllr after the best monotone recalibration, in bits.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker; any scale.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float
        In [0, 1]; 0 where a threshold separates both kinds of trials.

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> min_cllr([0.1, 0.2, 0.7, 0.9], [0, 0, 1, 1])
    0.0
    """
    scores, is_target = check_trials(scores, is_target)
    return _mean_cost(pav_llrs(scores, is_target), is_target)


def pav_llrs(scores, is_target):
    """The log-likelihood ratios that cost these trials least.

    Each segment of the ROC convex hull is one ratio: how much likelier its
    trials are among targets than among nontargets. These are fitted to the
    labels: use them to judge scores, not to calibrate.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    (N,) numpy.ndarray
        Never falls as the score rises. Minus infinity below the lowest
        target, plus infinity above the highest nontarget: on these trials
        such certainty is right and costs nothing.

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> pav_llrs([1, 2, 3, 4, 5, 6], [0, 1, 0, 0, 1, 1]).round(3)
    array([  -inf, -0.693, -0.693, -0.693,    inf,    inf])
    """
    scores, is_target = check_trials(scores, is_target)
    ranked = rank_trials(scores, is_target)
    hull = hull_points(ranked)
    n_targets = np.diff(ranked.targets_below[hull])
    n_nontargets = np.diff(ranked.nontargets_below[hull])
    with np.errstate(divide="ignore"):
        likelihood_target = np.log(n_targets / len(ranked.targets))
        likelihood_nontarget = np.log(n_nontargets / len(ranked.nontargets))
    ratios = likelihood_target - likelihood_nontarget
    llrs = np.empty(len(scores))
    llrs[ranked.targets] = np.repeat(ratios, n_targets)
    llrs[ranked.nontargets] = np.repeat(ratios, n_nontargets)
    return llrs


def _mean_cost(llrs, is_target):
    """Cllr of arrays; infinite ratios that are right cost nothing."""
    # logaddexp(0, x) is log(1 + exp(x)) without overflow.
    cost_target = np.logaddexp(0, -llrs[is_target]).mean()
    cost_nontarget = np.logaddexp(0, llrs[~is_target]).mean()
    return float((cost_target + cost_nontarget) / (2 * np.log(2)))
