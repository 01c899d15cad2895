"""Convex hull of the error trade-off (the arrow ``error rates -> hull``).

The hull is what the best monotone recalibration of the scores can reach: its
segments are the groups of trials that such a recalibration cannot tell apart.
It follows from isotonic regression of the labels on the scores (pool adjacent
violators, PAV).

Source: N. Brümmer and J. du Preez, "The PAV algorithm optimizes binary proper
scoring rules", 2013 (arXiv:1304.2331); T. Fawcett and A. Niculescu-Mizil, "PAV
and the ROC convex hull", Machine Learning 68, 2007.
"""

import numpy as np
from sklearn.isotonic import isotonic_regression


def hull_points(ranked):
    """Which operating points are corners of the convex hull.

    Arguments
    ---------
    ranked : error_rates.RankedTrials
        All of its thresholds, not only the corners.

    Returns
    -------
    (H,) numpy.ndarray of int
        Ascending positions in ``ranked.thresholds``, both ends among them.

    Example
    -------
    >>> from speechbrain_denokd.metrics import check_trials, rank_trials
    >>> ranked = rank_trials(*check_trials([1, 2, 3, 4], [0, 1, 0, 1]))
    >>> hull_points(ranked)
    array([0, 1, 3, 4])
    """
    # Of the trials at each score; trials of one score are one observation.
    n_targets = np.diff(ranked.targets_below)
    n_trials = n_targets + np.diff(ranked.nontargets_below)
    share = isotonic_regression(n_targets / n_trials, sample_weight=n_trials)
    rises = np.flatnonzero(np.diff(share) > 0) + 1
    return np.r_[0, rises, len(share)]
