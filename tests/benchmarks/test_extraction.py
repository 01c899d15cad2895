import shutil

import numpy as np
import pytest
import soundfile

from benchmarks import extraction, extraction_rows
from benchmarks.extraction import as_markdown, main, measure, sameness
from benchmarks.extraction_cost import DATA_ROOT, MODEL, measure_cost
from benchmarks.extraction_rows import (
    FORMATS,
    REFERENCE,
    ROWS,
    Recordings,
    noise,
    write_graphs,
    write_models,
    write_sets,
)
from speechbrain_denokd.data.audio import load_audio

GRAPHS = {name for name, chosen in FORMATS.items() if chosen.is_graph}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extraction")
    tiny = {"short": Recordings("3 tiny", [0.5, 0.8, 0.6])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction_rows, "SETS", tiny)
        write_sets(folder, ["short"])
    write_models(folder)
    return folder


def test_facts_of_the_sets(folder):
    lengths = [
        soundfile.info(str(path)).frames
        for path in sorted((folder / "short").iterdir())
    ]
    assert lengths == [8000, 12800, 9600]


def test_reference_all_rows_embed_with_the_same_weights(folder):
    rows = [row for row in ROWS if row not in GRAPHS]
    cells = {row: measure(folder, row, "short", 2) for row in rows}
    assert all(len(cell["cpu_seconds"]) == 2 for cell in cells.values())
    found = {row: sameness(folder, row, "short") for row in rows}
    assert found[REFERENCE] == (0.0, pytest.approx(1.0))
    assert found["fp32"][0] < 1e-5
    assert found["bf16"][0] < 1e-2 and found["bf16"][1] > 0.9999
    # What SpeechBrain's batches cost in accuracy is why they are no reference.
    assert found["speechbrain_16"][0] > 1e-2


@pytest.mark.slow
def test_reference_exported_rows_embed_with_the_same_weights(folder):
    write_graphs(folder, noise(8))
    for row in (REFERENCE, *GRAPHS):
        measure(folder, row, "short", 1)
    found = {row: sameness(folder, row, "short") for row in GRAPHS}
    assert found["onnx"][0] < 1e-4
    assert found["onnx_int8"][1] > 0.99


@pytest.mark.slow
def test_reference_the_cost_of_a_format_is_that_of_its_scores():
    """bfloat16 costs what `compare_scores` says of scores found otherwise."""
    from speechbrain_denokd.cli.inputs import open_trial_set
    from speechbrain_denokd.evaluation import extract_embeddings
    from speechbrain_denokd.extraction import embedding_function
    from speechbrain_denokd.metrics import eer
    from speechbrain_denokd.model_folder import read_model_folder

    cost = measure_cost(["bf16", "onnx_int8"])
    by_format = {row["format"]: row for row in cost["rows"]}
    assert list(by_format) == ["fp32", "bf16", "onnx_int8"]
    trial_set = open_trial_set(DATA_ROOT, None, None)
    assert cost["n_trials"] == len(trial_set.trials)
    is_target = [trial.is_target for trial in trial_set.trials]
    encoder = read_model_folder(MODEL).encoder
    embeddings = extract_embeddings(encoder, trial_set.utterances)
    unit = {
        name: vector / np.linalg.norm(vector)
        for name, vector in embeddings.items()
    }
    scores = [unit[t.enroll] @ unit[t.test] for t in trial_set.trials]
    whole = by_format["fp32"]
    assert whole["eer"] == pytest.approx(eer(scores, is_target), abs=1e-3)
    assert whole["difference"]["eer"]["difference"] == 0
    assert whole["min_cosine"] == pytest.approx(1)
    rows = trial_set.utterances[:5]
    embed = embedding_function(encoder, precision="bf16")
    for row in rows:
        [vector] = embed([load_audio(row.wav, row.start, row.stop)])
        cosine = vector @ unit[row.id] / np.linalg.norm(vector)
        assert cosine >= by_format["bf16"]["min_cosine"] - 1e-6
    for row in by_format.values():
        difference = row["eer"] - whole["eer"]
        assert row["difference"]["eer"]["difference"] == pytest.approx(
            difference, abs=2e-3
        )
        assert 0.99 < row["min_cosine"] <= 1 + 1e-6


def test_fact_the_table_by_hand():
    cell = {
        "row": "fp32",
        "set": "long",
        "seconds": [100.0, 50.0, 72.0],
        "cpu_seconds": [90.0, 91.0, 92.0],
        "peak_bytes": 2**30,
        "same": (1.2e-6, 1.0),
    }
    record = {
        "command": "x",
        "commit": "c",
        "date": "d",
        "hardware": {"processor": "p", "threads": 2},
        "versions": {"torch": "2"},
        "repeats": 3,
        "cells": [
            {**cell, "row": REFERENCE, "seconds": [180.0], "same": None},
            {**cell, "row": "speechbrain_16", "seconds": [288.0]},
            cell,
            {**cell, "set": "short", "same": None},
        ],
        "cost": None,
    }
    with_same, without = as_markdown(record).splitlines()[-2:]
    columns = [column.strip() for column in with_same.split("|")[1:-1]]
    assert columns == [
        "1 of 2 h",
        "denokd embed, float32",
        "0.0 [0.0–0.0]",
        "2.50",
        "100 [72–144]",
        "91000.0 [90000.0–92000.0]",
        "1,024",
        "1.2e-06, 1.000000",
    ]
    columns = [column.strip() for column in without.split("|")[1:-1]]
    assert columns[3] == columns[-1] == ""


def test_fact_the_error_rates_come_behind_the_table():
    change = {"difference": 0.002, "low": -0.001, "high": 0.005}
    row = {
        "format": "onnx_int8",
        "eer": 0.06,
        "min_dcf": 0.5,
        "difference": {"eer": change},
        "min_cosine": 0.999,
    }
    record = {
        "command": "x",
        "commit": "c",
        "date": "d",
        "hardware": {"processor": "p", "threads": 2},
        "versions": {},
        "repeats": 1,
        "cells": [],
        "cost": {"model": "m", "n_trials": 1800, "rows": [row]},
    }
    text = as_markdown(record)
    assert "`m`, on the 1,800 bundled test trials" in text
    last = [column.strip() for column in text.splitlines()[-1].split("|")]
    assert last[1:-1] == [
        "denokd embed, ONNX int8",
        "6.00",
        "+0.20 [-0.10, +0.50]",
        "0.500",
        "0.999000",
    ]


def test_fact_cells_run_on_their_sets_and_failures_are_told(
    monkeypatch, tmp_path
):
    asked, written = [], []

    def cell(folder, row, name, repeats):
        asked.append((row, name, repeats))
        return {
            "row": row,
            "set": name,
            "seconds": [1.0],
            "cpu_seconds": [1.0],
            "peak_bytes": 1,
        }

    monkeypatch.setattr(extraction, "_in_own_process", cell)
    for name in ("write_sets", "write_models"):
        monkeypatch.setattr(extraction, name, lambda *given: None)
    monkeypatch.setattr(
        extraction, "write_graphs", lambda *given: written.append(given)
    )
    words = ["--sets", "short", "many", "--output_folder", str(tmp_path)]
    words += ["--no_cost", "--repeats=2"]
    main(words)
    assert asked == [
        *((row, "short", 2) for row in ROWS),
        *((row, "many", 1) for row in ("fp32", "onnx_int8")),
    ]
    main([*words, "--rows", "speechbrain", "bf16"])
    assert len(written) == 1  # the second time, no row needs a graph
    assert (tmp_path / "extraction.json").is_file()
    monkeypatch.undo()
    monkeypatch.setattr(extraction.sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="fp32 on short failed with exit"):
        extraction._in_own_process(str(tmp_path), "fp32", "short", 1)
