"""Facts about a trial list (the arrow ``trial list, manifest -> report``)."""

from collections.abc import Iterator

import numpy as np

from speechbrain_denokd.data.trial_report import Finding
from speechbrain_denokd.data.trial_table import (
    FEMALE,
    MALE,
    UNKNOWN,
    TrialTable,
)
from speechbrain_denokd.data.voxceleb_lists import TRIAL_LISTS


def trial_statistics(table: TrialTable) -> Iterator[Finding]:
    """Sizes, balance over speakers, genders, sessions and durations.

    Arguments
    ---------
    table : TrialTable
        Any list, even an empty one.

    Yields
    ------
    Finding
        Of severity "fact".

    Example
    -------
    >>> from speechbrain_denokd.data.trial_table import join_trials
    >>> from speechbrain_denokd.data.trials import Trial
    >>> [table] = join_trials([[Trial(True, "u1", "u2")]], [])
    >>> next(trial_statistics(table)).text
    '1: 1 target, 0 nontarget'
    """
    yield from _sizes(table)
    yield from _speakers(table)
    yield from _genders(table)
    yield from _sessions(table)
    for name, side in (("enroll", table.enroll), ("test", table.test)):
        yield _spread(f"{name}_duration", table.duration[side], "s", ".1f")


def _sizes(table: TrialTable) -> Iterator[Finding]:
    n_targets = int(table.is_target.sum())
    n_nontargets = table.n_trials - n_targets
    yield Finding(
        "fact",
        "trials",
        f"{table.n_trials:,}: {n_targets:,} target, {n_nontargets:,} nontarget",
        {"n_targets": n_targets, "n_nontargets": n_nontargets},
    )
    # The original lists hold wrong labels, so results on them look worse.
    for name, official in TRIAL_LISTS.items():
        if official.n_trials == table.n_trials:
            yield Finding(
                "fact",
                "official_list",
                f"as long as Vox1-{name} ({official.filename})",
                {"list": name},
            )
    n_used = len(table.used_rows)
    n_unused = len(table.rows) - n_used
    yield Finding(
        "fact",
        "utterances",
        f"{n_used:,} in use, {n_unused:,} rows of the manifest are not",
        {"n_used": n_used, "n_unused": n_unused},
    )


def _speakers(table: TrialTable) -> Iterator[Finding]:
    """Speakers, and how evenly targets spread over them."""
    speakers = np.unique(table.speaker[table.used_rows])
    sides = table.speaker[table.enroll]
    known = sides[table.is_target & (sides != UNKNOWN)]
    n_targets = np.bincount(known, minlength=len(table.names))[speakers]
    n_without = int((n_targets == 0).sum())
    yield Finding(
        "fact",
        "speakers",
        f"{len(speakers):,}, {n_without:,} of them without a target trial",
        {"n_speakers": len(speakers), "n_without_target": n_without},
    )
    yield _spread("targets_per_speaker", n_targets, "", ".0f")


def _genders(table: TrialTable) -> Iterator[Finding]:
    """Pairs of genders by class; nontargets of one gender are the hard ones."""
    enroll, test = table.gender[table.enroll], table.gender[table.test]
    unknown = (enroll == UNKNOWN) | (test == UNKNOWN)
    kinds = {
        "f-f": (enroll == FEMALE) & (test == FEMALE),
        "m-m": (enroll == MALE) & (test == MALE),
        "f-m": ~unknown & (enroll != test),
        "unknown": unknown,
    }
    for name, chosen in (
        ("target", table.is_target),
        ("nontarget", ~table.is_target),
    ):
        counts = {
            kind: int((chosen & found).sum()) for kind, found in kinds.items()
        }
        n_known = int(chosen.sum()) - counts["unknown"]
        share = (counts["f-f"] + counts["m-m"]) / n_known if n_known else None
        text = ", ".join(f"{n:,} {kind}" for kind, n in counts.items())
        if share is not None:
            text += f" ({100 * share:.1f} % of the known are of one gender)"
        yield Finding(
            "fact",
            f"{name}_genders",
            text,
            {**counts, "same_gender_share": share},
        )


def _sessions(table: TrialTable) -> Iterator[Finding]:
    enroll, test = table.session[table.enroll], table.session[table.test]
    known = table.is_target & (enroll != UNKNOWN) & (test != UNKNOWN)
    known &= table.enroll != table.test
    n_known, n_same = int(known.sum()), int((known & (enroll == test)).sum())
    share = n_same / n_known if n_known else None
    shown = "" if share is None else f" ({100 * share:.1f} %)"
    yield Finding(
        "fact",
        "targets_of_one_session",
        f"{n_same:,} of {n_known:,} whose sessions are known{shown}",
        {"n_same": n_same, "n_known": n_known, "share": share},
    )


def _spread(name: str, values: np.ndarray, unit: str, digits: str) -> Finding:
    """Least, median and greatest of the values that are known."""
    values = values[np.isfinite(values)]
    if not len(values):
        limits = {"min": None, "median": None, "max": None}
        return Finding("fact", name, "not known", limits)
    limits = {
        "min": float(values.min()),
        "median": float(np.median(values)),
        "max": float(values.max()),
    }
    text = ", ".join(
        f"{limit} {value:{digits}} {unit}".rstrip()
        for limit, value in limits.items()
    )
    return Finding("fact", name, text, limits)
