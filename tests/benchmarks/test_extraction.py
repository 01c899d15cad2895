import shutil

import pytest
import soundfile

from benchmarks import extraction, extraction_rows
from benchmarks.extraction import as_markdown, main, measure, sameness
from benchmarks.extraction_rows import (
    REFERENCE,
    ROWS,
    Recordings,
    write_models,
    write_sets,
)


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
    cells = {row: measure(folder, row, "short", 2) for row in ROWS}
    assert all(len(cell["cpu_seconds"]) == 2 for cell in cells.values())
    found = {row: sameness(folder, row, "short") for row in ROWS}
    assert found[REFERENCE] == (0.0, pytest.approx(1.0))
    assert found["fp32"][0] < 1e-5
    assert found["bf16"][0] < 1e-2 and found["bf16"][1] > 0.9999
    # What SpeechBrain's batches cost in accuracy is why they are no reference.
    assert found["speechbrain_16"][0] > 1e-2


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
        "repeats": 3,
        "cells": [cell, {**cell, "same": None}],
    }
    with_same, without = as_markdown(record).splitlines()[-2:]
    columns = [column.strip() for column in with_same.split("|")[1:-1]]
    assert columns == [
        "1 of 2 h",
        "denokd embed, float32",
        "0.0 [0.0–0.0]",
        "144",
        "91000.0 [90000.0–92000.0]",
        "1,024",
        "1.2e-06, 1.000000",
    ]
    assert without.split("|")[-2].strip() == ""


def test_fact_cells_run_on_their_sets_and_failures_are_told(
    monkeypatch, tmp_path
):
    asked = []

    def cell(folder, row, name, repeats):
        asked.append((row, name))
        return {
            "row": row,
            "set": name,
            "seconds": [1.0],
            "cpu_seconds": [1.0],
            "peak_bytes": 1,
        }

    monkeypatch.setattr(extraction, "_in_own_process", cell)
    monkeypatch.setattr(extraction, "write_sets", lambda folder, names: None)
    main(["--sets", "short", "many", "--output_folder", str(tmp_path)])
    assert asked == [(row, "short") for row in ROWS] + [("fp32", "many")]
    assert (tmp_path / "extraction.json").is_file()
    monkeypatch.undo()
    monkeypatch.setattr(extraction.sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="fp32 on short failed with exit"):
        extraction._in_own_process(str(tmp_path), "fp32", "short", 1)
