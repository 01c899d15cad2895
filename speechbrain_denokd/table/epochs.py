"""What training logged, by epoch (the arrow ``train_log.txt -> epochs.md``).

Losses, monitors (the share of noise, the distances before and after it is
taken out), the gradient's norm and the development EER: what a diagnosis of
the table begins with.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechbrain_denokd.table.records import by_row
from speechbrain_denokd.tables import ABSENT, markdown_table

_EPOCH = re.compile(r"epoch: (\d+)")
_VALUE = re.compile(r"((?:train|valid) [^\s:]+): ([^\s,]+)")
_N_DIGITS = 3


def epochs_table(records: Sequence[Mapping]) -> str:
    """Mean over seeds of every logged value, a line each.

    Arguments
    ---------
    records : sequence of dict
        Of `records.record_of`; models that were only evaluated, and cells
        whose log is gone, are left out.

    Returns
    -------
    str
        Markdown; empty where no record has a log.

    Example
    -------
    >>> epochs_table([])
    ''
    """
    rows = []
    for name, runs in by_row(records).items():
        paths = [Path(run["folder"]) / "train_log.txt" for run in runs]
        logs = [read_epochs(path) for path in paths if path.is_file()]
        # In the order of the log: the first run has every value of its row.
        for value in logs[0] if logs else ():
            series = [log[value] for log in logs if value in log]
            rows.append([name, value, len(series), *_means(series)])
    n_columns = max((len(row) for row in rows), default=0)
    header = ["row", "value", "seeds", *range(1, n_columns - 2)]
    filled = [row + [ABSENT] * (n_columns - len(row)) for row in rows]
    return markdown_table(header, filled) if rows else ""


def read_epochs(path: str | Path) -> dict[str, dict[int, float]]:
    r"""The values of a run's epochs.

    Arguments
    ---------
    path : str or Path
        As `train_log.TrainLog` writes it. Of an epoch that was trained again
        after an interrupt, the last line counts.

    Returns
    -------
    dict of str to dict of int to float
        By name, such as ``"train speaker"``, and epoch, counted from 1.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train_log.txt"
    >>> _ = path.write_text("epoch: 1, lr: 1.0 - train speaker: 2.0\n")
    >>> read_epochs(path)
    {'train speaker': {1: 2.0}}
    """
    found = {}
    for line in Path(path).read_text("utf-8").splitlines():
        epoch = _EPOCH.match(line)
        if epoch is None:  # such as the line of a test
            continue
        for name, value in _VALUE.findall(line):
            found.setdefault(name, {})[int(epoch[1])] = float(value)
    return found


def _means(series: Sequence[Mapping[int, float]]) -> list[str]:
    """Of each epoch that any run has, over the runs that have it."""
    means = []
    for epoch in range(1, max(max(one) for one in series) + 1):
        values = [one[epoch] for one in series if epoch in one]
        mean = f"{statistics.fmean(values):.{_N_DIGITS}g}" if values else ABSENT
        means.append(mean)
    return means
