"""Error rates of verification scores (the arrow ``scores -> error rates``).

Pure functions on arrays of ``N`` trials. Scores are sorted once, so the cost
is O(N log N) in time and O(N) in memory.

Convention: a trial is accepted when ``score >= threshold``. Trials with equal
scores cannot be told apart by any threshold, so they share one operating
point, and the order of the trials never changes a result.

Several metrics of one set of scores need one sort only::

    _, p_miss, p_fa = error_rates(scores, is_target)
    eer_of_rates(p_miss, p_fa), min_dcf_of_rates(p_miss, p_fa)
"""

from typing import NamedTuple

import numpy as np


class RankedTrials(NamedTuple):
    """Trials in order of their scores, and the thresholds between them.

    Attributes
    ----------
    thresholds : (P,) numpy.ndarray
        Distinct scores, ascending, then infinity.
    targets : (T,) numpy.ndarray of int
        Which trials are targets, ascending by score.
    nontargets : (N - T,) numpy.ndarray of int
        Which trials are nontargets, ascending by score.
    targets_below, nontargets_below : (P,) numpy.ndarray of int
        How many of them score below each threshold.

    Example
    -------
    >>> ranked = rank_trials(*check_trials([2, 1, 3, 2], [1, 0, 1, 0]))
    >>> ranked.targets.tolist(), ranked.targets_below.tolist()
    ([0, 2], [0, 0, 1, 2])
    """

    thresholds: np.ndarray
    targets: np.ndarray
    nontargets: np.ndarray
    targets_below: np.ndarray
    nontargets_below: np.ndarray


def check_trials(scores, is_target):
    """Scores and labels as arrays, after refusing what has no error rate.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1
        True where both sides of the trial are the same speaker.

    Returns
    -------
    scores : (N,) numpy.ndarray of float64
    is_target : (N,) numpy.ndarray of bool

    Raises
    ------
    ValueError
        If the lengths differ, a score is NaN or infinite, a label is neither
        0 nor 1, or there is no target or no nontarget trial.

    Example
    -------
    >>> check_trials([0.5, -1], [1, 0])
    (array([ 0.5, -1. ]), array([ True, False]))
    """
    scores = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(is_target)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(
            f"scores have shape {scores.shape} but is_target has shape "
            f"{labels.shape}: pass one score and one label per trial."
        )
    finite = np.isfinite(scores)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(
            f"{(~finite).sum()} of {len(scores)} scores are NaN or infinite, "
            f"first {scores[first]} at trial {first}: look for silent or "
            "empty recordings."
        )
    known = (labels == 0) | (labels == 1)
    if not known.all():
        raise ValueError(
            f"is_target holds {labels[~known][0]!r}, but must be True (1) for "
            "target and False (0) for nontarget trials."
        )
    labels = labels.astype(bool)
    n_targets = int(labels.sum())
    n_nontargets = len(labels) - n_targets
    if n_targets == 0 or n_nontargets == 0:
        raise ValueError(
            f"{n_targets} target and {n_nontargets} nontarget trials: error "
            "rates need at least one of each."
        )
    return scores, labels


def rank_trials(scores, is_target):
    """Sort trials once, for every metric and any number of weightings.

    Arguments
    ---------
    scores : (N,) numpy.ndarray of float64
        Checked by `check_trials`, as is ``is_target``.
    is_target : (N,) numpy.ndarray of bool

    Returns
    -------
    RankedTrials

    Example
    -------
    >>> rank_trials(*check_trials([2, 1, 3], [1, 0, 1])).thresholds
    array([ 1.,  2.,  3., inf])
    """
    # Trials of one score stay together, so their order among themselves does
    # not matter and the faster, unstable sort will do.
    order = np.argsort(scores)
    ranked, labels = scores[order], is_target[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    below = np.r_[starts, len(ranked)]
    targets_below = _cumulated(labels, dtype=np.int64)[below]
    return RankedTrials(
        thresholds=np.r_[ranked[starts], np.inf],
        targets=order[labels],
        nontargets=order[~labels],
        targets_below=targets_below,
        nontargets_below=below - targets_below,
    )


def corner_points(p_miss, p_fa):
    """Operating points that the error trade-off curve cannot do without.

    Where three points in a row have equal miss rates or equal false-alarm
    rates, the middle one lies on the straight line between its neighbours. It
    adds nothing to a plot, never has the lowest cost alone, and does not move
    the EER. Well separated scores keep a few percent of their points.

    Arguments
    ---------
    p_miss, p_fa : (P,) numpy.ndarray
        From `error_rates`; counts of errors do as well.

    Returns
    -------
    (P,) numpy.ndarray of bool
        True at the points to keep, both ends among them.

    Example
    -------
    >>> p_miss, p_fa = np.array([0, 0, 0, 0.5, 1]), np.array([1, 0.5, 0, 0, 0])
    >>> corner_points(p_miss, p_fa)
    array([ True, False,  True, False,  True])
    """
    same_miss, same_fa = np.diff(p_miss) == 0, np.diff(p_fa) == 0
    straight = (same_miss[:-1] & same_miss[1:]) | (same_fa[:-1] & same_fa[1:])
    return np.r_[True, ~straight, True]


def at_corners(ranked):
    """The same trials with the thresholds of `corner_points` only.

    Arguments
    ---------
    ranked : RankedTrials

    Returns
    -------
    RankedTrials

    Example
    -------
    >>> ranked = rank_trials(*check_trials([1, 2, 3, 4], [0, 0, 1, 1]))
    >>> at_corners(ranked).thresholds
    array([ 1.,  3., inf])
    """
    keep = corner_points(ranked.targets_below, ranked.nontargets_below)
    return ranked._replace(
        thresholds=ranked.thresholds[keep],
        targets_below=ranked.targets_below[keep],
        nontargets_below=ranked.nontargets_below[keep],
    )


def ranked_error_rates(ranked, target_weights, nontarget_weights):
    """Error rates of ranked trials, for ``R`` weightings of the trials.

    A trial of weight 2 counts as two equal trials, a trial of weight 0 as
    none. Whole numbers in integer arrays are exact and the fastest.

    Arguments
    ---------
    ranked : RankedTrials
    target_weights : (R, T) numpy.ndarray
        Not negative, in the order of ``ranked.targets``; each row has some
        weight.
    nontarget_weights : (R, N - T) numpy.ndarray
        Likewise, in the order of ``ranked.nontargets``.

    Returns
    -------
    p_miss : (R, P) numpy.ndarray
        Share of target weight that is rejected; rises from 0 to 1.
    p_fa : (R, P) numpy.ndarray
        Share of nontarget weight that is accepted; falls from 1 to 0.

    Example
    -------
    >>> ranked = rank_trials(*check_trials([1, 2, 3], [0, 1, 1]))
    >>> ranked_error_rates(ranked, np.array([[3, 1]]), np.array([[1]]))[0]
    array([[0.  , 0.  , 0.75, 1.  ]])
    """
    targets = np.take(_cumulated(target_weights), ranked.targets_below, axis=1)
    nontargets = np.take(
        _cumulated(nontarget_weights), ranked.nontargets_below, axis=1
    )
    # Subtract before dividing: whole-number weights then stay exact.
    accepted = nontargets[:, -1:] - nontargets
    return targets / targets[:, -1:], accepted / nontargets[:, -1:]


def weighted_error_rates(scores, is_target, weights):
    """Error rates at every threshold, for ``R`` weightings of the trials.

    `ranked_error_rates` for weights in the order of the trials.

    Arguments
    ---------
    scores : (N,) numpy.ndarray of float64
        Checked by `check_trials`, as is ``is_target``.
    is_target : (N,) numpy.ndarray of bool
    weights : (R, N) numpy.ndarray
        Not negative; each row leaves some target and some nontarget weight.

    Returns
    -------
    thresholds : (P,) numpy.ndarray
        Distinct scores, ascending, then infinity.
    p_miss, p_fa : (R, P) numpy.ndarray
        As `ranked_error_rates`.

    Example
    -------
    >>> scores, is_target = check_trials([1, 2, 3], [0, 1, 1])
    >>> weighted_error_rates(scores, is_target, np.array([[1.0, 3.0, 1.0]]))[1]
    array([[0.  , 0.  , 0.75, 1.  ]])
    """
    ranked = rank_trials(scores, is_target)
    p_miss, p_fa = ranked_error_rates(
        ranked, weights[:, ranked.targets], weights[:, ranked.nontargets]
    )
    return ranked.thresholds, p_miss, p_fa


def error_rates(scores, is_target):
    """Miss and false-alarm rate at every threshold that matters.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    thresholds : (P,) numpy.ndarray
        Distinct scores, ascending, then infinity: the first accepts every
        trial and the last rejects every trial.
    p_miss : (P,) numpy.ndarray
        Share of targets below the threshold.
    p_fa : (P,) numpy.ndarray
        Share of nontargets at or above the threshold.

    Raises
    ------
    ValueError
        As `check_trials`.

    Example
    -------
    >>> thresholds, p_miss, p_fa = error_rates([1, 2, 2], [0, 1, 0])
    >>> thresholds.tolist(), p_miss.tolist(), p_fa.tolist()
    ([1.0, 2.0, inf], [0.0, 0.0, 1.0], [1.0, 0.5, 0.0])
    """
    ranked = rank_trials(*check_trials(scores, is_target))
    n_targets, n_nontargets = len(ranked.targets), len(ranked.nontargets)
    return (
        ranked.thresholds,
        ranked.targets_below / n_targets,
        (n_nontargets - ranked.nontargets_below) / n_nontargets,
    )


def _cumulated(values, dtype=None):
    """(..., n + 1) sums of the first 0, 1, ... n values."""
    dtype = values.dtype if dtype is None else dtype
    sums = np.empty((*values.shape[:-1], values.shape[-1] + 1), dtype)
    sums[..., 0] = 0
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums
