"""Running cells: in order, at once, again, and one that fails."""

import json
import signal
import subprocess
import sys
import time

import pytest

from speechbrain_denokd.table.cells import cells_of
from speechbrain_denokd.table.page import read_table_page
from speechbrain_denokd.table.run import log_of, run_cells, runs_of
from tests.table.conftest import PAGE, n_runs

NEEDS = """
setup: samples
seeds: [1]
rows:
    a: {page: p, needs: {path: b/1/model}}
    b: {page: p, overrides: {sleep_s: 0.3}}
    c: {page: p}
"""


def cells(fill, **changes):
    page = read_table_page(fill.page)
    return cells_of(page, fill.out, changes, None, fill.program)


def metrics(cell):
    return json.loads((cell.folder / "metrics.json").read_text())


# Facts


def test_fact_every_run_of_a_cell_is_noted(fill):
    found = cells(fill)
    run_cells(found)
    (found[0].folder / "metrics.json").unlink()
    run_cells(found)
    notes = runs_of(found[0])
    assert len(notes) == 2 and notes[1]["exit_code"] == 0
    assert notes[0]["wall_s"] > 0 and notes[0]["jobs"] == 1
    assert len(runs_of(found[1])) == 1


def test_fact_cells_at_once_share_the_cores(fill, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    found = cells(fill)
    assert run_cells(found, jobs=3) == []
    assert {metrics(cell)["threads"] for cell in found} == {"2"}
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    (found[0].folder / "metrics.json").unlink()
    run_cells(found, jobs=3)
    assert metrics(found[0])["threads"] == "5"


def test_fact_cells_run_at_once_as_many_as_there_are_jobs(fill, capsys):
    run_cells(cells(fill, sleep_s="0.5"), jobs=2)
    lines = [
        line.split(": ")[1] for line in capsys.readouterr().out.split("\n")[:-1]
    ]
    started = [line.startswith("runs") for line in lines]
    at_once = [2 * sum(started[:n]) - n for n in range(1, len(lines) + 1)]
    assert max(at_once) == 2 and at_once[-1] == 0


@pytest.mark.parametrize("jobs", [1, 3])
def test_fact_what_a_cell_needs_ends_before_it_starts(fill, jobs):
    fill.write(NEEDS)
    found = {cell.row: cell for cell in cells(fill)}
    assert run_cells(list(found.values()), jobs) == []
    started = (found["a"].folder / "runs.txt").stat().st_mtime
    assert metrics(found["b"])["time"] <= started


def test_fact_a_cell_whose_need_failed_is_not_run_and_says_so(fill):
    fill.write(NEEDS.replace("sleep_s: 0.3", "fail: true"))
    found = cells(fill)
    failures = {f.cell.row: f.reason for f in run_cells(found, jobs=2)}
    assert failures["a"] == "needs b, seed 1, which failed"
    assert failures["b"].startswith("exit code 1: error: batch_size=0")
    assert set(failures) == {"a", "b"}
    assert not (fill.out / "a" / "1").exists()


def test_fact_a_cell_that_another_process_fills_is_left_alone(fill):
    [cell, *_] = found = cells(fill)
    cell.folder.parent.mkdir(parents=True)
    hold = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'a');"
        "fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True);"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(log_of(cell))],
        stdout=subprocess.PIPE,
    ) as other:
        other.stdout.readline()
        [failure] = run_cells(found)
        other.kill()
    assert failure.cell == cell
    assert failure.reason == "another process is filling this cell"
    assert run_cells(found) == []


def test_fact_a_program_that_writes_no_metrics_has_failed(fill):
    fill.fake.write_text("print('all done')")
    [failure, *_] = run_cells(cells(fill))
    assert failure.reason == (
        "ended without its metrics.json; last words: all done"
    )


def test_fact_an_interrupt_ends_the_cells_and_the_next_start_goes_on(fill):
    """Nothing is left behind that would train on in the dark."""
    fill.write(PAGE.replace("{n_epochs: 2}", "{sleep_s: 30}"))
    code = (
        "from speechbrain_denokd.table.command import main; import sys;"
        # Shells start what runs in the background with SIGINT ignored.
        "import signal; signal.signal(signal.SIGINT,"
        "signal.default_int_handler);"
        f"main(sys.argv[1:], {fill.program!r}, ())"
    )
    words = [str(fill.page), f"--folder={fill.out}", "--jobs=2"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdout.readline().startswith("[1/4]")
        while not (fill.out / "student" / "1" / "runs.txt").is_file():
            time.sleep(0.1)
        runner.send_signal(signal.SIGINT)
        said = runner.communicate(timeout=60)[1]
    assert runner.returncode == 130 and "interrupted" in said
    [cell, *_] = cells(fill)
    assert runs_of(cell)[0]["exit_code"] != 0
    fill.fake.write_text(fill.fake.read_text().replace("time.sleep", "float"))
    assert len(fill()) == 4
    assert n_runs(cell.folder) == 2


# Errors


def test_error_no_jobs():
    with pytest.raises(ValueError, match="--jobs=0"):
        run_cells([], jobs=0)
