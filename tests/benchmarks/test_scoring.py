"""The benchmark of scoring: what it compares is the same thing."""

import pytest

from benchmarks import scoring
from benchmarks.scoring_rows import ROWS, labelled_scores
from speechbrain_denokd.metrics import eer


def test_reference_both_rows_of_the_eer_find_the_same():
    ours = ROWS["compat_eer"].prepare()()
    assert ours == ROWS["speechbrain_eer"].prepare()()


def test_fact_a_row_is_timed_as_often_as_asked():
    found = scoring.measure("compat_eer", repeats=2)
    assert len(found["seconds"]) == 2
    assert found["result"] == f"EER {eer(*labelled_scores(37_611)):.5f}"


def test_fact_unknown_rows_are_refused(capsys):
    with pytest.raises(SystemExit) as error:
        scoring.main(["--rows", "speed"])
    assert error.value.code == 2
    assert "no row 'speed'" in capsys.readouterr().err


def test_fact_the_table_names_sizes_and_spreads():
    record = {
        "command": "c",
        "commit": "abc",
        "date": "today",
        "hardware": {"processor": "cpu", "threads": 2},
        "repeats": 3,
        "rows": {
            "metrics": {
                "seconds": [0.3, 0.1, 0.2],
                "peak_bytes": 5 * 2**20,
                "result": "EER 0.1",
            }
        },
    }
    row = scoring.as_markdown(record).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "EER + minDCF",
        "581,480 trials",
        "0.200 [0.100–0.300]",
        "5",
        "EER 0.1",
    ]
