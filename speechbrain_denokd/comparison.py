"""Do two systems differ? (The arrow ``scores -> difference, interval, p``.)

Both sides see the same draws of speakers (`bootstrap`), and where a system
was trained from several seeds, the same draws of seeds too: what is hard for
both cancels.

Source: J. N. K. Rao and C. F. J. Wu, "Resampling inference with complex
survey data", Journal of the American Statistical Association 83(401), 1988:
drawing n - 1 of n units keeps the variance of their mean right where n is
small, as three seeds are. Drawing n of n would make it a third too small.
"""

from typing import NamedTuple

import numpy as np

from speechbrain_denokd.bootstrap import (
    check_settings,
    percentiles,
    resampled_values,
)
from speechbrain_denokd.metrics import eer_of_rates


class Comparison(NamedTuple):
    """Difference of two systems on the same trials.

    Attributes
    ----------
    difference : float
        Metric of the first system minus metric of the second.
    low, high : float
        Bootstrap interval of the difference.
    p_value : float
        Two-sided, of "the systems do not differ".

    Example
    -------
    >>> Comparison(-0.01, -0.02, -0.001, 0.03).p_value
    0.03
    """

    difference: float
    low: float
    high: float
    p_value: float


def compare_systems(
    scores_a,
    scores_b,
    is_target,
    enroll_speakers,
    test_speakers,
    metric=eer_of_rates,
    n_resamples=1000,
    confidence=0.95,
    seed=0,
):
    """Paired bootstrap of two systems that scored the same trials.

    Both systems see the same draws of speakers, so what is hard for both
    cancels. The p-value inverts the percentile interval: twice the smaller
    share of resamples on either side of zero, counting the observed sample
    once, hence never below ``2 / (n_resamples + 1)``.

    Arguments
    ---------
    scores_a, scores_b : (N,) array_like of float
        Scores of the two systems, in the same order of trials.
    is_target : (N,) array_like of bool or 0/1
    enroll_speakers, test_speakers : (N,) sequences of str or int
    metric, n_resamples, confidence, seed
        As ``speaker_interval``.

    Returns
    -------
    Comparison
        Negative where the first system has the lower error.

    Raises
    ------
    ValueError
        As ``speaker_interval``.

    Example
    -------
    >>> scores = [0.9, 0.8, 0.2, 0.4, 0.1, 0.3]
    >>> trials = [1, 1, 1, 0, 0, 0], list("abcabc"), list("abcbca")
    >>> compare_systems(scores, scores, *trials)
    Comparison(difference=0.0, low=0.0, high=0.0, p_value=1.0)
    """
    draws = resampled_values(
        [scores_a, scores_b],
        is_target,
        enroll_speakers,
        test_speakers,
        metric,
        n_resamples,
        seed,
    )
    difference = float(draws.observed[0] - draws.observed[1])
    return compare_draws(difference, *draws.values, confidence)


def compare_draws(difference, values_a, values_b, confidence=0.95):
    """Interval and p-value of a difference, from draws that both sides share.

    Arguments
    ---------
    difference : float
        Of the observed sample.
    values_a, values_b : (R,) numpy.ndarray of float
        Metric of the two sides, of the same draws.
    confidence : float
        Share of the draws inside the interval, in (0, 1).

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If ``confidence`` is out of range.

    Example
    -------
    >>> draws = np.linspace(0.1, 0.2, 99)
    >>> compare_draws(-0.1, draws - 0.1, draws).p_value
    0.02
    """
    check_settings(len(values_a), confidence)
    differences = values_a - values_b
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    p_value = min(1.0, 2 * (int(tail) + 1) / (len(differences) + 1))
    return Comparison(
        difference, *percentiles(differences, confidence), p_value
    )


class RunsComparison(NamedTuple):
    """Difference of two systems, each trained from several seeds.

    Attributes
    ----------
    difference, low, high : float
        Mean over seeds of the first system minus that of the second.
    relative, relative_low, relative_high : float or None
        The same as a share of the second's; None where that is zero.
    p_value : float
        Two-sided, of "the systems do not differ".
    n_seeds : int
        Seeds that both sides have. Of one seed none are drawn: the interval
        then is that of these two models.

    Example
    -------
    >>> RunsComparison(-0.01, -0.02, 0.0, -0.1, -0.2, 0.0, 0.06, 3).relative
    -0.1
    """

    difference: float
    low: float
    high: float
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    p_value: float
    n_seeds: int


def compare_runs(row, reference, confidence=0.95, seed=0):
    """Paired bootstrap of two systems over speakers and seeds.

    Speakers and seeds are crossed: every seed's model meets the same
    speakers, so a resample is one draw of speakers for all models and one
    draw of seeds for both sides.

    Arguments
    ---------
    row, reference : Draws
        Their ``K`` systems are the seeds, in the same order, and their draws
        of speakers are the same (one call of `resampled_values`). A side of
        one system stands beside every seed of the other.
    confidence : float
        Share of the draws inside the intervals, in (0, 1).
    seed : int
        Of the draws of seeds.

    Returns
    -------
    RunsComparison
        Negative where ``row`` has the lower error.

    Raises
    ------
    ValueError
        If the sides have different numbers of seeds or of draws.

    Example
    -------
    >>> from speechbrain_denokd.bootstrap import Draws
    >>> draws = Draws(np.full(3, 0.1), np.full((3, 99), 0.1))
    >>> half = Draws(np.full(3, 0.05), np.full((3, 99), 0.05))
    >>> compare_runs(half, draws).relative, compare_runs(draws, draws).p_value
    (-0.5, 1.0)
    """
    n_seeds = max(len(row.observed), len(reference.observed))
    if {len(row.observed), len(reference.observed)} - {1, n_seeds} or (
        row.values.shape[1] != reference.values.shape[1]
    ):
        raise ValueError(
            f"the sides have {row.values.shape} and {reference.values.shape} "
            "(seeds, draws): compare the seeds that both have, of one call "
            "of resampled_values"
        )
    values, base = (
        mean_over_seeds(side.values, n_seeds, seed) for side in (row, reference)
    )
    observed, observed_base = row.observed.mean(), reference.observed.mean()
    found = compare_draws(
        float(observed - observed_base), values, base, confidence
    )
    return RunsComparison(
        *found[:3],
        *_relative(observed, observed_base, values, base, confidence),
        found.p_value,
        n_seeds,
    )


def mean_over_seeds(values, n_seeds, seed=0):
    """Mean over a draw of seeds, for each draw of speakers.

    Arguments
    ---------
    values : (K, R) numpy.ndarray of float
        Of ``K`` seeds, or of one system that stands for all of them.
    n_seeds : int
        ``K``, or the seeds of the other side.
    seed : int
        Same seed, same draws.

    Returns
    -------
    (R,) numpy.ndarray of float

    Example
    -------
    >>> mean_over_seeds(np.array([[0.1, 0.3]]), n_seeds=3).tolist()
    [0.1, 0.3]
    """
    if len(values) == 1:
        return values[0]
    n_drawn = n_seeds - 1
    drawn = np.random.default_rng([seed, n_seeds]).multinomial(
        n_drawn, np.full(n_seeds, 1 / n_seeds), size=values.shape[1]
    )
    return (drawn.T * values).sum(axis=0) / n_drawn


def mean_interval(draws, confidence=0.95, seed=0):
    """Interval of a system's mean over seeds: speakers and seeds resampled.

    Arguments
    ---------
    draws : Draws
        Its systems are the seeds.
    confidence, seed
        As `compare_runs`.

    Returns
    -------
    low, high : float

    Example
    -------
    >>> from speechbrain_denokd.bootstrap import Draws
    >>> mean_interval(Draws(np.full(3, 0.1), np.full((3, 99), 0.1)))
    (0.1, 0.1)
    """
    means = mean_over_seeds(draws.values, len(draws.observed), seed)
    return percentiles(means, confidence)


def _relative(observed, observed_base, values, base, confidence):
    """Relative difference and its interval, None where it is not finite."""
    if observed_base == 0:
        return None, None, None
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where the reference makes no error: equal, or worse without bound.
        ratios = np.where(values == base, 1.0, values / base)
    tail = (1 - confidence) / 2
    # Order statistics: between a number and infinity nothing lies.
    low = np.quantile(ratios, tail, method="lower") - 1
    high = np.quantile(ratios, 1 - tail, method="higher") - 1
    return tuple(
        float(value) if np.isfinite(value) else None
        for value in (observed / observed_base - 1, low, high)
    )
