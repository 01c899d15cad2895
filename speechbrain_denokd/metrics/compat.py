"""What other toolkits print for the same trials (``scores -> their EER``).

"EER" and "minDCF" are not one number. These functions return the values of
other programs, to compare with what they published; ``metrics.eer`` and
``metrics.min_dcf`` are this project's. On many trials without ties the EERs
agree up to a few trials, and the minDCFs once they are normalised and of the
same operating point.

==================  =======================  ==============================
Function            Who prints it            Differs from this project's by
==================  =======================  ==============================
speechbrain_eer     SpeechBrain's ``EER``    mean of both rates, float32
speechbrain_min_dcf SpeechBrain's ``minDCF`` not normalised, float32
nist_eer            WeSpeaker, 3D-Speaker    tied trials in list order
nist_min_dcf        these, voxceleb_trainer  tied trials in list order
voxceleb_eer        voxceleb_trainer         larger rate, no interpolation
==================  =======================  ==============================
"""

import numpy as np
from sklearn.metrics import roc_curve

from speechbrain_denokd.metrics.dcf import min_dcf_of_rates
from speechbrain_denokd.metrics.error_rates import check_trials, rank_trials


def speechbrain_eer(scores, is_target):
    """EER as ``speechbrain.utils.metric_stats.EER`` computes it.

    Convention: the mean of false-alarm and miss rate at the first threshold
    at which they differ least, rates rounded to float32 and a trial rejected
    at the threshold itself. Here in O(N log N), there in O(N^2).

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> round(speechbrain_eer(targets + nontargets, [1] * 4 + [0] * 6), 4)
    0.2083
    """
    p_miss, p_fa = _speechbrain_rates(scores, is_target)
    gaps = np.abs(p_fa - p_miss).tolist()
    p_miss, p_fa = p_miss.tolist(), p_fa.tolist()
    best = 0
    for point, gap in enumerate(gaps):
        # A float32 difference against a float64 one: which of two points
        # with equal gaps is taken depends on how the first is rounded.
        if gap < abs(p_fa[best] - p_miss[best]):
            best = point
    return (p_fa[best] + p_miss[best]) / 2


def speechbrain_min_dcf(scores, is_target, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Minimum cost as ``speechbrain.utils.metric_stats.minDCF`` computes it.

    Convention: the expected cost itself, not divided by that of a system
    without ears, in float32; accepting every trial is not among the choices.
    At ``p_target`` 0.01 and unit costs it is a hundredth of ``min_dcf``.
    Here in O(N log N) time and O(N) memory, there in O(N^2).

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1
    p_target, c_miss, c_fa : float
        As ``detection_costs``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> trials = targets + nontargets, [1] * 4 + [0] * 6
    >>> round(speechbrain_min_dcf(*trials), 6)
    0.0025
    """
    p_miss, p_fa = _speechbrain_rates(scores, is_target)
    costs = c_miss * p_miss * p_target + c_fa * p_fa * (1 - p_target)
    return float(costs.min())


def nist_eer(scores, is_target):
    """EER as NIST's script for SRE16 computes it.

    Convention: linear between neighbouring trials, where tied trials count
    as if they had been told apart, in the order of the list. (The script
    sorts unstably: its own value for tied scores depends on the machine.)
    WeSpeaker and 3D-Speaker carry that script. Without ties it is
    ``metrics.eer``.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As ``check_trials``, or if the lowest score is that of the only
        target or the only nontarget: the script fails there, too.

    Example
    -------
    >>> nist_eer([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1])
    0.0
    >>> nist_eer([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1])
    0.5
    """
    p_miss, p_fa = _nist_rates(scores, is_target)
    gap = p_miss - p_fa
    left, right = np.flatnonzero(gap < 0), np.flatnonzero(gap >= 0)
    if not len(left):
        raise ValueError(
            f"The lowest of {len(p_miss)} scores is that of the only trial of "
            "its kind, where NIST's script has no EER: use metrics.eer."
        )
    left, right = left[-1], right[0]
    share = gap[right] / (gap[right] - gap[left])
    return float(p_miss[right] + share * (p_miss[left] - p_miss[right]))


def nist_min_dcf(scores, is_target, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised minDCF as NIST's script for SRE16 computes it.

    Convention: tied trials count as if they had been told apart, in the order
    of the list, and accepting every trial is not among the choices; else it
    is ``metrics.min_dcf``. voxceleb_trainer uses the same rule at a prior of
    0.05.

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1
    p_target, c_miss, c_fa : float
        As ``detection_costs``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As ``check_trials`` and ``detection_costs``.

    Example
    -------
    >>> nist_min_dcf([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1])
    0.0
    """
    rates = _nist_rates(scores, is_target)
    return float(min_dcf_of_rates(*rates, p_target, c_miss, c_fa))


def voxceleb_eer(scores, is_target):
    """EER as voxceleb_trainer computes it.

    Convention: the larger of both rates at the first point of scikit-learn's
    ROC curve, from high thresholds to low, at which they differ least.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As ``check_trials``.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> round(voxceleb_eer(targets + nontargets, [1] * 4 + [0] * 6), 4)
    0.3333
    """
    scores, is_target = check_trials(scores, is_target)
    # scikit-learn leaves out points on straight lines, the nearest to the EER
    # possibly among them, and so does the program.
    p_fa, p_hit, _ = roc_curve(is_target, scores)
    p_miss = 1 - p_hit
    nearest = np.argmin(np.abs(p_miss - p_fa))
    return float(max(p_fa[nearest], p_miss[nearest]))


def _speechbrain_rates(scores, is_target):
    """(P - 1,) float32 miss and false-alarm rates above each score."""
    ranked = rank_trials(*check_trials(scores, is_target))
    rejected = ranked.targets_below[1:].astype(np.float32)
    accepted = len(ranked.nontargets) - ranked.nontargets_below[1:]
    return (
        rejected / np.float32(len(ranked.targets)),
        accepted.astype(np.float32) / np.float32(len(ranked.nontargets)),
    )


def _nist_rates(scores, is_target):
    """(N,) miss and false-alarm rates after each trial, in rising order."""
    scores, is_target = check_trials(scores, is_target)
    targets = is_target[np.argsort(scores, kind="stable")]
    p_miss = np.cumsum(targets) / targets.sum()
    p_fa = 1 - np.cumsum(~targets) / (~targets).sum()
    return p_miss, p_fa
