import csv
import io

import pytest

from speechbrain_denokd.tables import (
    csv_table,
    markdown_table,
    table_one,
    table_one_rows,
)


def record(method="denokd_frame", seed=1, setup="samples", **conditions):
    return {
        "method": method,
        "seed": seed,
        "setup": setup,
        "conditions": {
            name.removeprefix("_"): {"eer": eer, "min_dcf": min_dcf}
            for name, (eer, min_dcf) in conditions.items()
        },
    }


# Facts


def test_table_one_has_the_layout_of_the_paper():
    header, rows = table_one_rows(
        [
            record("ecapa", _2s=(0.042, 0.396), full=(0.0102, 0.106)),
            record("denokd_frame", full=(0.0078, 0.104)),
        ]
    )
    assert header == [
        "Row",
        "Distillation method",
        "Seeds",
        "Full EER (%)",
        "Full minDCF",
        "4s EER (%)",
        "4s minDCF",
        "3s EER (%)",
        "3s minDCF",
        "2s EER (%)",
        "2s minDCF",
    ]
    dashes = ["–"] * 4
    assert rows == [
        ["1", "ecapa", "1", "1.02", "0.106", *dashes, "4.20", "0.396"],
        ["2", "denokd_frame", "1", "0.78", "0.104", *dashes, "–", "–"],
    ]


def test_several_seeds_give_mean_and_sample_deviation():
    # EER 1, 2, 3 %: mean 2, sample deviation 1 (population: .82).
    runs = [
        record(seed=seed, full=(seed / 100, seed / 10)) for seed in (1, 2, 3)
    ]
    _, [row] = table_one_rows(runs)
    assert row[2:5] == ["3", "2.00 ± 1.00", "0.200 ± 0.100"]


def test_interval_is_shown_for_one_seed_only():
    runs = [record(seed=seed, full=(0.0123, 0.1)) for seed in (1, 2)]
    for run in runs:
        run["conditions"]["full"]["eer_interval"] = [0.01, 0.0155]
    assert table_one_rows(runs[:1])[1][0][3] == "1.23 [1.00, 1.55]"
    assert table_one_rows(runs)[1][0][3] == "1.23 ± 0.00"


def test_seeds_of_methods_may_interleave():
    runs = [
        record(method, seed, full=(0.01, 0.1))
        for seed in (1, 2)
        for method in ("b", "a")
    ]
    assert [row[:3] for row in table_one_rows(runs)[1]] == [
        ["1", "b", "2"],
        ["2", "a", "2"],
    ]


def test_other_durations_stand_among_those_of_the_paper():
    header, [row] = table_one_rows([record(_5s=(0.02, 0.3), _2s=(0.04, 0.5))])
    names = [name.split()[0] for name in header[3::2]]
    assert names == ["Full", "5s", "4s", "3s", "2s"]
    assert row[5:7] == ["2.00", "0.300"] and row[11:] == ["4.00", "0.500"]


def test_table_one_names_its_setup_and_is_markdown():
    caption, blank, header, rule, row = table_one(
        [record(full=(0.0078, 0.104))]
    ).split("\n")
    assert caption.startswith("Set-up: samples.") and blank == ""
    assert header.count("|") == rule.count("|") == row.count("|") == 12
    assert "0.78" in row and "0.104" in row


def test_markdown_is_aligned_and_escaped():
    assert markdown_table(
        ["a", "value"], [["x|y", 1], ["two\nlines", 2.5]]
    ) == (
        "| a         | value |\n"
        "| --------- | ----- |\n"
        "| x\\|y      | 1     |\n"
        "| two lines | 2.5   |"
    )


def test_markdown_without_rows_is_a_header():
    assert markdown_table(["a"], []) == "| a   |\n| --- |"


# Reference


def test_csv_is_read_back_by_the_standard_reader():
    header, rows = ["method", "note"], [["a,b", 'say "x"'], ["c|d", "e\nf"]]
    text = csv_table(header, rows)
    assert list(csv.reader(io.StringIO(text))) == [header, *rows]


# Errors


@pytest.mark.parametrize("table", [markdown_table, csv_table])
def test_ragged_rows_are_refused(table):
    with pytest.raises(ValueError, match="row 2 has 1 cells .* has 2"):
        table(["a", "b"], [[1, 2], [3]])


@pytest.mark.parametrize(
    "records, match",
    [
        ([], "0 records"),
        (
            [record(full=(0, 0)), record(setup="voxceleb", full=(0, 0))],
            "samples, voxceleb",
        ),
        (
            [record(full=(0, 0)), record(full=(0, 0))],
            "denokd_frame has two records of seed 1",
        ),
        ([record(short=(0, 0))], "'short', but a condition is 'full' or a"),
        (
            [record(full=(0, 0)), record(seed=2, _4s=(0, 0))],
            "'full' for 1 of 2 seeds",
        ),
    ],
)
def test_records_that_do_not_belong_together_are_refused(records, match):
    with pytest.raises(ValueError, match=match):
        table_one_rows(records)
