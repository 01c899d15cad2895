"""How sure an EER or minDCF is (the arrow ``metrics -> intervals``).

Trials that share a speaker are not independent: one unusual voice spoils all
of its trials at once. Resampling single trials ignores that and gives
intervals that are too narrow, so whole speakers are resampled.

Source: R. M. Bolle, N. K. Ratha and S. Pankanti, "Error analysis of pattern
recognition systems - the subsets bootstrap", Computer Vision and Image
Understanding 93(1), 2004 (resample people, not scores); A. B. Owen and
D. Eckles, "Bootstrapping data arrays of arbitrary order", Annals of Applied
Statistics 6(3), 2012 (an entry of a crossed array gets the product of its
factors' weights).
Differs: both sides of a nontarget trial are speakers of the same set, so one
draw of speakers weights both sides; Owen and Eckles' factors are separate.

Intervals err on the wide side: the product of two weights of variance 1 has
variance 3, so luck that belongs to single nontarget trials, not to voices,
counts up to three times. A difference found here is one to believe.
"""

from typing import NamedTuple

import numpy as np

from speechbrain_denokd.metrics import (
    check_trials,
    eer_of_rates,
    weighted_error_rates,
)

# Entries of the (resamples, trials) weight matrix held at a time: 16 MiB.
_CHUNK_ENTRIES = 2**21


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


def trial_weights(speaker_weights, enroll, test):
    """Weight of each trial in a resample of the speakers.

    A target trial of speaker ``s`` weighs ``w_s``; a nontarget trial of ``a``
    and ``b`` weighs ``w_a w_b``, the number of pairs of their copies. Pairs
    of two copies of one speaker are no nontargets and do not appear.

    Arguments
    ---------
    speaker_weights : (R, K) numpy.ndarray of float64
        How often each of ``K`` speakers was drawn in each resample.
    enroll, test : (N,) numpy.ndarray of int
        Index of the speaker on either side.

    Returns
    -------
    (R, N) numpy.ndarray of float64

    Example
    -------
    >>> drawn = np.array([[2.0, 3.0, 0.0]])
    >>> trial_weights(drawn, np.array([1, 0, 0]), np.array([1, 1, 2])).tolist()
    [[3.0, 6.0, 0.0]]
    """
    enroll_weights = speaker_weights[:, enroll]
    other = np.where(enroll == test, 1.0, speaker_weights[:, test])
    return enroll_weights * other


def speaker_interval(
    scores,
    is_target,
    enroll_speakers,
    test_speakers,
    metric=eer_of_rates,
    n_resamples=1000,
    confidence=0.95,
    seed=0,
):
    """Percentile bootstrap interval of a metric over speakers.

    Resamples that happen to draw no target or no nontarget trial have no
    error rate and are drawn again.

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1
    enroll_speakers, test_speakers : (N,) sequences of str or int
        Speaker of either side of each trial.
    metric : callable
        From ``(p_miss (R, P), p_fa (R, P))`` to ``(R,)``, as
        ``metrics.eer_of_rates`` and ``metrics.min_dcf_of_rates``; choose
        another prior with ``functools.partial(..., p_target=0.05)``.
    n_resamples : int
        Draws of the speakers.
    confidence : float
        Share of resamples inside the interval, in (0, 1).
    seed : int
        Same seed, same interval.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        As ``metrics.check_trials``; if speakers and labels disagree; if
        ``n_resamples`` or ``confidence`` is out of range.

    Example
    -------
    >>> scores = [0.9, 0.8, 0.2, 0.4, 0.1, 0.3]
    >>> enroll, test = list("abcabc"), list("abcbca")
    >>> speaker_interval(scores, [1, 1, 1, 0, 0, 0], enroll, test, seed=1)
    (0.0, 0.6666666666666666)
    """
    scores, is_target = check_trials(scores, is_target)
    enroll, test = _speaker_indices(is_target, enroll_speakers, test_speakers)
    _check_settings(n_resamples, confidence)
    values = _resampled(
        [scores], is_target, enroll, test, metric, n_resamples, seed
    )
    return _percentiles(values[0], confidence)


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
    scores_a, labels = check_trials(scores_a, is_target)
    scores_b, _ = check_trials(scores_b, is_target)
    enroll, test = _speaker_indices(labels, enroll_speakers, test_speakers)
    _check_settings(n_resamples, confidence)
    systems = [scores_a, scores_b]
    values_a, values_b = _resampled(
        systems, labels, enroll, test, metric, n_resamples, seed
    )
    once = np.ones((1, len(labels)))
    observed = [
        float(metric(*weighted_error_rates(scores, labels, once)[1:])[0])
        for scores in systems
    ]
    differences = values_a - values_b
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    p_value = min(1.0, 2 * (int(tail) + 1) / (n_resamples + 1))
    return Comparison(
        observed[0] - observed[1],
        *_percentiles(differences, confidence),
        p_value,
    )


def _check_settings(n_resamples, confidence):
    """Refuse settings that leave no interval."""
    if n_resamples < 1:
        raise ValueError(
            f"n_resamples is {n_resamples}, but at least 1 is needed (1000 "
            "is usual)."
        )
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence is {confidence}, but a share lies between 0 and 1: "
            "pass 0.95 for 95 %."
        )


def _speaker_indices(is_target, enroll_speakers, test_speakers):
    """Speakers as indices into the sorted set of names, checked."""
    sides = np.asarray(enroll_speakers), np.asarray(test_speakers)
    for name, side in zip(("enroll", "test"), sides, strict=True):
        if side.shape != is_target.shape:
            raise ValueError(
                f"{name}_speakers have shape {side.shape} but there are "
                f"{len(is_target)} trials: pass one speaker per trial."
            )
    names, indices = np.unique(np.concatenate(sides), return_inverse=True)
    enroll, test = np.split(indices.reshape(-1), 2)
    wrong = np.flatnonzero((enroll == test) != is_target)
    if len(wrong):
        trial = int(wrong[0])
        label = "target" if is_target[trial] else "nontarget"
        raise ValueError(
            f"trial {trial} is labelled {label} but its speakers are "
            f"{names[enroll[trial]]} and {names[test[trial]]} "
            f"({len(wrong)} such trials): correct the trial list."
        )
    return enroll, test


def _resampled(systems, is_target, enroll, test, metric, n_resamples, seed):
    """(systems, n_resamples) metric of each system on the same resamples."""
    rng = np.random.default_rng(seed)
    n_speakers = int(max(enroll.max(), test.max())) + 1
    chunk = max(1, _CHUNK_ENTRIES // len(is_target))
    parts, n_done = [], 0
    while n_done < n_resamples:
        n_draws = min(chunk, n_resamples - n_done)
        drawn = rng.multinomial(
            n_speakers, np.full(n_speakers, 1 / n_speakers), size=n_draws
        ).astype(np.float64)
        weights = trial_weights(drawn, enroll, test)
        # At least about one draw in five has both kinds, whatever the list,
        # so drawing again ends.
        usable = (weights @ is_target > 0) & (weights @ ~is_target > 0)
        weights = weights[usable]
        parts.append(
            [
                metric(*weighted_error_rates(scores, is_target, weights)[1:])
                for scores in systems
            ]
        )
        n_done += len(weights)
    return np.concatenate(parts, axis=1)


def _percentiles(values, confidence):
    """Central interval that holds ``confidence`` of the values."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
