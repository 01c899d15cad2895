"""Measured separation: facts by hand, and what is written."""

import csv
import math

import numpy as np
import pytest
import torch

from speechbrain_denokd.separation import evaluation
from speechbrain_denokd.separation.evaluation import (
    evaluate_separation,
    measure,
    separation_table,
    summary,
)
from speechbrain_denokd.separation.metrics import si_sdr
from tests.separation.tiny import tiny_model

A = np.array([1.0, -1, 0, 0, 0, 0], np.float32)
B = np.array([0, 0, 1.0, -1, 0, 0], np.float32)
NOISE = np.array([0, 0, 0, 0, 1.0, -1], np.float32)


def mixture(**changes):
    sources = torch.from_numpy(np.stack([A, B]))
    return {
        "id": "m1",
        "sig": sources.sum(0),
        "sources": sources,
        "spk_ids": ("ann", "bob"),
        "genders": "f-m",
    } | changes


def item(name, gain, genders="f-m", **changes):
    values = {"si_sdr_i": gain, "sdr_i": gain + 1, "pesq_i": gain / 10}
    return {"id": name, "spk_ids": (name, "z"), "genders": genders} | (
        values | changes
    )


def test_fact_improvement_is_over_the_mixture():
    """Equal sources: the mixture has 0 dB; a tenth of noise left is 20 dB."""
    estimates = np.stack([A + 0.1 * NOISE, B + 0.5 * A])
    found = measure(estimates, mixture(), {"si_sdr": si_sdr}, ordered=True)
    assert [i["speaker"] for i in found] == ["ann", "bob"]
    assert found[0]["si_sdr"] == found[0]["si_sdr_i"] == pytest.approx(20)
    assert found[1]["si_sdr_i"] == pytest.approx(20 * math.log10(2))
    assert math.isnan(found[0]["sdr_i"]) and math.isnan(found[0]["pesq"])


def test_law_outputs_without_order_are_assigned_ordered_ones_are_not():
    swapped = np.stack([B + 0.1 * NOISE, A + 0.1 * NOISE])
    metrics = {"si_sdr": si_sdr}
    free = measure(swapped, mixture(), metrics, ordered=False)
    assert [i["si_sdr"] for i in free] == pytest.approx([20, 20])
    bound = measure(swapped, mixture(), metrics, ordered=True)
    assert max(i["si_sdr"] for i in bound) < -100


def test_reference_of_three_outputs_too():
    """Source 0 is in output 2, 1 in 0, 2 in 1."""
    sources = np.stack([A, B, NOISE])
    three = mixture(
        sources=torch.from_numpy(sources),
        sig=torch.from_numpy(sources.sum(0)),
        spk_ids=("a", "b", "c"),
    )
    found = measure(sources[[1, 2, 0]], three, {"si_sdr": si_sdr}, False)
    assert min(i["si_sdr"] for i in found) > 100


def test_fact_means_shares_and_conditions():
    items = [
        item("a", 3.0),
        item("b", 1.0),
        item("c", -1.0, "m-m", pesq_i=math.nan),
        item("d", 5.0, "m-m"),
    ]
    found = summary(items)
    assert list(found) == ["all", "f-m", "m-m"]
    assert found["all"]["si_sdr_i"] == 2 and found["all"]["sdr_i"] == 3
    assert found["all"]["improved"] == 0.5  # above 1 dB, not at it
    assert found["m-m"]["pesq_i"] == 0.5
    assert found["m-m"]["n_without_pesq"] == 1
    low, high = found["all"]["si_sdr_i_interval"]
    assert -1 <= low < 2 < high <= 5


def test_fact_a_metric_that_is_not_here_is_none_and_a_dash():
    found = summary([item("a", 3.0, sdr_i=math.nan, pesq_i=math.nan)])
    assert found["all"]["sdr_i"] is None
    assert found["all"]["pesq_i_interval"] is None
    row = separation_table(found).splitlines()[2]
    assert [cell.strip() for cell in row.split("|")[3:5]] == ["–", "–"]
    assert "3.00 [3.00, 3.00]" in row


def test_law_the_items_file_says_what_the_summary_says(tmp_path, monkeypatch):
    monkeypatch.setattr(
        evaluation, "available_metrics", lambda: {"si_sdr": si_sdr}
    )
    torch.manual_seed(0)
    mixtures = []
    for k in range(3):
        sources = torch.randn(2, 600 + 50 * k)
        mixtures.append(
            mixture(id=f"m{k}", sources=sources, sig=sources.sum(0))
        )
    found = evaluate_separation(tiny_model(), mixtures, tmp_path, False)
    with open(tmp_path / "items.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["all"]["n_items"] == 6
    assert found["all"]["n_mixtures"] == 3
    gains = [float(row["si_sdr_i"]) for row in rows]
    assert np.mean(gains) == pytest.approx(found["all"]["si_sdr_i"], abs=1e-3)
