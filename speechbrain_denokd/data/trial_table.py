"""Trials and their utterances as arrays (``trial list, manifest -> arrays``).

Half a million trials are counted in numpy or not at all. Every *side* has a
number: rows of the manifest come first, then the names that fit no single
row. Nothing here raises on a bad list: that is for a report to tell.
"""

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial, match_names

UNKNOWN = -1
FEMALE, MALE = 0, 1


class TrialTable(NamedTuple):
    """A trial list by numbers of its sides; E sides, N trials.

    Attributes
    ----------
    rows : sequence of Utterance
        The manifest: sides 0 to ``len(rows) - 1``.
    names : list of str, of length E
        ID of a row; the name as listed where it fits no single row.
    n_fits : (E,) numpy.ndarray of int
        Rows that a side's name fits: 1 for rows, else 0 or several.
    speaker, wav, session : (E,) numpy.ndarray of int
        Equal where the rows' are equal, `UNKNOWN` where not known. A session
        is a speaker's own: two speakers never share one.
    gender : (E,) numpy.ndarray of int
        `FEMALE`, `MALE` or `UNKNOWN`.
    duration : (E,) numpy.ndarray of float
        Seconds, NaN where not known.
    enroll, test : (N,) numpy.ndarray of int
        Sides of each trial.
    is_target : (N,) numpy.ndarray of bool

    Example
    -------
    >>> [table] = join_trials([[Trial(True, "u1", "u2")]], [])
    >>> table.names, table.enroll, table.test
    (['u1', 'u2'], array([0]), array([1]))
    """

    rows: Sequence[Utterance]
    names: list[str]
    n_fits: np.ndarray
    speaker: np.ndarray
    wav: np.ndarray
    session: np.ndarray
    gender: np.ndarray
    duration: np.ndarray
    enroll: np.ndarray
    test: np.ndarray
    is_target: np.ndarray

    @property
    def n_trials(self) -> int:
        """N."""
        return len(self.is_target)

    @property
    def used(self) -> np.ndarray:
        """Sides that occur in a trial, ascending."""
        occurs = np.zeros(len(self.names), dtype=bool)
        occurs[self.enroll] = occurs[self.test] = True
        return np.flatnonzero(occurs)

    @property
    def used_rows(self) -> np.ndarray:
        """Rows that occur in a trial, ascending."""
        return self.used[self.used < len(self.rows)]

    @property
    def pairs(self) -> np.ndarray:
        """(N,) number of each trial's pair, the same in either order."""
        low = np.minimum(self.enroll, self.test)
        return low * len(self.names) + np.maximum(self.enroll, self.test)

    def pair_text(self, trial: int) -> str:
        """Both sides of a trial by name."""
        return (
            f"{self.names[self.enroll[trial]]} {self.names[self.test[trial]]}"
        )


def join_trials(
    lists: Sequence[Sequence[Trial]],
    utterances: Sequence[Utterance],
    data_root: str | Path | None = None,
) -> list[TrialTable]:
    """Number the sides of several trial lists alike.

    Arguments
    ---------
    lists : sequence of sequences of Trial
        Names as `resolve_trials` takes them, but they need not fit a row.
    utterances : sequence of Utterance
        Rows of the manifest.
    data_root : str or Path, optional
        Corpus folder.

    Returns
    -------
    list of TrialTable
        One per list; sides have the same number in all.

    Example
    -------
    >>> rows = [Utterance("u1", 2.0, "c/a/1.wav", 0, 32000, "a")]
    >>> trials = [Trial(True, "a/1.wav", "u2"), Trial(True, "u2", "u1")]
    >>> [table] = join_trials([trials], rows)
    >>> table.pairs
    array([1, 1])
    """
    matches = match_names(
        (name for trials in lists for trial in trials for name in trial[1:]),
        utterances,
        data_root,
    )
    row_of = {row.id: number for number, row in enumerate(utterances)}
    names = [row.id for row in utterances]
    n_fits = [1] * len(names)
    side_of = {}
    for name, ids in matches.items():
        if len(ids) == 1:
            side_of[name] = row_of[ids[0]]
        else:
            side_of[name] = len(names)
            names.append(name)
            n_fits.append(len(ids))
    columns = _columns(utterances, n_unknown=len(names) - len(utterances))
    return [
        TrialTable(
            utterances,
            names,
            np.array(n_fits, dtype=np.int64),
            *columns,
            np.array([side_of[trial.enroll] for trial in trials], np.int64),
            np.array([side_of[trial.test] for trial in trials], np.int64),
            np.array([trial.is_target for trial in trials], bool),
        )
        for trials in lists
    ]


def _columns(
    utterances: Sequence[Utterance], n_unknown: int
) -> list[np.ndarray]:
    """Speaker, wav, session, gender and duration of every side."""
    genders = {"f": FEMALE, "m": MALE}
    numbers = (
        _numbered(row.spk_id for row in utterances),
        _numbered(row.wav for row in utterances),
        _numbered(
            (row.spk_id, row.session) if row.session else None
            for row in utterances
        ),
        # "f", "F" and "female" are all in use.
        [genders.get(row.gender[:1].lower(), UNKNOWN) for row in utterances],
    )
    durations = [row.duration for row in utterances]
    return [
        *(np.array([*n, *[UNKNOWN] * n_unknown], np.int64) for n in numbers),
        np.array([*durations, *[np.nan] * n_unknown], np.float64),
    ]


def _numbered(values: Iterable[Hashable | None]) -> list[int]:
    """Equal numbers for equal values, `UNKNOWN` for None."""
    seen = {}
    return [
        UNKNOWN if value is None else seen.setdefault(value, len(seen))
        for value in values
    ]
