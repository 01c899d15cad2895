r"""Fill a table of the paper: rows x seeds, each trained by ``train.py``.

    python -m benchmarks.table1 benchmarks/tables/table1.yaml
    python -m benchmarks.table1 benchmarks/tables/table1.yaml \
        --rows ecapa denokd_frame --seeds 1 2 --n_epochs=5

Each cell runs in a process and a folder of its own,
``results/table/<table>/<row>/<seed>``. A cell that is done is not run again,
one that was interrupted goes on from its last checkpoint, and one that fails
does not stop the others: it is listed at the end, with exit code 1.

Writes ``table.md``, ``table.csv`` and ``records.json`` (what every finished
cell measured) into ``results/table/<table>``.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.table_page import (
    EVALUATE,
    TRAIN,
    Cell,
    TablePage,
    cells_of,
    read_table_page,
)
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.plots import plot_steps
from speechbrain_denokd.tables import (
    csv_table,
    markdown_table,
    table_one,
    table_one_rows,
)


@exit_on_user_error
def main(
    argv: Sequence[str] | None = None,
    train: Sequence[str] = TRAIN,
    evaluate: Sequence[str] = EVALUATE,
) -> list[dict]:
    """Command line: see ``--help``.

    Arguments
    ---------
    argv : sequence of str, optional
    train, evaluate : sequence of str
        Programs that fill a cell.

    Returns
    -------
    list of dict
        The records of the finished cells.

    Raises
    ------
    SystemExit
        With code 1 if a cell failed.
    """
    args, changes = _arguments(sys.argv[1:] if argv is None else argv)
    page = _chosen(read_table_page(args.table), args)
    folder = Path(args.folder or f"results/table/{_folder_name(page, args)}")
    cells = cells_of(page, folder, changes, train, evaluate)
    failures = run_cells(cells)
    records = [
        record_of(cell, args.test) for cell in cells if is_finished(cell)
    ]
    write_table(page, folder, records, failures)
    if failures:
        print(f"\n{len(failures)} of {len(cells)} cells failed:")
        for cell, reason in failures:
            print(f"- {cell.folder}: {reason}")
        raise SystemExit(1)
    return records


def _arguments(argv: Sequence[str]) -> tuple[argparse.Namespace, dict]:
    """Options of the runner, and the ``--key=value`` of every cell."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.table1",
        description="Rows x seeds of a table; see the head of this file.",
        epilog="Any other --key=value is passed on to every cell.",
        allow_abbrev=False,
    )
    parser.add_argument("table", help="benchmarks/tables/TABLE.yaml")
    parser.add_argument("--rows", nargs="+", help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--setup", help="default: the page's")
    parser.add_argument("--test", help="default: the set-up's first")
    parser.add_argument("--folder", help="default: results/table/TABLE")
    args, rest = parser.parse_known_args(argv)
    changes = {}
    for word in rest:
        key, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not equals:
            raise ValueError(f"{word!r} is no option; write --key=value")
        changes[key] = value
    return args, changes


def _chosen(page: TablePage, args: argparse.Namespace) -> TablePage:
    """The page with the rows, seeds and set-up of the command line."""
    unknown = sorted(set(args.rows or ()) - set(page.rows))
    if unknown:
        raise ValueError(
            f"{args.table} has no row {unknown[0]!r}; its rows: "
            f"{', '.join(page.rows)}"
        )
    rows = {
        name: row
        for name, row in page.rows.items()
        if not args.rows or name in args.rows
    }
    return page._replace(
        rows=rows,
        seeds=args.seeds or page.seeds,
        setup=args.setup or page.setup,
    )


def _folder_name(page: TablePage, args: argparse.Namespace) -> str:
    """The table's name; with the set-up, where it is not the page's own."""
    own = read_table_page(args.table).setup
    return page.name if page.setup == own else f"{page.name}_{page.setup}"


def run_cells(cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
    """Run what is not finished; go on after failures.

    Arguments
    ---------
    cells : sequence of Cell

    Returns
    -------
    list of (Cell, str)
        Those that failed, with the last line they wrote.
    """
    failures = []
    for number, cell in enumerate(cells, start=1):
        head = f"[{number}/{len(cells)}] {cell.folder}"
        if is_finished(cell):
            print(f"{head}: done before", flush=True)
            continue
        print(f"{head}: runs, log in {_log_of(cell)}", flush=True)
        started = time.monotonic()
        reason = _run(cell)
        spent = time.monotonic() - started
        print(f"{head}: {reason or 'done'} ({spent:.0f} s)", flush=True)
        if reason:
            failures.append((cell, reason))
    return failures


def is_finished(cell: Cell) -> bool:
    """Whether the cell's folder holds the metrics of this very command."""
    try:
        record = json.loads((cell.folder / "metrics.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False  # never written, or cut off by a kill: run it again
    return all(record.get(k) == value for k, value in cell.stated.items())


def _log_of(cell: Cell) -> Path:
    # Beside the folder, which training itself makes and looks into.
    return cell.folder.with_name(cell.folder.name + ".log")


def _run(cell: Cell) -> str:
    """Run one cell; what went wrong, "" if nothing did."""
    log = _log_of(cell)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file:
        code = subprocess.run(
            cell.command, stdout=file, stderr=subprocess.STDOUT
        ).returncode
    if code == 0 and is_finished(cell):
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "no output")
    if code == 0:
        return f"ended without its metrics.json; last words: {last.strip()}"
    return f"exit code {code}: {last.strip()}"


def record_of(cell: Cell, test: str | None = None) -> dict:
    """What a finished cell measured, with the row it belongs to.

    Arguments
    ---------
    cell : Cell
    test : str, optional
        Test set to show in the table; the first by default.

    Returns
    -------
    dict
        ``metrics.json`` with ``row``, ``title``, ``test`` and ``conditions``.

    Raises
    ------
    ValueError
        If the cell has no such test.
    """
    record = json.loads((cell.folder / "metrics.json").read_text("utf-8"))
    # An evaluated model has one, unnamed.
    tests = record.get("tests") or {"test": record["conditions"]}
    if test is not None and test not in tests:
        raise ValueError(
            f"{cell.folder} has no test {test!r}; use one of: "
            f"{', '.join(tests)}"
        )
    name = test or next(iter(tests))
    own = {
        "row": cell.row,
        "title": cell.title,
        "seed": cell.seed,
        "folder": cell.folder.as_posix(),
        "test": name,
        "conditions": tests[name],
    }
    return record | own


def write_table(
    page: TablePage,
    folder: str | Path,
    records: Sequence[Mapping],
    failures: Sequence[tuple[Cell, str]],
):
    """Write and print the table; nothing but records without any of them.

    Arguments
    ---------
    page : TablePage
    folder : str or Path
    records : sequence of dict
        Of `record_of`.
    failures : sequence of (Cell, str)
        Named below the table: a row without them is not the whole row.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(list(records), indent=2) + "\n"
    (folder / "records.json").write_text(text, encoding="utf-8")
    if not records:
        return
    order = list(page.rows)
    shown = [
        {**record, "method": record["title"], "setup": page.setup}
        for record in sorted(records, key=lambda r: order.index(r["row"]))
    ]
    tests = dict.fromkeys(record["test"] for record in shown)
    parts = [f"Test set: {', '.join(tests)}.", table_one(shown)]
    if page.plot_steps:
        steps = rows_by_steps(page, shown)
        plot_steps(steps, folder / "steps.png")
        parts.append(_step_table(steps))
    if failures:
        names = [f"{cell.row}, seed {cell.seed}" for cell, _ in failures]
        parts.append(f"Not in the table, failed: {'; '.join(names)}.")
    text = "\n\n".join(parts)
    print(f"\n{text}")
    (folder / "table.md").write_text(text + "\n", encoding="utf-8")
    (folder / "table.csv").write_text(
        csv_table(*table_one_rows(shown)), encoding="utf-8"
    )


def rows_by_steps(page: TablePage, records: Sequence[Mapping]) -> list[dict]:
    """Rows for `plot_steps`: one for each row of the page.

    Arguments
    ---------
    page : TablePage
    records : sequence of dict
        Of `record_of`.

    Returns
    -------
    list of dict
        EERs and the ends of their intervals are means over seeds. The time
        is the median over seeds of all of training, data and development
        trials included, per step.
    """
    found = []
    for name, row in page.rows.items():
        runs = [record for record in records if record["row"] == name]
        if not runs:
            continue
        times = [run["train_wall_s"] / run["n_steps"] for run in runs]
        found.append(
            {
                "n_steps": row["overrides"]["n_steps"],
                "step_time_s": statistics.median(times),
                "conditions": {
                    condition: _mean_rates(
                        [run["conditions"][condition] for run in runs]
                    )
                    for condition in runs[0]["conditions"]
                },
            }
        )
    return found


def _mean_rates(results: Sequence[Mapping]) -> dict:
    lows, highs = zip(*(r["eer_interval"] for r in results), strict=True)
    return {
        "eer": statistics.fmean(r["eer"] for r in results),
        "eer_interval": [statistics.fmean(lows), statistics.fmean(highs)],
    }


def _step_table(rows: Sequence[Mapping]) -> str:
    """Time against steps, with the ratio to no diffusion."""
    base = next((r["step_time_s"] for r in rows if r["n_steps"] == 0), None)
    table = [
        [
            row["n_steps"],
            f"{row['step_time_s']:.3f}",
            f"{row['step_time_s'] / base:.2f}" if base else "–",
        ]
        for row in rows
    ]
    return markdown_table(
        ["Denoising steps", "Training time per step (s)", "x 0 steps"], table
    )


if __name__ == "__main__":
    main()
