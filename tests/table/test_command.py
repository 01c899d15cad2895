"""``denokd table``: what is run, run again, listed, written."""

import csv
import json
import subprocess
import sys

import pytest

from tests.table.conftest import n_runs

NEEDS = """
setup: samples
seeds: [1]
rows:
    a: {page: p, needs: {path: "b/{seed}/model"}}
    b: {page: p}
"""


# Facts


def test_fact_the_table_has_a_row_per_method_and_the_records_every_cell(fill):
    records = fill()
    [header, student, deno] = csv.reader((fill.out / "table.csv").open())
    # Seeds 1 and 3: mean 2 %, sample deviation sqrt(2).
    assert student[1:4] == ["student", "2", "2.00 ± 1.41"]
    assert deno[1] == "DenoKD"
    assert "| DenoKD " in (fill.out / "table.md").read_text()
    whole = json.loads((fill.out / "records.json").read_text())
    order = [(r["row"], r["seed"]) for r in whole["cells"]]
    assert order == [("student", 1), ("student", 3), ("deno", 1), ("deno", 3)]
    assert sorted(order) == sorted((r["row"], r["seed"]) for r in records)
    for cell in whole["cells"]:
        assert cell["runs"][0]["wall_s"] > 0 and cell["dev_eer"] > 0


def test_fact_finished_cells_are_not_run_again_and_a_seed_is_a_new_cell(fill):
    fill("--rows", "deno", "--seeds", "1")
    fill()
    assert n_runs(fill.out / "deno" / "1") == 1
    assert n_runs(fill.out / "student" / "3") == 1
    fill("--seeds", "7")
    assert n_runs(fill.out / "deno" / "7") == 1


def test_fact_an_interrupted_cell_is_run_again(fill):
    fill()
    (fill.out / "deno" / "1" / "metrics.json").write_text('{"command": "py')
    (fill.out / "deno" / "3" / "metrics.json").unlink()
    assert len(fill()) == 4
    assert n_runs(fill.out / "deno" / "1") == 2
    assert n_runs(fill.out / "deno" / "3") == 2
    assert n_runs(fill.out / "student" / "1") == 1


def test_fact_a_cell_of_another_command_is_run_again(fill):
    fill()
    [record, *_] = fill("--lr=0.1")
    assert "--lr=0.1" in record["command"]
    assert n_runs(fill.out / "student" / "1") == 2


def test_fact_a_failure_stops_no_other_cell_and_is_listed(fill, capsys):
    with pytest.raises(SystemExit) as exit_:
        fill("--fail_seed=1")
    assert exit_.value.code == 1
    listed = capsys.readouterr().out.split("2 of 4 cells failed:\n")[1]
    assert listed.splitlines()[0] == (
        f"- {fill.out}/student/1: exit code 1: "
        "error: batch_size=0 must be 1 or more"
    )
    assert "deno/1" in listed.splitlines()[1]
    whole = json.loads((fill.out / "records.json").read_text())
    assert {r["seed"] for r in whole["cells"]} == {3}
    assert len(whole["missing"]) == 2
    assert "student, seed 1 (exit code 1: error: batch" in (
        (fill.out / "table.md").read_text()
    )


def test_fact_tests_are_chosen_by_option(fill):
    fill("--test", "other")
    assert (fill.out / "table.md").read_text().startswith("Test set: other.")
    assert not (fill.out / "tests").exists()


def test_fact_a_dry_run_lists_and_runs_nothing(fill, capsys):
    fill("--rows", "deno", "--seeds", "1")
    capsys.readouterr()
    assert fill("--dry_run") == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "missing student, seed 1"
    assert lines[1].strip().startswith("python train.py hparams/ecapa.yaml")
    assert lines[2] == "done    deno, seed 1"
    assert lines[-1] == "4 cells: 1 done"
    assert not (fill.out / "student").exists()


def test_fact_what_is_only_needed_is_run_and_not_shown(fill, capsys):
    fill.write(NEEDS)
    fill("--rows", "a", "--dry_run")
    listed = capsys.readouterr().out
    assert "missing b, seed 1 (only needed)" in listed
    assert f"after {fill.out}/b/1" in listed
    [record] = fill("--rows", "a")
    assert record["row"] == "a"
    assert f"--path={fill.out}/b/1/model" in record["command"]
    assert n_runs(fill.out / "b" / "1") == 1


def test_fact_only_a_report_says_what_has_not_run(fill):
    fill("--rows", "deno", "--seeds", "1")
    [record] = fill("--only_report")
    assert record["row"] == "deno"
    text = (fill.out / "table.md").read_text()
    assert "Not in the table: student, seed 1 (not run); " in text


def test_fact_a_report_of_nothing_writes_nothing(fill):
    assert fill("--only_report") == []
    assert not fill.out.exists()


def test_fact_the_former_name_is_a_door():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.table1", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "denokd table" in done.stdout


@pytest.mark.slow
def test_fact_real_trainings_fill_a_table(tmp_path, denokd_table):
    """Two rows, one needing the other's model, and all the figures."""
    page = tmp_path / "real.yaml"
    page.write_text(
        """
setup: samples
seeds: [1]
reference: [alone]
plot_steps: [none, one]
plot_tsne: [teacher, alone, one]
rows:
    teacher: {model: {samples: pretrained/sample_teacher}}
    alone: {page: hparams/ecapa.yaml}
    none: {page: hparams/denokd_embedding.yaml, overrides: {n_steps: 0}}
    one:
        page: hparams/denokd_embedding.yaml
        overrides: {n_steps: 1}
        needs: {teacher_path: alone/1/model}
"""
    )
    out = tmp_path / "out"
    words = [page, f"--folder={out}", "--n_epochs=2", "--jobs=2"]
    done = denokd_table(*words, "--test_crops_s=[null, 2]", "--n_workers=0")
    assert done.returncode == 0, done.stdout + done.stderr
    whole = json.loads((out / "records.json").read_text())
    assert {cell["row"] for cell in whole["cells"]} == {
        *("teacher", "alone", "none", "one")
    }
    for name in ("eer", "steps", "tsne"):
        assert (out / f"{name}.png").stat().st_size > 10_000
    assert whole["trial_lists"]["test"]["n_also_in_training"] == 0
    one = whole["tests"]["test"]["one"]["full"]["against_reference"]
    assert one["low"] <= one["difference"] <= one["high"]
    again = denokd_table(*words, "--test_crops_s=[null, 2]", "--n_workers=0")
    assert again.stdout.count("done before") == 4


@pytest.fixture
def denokd_table():
    """The installed command, in a process of its own."""

    def run(*words):
        code = "from speechbrain_denokd.cli.app import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "table", *map(str, words)],
            capture_output=True,
            text=True,
        )

    return run


# Errors


@pytest.mark.parametrize(
    "words, message",
    [
        (["--rows", "kd"], "no row 'kd'; its rows: student, deno"),
        (["--n_steps=1"], "--n_steps=1 would change row 'deno'"),
        (["--seed=4"], "--seed is set by the table"),
        (["--device", "cpu"], "'--device' is no option; write --key=value"),
    ],
)
def test_error_words_that_no_cell_can_take(fill, words, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        fill(*words)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
    assert not fill.out.exists()
