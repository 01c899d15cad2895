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
counts up to three times. A difference found here (`comparison`) is one to
believe.
"""

from typing import NamedTuple

import numpy as np

from speechbrain_denokd.metrics import (
    RankedTrials,
    at_corners,
    check_trials,
    eer_of_rates,
    label_index,
    rank_trials,
    ranked_error_rates,
)

# Entries of the (resamples, trials) weight matrix held at a time: 1 MiB, which
# stays in a processor's cache. Longer lists are resampled one by one.
_CHUNK_ENTRIES = 2**17


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
        another prior with ``functools.partial(..., p_target=0.05)``. It sees
        only the points where the curve turns (``metrics.corner_points``).
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
    intervals = speaker_intervals(
        scores,
        is_target,
        enroll_speakers,
        test_speakers,
        {"metric": metric},
        n_resamples,
        confidence,
        seed,
    )
    return intervals["metric"]


def speaker_intervals(
    scores,
    is_target,
    enroll_speakers,
    test_speakers,
    metrics,
    n_resamples=1000,
    confidence=0.95,
    seed=0,
):
    """Percentile bootstrap intervals of several metrics from the same draws.

    Each interval equals that of `speaker_interval`; the work is shared.

    Arguments
    ---------
    scores : (N,) array_like of float
    is_target : (N,) array_like of bool or 0/1
    enroll_speakers, test_speakers : (N,) sequences of str or int
    metrics : mapping of str to callable
        ``metric`` of `speaker_interval` by name.
    n_resamples, confidence, seed
        As `speaker_interval`.

    Returns
    -------
    dict of str to (low, high)
        By the names of ``metrics``.

    Raises
    ------
    ValueError
        As `speaker_interval`.

    Example
    -------
    >>> from speechbrain_denokd.metrics import min_dcf_of_rates
    >>> scores = [0.9, 0.8, 0.2, 0.4, 0.1, 0.3]
    >>> trials = scores, [1, 1, 1, 0, 0, 0], list("abcabc"), list("abcbca")
    >>> metrics = {"eer": eer_of_rates, "min_dcf": min_dcf_of_rates}
    >>> speaker_intervals(*trials, metrics, seed=1)["eer"]
    (0.0, 0.6666666666666666)
    """
    scores, is_target = check_trials(scores, is_target)
    n_speakers, *sides = _speaker_indices(
        is_target, enroll_speakers, test_speakers
    )
    check_settings(n_resamples, confidence)
    system = _speaker_trials(scores, is_target, *sides)
    values = _resampled([system], n_speakers, metrics, n_resamples, seed)
    return {name: percentiles(values[name][0], confidence) for name in metrics}


class Draws(NamedTuple):
    """A metric of several systems, of all speakers and of draws of them.

    Attributes
    ----------
    observed : (K,) numpy.ndarray of float
        Every speaker once.
    values : (K, R) numpy.ndarray of float
        Of the same draws for every system.

    Example
    -------
    >>> Draws(np.zeros(2), np.zeros((2, 100))).values.shape
    (2, 100)
    """

    observed: np.ndarray
    values: np.ndarray


def resampled_values(
    systems,
    is_target,
    enroll_speakers,
    test_speakers,
    metric=eer_of_rates,
    n_resamples=1000,
    seed=0,
):
    """A metric of systems that scored the same trials, for draws of speakers.

    Arguments
    ---------
    systems : (K, N) sequence of array_like of float
        Scores of each system, all in one order of trials.
    is_target : (N,) array_like of bool or 0/1
    enroll_speakers, test_speakers : (N,) sequences of str or int
    metric, n_resamples, seed
        As `speaker_interval`.

    Returns
    -------
    Draws

    Raises
    ------
    ValueError
        As `speaker_interval`.

    Example
    -------
    >>> scores = [0.9, 0.8, 0.2, 0.4, 0.1, 0.3]
    >>> trials = [1, 1, 1, 0, 0, 0], list("abcabc"), list("abcbca")
    >>> draws = resampled_values([scores, scores], *trials, n_resamples=9)
    >>> draws.observed.round(3).tolist(), draws.values.shape
    ([0.333, 0.333], (2, 9))
    """
    checked = [check_trials(scores, is_target) for scores in systems]
    labels = checked[0][1]
    n_speakers, *sides = _speaker_indices(
        labels, enroll_speakers, test_speakers
    )
    check_settings(n_resamples, 0.95)
    ranked = [_speaker_trials(scores, labels, *sides) for scores, _ in checked]
    # Every speaker drawn once is the list itself.
    once = np.ones((1, n_speakers), dtype=np.int64)
    observed = [metric(*_rates_of_draws(once, one))[0] for one in ranked]
    values = _resampled(
        ranked, n_speakers, {"metric": metric}, n_resamples, seed
    )
    return Draws(np.array(observed, dtype=float), values["metric"])


def check_settings(n_resamples, confidence):
    """Refuse settings that leave no interval.

    Raises
    ------
    ValueError
        If there is no draw, or ``confidence`` is not in (0, 1).

    Example
    -------
    >>> check_settings(1000, 0.95)
    """
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


class _SpeakerTrials(NamedTuple):
    """The trials of a system in order of their scores, and their speakers.

    Attributes
    ----------
    ranked : RankedTrials
        With the thresholds where the error trade-off curve turns.
    targets : (T,) numpy.ndarray of int
        Speaker of each target trial, ascending by score.
    enroll, test : (N - T,) numpy.ndarray of int
        Speakers of each nontarget trial, ascending by score.
    """

    ranked: RankedTrials
    targets: np.ndarray
    enroll: np.ndarray
    test: np.ndarray


def _speaker_trials(scores, is_target, enroll, test):
    """Sort the trials and their speakers, once for all resamples."""
    ranked = at_corners(rank_trials(scores, is_target))
    return _SpeakerTrials(
        ranked,
        targets=enroll[ranked.targets],
        enroll=enroll[ranked.nontargets],
        test=test[ranked.nontargets],
    )


def _speaker_indices(is_target, enroll_speakers, test_speakers):
    """Number of speakers, and those of both sides as indices, checked."""
    sides = {"enroll": enroll_speakers, "test": test_speakers}
    for name, side in sides.items():
        if len(side) != len(is_target):
            raise ValueError(
                f"{name}_speakers hold {len(side)} names but there are "
                f"{len(is_target)} trials: pass one speaker per trial."
            )
    names, enroll, test = label_index(enroll_speakers, test_speakers)
    wrong = np.flatnonzero((enroll == test) != is_target)
    if len(wrong):
        trial = int(wrong[0])
        label = "target" if is_target[trial] else "nontarget"
        raise ValueError(
            f"trial {trial} is labelled {label} but its speakers are "
            f"{names[enroll[trial]]} and {names[test[trial]]} "
            f"({len(wrong)} such trials): correct the trial list."
        )
    return len(names), enroll, test


def _resampled(systems, n_speakers, metrics, n_resamples, seed):
    """(systems, n_resamples) values by metric, all of the same draws."""
    rng = np.random.default_rng(seed)
    n_trials = len(systems[0].targets) + len(systems[0].enroll)
    chunk = max(1, _CHUNK_ENTRIES // n_trials)
    parts, n_done = [], 0
    while n_done < n_resamples:
        drawn = rng.multinomial(
            n_speakers,
            np.full(n_speakers, 1 / n_speakers),
            size=min(chunk, n_resamples - n_done),
        )
        # At least about one draw in five has both kinds, whatever the list,
        # so drawing again ends.
        rates = [_rates_of_draws(drawn, system) for system in systems]
        parts.append(
            [
                [metric(p_miss, p_fa) for p_miss, p_fa in rates]
                for metric in metrics.values()
            ]
        )
        n_done += len(rates[0][0])
    return dict(zip(metrics, np.concatenate(parts, axis=-1), strict=True))


def _rates_of_draws(drawn, system):
    """Error rates of the draws that have both kinds of trials.

    A target trial of speaker ``s`` weighs ``w_s``; a nontarget trial of ``a``
    and ``b`` weighs ``w_a w_b``, the number of pairs of their copies. Pairs
    of two copies of one speaker are no nontargets and do not appear.

    Arguments
    ---------
    drawn : (R, K) numpy.ndarray of int
        How often each of ``K`` speakers was drawn in each resample.
    system : _SpeakerTrials
    """
    targets = np.take(drawn, system.targets, axis=1)
    nontargets = np.take(drawn, system.enroll, axis=1)
    nontargets *= np.take(drawn, system.test, axis=1)
    usable = targets.any(axis=1) & nontargets.any(axis=1)
    return ranked_error_rates(
        system.ranked, targets[usable], nontargets[usable]
    )


def percentiles(values, confidence):
    """Central interval that holds ``confidence`` of the values.

    Arguments
    ---------
    values : (R,) numpy.ndarray of float
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float

    Example
    -------
    >>> percentiles(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
