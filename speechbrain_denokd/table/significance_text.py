"""Comparisons with the reference as text (``results -> Markdown, CSV``)."""

from collections.abc import Mapping, Sequence

from speechbrain_denokd.comparison import RunsComparison
from speechbrain_denokd.table.pictures import Results
from speechbrain_denokd.table.records import by_row
from speechbrain_denokd.table.significance import CONFIDENCE, N_RESAMPLES
from speechbrain_denokd.tables import ABSENT, conditions_of, markdown_table


def significance_table(
    records: Sequence[Mapping],
    results: Results,
    reference: str,
    dev_eers: Mapping[str, float],
) -> str:
    """Every row against the reference, and how that was chosen, in Markdown.

    Arguments
    ---------
    records : sequence of dict
        Of `records.of_test`, in the order of the table.
    results : mapping
        Of `significance.compare_rows`.
    reference : str
        Row.
    dev_eers : mapping of str to float
        Of the rows that it was chosen among.

    Returns
    -------
    str
    """
    rows = by_row(records)
    titles = {name: runs[0]["title"] for name, runs in rows.items()}
    conditions = _measured(records)
    header = ["Row", "Distillation method", "Seeds in common"]
    for condition in conditions:
        header += [f"{condition.capitalize()} EER, relative (%)", "p"]
    table = []
    for number, name in enumerate(rows, start=1):
        found = [results[name].get(condition) for condition in conditions]
        against = [one.against if one else None for one in found]
        if name == reference:
            cells = ["reference", ""] * len(conditions)
        else:
            cells = [text for one in against for text in _cells(one)]
        n_seeds = next((str(one.n_seeds) for one in against if one), ABSENT)
        table.append([str(number), titles[name], n_seeds, *cells])
    caption = _caption(titles, reference, dev_eers)
    return f"{caption}\n\n{markdown_table(header, table)}"


def _caption(titles: Mapping, reference: str, dev_eers: Mapping) -> str:
    among = ", ".join(
        f"{titles.get(name, name)} {100 * eer:.2f} %"
        for name, eer in dev_eers.items()
    )
    return (
        f"Against {titles.get(reference, reference)}, the best by mean EER on "
        f"the development trials ({among}): relative difference of the EER "
        f"[{100 * CONFIDENCE:.0f} % interval], negative where the row is "
        f"better; paired bootstrap over speakers and seeds, {N_RESAMPLES} "
        "draws (of one seed: over speakers); * the interval of the difference "
        "excludes zero. p is two-sided and not corrected for the number of "
        "rows."
    )


def _measured(records: Sequence[Mapping]) -> list[str]:
    """Conditions that some row has, longest first."""
    having = {name for record in records for name in record["conditions"]}
    return [name for name in conditions_of(records) if name in having]


def _cells(found: RunsComparison | None) -> list[str]:
    """Difference and p-value of one row under one condition."""
    if found is None:
        return [ABSENT, ABSENT]
    # The reference makes no error at all: points instead of shares.
    unit = " points" if found.relative is None else ""
    ends = _ends(found)
    middle, low, high = (
        "∞" if end is None else f"{100 * end:+.1f}" for end in ends
    )
    star = " *" if excludes_zero(found) else ""
    return [f"{middle}{unit} [{low}, {high}]{star}", f"{found.p_value:.3f}"]


def _ends(found: RunsComparison) -> tuple[float, float | None, float | None]:
    """The difference that is shown, and its interval."""
    if found.relative is None:
        return found.difference, found.low, found.high
    return found.relative, found.relative_low, found.relative_high


def excludes_zero(found: RunsComparison) -> bool:
    """Whether the interval that is shown lies on one side of zero.

    Example
    -------
    >>> found = RunsComparison(-0.1, -0.2, -0.01, None, None, None, 0.01, 3)
    >>> excludes_zero(found)
    True
    """
    _, low, high = _ends(found)
    # None stands for infinity: resamples whose reference makes no error.
    return low is None or low > 0 or (high is not None and high < 0)


def significance_columns(
    records: Sequence[Mapping], results: Results
) -> tuple[list[str], list[list[str]]]:
    """The same as further columns of ``table.csv``, at full precision.

    Arguments
    ---------
    records, results
        As for `significance_table`.

    Returns
    -------
    header : list of str
        None where no row is compared.
    rows : list of list of str
        One per row of the table; empty cells where a row is not compared.
    """
    names = list(by_row(records))
    conditions = _measured(records) if results else []
    header = [
        f"{condition.capitalize()} EER relative {part}"
        for condition in conditions
        for part in ("difference", "low", "high", "p")
    ]
    rows = []
    for name in names:
        row = []
        for condition in conditions:
            one = results[name].get(condition)
            against = one.against if one else None
            values = (
                [None] * 4
                if against is None
                else [*against[3:6], against.p_value]
            )
            row += ["" if v is None else f"{v:.4f}" for v in values]
        rows.append(row)
    return header, rows
