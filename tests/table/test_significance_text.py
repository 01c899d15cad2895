"""Comparisons as text."""

from speechbrain_denokd.comparison import RunsComparison
from speechbrain_denokd.table.significance import RowResult
from speechbrain_denokd.table.significance_text import (
    excludes_zero,
    significance_columns,
    significance_table,
)

RATES = {"full": {}, "2s": {}}
RECORDS = [
    {"row": "kd", "title": "KD", "conditions": RATES},
    {"row": "deno", "title": "DenoKD", "conditions": RATES},
    {"row": "other", "title": "Other", "conditions": {"full": {}}},
]


def result(*against):
    found = RunsComparison(*against) if against else None
    return RowResult(0.1, (0.08, 0.12), found)


RESULTS = {
    "kd": {"full": result(0, 0, 0, 0, 0, 0, 1, 3)},
    "deno": {
        "full": result(-0.01, -0.02, -0.001, -0.1, -0.2, -0.01, 0.02, 3),
        "2s": result(0.01, -0.01, 0.02, None, None, None, 0.4, 3),
    },
    "other": {"full": result()},
}


def test_fact_the_table_marks_what_excludes_zero():
    text = significance_table(RECORDS, RESULTS, "kd", {"kd": 0.05, "x": 0.06})
    assert text.startswith(
        "Against KD, the best by mean EER on the development trials "
        "(KD 5.00 %, x 6.00 %):"
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    assert rows[0][3:] == [
        "Full EER, relative (%)",
        "p",
        "2s EER, relative (%)",
        "p",
    ]
    assert rows[2] == ["1", "KD", "3", "reference", "", "reference", ""]
    # Without a share, the difference itself is given.
    assert rows[3] == [
        *("2", "DenoKD", "3", "-10.0 [-20.0, -1.0] *", "0.020"),
        *("+1.0 points [-1.0, +2.0]", "0.400"),
    ]
    assert rows[4] == ["3", "Other", "–", "–", "–", "–", "–"]


def test_fact_the_mark_is_that_of_the_interval_shown():
    """Shares and points resample apart, and may differ at the edge."""
    assert not excludes_zero(
        RunsComparison(0.02, 0.001, 0.04, 0.1, -0.001, 0.2, 0.05, 3)
    )
    assert excludes_zero(
        RunsComparison(0.02, -0.001, 0.04, 0.1, 0.001, None, 0.05, 3)
    )


def test_fact_csv_has_a_number_per_cell():
    header, rows = significance_columns(RECORDS, RESULTS)
    assert header[:4] == [
        f"Full EER relative {part}"
        for part in ("difference", "low", "high", "p")
    ]
    assert rows[1] == [
        *("-0.1000", "-0.2000", "-0.0100", "0.0200"),
        *("", "", "", "0.4000"),
    ]
    assert rows[2] == [""] * 8
    assert significance_columns(RECORDS, {}) == ([], [[], [], []])
