"""Results as text (the arrow ``metrics records -> tables``).

Tables are built as a header and rows of strings, then written as Markdown or
CSV, so both show the same digits.
"""

import csv
import io
import re
import statistics

# Table I of the DenoKD paper: durations of the test side, longest first.
CONDITIONS = ("full", "4s", "3s", "2s")
ABSENT = "–"  # what was not measured
_SECONDS = re.compile(r"\d+(\.\d+)?s")


def markdown_table(header, rows):
    """A table that GitHub renders, with columns aligned in the source too.

    Arguments
    ---------
    header : sequence of str
        Column titles.
    rows : sequence of sequences
        Cells, written with ``str``; each row as long as the header.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a row has another length than the header.

    Example
    -------
    >>> print(markdown_table(["method", "EER (%)"], [["denokd", 0.78]]))
    | method | EER (%) |
    | ------ | ------- |
    | denokd | 0.78    |
    """
    lines = [
        # A bar would start another column, a line break another row.
        [cell.replace("|", "\\|").replace("\n", " ") for cell in line]
        for line in _as_text(header, rows)
    ]
    widths = [
        max(3, *(len(cell) for cell in column))
        for column in zip(*lines, strict=True)
    ]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines
    )


def csv_table(header, rows):
    r"""The same table as comma-separated values.

    Arguments
    ---------
    header : sequence of str
    rows : sequence of sequences
        Cells, written with ``str``; each row as long as the header.

    Returns
    -------
    str
        Lines end in a line feed; cells with commas are quoted.

    Raises
    ------
    ValueError
        If a row has another length than the header.

    Example
    -------
    >>> csv_table(["method", "EER (%)"], [["label, frame", 0.88]])
    'method,EER (%)\n"label, frame",0.88\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_as_text(header, rows))
    return text.getvalue()


def _as_text(header, rows):
    """Header and rows as lists of strings, all of one length."""
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise ValueError(
                f"row {number} has {len(row)} cells but the header has "
                f"{len(header)}: give every row one cell per column."
            )
    return [[str(cell) for cell in line] for line in [header, *rows]]


def table_one(records):
    """The paper's Table I in Markdown, with what the numbers are above it.

    Source: DenoKD, Table I.
    Differs: seeds and intervals are shown, and all systems share one column.

    Arguments
    ---------
    records : list of dict
        See ``table_one_rows``.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        As ``table_one_rows``.

    Example
    -------
    >>> full = {"eer": 0.0078, "min_dcf": 0.104}
    >>> record = {"method": "denokd_frame", "seed": 1, "setup": "samples"}
    >>> print(table_one([{**record, "conditions": {"full": full}}])[:36])
    Set-up: samples. EER in percent, min
    """
    header, rows = table_one_rows(records)
    caption = (
        f"Set-up: {records[0]['setup']}. EER in percent, minDCF normalised. "
        "One seed: value [interval]; several: mean ± sample standard "
        "deviation."
    )
    return f"{caption}\n\n{markdown_table(header, rows)}"


def table_one_rows(records):
    """Header and rows of Table I: a row per method, in order of appearance.

    Arguments
    ---------
    records : list of dict
        ``{"method": str, "seed": int, "setup": str, "conditions": {name:
        {"eer": rate, "min_dcf": float, "eer_interval": [low, high]}}}``, where
        a name is "full" or seconds ("5s") and the interval may be missing. One
        record per method and seed, all of one set-up.

    Returns
    -------
    header : list of str
    rows : list of list of str
        EER in percent with 2 decimals, minDCF with 3; a dash where a method
        was not measured.

    Raises
    ------
    ValueError
        If there are no records, set-ups are mixed, a method has one seed
        twice, a condition is unknown, or only some seeds have a condition.

    Example
    -------
    >>> full = {"eer": 0.0078, "min_dcf": 0.104}
    >>> record = {"method": "denokd_frame", "seed": 1, "setup": "samples"}
    >>> table_one_rows([{**record, "conditions": {"full": full}}])[1][0][:5]
    ['1', 'denokd_frame', '1', '0.78', '0.104']
    """
    _check_records(records)
    header = ["Row", "Distillation method", "Seeds"]
    conditions = conditions_of(records)
    for condition in conditions:
        header += [f"{condition.capitalize()} EER (%)"]
        header += [f"{condition.capitalize()} minDCF"]
    by_method = {}
    for record in records:
        by_method.setdefault(record["method"], []).append(record)
    rows = []
    for number, (method, runs) in enumerate(by_method.items(), start=1):
        row = [str(number), method, str(len(runs))]
        for condition in conditions:
            row += _condition_cells(method, condition, runs)
        rows.append(row)
    return header, rows


def conditions_of(records):
    """Durations that a table shows: Table I's, and others that were measured.

    Arguments
    ---------
    records : list of dict
        See `table_one_rows`.

    Returns
    -------
    list of str
        Longest first.

    Example
    -------
    >>> conditions_of([{"conditions": {"5s": {}, "1.5s": {}, "full": {}}}])
    ['full', '5s', '4s', '3s', '2s', '1.5s']
    """
    names = {name for record in records for name in record["conditions"]}
    others = names - {"full"}
    return ["full"] + sorted(
        others | set(CONDITIONS[1:]), key=lambda n: -float(n.removesuffix("s"))
    )


def _check_records(records):
    """Refuse lists of records that would average what does not belong."""
    if not records:
        raise ValueError("There are 0 records: a table needs at least 1.")
    setups = sorted({record["setup"] for record in records})
    if len(setups) > 1:
        raise ValueError(
            f"records come from the set-ups {', '.join(setups)}: make one "
            "table per set-up."
        )
    seen = set()
    for record in records:
        run = record["method"], record["seed"]
        if run in seen:
            raise ValueError(
                f"{run[0]} has two records of seed {run[1]}: keep one of them."
            )
        seen.add(run)
        for name in record["conditions"]:
            if name != "full" and not _SECONDS.fullmatch(name):
                raise ValueError(
                    f"{run[0]}, seed {run[1]}, has the condition {name!r}, "
                    "but a condition is 'full' or a duration such as '4s'."
                )


def _condition_cells(method, condition, runs):
    """EER and minDCF cell of one method under one condition."""
    results = [
        run["conditions"][condition]
        for run in runs
        if condition in run["conditions"]
    ]
    if not results:
        return [ABSENT, ABSENT]
    if len(results) < len(runs):
        raise ValueError(
            f"{method} has the condition {condition!r} for {len(results)} of "
            f"{len(runs)} seeds: evaluate the others too."
        )
    eers = [100 * result["eer"] for result in results]
    eer_cell = mean_and_deviation(eers, 2)
    interval = results[0].get("eer_interval")
    if len(results) == 1 and interval is not None:
        low, high = interval
        eer_cell += f" [{100 * low:.2f}, {100 * high:.2f}]"
    costs = [result["min_dcf"] for result in results]
    return [eer_cell, mean_and_deviation(costs, 3)]


def mean_and_deviation(values, n_decimals):
    """One value as it is, several as mean and sample standard deviation.

    Arguments
    ---------
    values : sequence of float
    n_decimals : int

    Returns
    -------
    str

    Example
    -------
    >>> mean_and_deviation([1.0, 2.0], 1), mean_and_deviation([1.5], 2)
    ('1.5 ± 0.7', '1.50')
    """
    mean = f"{statistics.fmean(values):.{n_decimals}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(values):.{n_decimals}f}"
