"""A table written down: every test, the comparison, what is missing."""

import csv
import json

import pytest

from speechbrain_denokd.table.page import read_table_page
from speechbrain_denokd.table.pictures import rows_by_steps
from speechbrain_denokd.table.records import of_test
from tests.plots.pictures import assert_png_with_a_picture
from tests.table.conftest import PAGE

COMPARED = """
setup: samples
seeds: [1, 3]
reference: [weak, kd]
rows:
    weak: {page: p, overrides: {gain: 0.2}}
    kd: {page: p, overrides: {gain: 1}}
    deno: {page: p, title: DenoKD, overrides: {gain: 2.5}}
"""


def test_fact_every_row_is_compared_with_the_best_on_dev(fill):
    fill.write(COMPARED)
    fill()
    record = json.loads((fill.out / "records.json").read_text())
    assert record["reference"] == "kd"
    assert record["dev_eer_of_candidates"]["kd"] == pytest.approx(0.29)
    rows = record["tests"]["test"]
    deno = rows["deno"]["full"]["against_reference"]
    assert deno["relative"] < -0.3 and deno["relative_high"] < 0
    assert rows["kd"]["full"]["against_reference"]["difference"] == 0
    text = (fill.out / "table.md").read_text()
    assert "Against kd, the best by mean EER on the development" in text
    line = [line for line in text.splitlines() if "DenoKD" in line][-1]
    assert "] *" in line
    [_, _, _, row] = csv.reader((fill.out / "table.csv").open())
    assert float(row[11]) == pytest.approx(deno["relative"], abs=1e-4)
    assert_png_with_a_picture(fill.out / "eer.png")


def test_fact_further_tests_have_a_folder_of_their_own(fill):
    fill()
    assert (fill.out / "table.md").read_text().startswith("Test set: test.")
    other = (fill.out / "tests" / "other" / "table.md").read_text()
    assert other.startswith("Test set: other.")
    record = json.loads((fill.out / "records.json").read_text())
    assert set(record["tests"]) == {"test", "other"}
    assert list(record["tests"]["other"]["deno"]) == ["2s"]


def test_fact_the_lists_are_examined_and_speakers_in_training_named(fill):
    fill()
    record = json.loads((fill.out / "records.json").read_text())
    assert record["trial_lists"]["test"]["n_also_in_training"] == 1
    assert "training speakers (1 of 10)" in (
        (fill.out / "table.md").read_text()
    )


def test_fact_steps_are_drawn_from_seed_means(fill):
    fill.write(
        PAGE.replace("overrides: {n_epochs: 2}", "plot_steps: true").replace(
            "student: {page: hparams/ecapa.yaml}",
            "zero: {page: hparams/denokd_frame.yaml, overrides: {n_steps: 0}}",
        )
    )
    records = fill()
    page = read_table_page(fill.page)
    rows = rows_by_steps(page, of_test(records, "test", True), {})
    assert [row["n_steps"] for row in rows] == [0, 5]
    # Fake training takes 5 s per denoising step, for 50 steps.
    assert [row["step_time_s"] for row in rows] == [0.0, 0.5]
    assert rows[1]["conditions"]["full"]["eer"] == pytest.approx(0.02)
    assert_png_with_a_picture(fill.out / "steps.png")
    assert "| 5               | 0.500 " in (fill.out / "table.md").read_text()


def test_fact_a_table_without_score_files_is_a_table_still(fill):
    """Scores may be deleted; the error rates are in the records."""
    fill()
    (fill.out / "deno" / "1" / "test" / "scores_full.txt").unlink()
    fill("--only_report")
    text = (fill.out / "table.md").read_text()
    assert "Rows are not compared: " in text and "scores_full.txt" in text
    assert "| 2.00 ± 1.41" in text


def test_fact_models_that_are_gone_are_not_drawn(fill):
    fill.write(PAGE + "plot_tsne: [student, deno]\n")
    fill()
    text = (fill.out / "table.md").read_text()
    assert "Embeddings are not drawn: " in text and "no/model" in text
