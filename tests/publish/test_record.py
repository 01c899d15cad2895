"""Error rates for the card, out of either kind of record."""

import json

import pytest

from speechbrain_denokd.publish.record import (
    read_record,
    record_table,
    table_note,
)

RATES = {
    "eer": 0.0584,
    "eer_interval": [0.0291, 0.0937],
    "min_dcf": 0.5625,
    "min_dcf_interval": [0.258, 0.956],
    "points": [{"p_target": 0.01, "c_miss": 1.0, "c_fa": 1.0}],
    "confidence": 0.95,
    "n_targets": 360,
    "n_nontargets": 1440,
    "n_speakers": 24,
    "cllr": 0.2345,
}
POINT = {"name": "ann's", **RATES["points"][0]}
OLD = {
    "eer": 0.1,
    "min_dcf": 1.0,
    "p_target": 0.05,
    "c_miss": 1.0,
    "c_fa": 1.0,
    "n_targets": 3,
    "n_nontargets": 4,
}


@pytest.fixture
def read(tmp_path):
    def read(values):
        path = tmp_path / "metrics.json"
        path.write_text(json.dumps(values), encoding="utf-8")
        return read_record(path)

    return read


def test_fact_what_is_private_is_left_out(read):
    private = {**RATES, "points": [POINT], "x": "/home/ann"}
    found = read(
        {
            "method": "ecapa",
            "setup": "manifest",
            "tests": {"test": {"full": private}},
            "command": "python train.py --data_folder=/home/ann/secret",
            "hardware": {"gpu": "ann's"},
            "commit": "1e622ca-dirty",
        }
    )
    assert found == {
        "method": "ecapa",
        "setup": "manifest",
        "tests": {"test": {"full": RATES}},
    }


def test_law_what_was_published_reads_as_itself(read):
    found = read({"tests": {"test": {"full": RATES, "2s": OLD}}, "seed": 1})
    assert read(found) == found


def test_fact_a_table(read):
    found = read({"conditions": {"full": RATES, "2s": OLD}})
    lines = record_table(found).splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines]
    assert cells[0][4:] == ["EER (%)", "minDCF", "Cllr"]
    assert cells[2:] == [
        ["test", "full", "360 + 1440", "24", "5.84 [2.91 – 9.37]"]
        + ["0.562 [0.258 – 0.956]", "0.234"],
        ["test", "2s", "3 + 4", "–", "10.00", "1.000", "–"],
    ]
    assert table_note(found).endswith("normalised, at p_target 0.01, 0.05.")


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        {"tests": {"a": 3}},
        {"tests": {"a": {"full": {"eer": 0.1}}}},
        {"tests": {"a": {"full": {"eer": "x", "min_dcf": 1}}}},
        {"tests": {"a": {"full": {**RATES, "eer_interval": [1]}}}},
        {"tests": {"a": {"full": {**RATES, "eer_interval": "ab"}}}},
        {"tests": {"a": {"full": {**RATES, "confidence": "high"}}}},
        {"tests": {"a": {"full": {**RATES, "points": [{"p_target": 0.1}]}}}},
        {"tests": {"a": {"full": {**RATES, "cllr": float("nan")}}}},
        {"tests": {"\x1b[2J": {"full": RATES}}},
    ],
)
def test_what_holds_no_error_rates_is_refused(read, values):
    with pytest.raises(ValueError, match="metrics.json holds no error rates"):
        read(values)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no .*metrics.json"):
        read_record(tmp_path / "metrics.json")
