import dataclasses

import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.metrics.conditions import rates_by_condition
from speechbrain_denokd.overlap.conditions import (
    gender_pair,
    mixture_conditions,
    overlap_percent,
)
from speechbrain_denokd.overlap.mixtures import Mixture, Source
from tests.overlap.voices import paper_rows

ROWS = paper_rows("ffmm", 1, 2)


def mixture(name, first, second, offset_s):
    return Mixture(
        name,
        1.0 + offset_s,
        (
            Source(f"{first}-0-0", first, 0.0, 1.0, 0.0, 0.0),
            Source(f"{second}-0-0", second, 0.0, 1.0, offset_s, 0.0),
        ),
    )


MIXTURES = [
    mixture("m0", "s0", "s1", 0.0),
    mixture("m1", "s2", "s0", 0.0),
    mixture("m2", "s3", "s2", 1 / 3),  # 2/3 s of 4/3 s
]


def test_fact_labels_of_sides():
    trials = [
        Trial(True, "s0-0-1", "m0"),
        Trial(False, "s0-0-1", "m2"),
        Trial(True, "m0", "m1"),
        Trial(False, "m2", "m2"),
        Trial(False, "m0", "m2"),
    ]
    assert mixture_conditions(trials, MIXTURES, ROWS) == {
        "gender": ["f-f", "m-m", "f-f / f-m", "m-m", "f-f / m-m"],
        "overlap": ["100 %", "50 %", "100 %", "50 %", "100 % / 50 %"],
    }


def test_fact_any_row_knows_the_gender():
    rows = [
        dataclasses.replace(row, gender="" if row.id.endswith("0") else "f")
        for row in ROWS
        if row.spk_id != "s1"
    ]
    trials = [Trial(True, m.id, m.id) for m in MIXTURES]
    genders = mixture_conditions(trials, MIXTURES, rows)["gender"]
    assert genders == ["unknown", "f-f", "f-f"]


def test_fact_rates_of_the_parts():
    trials = [
        Trial(True, "s0-0-1", "m0"),
        Trial(False, "s2-0-1", "m0"),
        Trial(True, "s3-0-1", "m2"),
        Trial(False, "s0-0-1", "m2"),
    ]
    conditions = mixture_conditions(trials, MIXTURES, ROWS)
    rates = rates_by_condition([0.9, 0.1, 0.2, 0.8], [1, 0, 1, 0], conditions)
    assert rates["gender"]["f-f"]["eer"] == 0
    assert rates["overlap"]["50 %"]["eer"] == 1
    assert list(rates["overlap"]) == ["50 %", "100 %"]


def test_fact_gender_pairs_and_percents():
    assert gender_pair(["m", "f", "f"]) == "f-f-m"
    assert gender_pair(["m", ""]) == gender_pair(["", ""]) == "unknown"
    found = [overlap_percent(x) for x in (0, 0.024, 0.026, 0.25, 0.5, 1)]
    assert found == ["0 %", "0 %", "5 %", "25 %", "50 %", "100 %"]


def test_trials_without_mixture():
    with pytest.raises(ValueError, match="Neither s0-0-1 nor s1-0-1 is one"):
        mixture_conditions([Trial(False, "s0-0-1", "s1-0-1")], MIXTURES, ROWS)
