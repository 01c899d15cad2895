"""A table at a glance (the arrow ``records -> summary.md``).

One line per row with all tests side by side, for a report: the EER alone, at
the longest and the shortest duration.
"""

import statistics
from collections.abc import Mapping, Sequence

from speechbrain_denokd.table.records import (
    by_row,
    of_test,
    shown_tests,
)
from speechbrain_denokd.tables import (
    ABSENT,
    conditions_of,
    markdown_table,
    mean_and_deviation,
)

_N_DECIMALS = 1


def summary_table(records: Sequence[Mapping]) -> str:
    """EER in percent of every row on every test, and what training cost.

    Arguments
    ---------
    records : sequence of dict
        Of `records.record_of`.

    Returns
    -------
    str
        Markdown: mean ± sample standard deviation over seeds; a dash where a
        row has no such figure.

    Raises
    ------
    ValueError
        If there are no records.

    Example
    -------
    >>> record = {"row": "kd", "title": "KD", "folder": "out/kd/1",
    ...           "tests": {"O": {"full": {"eer": 0.125}}}, "dev_eer": 0.1,
    ...           "train_wall_s": 60.0}
    >>> print(summary_table([record]))
    | student | seeds | dev  | O    | training (s) |
    | ------- | ----- | ---- | ---- | ------------ |
    | KD      | 1     | 10.0 | 12.5 | 60           |
    """
    tests = shown_tests(records)
    columns = [
        (test, duration)
        for test in tests
        for duration in _durations(of_test(records, test, test == tests[0]))
    ]
    names = [t if d == "full" else f"{t}, {d}" for t, d in columns]
    header = ["student", "seeds", "dev", *names, "training (s)"]
    rows = []
    for runs in by_row(records).values():
        row = [
            runs[0]["title"],
            len(runs),
            _eer(r.get("dev_eer") for r in runs),
        ]
        for test, duration in columns:
            shown = of_test(runs, test, test == tests[0])
            rates = [run["conditions"].get(duration, {}) for run in shown]
            row.append(_eer(one.get("eer") for one in rates))
        times = [r["train_wall_s"] for r in runs if "train_wall_s" in r]
        row.append(round(statistics.fmean(times)) if times else ABSENT)
        rows.append(row)
    return markdown_table(header, rows)


def _durations(records: Sequence[Mapping]) -> list[str]:
    """The longest and the shortest duration that was measured."""
    measured = {name for record in records for name in record["conditions"]}
    ordered = [name for name in conditions_of(records) if name in measured]
    return list(dict.fromkeys([ordered[0], ordered[-1]])) if ordered else []


def _eer(rates) -> str:
    """Percent, over the seeds that have it."""
    known = [100 * rate for rate in rates if rate is not None]
    return mean_and_deviation(known, _N_DECIMALS) if known else ABSENT
