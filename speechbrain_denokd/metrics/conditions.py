"""Error rates of parts of a trial list (``scores -> rates by condition``).

A mean over all trials hides that a model fails on short recordings or on one
gender. A condition is one label per trial; the functions below label trials
from the manifest rows of both sides.

Parts share speakers, so their rates are not independent, and the EER of a
list is not the mean of the EERs of its parts.
"""

import re

import numpy as np

from speechbrain_denokd.metrics.cllr import cllr
from speechbrain_denokd.metrics.dcf import DENOKD, mean_min_dcf
from speechbrain_denokd.metrics.eer import eer
from speechbrain_denokd.metrics.error_rates import check_trials
from speechbrain_denokd.metrics.label_index import label_index

UNKNOWN = "unknown"  # label of a trial whose manifest rows do not say


def rates_by_condition(
    scores, is_target, conditions, points=DENOKD, with_cllr=False
):
    """Counts and error rates for each value of each condition.

    Arguments
    ---------
    scores : (N,) array_like of float
        Higher means more likely the same speaker.
    is_target : (N,) array_like of bool or 0/1
    conditions : mapping of str to (N,) sequence of str, int or bool
        One label per trial, by the name of the condition.
    points : sequence of OperatingPoint
        Of the minDCF; several are averaged.
    with_cllr : bool
        Whether the scores are log-likelihood ratios and get a Cllr.

    Returns
    -------
    dict of str to dict of str to dict
        By condition and label: ``n_targets``, ``n_nontargets``, ``eer``,
        ``min_dcf``, ``cllr`` where asked for, and ``note``. Rates are None,
        and the note says why, where trials of one kind are missing. Labels
        are sorted, numbers in them by their size. JSON can hold it.

    Raises
    ------
    ValueError
        As ``check_trials``, or if there is not one label per trial.

    Example
    -------
    >>> trials = [0.9, 0.1, 0.2, 0.4, 0.3], [1, 0, 1, 0, 0]
    >>> genders = ["f-f", "f-f", "m-m", "m-m", "f-m"]
    >>> rates = rates_by_condition(*trials, {"gender": genders})["gender"]
    >>> rates["m-m"]["eer"], rates["f-m"]["note"]
    (1.0, 'no target trials')
    """
    scores, is_target = check_trials(scores, is_target)
    rates = {}
    for name, labels in conditions.items():
        if len(labels) != len(scores):
            raise ValueError(
                f"condition {name} has {len(labels)} labels but there are "
                f"{len(scores)} trials: pass one label per trial."
            )
        values, indices = label_index(labels)
        parts = {
            str(value): indices == index for index, value in enumerate(values)
        }
        rates[name] = {
            value: _rates(scores[part], is_target[part], points, with_cllr)
            for value, part in sorted(parts.items(), key=_natural_order)
        }
    return rates


def gender_pairs(enroll, test):
    """Genders of both sides of each trial, in alphabetical order.

    Arguments
    ---------
    enroll, test : (N,) sequences of data.manifest.Utterance
        Either side of each trial.

    Returns
    -------
    (N,) list of str
        Such as "f-f", "m-m" or "f-m"; "unknown" where either is.

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import Utterance
    >>> ann = Utterance("u1", 3.0, "1.wav", 0, None, "ann", gender="f")
    >>> bob = Utterance("u2", 5.0, "2.wav", 0, None, "bob", gender="m")
    >>> gender_pairs([ann, bob], [ann, ann])
    ['f-f', 'f-m']
    """
    return [
        "-".join(sorted((a.gender, b.gender)))
        if a.gender and b.gender
        else UNKNOWN
        for a, b in zip(enroll, test, strict=True)
    ]


def session_pairs(enroll, test):
    """Whether both sides of each trial come from one recording session.

    Arguments
    ---------
    enroll, test : (N,) sequences of data.manifest.Utterance
        Either side of each trial.

    Returns
    -------
    (N,) list of str
        "same", "different", or "unknown" where either session is. Sessions
        of different speakers are different, whatever their names.

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import Utterance
    >>> first = Utterance("u1", 3.0, "1.wav", 0, None, "ann", session="s1")
    >>> other = Utterance("u2", 5.0, "2.wav", 0, None, "ann", session="s2")
    >>> session_pairs([first, first], [first, other])
    ['same', 'different']
    """
    return [
        UNKNOWN
        if not (a.session and b.session)
        else "same"
        if (a.spk_id, a.session) == (b.spk_id, b.session)
        else "different"
        for a, b in zip(enroll, test, strict=True)
    ]


def duration_bins(enroll, test, edges_s=(2.0, 4.0, 8.0)):
    """Bin of the duration of the shorter side of each trial.

    Arguments
    ---------
    enroll, test : (N,) sequences of data.manifest.Utterance
        Either side of each trial. Durations are those of the rows: a test on
        crops needs rows of the crops.
    edges_s : sequence of float
        Where bins meet, in seconds, ascending; an edge opens the bin above.

    Returns
    -------
    (N,) list of str

    Raises
    ------
    ValueError
        If the edges do not ascend from above 0.

    Example
    -------
    >>> from speechbrain_denokd.data.manifest import Utterance
    >>> short = Utterance("u1", 1.5, "1.wav", 0, None, "ann")
    >>> long = Utterance("u2", 9.0, "2.wav", 0, None, "bob")
    >>> duration_bins([short, long, long], [short, short, long])
    ['0-2 s', '0-2 s', '8 s and more']
    """
    edges = [0.0, *edges_s]
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(
            f"edges_s are {list(edges_s)}, but must be one or more rising "
            "numbers of seconds above 0, such as (2, 4, 8)."
        )
    names = [
        f"{low:g}-{high:g} s"
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]
    names.append(f"{edges[-1]:g} s and more")
    shorter = [
        min(a.duration, b.duration) for a, b in zip(enroll, test, strict=True)
    ]
    return [names[n] for n in np.searchsorted(edges_s, shorter, side="right")]


def _rates(scores, is_target, points, with_cllr):
    """Counts and rates of one part, or a note that there are none."""
    n_targets = int(is_target.sum())
    n_nontargets = len(is_target) - n_targets
    missing = [
        kind
        for kind, count in (("target", n_targets), ("nontarget", n_nontargets))
        if count == 0
    ]
    metrics = {
        "eer": eer,
        "min_dcf": lambda *trials: mean_min_dcf(*trials, points),
    }
    if with_cllr:
        metrics["cllr"] = cllr
    return {
        "n_targets": n_targets,
        "n_nontargets": n_nontargets,
        **{
            name: None if missing else metric(scores, is_target)
            for name, metric in metrics.items()
        },
        "note": f"no {missing[0]} trials" if missing else None,
    }


def _natural_order(item):
    """Key that sorts "2-4 s" before "10-20 s"."""
    pieces = re.split(r"(\d+)", item[0])
    # Every other piece is a number, so like is compared with like.
    return [
        int(piece) if place % 2 else piece for place, piece in enumerate(pieces)
    ]
