r"""Fill a table of the paper: rows x seeds, each trained by ``train.py``.

    denokd table benchmarks/tables/table1.yaml
    denokd table benchmarks/tables/table1.yaml --jobs 2 \
        --rows ecapa denokd_frame --seeds 1 2 --n_epochs=5

Each cell runs in a process and a folder of its own,
``results/table/<table>/<row>/<seed>``. A cell that is done is not run again,
one that was interrupted goes on from its last checkpoint, and one that fails
does not stop the others: it is listed at the end, with exit code 1.
"""

import argparse
import sys
from collections.abc import Sequence

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.table.cells import (
    EVALUATE,
    TRAIN,
    Cell,
    cells_of,
    is_finished,
)
from speechbrain_denokd.table.page import TablePage, read_table_page
from speechbrain_denokd.table.records import record_of
from speechbrain_denokd.table.report import write_report
from speechbrain_denokd.table.run import Failure, run_cells

_DESCRIPTION = """\
Rows x seeds of a table, each trained in a process and a folder of its own.
The same command again goes on where it was stopped and skips what is done."""
_EPILOG = """\
Any other --key=value is passed on to every cell, e.g. --n_epochs=5.
example: denokd table benchmarks/tables/table1.yaml --rows ecapa --seeds 1 2"""


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
    own = read_table_page(args.table)
    page = own._replace(
        seeds=args.seeds or own.seeds, setup=args.setup or own.setup
    )
    folder = args.folder or f"results/table/{_folder_name(own, page)}"
    rows = _chosen_rows(page, args)
    cells = cells_of(page, folder, changes, rows, train, evaluate)
    if args.dry_run:
        _list_cells(cells)
        return []
    failures = _not_run(cells) if args.only_report else None
    if failures is None:
        failures = run_cells(cells, args.jobs)
    records = [record_of(c) for c in cells if c.shown and is_finished(c)]
    print("\n" + write_report(page, folder, records, failures, args.test))
    if failures and not args.only_report:
        print(f"\n{len(failures)} of {len(cells)} cells failed:")
        for cell, reason in failures:
            print(f"- {cell.folder}: {reason}")
        raise SystemExit(1)
    return records


def _arguments(argv: Sequence[str]) -> tuple[argparse.Namespace, dict]:
    """Options of the runner, and the ``--key=value`` of every cell."""
    parser = argparse.ArgumentParser(
        prog="denokd table",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("table", help="page of a table, such as benchmarks/tables/table1.yaml")
    add("--rows", nargs="+", help="default: all")
    add("--seeds", nargs="+", type=int, help="default: the page's")
    add("--setup", help="default: the page's")
    add("--test", nargs="+", help="tests to show; default: all")
    add("--folder", help="default: results/table/TABLE")
    add("--jobs", type=int, default=1, help="cells at a time")
    add("--dry_run", action="store_true", help="list the cells, run nothing")
    add(
        "--only_report",
        action="store_true",
        help="write the table of what is done, run nothing",
    )
    args, rest = parser.parse_known_args(argv)
    changes = {}
    for word in rest:
        key, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not equals:
            raise ValueError(f"{word!r} is no option; write --key=value")
        changes[key] = value
    return args, changes


def _chosen_rows(page: TablePage, args: argparse.Namespace) -> list[str]:
    """The rows of the command line, all by default."""
    unknown = sorted(set(args.rows or ()) - set(page.rows))
    if unknown:
        raise ValueError(
            f"{args.table} has no row {unknown[0]!r}; its rows: "
            f"{', '.join(page.rows)}"
        )
    return args.rows or list(page.rows)


def _folder_name(own: TablePage, page: TablePage) -> str:
    """The table's name; with the set-up, where it is not the page's own."""
    if page.setup == own.setup:
        return own.name
    return f"{own.name}_{page.setup}"


def _list_cells(cells: Sequence[Cell]):
    """Every cell: whether it is done, its command, what it waits for."""
    done = {cell.folder for cell in cells if is_finished(cell)}
    for cell in cells:
        state = "done" if cell.folder in done else "missing"
        print(f"{state:8}{cell.name}{'' if cell.shown else ' (only needed)'}")
        print(f"        {cell.stated}")
        for need in cell.needs:
            if need not in done:
                print(f"        after {need}")
    print(f"{len(cells)} cells: {len(done)} done")


def _not_run(cells: Sequence[Cell]) -> list[Failure]:
    return [
        Failure(cell, "not run")
        for cell in cells
        if cell.shown and not is_finished(cell)
    ]
