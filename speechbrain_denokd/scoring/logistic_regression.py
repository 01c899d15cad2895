"""Prior-weighted logistic regression (``scores, labels -> weights``).

Source: N. Brümmer and J. du Preez, "Application-independent evaluation of
speaker detection", Computer Speech and Language 2006.
Differs: a ridge keeps the weights finite on trials without an error.
"""

import math

import numpy as np

# On the weights of standardised columns, against a mean cross entropy in
# nats. It lowers the scale by 0.03 % at an EER of 1 %, by 0.4 % at 0.1 %, and
# stops log-likelihood ratios near 13 where no trial is in error.
RIDGE = 1e-7


def logistic_regression(
    columns: np.ndarray, is_target: np.ndarray, prior: float
) -> tuple[np.ndarray, float]:
    """Affine map to log-likelihood ratios with the least cross entropy.

    Both classes weigh ``prior`` and ``1 - prior``, however many trials they
    have; the prior's odds are taken off the result. Rescaled or shifted
    columns give the same ratios. A column that never varies gets no weight.

    Arguments
    ---------
    columns : (N, Q) numpy.ndarray of float64
        Scores, and qualities.
    is_target : (N,) numpy.ndarray of bool
        With both classes.
    prior : float
        Probability of a target trial, in (0, 1); 0.5 minimises Cllr.

    Returns
    -------
    weights : (Q,) numpy.ndarray of float64
    offset : float
        ``columns @ weights + offset`` are the ratios.

    Raises
    ------
    ValueError
        If the prior is out of range.

    Example
    -------
    >>> scores = np.array([[-1.0], [0.5], [-0.5], [1.0]])
    >>> is_target = np.array([False, False, True, True])
    >>> weights, offset = logistic_regression(scores, is_target, prior=0.5)
    >>> weights.round(3), abs(offset) < 1e-6
    (array([0.839]), True)
    """
    # Here, for it takes a second, and who only uses a calibration needs none.
    from sklearn.linear_model import LogisticRegression

    check_prior(prior)
    n_targets = is_target.sum()
    counts = np.where(is_target, n_targets, len(is_target) - n_targets)
    importance = np.where(is_target, prior, 1 - prior) / counts
    mean = importance @ columns
    std = np.sqrt(importance @ (columns - mean) ** 2)
    std[np.ptp(columns, axis=0) <= 1e-9 * np.abs(mean)] = np.inf
    regression = LogisticRegression(
        C=1 / RIDGE, solver="newton-cholesky", tol=1e-9
    ).fit((columns - mean) / std, is_target, sample_weight=importance)
    weights = regression.coef_[0] / std
    # The regression's intercept is of posteriors, and holds the prior's odds.
    log_odds = math.log(prior / (1 - prior))
    offset = regression.intercept_[0] - log_odds - weights @ mean
    return weights, float(offset)


def check_prior(prior: float) -> None:
    """Refuse what is no probability of a target trial.

    Arguments
    ---------
    prior : float

    Raises
    ------
    ValueError
        If it is not in (0, 1).

    Example
    -------
    >>> check_prior(1.0)
    Traceback (most recent call last):
    ...
    ValueError: prior is 1.0, but a prior lies between 0 and 1 ...
    """
    if not 0 < prior < 1:
        raise ValueError(
            f"prior is {prior}, but a prior lies between 0 and 1 (0.5 "
            "minimises Cllr)"
        )
