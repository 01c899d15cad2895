"""Run the cells that are not finished (the arrow ``cells -> metrics.json``).

Every cell is a process of its own, so that a failure, or the memory of one
training, touches no other. Its output goes to a log beside its folder; the
process holds a lock on that log for as long as it lives, so that a second
runner, or one that is started again while an old cell is still at work,
leaves the cell alone.
"""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.table.cells import Cell, is_finished

try:
    import fcntl
except ImportError:  # not on Windows: there, nothing guards a cell
    fcntl = None

_POLL_S = 0.1


class Failure(NamedTuple):
    """A cell that is not finished, and why.

    Attributes
    ----------
    cell : Cell
    reason : str

    Example
    -------
    >>> Failure(None, "exit code 1").reason
    'exit code 1'
    """

    cell: Cell
    reason: str


class _Run(NamedTuple):
    """A cell at work."""

    process: subprocess.Popen
    log: IO[str]
    started: float


def run_cells(cells: Sequence[Cell], jobs: int = 1) -> list[Failure]:
    """Run what is not finished; go on after failures.

    Arguments
    ---------
    cells : sequence of Cell
        Those that others need come before them, as `cells_of` sorts them.
    jobs : int
        Cells at a time. Of several, each is given its share of the
        processor's cores as ``OMP_NUM_THREADS``, unless that is set.

    Returns
    -------
    list of Failure
        With the last line each wrote, or the cell that it needed.

    Raises
    ------
    ValueError
        If ``jobs`` is below 1.

    Example
    -------
    >>> run_cells([])
    []
    """
    if jobs < 1:
        raise ValueError(f"--jobs={jobs}, but at least 1 cell runs at a time")
    runner = _Runner(cells, jobs)
    try:
        while runner.waiting or runner.running:
            runner.start_ready()
            runner.collect()
    finally:
        runner.stop()
    return runner.failures


class _Runner:
    """Which cells wait, which run, which failed."""

    def __init__(self, cells: Sequence[Cell], jobs: int):
        self.cells, self.jobs = cells, jobs
        self.waiting = list(cells)
        self.running: dict[Path, tuple[Cell, _Run]] = {}
        self.failures: list[Failure] = []
        self.environment = _environment(jobs)

    def start_ready(self):
        """Start what waits for nothing, as many as there are jobs."""
        pending = {cell.folder for cell in self.waiting} | set(self.running)
        for cell in list(self.waiting):
            if len(self.running) >= self.jobs:
                return
            if any(folder in pending for folder in cell.needs):
                continue
            self.waiting.remove(cell)
            self._start(cell)
            if cell.folder not in self.running:
                pending.discard(cell.folder)

    def _start(self, cell: Cell):
        if is_finished(cell):
            self._say(cell, "done before")
            return
        failed = {f.cell.folder: f.cell for f in self.failures}
        broken = [failed[need].name for need in cell.needs if need in failed]
        if broken:
            self._fail(cell, f"needs {broken[0]}, which failed")
            return
        log = _open_log(log_of(cell))
        if log is None:
            self._fail(cell, "another process is filling this cell")
            return
        self._say(cell, f"runs, log in {log_of(cell)}")
        process = subprocess.Popen(
            [*cell.program, *cell.argv],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=self.environment,
        )
        run = _Run(process, log, time.monotonic())
        self.running[cell.folder] = cell, run

    def collect(self):
        """Wait a moment, and see which cells have ended."""
        if self.running:
            time.sleep(_POLL_S)
        for cell, run in list(self.running.values()):
            if run.process.poll() is not None:
                self._end(cell, run)

    def _end(self, cell: Cell, run: _Run):
        del self.running[cell.folder]
        run.log.close()
        spent = time.monotonic() - run.started
        code = run.process.returncode
        _note_run(cell, spent, code, self.jobs)
        reason = _what_failed(cell, code)
        if reason:
            self._fail(cell, reason)
        else:
            self._say(cell, f"done ({spent:.0f} s)")

    def stop(self):
        """End what still runs: after an interrupt, or an error here."""
        for cell, run in list(self.running.values()):
            run.process.terminate()
            run.process.wait()
            self._end(cell, run)

    def _fail(self, cell: Cell, reason: str):
        self._say(cell, reason)
        self.failures.append(Failure(cell, reason))

    def _say(self, cell: Cell, text: str):
        number = self.cells.index(cell) + 1
        print(f"[{number}/{len(self.cells)}] {cell.folder}: {text}", flush=True)


def log_of(cell: Cell) -> Path:
    """Where a cell's output goes.

    Example
    -------
    >>> cell = Cell("kd", "KD", 1, Path("out/kd/1"), [], (), "")
    >>> log_of(cell).as_posix()
    'out/kd/1.log'
    """
    # Beside the folder, which training itself makes and looks into.
    return cell.folder.with_name(cell.folder.name + ".log")


def runs_of(cell: Cell) -> list[dict]:
    """When, how long and with what result a cell was run so far.

    Arguments
    ---------
    cell : Cell

    Returns
    -------
    list of dict
        ``date``, ``wall_s``, ``exit_code``, ``jobs`` and ``threads`` of each
        start; empty where another runner filled the cell.

    Example
    -------
    >>> runs_of(Cell("kd", "KD", 1, Path("no/where"), [], (), ""))
    []
    """
    path = _runs_file(cell)
    return json.loads(path.read_text("utf-8")) if path.is_file() else []


def _runs_file(cell: Cell) -> Path:
    return cell.folder.with_name(cell.folder.name + ".runs.json")


def _note_run(cell: Cell, wall_s: float, exit_code: int, jobs: int):
    run = {
        "date": time.strftime("%Y-%m-%d"),
        "wall_s": round(wall_s, 1),
        "exit_code": exit_code,
        "jobs": jobs,
        "threads": _environment(jobs).get("OMP_NUM_THREADS"),
    }
    text = json.dumps([*runs_of(cell), run], indent=2) + "\n"
    write_whole(_runs_file(cell), text)


def _environment(jobs: int) -> Mapping[str, str]:
    """The processes' environment: with several, each has its share."""
    if jobs == 1 or "OMP_NUM_THREADS" in os.environ:
        return dict(os.environ)
    if hasattr(os, "sched_getaffinity"):
        n_cores = len(os.sched_getaffinity(0))
    else:
        n_cores = os.cpu_count() or 1
    return {**os.environ, "OMP_NUM_THREADS": str(max(1, n_cores // jobs))}


def _open_log(path: Path) -> IO[str] | None:
    """The emptied log, locked; None where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = open(path, "a", encoding="utf-8")
    if fcntl is not None:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.close()
            return None
    log.truncate(0)
    return log


def _what_failed(cell: Cell, code: int) -> str:
    """Why a cell that ended is not finished, "" if it is."""
    if code == 0 and is_finished(cell):
        return ""
    lines = log_of(cell).read_text("utf-8", errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "no output")
    if code == 0:
        return f"ended without its metrics.json; last words: {last.strip()}"
    return f"exit code {code}: {last.strip()}"
