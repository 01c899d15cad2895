"""Every row against the reference (the arrow ``scores -> significance``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_denokd.bootstrap import Draws, resampled_values
from speechbrain_denokd.comparison import (
    RunsComparison,
    compare_runs,
    mean_interval,
)
from speechbrain_denokd.known_scores import open_scores
from speechbrain_denokd.metrics import eer_of_rates
from speechbrain_denokd.scoring.score_file import read_scores
from speechbrain_denokd.table.records import by_row

CONFIDENCE = 0.95
N_RESAMPLES = 1000


class RowScores(NamedTuple):
    """Scores of all rows and seeds on the same trials.

    Attributes
    ----------
    seeds : dict of str to list of (int or None)
        Of each row.
    scores : dict of str to list of (N,) numpy.ndarray
        Of each row, one array per seed, in one order of trials.
    is_target : (N,) numpy.ndarray of bool
    speakers : pair of list of str
        Of either side of each trial.

    Example
    -------
    >>> scores = {"kd": [np.array([0.9, 0.1])]}
    >>> RowScores({"kd": [1]}, scores, [1, 0], ("ab", "ac")).seeds
    {'kd': [1]}
    """

    seeds: dict[str, list]
    scores: dict[str, list[np.ndarray]]
    is_target: np.ndarray
    speakers: tuple[list[str], list[str]]


class RowResult(NamedTuple):
    """What the draws say of a row under one condition.

    Attributes
    ----------
    eer : float
        Mean over seeds.
    interval : (float, float)
        Of that mean, over speakers and seeds.
    against : RunsComparison or None
        The row minus the reference; None where there is no reference, or it
        shares no seed with the row.

    Example
    -------
    >>> RowResult(0.1, (0.08, 0.12), None).eer
    0.1
    """

    eer: float
    interval: tuple[float, float]
    against: RunsComparison | None

    def as_dict(self) -> dict:
        """JSON values."""
        found = {"eer": self.eer, "eer_interval": list(self.interval)}
        if self.against is not None:
            found["against_reference"] = self.against._asdict()
        return found


def compare_rows(
    records: Sequence[Mapping],
    reference: str | None = None,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, dict[str, RowResult]]:
    """Resample speakers and seeds of every row, under every condition.

    Arguments
    ---------
    records : sequence of dict
        Of `records.of_test`; each condition's scores are read from
        ``scores_<condition>.txt`` in its folder ``scores``.
    reference : str, optional
        Row that all are compared with.
    n_resamples : int

    Returns
    -------
    dict of str to dict of str to RowResult
        By row and condition.

    Raises
    ------
    FileNotFoundError, ValueError
        If a score file is not there, or those of two cells hold other
        trials, or do not say where their speakers are.
    """
    found = {}
    conditions = dict.fromkeys(
        name for r in records for name in r["conditions"]
    )
    for condition in conditions:
        having = [r for r in records if condition in r["conditions"]]
        scores = read_row_scores(having, condition)
        for row, result in _compare(scores, reference, n_resamples).items():
            found.setdefault(row, {})[condition] = result
    return found


def read_row_scores(records: Sequence[Mapping], condition: str) -> RowScores:
    """Read the score files of cells, and bring them into one order.

    Arguments
    ---------
    records : sequence of dict
        As for `compare_rows`.
    condition : str
        Such as "full" or "2s".

    Returns
    -------
    RowScores

    Raises
    ------
    FileNotFoundError, ValueError
        As `compare_rows`.
    """
    paths = [Path(r["scores"]) / f"scores_{condition}.txt" for r in records]
    first = open_scores(paths[0], None, ".")
    if first.speakers is None:
        raise ValueError(
            f"{paths[0]} does not say in which manifest its speakers are, or "
            "it is not there any more; evaluate that cell again"
        )
    place = {pair: n for n, pair in enumerate(first.pairs)}
    rows = by_row(
        [
            {**record, "array": _in_order(path, place, first.is_target)}
            for record, path in zip(records, paths, strict=True)
        ]
    )
    return RowScores(
        {name: [run["seed"] for run in runs] for name, runs in rows.items()},
        {name: [run["array"] for run in runs] for name, runs in rows.items()},
        first.is_target,
        first.speakers,
    )


def _in_order(path: Path, place: Mapping, is_target: np.ndarray) -> np.ndarray:
    """(N,) scores of a file, its trials matched by their names."""
    file = read_scores(path)
    at = [place.get((t.enroll, t.test)) for t in file.trials]
    n_unknown = at.count(None)
    if n_unknown or len(set(at)) != len(place):
        raise ValueError(
            f"{path} holds {len(at)} trials, {n_unknown} of them unknown to "
            f"the first cell, which holds {len(place)}; evaluate both on the "
            "same list"
        )
    if [t.is_target for t in file.trials] != is_target[at].tolist():
        raise ValueError(
            f"{path} labels trials otherwise than the first cell; evaluate "
            "both on the same list"
        )
    scores = np.empty(len(place))
    scores[at] = file.scores
    return scores


def _compare(
    rows: RowScores, reference: str | None, n_resamples: int
) -> dict[str, RowResult]:
    """Every row of one condition, all on the same draws of speakers."""
    every = [run for runs in rows.scores.values() for run in runs]
    draws = resampled_values(
        every, rows.is_target, *rows.speakers, eer_of_rates, n_resamples
    )
    of_row, begin = {}, 0
    for name, runs in rows.scores.items():
        chosen = slice(begin, begin + len(runs))
        of_row[name] = Draws(draws.observed[chosen], draws.values[chosen])
        begin += len(runs)
    return {
        name: RowResult(
            float(own.observed.mean()),
            mean_interval(own, CONFIDENCE),
            _against(rows.seeds, of_row, name, reference),
        )
        for name, own in of_row.items()
    }


def _against(
    seeds: Mapping, draws: Mapping[str, Draws], name: str, reference: str | None
) -> RunsComparison | None:
    """The row minus the reference, of the seeds that both have."""
    if reference not in draws:
        return None
    sides = name, reference
    if [None] in (seeds[name], seeds[reference]):
        return compare_runs(*(draws[side] for side in sides), CONFIDENCE)
    common = [seed for seed in seeds[name] if seed in seeds[reference]]
    if not common:
        return None
    chosen = []
    for side in sides:
        at = [seeds[side].index(seed) for seed in common]
        chosen.append(Draws(draws[side].observed[at], draws[side].values[at]))
    return compare_runs(*chosen, CONFIDENCE)
