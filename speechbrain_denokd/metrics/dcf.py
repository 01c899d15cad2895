"""Detection costs (the arrow ``error rates -> minDCF, actDCF``).

A detection cost belongs to an operating point: the prior of a target trial
and the costs of both errors. Papers use different ones, and a minDCF says
nothing without its operating point, so the usual ones have names here.

Every cost here is normalised: divided by the cost of the better system
without ears, which accepts every trial or rejects every trial.
"""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.metrics.error_rates import check_trials, error_rates


class OperatingPoint(NamedTuple):
    """Prior and costs at which a detection cost is computed.

    Attributes
    ----------
    name : str
        For tables.
    p_target : float
        Prior probability of a target trial, in (0, 1).
    c_miss, c_fa : float
        Costs of a miss and of a false alarm, above 0.

    Example
    -------
    >>> OperatingPoint("VoxSRC", 0.05)
    OperatingPoint(name='VoxSRC', p_target=0.05, c_miss=1.0, c_fa=1.0)
    """

    name: str
    p_target: float
    c_miss: float = 1.0
    c_fa: float = 1.0


# A preset is the operating points whose normalised costs are averaged.
DENOKD = (OperatingPoint("DenoKD", 0.01),)  # also 3D-Speaker and WeSpeaker
VOXSRC = (OperatingPoint("VoxSRC", 0.05),)  # also voxceleb_trainer
SSRFNET = (OperatingPoint("SSRFNet", 0.05),)  # its code; the paper is silent
SRE08 = (OperatingPoint("SRE08", 0.01, c_miss=10.0),)
SRE16 = (
    OperatingPoint("SRE16 at 0.01", 0.01),
    OperatingPoint("SRE16 at 0.005", 0.005),
)
PRESETS = MappingProxyType(
    {
        "denokd": DENOKD,
        "voxsrc": VOXSRC,
        "ssrfnet": SSRFNET,
        "sre08": SRE08,
        "sre16": SRE16,
    }
)


def preset(name):
    """Operating points by the name that YAML and command lines use.

    Arguments
    ---------
    name : str
        A key of ``PRESETS``.

    Returns
    -------
    tuple of OperatingPoint

    Raises
    ------
    ValueError
        If there is no preset of that name.

    Example
    -------
    >>> preset("ssrfnet")[0].p_target
    0.05
    """
    if name not in PRESETS:
        raise ValueError(
            f"there is no operating point {name!r}; use one of "
            f"{', '.join(PRESETS)}"
        )
    return PRESETS[name]


def points_label(points):
    """Operating points in a few characters, for headers of tables.

    Arguments
    ---------
    points : sequence of OperatingPoint

    Returns
    -------
    str
        Priors; costs where they are not 1.

    Example
    -------
    >>> points_label(DENOKD), points_label(SRE08), points_label(SRE16)
    ('0.01', '0.01, C_miss 10', '0.01 and 0.005')
    """
    labels = []
    for point in points:
        costs = [
            f", {name} {cost:g}"
            for name, cost in (("C_miss", point.c_miss), ("C_fa", point.c_fa))
            if cost != 1
        ]
        labels.append(f"{point.p_target:g}" + "".join(costs))
    return " and ".join(labels)


def detection_costs(p_miss, p_fa, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised detection cost of pairs of error rates.

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
    miss_cost, fa_cost = _expected_costs(p_target, c_miss, c_fa)
    cost = miss_cost * p_miss + fa_cost * p_fa
    return cost / min(miss_cost, fa_cost)


def bayes_threshold(p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Log-likelihood ratio above which accepting costs less than rejecting.

    Arguments
    ---------
    p_target, c_miss, c_fa : float
        As `detection_costs`.

    Returns
    -------
    float
        ``log(c_fa (1 - p_target) / (c_miss p_target))``, natural logarithm.

    Raises
    ------
    ValueError
        As `detection_costs`.

    Example
    -------
    >>> bayes_threshold(0.5), round(bayes_threshold(0.01), 4)
    (0.0, 4.5951)
    """
    miss_cost, fa_cost = _expected_costs(p_target, c_miss, c_fa)
    return float(np.log(fa_cost / miss_cost))


def min_dcf_of_rates(p_miss, p_fa, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised minimum detection cost of a list of operating points.

    Arguments
    ---------
    p_miss, p_fa : (..., P) numpy.ndarray
        From ``error_rates`` or ``ranked_error_rates``.
    p_target, c_miss, c_fa : float
        As `detection_costs`.

    Returns
    -------
    (...) numpy.ndarray

    Raises
    ------
    ValueError
        As `detection_costs`.

    Example
    -------
    >>> float(min_dcf_of_rates(np.array([0, 0.5, 1]), np.array([1, 0.0, 0])))
    0.5
    """
    return detection_costs(p_miss, p_fa, p_target, c_miss, c_fa).min(axis=-1)


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
        As ``check_trials`` and `detection_costs`.

    Example
    -------
    >>> targets, nontargets = [.9, .8, .7, .3], [.6, .4, .2, .1, .05, 0]
    >>> min_dcf(targets + nontargets, [1] * 4 + [0] * 6)
    0.25
    """
    _, p_miss, p_fa = error_rates(scores, is_target)
    return float(min_dcf_of_rates(p_miss, p_fa, p_target, c_miss, c_fa))


def act_dcf(llrs, is_target, p_target=0.01, c_miss=1.0, c_fa=1.0):
    """Normalised detection cost at the Bayes threshold: calibration counts.

    Trials are accepted at `bayes_threshold` or above, with no hindsight. The
    excess over `min_dcf` is what bad calibration costs at this operating
    point; raw cosine scores are no log-likelihood ratios and easily exceed 1.

    Source: NIST speaker recognition evaluation plans (actual DCF).

    Arguments
    ---------
    llrs : (N,) array_like of float
        Log-likelihood ratios, natural logarithm.
    is_target : (N,) array_like of bool or 0/1
    p_target, c_miss, c_fa : float
        As `min_dcf`.

    Returns
    -------
    float
        0 or more; above 1 is worse than a system without ears.

    Raises
    ------
    ValueError
        As `min_dcf`.

    Example
    -------
    >>> act_dcf([5.0, 3.0, -2.0, -4.0], [1, 1, 0, 0], p_target=0.01)
    0.5
    """
    llrs, is_target = check_trials(llrs, is_target)
    accepted = llrs >= bayes_threshold(p_target, c_miss, c_fa)
    p_miss = np.mean(~accepted[is_target])
    p_fa = np.mean(accepted[~is_target])
    return float(detection_costs(p_miss, p_fa, p_target, c_miss, c_fa))


def mean_min_dcf(scores, is_target, points):
    """Mean of the minDCF at several operating points.

    With ``SRE16`` this is the minimum of that evaluation's primary cost,
    ``min_Cprimary``.

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1
    points : sequence of OperatingPoint
        Such as ``VOXSRC`` or another of ``PRESETS``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `min_dcf`, or if there are no points.

    Example
    -------
    >>> trials = [0.9, 0.3, 0.6, 0.1, 0.2], [1, 1, 0, 0, 0]
    >>> mean_min_dcf(*trials, SRE16)
    0.5
    """
    _check_points(points)
    _, p_miss, p_fa = error_rates(scores, is_target)
    costs = [
        min_dcf_of_rates(p_miss, p_fa, point.p_target, point.c_miss, point.c_fa)
        for point in points
    ]
    return float(np.mean(costs))


def mean_act_dcf(llrs, is_target, points):
    """Mean of the actDCF at several operating points.

    With ``SRE16`` this is that evaluation's primary cost, ``act_Cprimary``.

    Arguments
    ---------
    llrs : (N,) array_like of float
        Log-likelihood ratios, natural logarithm.
    is_target : (N,) array_like of bool or 0/1
    points : sequence of OperatingPoint
        As `mean_min_dcf`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `mean_min_dcf`.

    Example
    -------
    >>> mean_act_dcf([5.0, 9.0, -2.0, -4.0], [1, 1, 0, 0], SRE16)
    0.25
    """
    _check_points(points)
    costs = [
        act_dcf(llrs, is_target, point.p_target, point.c_miss, point.c_fa)
        for point in points
    ]
    return float(np.mean(costs))


def _check_points(points):
    """Refuse a preset without operating points."""
    if not len(points):
        raise ValueError(
            "points is empty: pass one or more operating points, such as "
            "dcf.VOXSRC."
        )


def _expected_costs(p_target, c_miss, c_fa):
    """Cost of missing every target, and of accepting every nontarget."""
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
    return c_miss * p_target, c_fa * (1 - p_target)
