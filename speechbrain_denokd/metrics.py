"""Error rates of verification scores (the arrow ``scores -> EER, minDCF``).

Pure functions on arrays of ``N`` trials. Scores are sorted once, so the cost
is O(N log N) in time and O(N) in memory.

Convention: a trial is accepted when ``score >= threshold``. Trials with equal
scores cannot be told apart by any threshold, so they share one operating
point, and the order of the trials never changes a result.
"""

import numpy as np


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
    if not np.isin(labels, (0, 1)).all():
        strange = labels[~np.isin(labels, (0, 1))][0]
        raise ValueError(
            f"is_target holds {strange!r}, but must be True (1) for target "
            "and False (0) for nontarget trials."
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


def weighted_error_rates(scores, is_target, weights):
    """Error rates at every threshold, for ``R`` weightings of the trials.

    A trial of weight 2 counts as two equal trials, a trial of weight 0 as
    none. The bootstrap asks for many weightings of the same scores; this
    sorts them once.

    Arguments
    ---------
    scores : (N,) numpy.ndarray of float64
        Checked by ``check_trials``, as is ``is_target``.
    is_target : (N,) numpy.ndarray of bool
    weights : (R, N) numpy.ndarray of float64
        Not negative; each row leaves some target and some nontarget weight.

    Returns
    -------
    thresholds : (P,) numpy.ndarray
        Distinct scores, ascending, then infinity.
    p_miss : (R, P) numpy.ndarray
        Share of target weight that is rejected; rises from 0 to 1.
    p_fa : (R, P) numpy.ndarray
        Share of nontarget weight that is accepted; falls from 1 to 0.

    Example
    -------
    >>> scores, is_target = check_trials([1, 2, 3], [0, 1, 1])
    >>> weighted_error_rates(scores, is_target, np.array([[1.0, 3.0, 1.0]]))[1]
    array([[0.  , 0.  , 0.75, 1.  ]])
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    points = np.r_[starts, len(ranked)]

    def weight_below(chosen):
        # (R, P) weight of the chosen trials that score below each threshold
        below = np.zeros((len(weights), len(ranked) + 1))
        np.cumsum(weights[:, order] * chosen[order], axis=1, out=below[:, 1:])
        return below[:, points]

    targets = weight_below(is_target)
    nontargets = weight_below(~is_target)
    # Subtract before dividing: whole-number weights then stay exact.
    accepted = nontargets[:, -1:] - nontargets
    return (
        np.r_[ranked[starts], np.inf],
        targets / targets[:, -1:],
        accepted / nontargets[:, -1:],
    )


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
        As ``check_trials``.

    Example
    -------
    >>> thresholds, p_miss, p_fa = error_rates([1, 2, 2], [0, 1, 0])
    >>> thresholds.tolist(), p_miss.tolist(), p_fa.tolist()
    ([1.0, 2.0, inf], [0.0, 0.0, 1.0], [1.0, 0.5, 0.0])
    """
    scores, is_target = check_trials(scores, is_target)
    once = np.ones((1, len(scores)))
    thresholds, p_miss, p_fa = weighted_error_rates(scores, is_target, once)
    return thresholds, p_miss[0], p_fa[0]


def eer_of_rates(p_miss, p_fa):
    """Equal error rate of a list of operating points.

    Neighbouring operating points are joined by straight lines, and the EER is
    where that line meets ``p_miss = p_fa``; a system reaches every point of
    the line by tossing a biased coin between the two thresholds. The EER of
    the points' convex hull (ROCCH-EER) would be lower or equal.

    Arguments
    ---------
    p_miss, p_fa : (..., P) numpy.ndarray
        From ``error_rates`` or ``weighted_error_rates``.

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
    return left_miss + share * (at(p_miss, right) - left_miss)


def detection_costs(p_miss, p_fa, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised detection cost of each operating point.

    The cost ``c_miss p_miss p_target + c_fa p_fa (1 - p_target)`` is divided
    by that of the better system without ears, which accepts or rejects every
    trial. (SpeechBrain's ``minDCF`` does not divide.)

    Arguments
    ---------
    p_miss, p_fa : (...) numpy.ndarray
    p_target : float
        Prior probability of a target trial, in (0, 1).
    c_miss, c_fa : float
        Costs of a miss and of a false alarm, above 0.

    Returns
    -------
    (...) numpy.ndarray

    Raises
    ------
    ValueError
        If the prior is not inside (0, 1) or a cost is not above 0.

    Example
    -------
    >>> detection_costs(np.array([0.0, 1.0]), np.array([1.0, 0.0])).tolist()
    [99.0, 1.0]
    """
    if not 0 < p_target < 1:
        raise ValueError(
            f"p_target is {p_target}, but a prior lies between 0 and 1 "
            "(the paper uses 0.01)."
        )
    if not (0 < c_miss < np.inf and 0 < c_fa < np.inf):
        raise ValueError(
            f"c_miss is {c_miss} and c_fa is {c_fa}, but costs are positive "
            "and finite (the paper uses 1 and 1)."
        )
    miss_cost, fa_cost = c_miss * p_target, c_fa * (1 - p_target)
    cost = miss_cost * p_miss + fa_cost * p_fa
    return cost / min(miss_cost, fa_cost)


def min_dcf_of_rates(p_miss, p_fa, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised minimum detection cost of a list of operating points.

    Arguments
    ---------
    p_miss, p_fa : (..., P) numpy.ndarray
        From ``error_rates`` or ``weighted_error_rates``.
    p_target, c_miss, c_fa : float
        As ``detection_costs``.

    Returns
    -------
    (...) numpy.ndarray

    Raises
    ------
    ValueError
        As ``detection_costs``.

    Example
    -------
    >>> float(min_dcf_of_rates(np.array([0, 0.5, 1]), np.array([1, 0.0, 0])))
    0.5
    """
    return detection_costs(p_miss, p_fa, p_target, c_miss, c_fa).min(axis=-1)


def eer(scores, is_target):
    """Equal error rate: where as many targets are missed as nontargets pass.

    Linear between the two operating points around ``p_miss = p_fa``; see
    ``eer_of_rates``. SpeechBrain's ``EER`` takes the mean of both rates at
    the nearest threshold instead and gives .2083 below.

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


def min_dcf(scores, is_target, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised minimum detection cost: the best threshold in hindsight.

    Source: NIST speaker recognition evaluation plans. DenoKD reports it at
    ``p_target = 0.01`` with unit costs.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1
    p_target : float
        Prior probability of a target trial, in (0, 1).
    c_miss, c_fa : float
        Costs of a miss and of a false alarm, above 0.

    Returns
    -------
    float
        In [0, 1]; 1 is what accepting or rejecting every trial costs.

    Raises
    ------
    ValueError
        As ``check_trials`` and ``detection_costs``.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> min_dcf(targets + nontargets, [1] * 4 + [0] * 6)
    0.25
    """
    _, p_miss, p_fa = error_rates(scores, is_target)
    return float(min_dcf_of_rates(p_miss, p_fa, p_target, c_miss, c_fa))
