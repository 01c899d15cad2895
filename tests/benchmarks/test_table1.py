import csv
import json
import sys
from pathlib import Path

import pytest

from benchmarks.table1 import main, record_of, rows_by_steps
from benchmarks.table_page import TablePage, cells_of, read_table_page
from speechbrain_denokd.config import load_page
from speechbrain_denokd.training import parse_arguments

TABLES = Path("benchmarks/tables")

# Stands for train.py: notes that it ran, fails where told to, and writes what
# training writes. The EER is the seed in percent.
FAKE_TRAINING = """
import json, pathlib, shlex, sys
options = dict(w[2:].split("=", 1) for w in sys.argv[2:])
folder = pathlib.Path(options["output_folder"])
folder.mkdir(parents=True, exist_ok=True)
with open(folder / "runs.txt", "a") as file:
    file.write("run ")
if options.get("fail_seed") == options["seed"]:
    print("epoch 1")
    sys.exit("error: batch_size=0 must be 1 or more")
rates = {"eer": int(options["seed"]) / 100, "min_dcf": 0.5,
         "eer_interval": [0.01, 0.05]}
record = {"method": "x", "setup": options["setup"], "n_steps": 50,
          "train_wall_s": 5.0 * int(options.get("n_steps", 2)),
          "seed": int(options["seed"]), "tests": {"test": {"full": rates},
          "other": {"2s": rates}},
          "command": shlex.join(["python", "train.py", *sys.argv[1:]])}
(folder / "metrics.json").write_text(json.dumps(record))
"""

PAGE = """
setup: samples
seeds: [1, 3]
overrides: {n_epochs: 2}
rows:
    student: {page: hparams/ecapa.yaml}
    deno:
        title: DenoKD
        page: hparams/denokd_frame.yaml
        overrides: {n_steps: 5, projection: null, standardize: false}
"""


@pytest.fixture
def run(tmp_path):
    """Fill a table with the fake training; extra words as on the command
    line."""
    (tmp_path / "page.yaml").write_text(PAGE)
    (tmp_path / "fake.py").write_text(FAKE_TRAINING)
    fake = [sys.executable, str(tmp_path / "fake.py")]

    def fill(*words, page="page.yaml"):
        folder = f"--folder={tmp_path / 'out'}"
        return main([str(tmp_path / page), folder, *words], fake, fake)

    fill.out = tmp_path / "out"
    return fill


def n_runs(folder: Path) -> int:
    return len((folder / "runs.txt").read_text().split())


# Facts


def test_the_table_has_a_row_per_method_and_the_records_every_cell(run):
    records = run()
    [header, student, deno] = csv.reader((run.out / "table.csv").open())
    # Seeds 1 and 3: mean 2 %, sample deviation sqrt(2).
    assert student[1:4] == ["student", "2", "2.00 ± 1.41"]
    assert deno[1] == "DenoKD"
    assert "| DenoKD " in (run.out / "table.md").read_text()
    assert json.loads((run.out / "records.json").read_text()) == records
    assert [(r["row"], r["seed"]) for r in records] == [
        ("student", 1),
        ("deno", 1),
        ("student", 3),
        ("deno", 3),
    ]


def test_a_command_sets_what_page_row_and_user_set(run):
    [record, _] = run("--rows", "deno", "--lr=0.1", "--n_epochs=1")
    assert record["command"].split()[2:-1] == [
        "hparams/denokd_frame.yaml",
        "--setup=samples",
        "--n_epochs=1",
        "--lr=0.1",
        "--n_steps=5",
        "--projection=null",
        "--standardize=false",
        "--seed=1",
    ]


def test_finished_cells_are_not_run_again(run):
    run("--rows", "deno", "--seeds", "1")
    run()
    assert n_runs(run.out / "deno" / "1") == 1
    assert n_runs(run.out / "student" / "3") == 1


def test_an_interrupted_cell_is_run_again(run):
    run()
    (run.out / "deno" / "1" / "metrics.json").write_text('{"command": "py')
    (run.out / "deno" / "3" / "metrics.json").unlink()
    assert len(run()) == 4
    assert n_runs(run.out / "deno" / "1") == 2
    assert n_runs(run.out / "deno" / "3") == 2
    assert n_runs(run.out / "student" / "1") == 1


def test_a_cell_of_another_command_is_run_again(run):
    run()
    [record, *_] = run("--lr=0.1")
    assert "--lr=0.1" in record["command"]
    assert n_runs(run.out / "student" / "1") == 2


def test_a_failure_stops_no_other_cell_and_is_listed(run, capsys):
    with pytest.raises(SystemExit) as exit_:
        run("--fail_seed=1")
    assert exit_.value.code == 1
    listed = capsys.readouterr().out.split("2 of 4 cells failed:\n")[1]
    assert listed.splitlines()[0] == (
        f"- {run.out}/student/1: exit code 1: "
        "error: batch_size=0 must be 1 or more"
    )
    assert "deno/1" in listed.splitlines()[1]
    records = json.loads((run.out / "records.json").read_text())
    assert [(r["row"], r["seed"]) for r in records] == [
        ("student", 3),
        ("deno", 3),
    ]
    assert "student, seed 1; deno, seed 1" in (run.out / "table.md").read_text()


def test_a_program_that_writes_no_metrics_has_failed(run, tmp_path, capsys):
    (tmp_path / "fake.py").write_text("print('all done')")
    with pytest.raises(SystemExit):
        run("--rows", "deno", "--seeds", "1")
    assert "without its metrics.json; last words: all done" in (
        capsys.readouterr().out
    )
    assert not (run.out / "table.md").exists()


def test_the_test_set_is_chosen_by_option(run):
    assert list(run()[0]["conditions"]) == ["full"]
    assert list(run("--test=other")[0]["conditions"]) == ["2s"]
    assert (run.out / "table.md").read_text().startswith("Test set: other.")


def test_a_model_is_evaluated_once_and_has_no_seed(run, tmp_path):
    (tmp_path / "fake.py").write_text(
        """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[2].split("=")[1])
folder.mkdir(parents=True)
rates = {"eer": 0.0043, "min_dcf": 0.1}
(folder / "metrics.json").write_text(json.dumps(
    {"model": sys.argv[1], "conditions": {"full": rates}, "argv": sys.argv}))
"""
    )
    (tmp_path / "models.yaml").write_text(
        "setup: samples\nseeds: [1, 2]\n"
        "rows: {teacher: {model: {samples: some/folder}}}"
    )
    changes = ["--data_folder=corpus", "--n_epochs=1"]
    [record] = run(*changes, page="models.yaml")
    assert record["seed"] is None
    assert record["argv"][3:] == ["--data_root=corpus"]
    assert run(*changes, page="models.yaml") == [record]  # mkdir would fail


def test_steps_are_drawn_from_seed_means(run, tmp_path):
    (tmp_path / "steps.yaml").write_text(
        PAGE.replace("overrides: {n_epochs: 2}", "plot_steps: true").replace(
            "student: {page: hparams/ecapa.yaml}",
            "zero: {page: hparams/denokd_frame.yaml, overrides: {n_steps: 0}}",
        )
    )
    records = run(page="steps.yaml")
    page = read_table_page(tmp_path / "steps.yaml")
    rows = rows_by_steps(page, records)
    assert [row["n_steps"] for row in rows] == [0, 5]
    # Fake training takes 5 s per denoising step, for 50 steps.
    assert [row["step_time_s"] for row in rows] == [0.0, 0.5]
    assert rows[1]["conditions"]["full"]["eer"] == pytest.approx(0.02)
    assert (run.out / "steps.png").stat().st_size > 1000
    assert "| 5               | 0.500 " in (run.out / "table.md").read_text()


# The pages that are shipped


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.yaml")), ids=str)
def test_every_cell_of_a_shipped_page_is_a_command_that_loads(path):
    page = read_table_page(path)._replace(seeds=[1])
    for cell in cells_of(page, "out", {}):
        if cell.seed is None:
            continue
        # What a teacher is, no page can tell before one is loaded.
        argv = cell.command[2:] + [
            "--load_teacher=!name:benchmarks.random_teacher.sample_teacher"
        ]
        name, setup, _, overrides = parse_arguments(argv)
        hparams = load_page(name, setup, overrides).hparams
        for key, value in page.rows[cell.row].get("overrides", {}).items():
            if not str(value).startswith("!"):
                assert hparams[key] == value


def test_table_one_has_the_rows_of_the_paper():
    page = read_table_page(TABLES / "table1.yaml")
    assert [row.get("title") for row in page.rows.values()] == [
        "Teacher",
        "Student alone",
        "KD (label)",
        "KD (label + embedding)",
        "KD (label + frame)",
        "DKD",
        "DenoKD (label + embedding)",
        "DenoKD (label + frame)",
    ]


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
def test_words_that_no_cell_can_take(run, words, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        run(*words)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
    assert not run.out.exists()


@pytest.mark.parametrize(
    "rows, message",
    [
        ("{a: {}}", "row 'a' of .* needs either page .* or model"),
        ("{a: {pag: x}}", "row 'a' of .* unknown keys \\['pag'\\]"),
        ("{a: {page: x}}\nplot_steps: true", "row 'a' of .* no n_steps"),
    ],
)
def test_pages_that_cannot_be_run(tmp_path, rows, message):
    path = tmp_path / "page.yaml"
    path.write_text(f"setup: samples\nseeds: [1]\nrows: {rows}")
    with pytest.raises(ValueError, match=message):
        read_table_page(path)


def test_a_page_that_is_not_there():
    with pytest.raises(FileNotFoundError, match="no table page at no.yaml"):
        read_table_page("no.yaml")


def test_a_test_set_that_was_not_run(run):
    run("--rows", "deno", "--seeds", "1")
    page = TablePage("t", "samples", [1], {"deno": {"page": "p"}}, {})
    [cell] = cells_of(page, run.out, {})
    with pytest.raises(ValueError, match="no test 'O'; use one of: test, oth"):
        record_of(cell, "O")
