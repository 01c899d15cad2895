r"""What choosing a checkpoint by its development EER costs, or gains.

    python -m benchmarks.checkpoints results/table/small_real \
        --reference kd_embedding --crops 2

Of every cell of a table, as `denokd table` leaves it: training keeps the
checkpoint that is best on the development trials and the last one. Both are
tested, and all rows compared twice. Of few development speakers the best may
be a lucky one, from before the learning rate has come down.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from benchmarks.record import provenance
from speechbrain_denokd.checkpoints import AtomicCheckpointer, search_key
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.corpus import Corpus
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.evaluation import evaluate, parse_tests
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.table.lists import corpus_of
from speechbrain_denokd.table.records import best_on_dev, of_test, shown_tests
from speechbrain_denokd.table.significance import compare_rows
from speechbrain_denokd.table.significance_text import significance_table
from speechbrain_denokd.table.summary import summary_table

CHOICES = {
    "best": "Best on the development trials",
    "last": "Last",
}


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    folder = Path(args.output_folder)
    cells = _cells(Path(args.table), args.rows)
    tests = parse_tests(args.tests) if args.tests else None
    records = {choice: [] for choice in CHOICES}
    for cell in cells:
        found = _test_cell(cell, folder, args.crops, tests)
        for choice, one in found.items():
            records[choice].append(one)
    record = {
        "cells": records,
        **provenance(["python", "-m", "benchmarks.checkpoints", *argv]),
    }
    text = as_markdown(records, args.reference)
    print(text)
    write_whole(folder / "checkpoints.md", text + "\n")
    whole = json.dumps(record, indent=1) + "\n"
    write_whole(folder / "checkpoints.json", whole)
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.checkpoints",
        description="Best against last checkpoint of a table; see this file.",
        allow_abbrev=False,
    )
    parser.add_argument("table", help="folder of `denokd table`")
    parser.add_argument("--rows", nargs="+", help="default: all")
    parser.add_argument("--reference", required=True, help="row")
    parser.add_argument("--crops", nargs="*", type=float, default=[])
    parser.add_argument(
        "--tests",
        metavar="{NAME: {manifest: FILE, trials: FILE}}",
        help="default: those of each cell's set-up",
    )
    parser.add_argument("--output_folder", default="results/checkpoints")
    return parser


def _cells(table: Path, rows: Sequence[str] | None) -> list[Path]:
    """Folders of the finished cells, in the order of ``rows``."""
    found = [
        path.parent
        for path in sorted(table.glob("*/*/metrics.json"))
        if (path.parent / "checkpoints").is_dir()
    ]
    if rows is not None:
        found = [cell for row in rows for cell in found if _row(cell) == row]
    if not found:
        raise FileNotFoundError(
            f"{table} holds no finished cell of a training; fill it with "
            "`denokd table` first"
        )
    return found


def _row(cell: Path) -> str:
    return cell.parent.name


def _test_cell(
    cell: Path,
    folder: Path,
    crops_s: Sequence[float],
    tests: Mapping[str, Mapping[str, str]] | None,
) -> dict[str, dict]:
    """A record of `table.records` for each choice, of one cell."""
    checkpoints = AtomicCheckpointer(cell / "checkpoints")
    encoder = read_model_folder(cell / "model").encoder
    corpus = Corpus(**corpus_of(cell / "hyperparams.yaml"))
    if tests is not None:
        corpus = dataclasses.replace(corpus, tests=tests)
    found = {}
    for choice in CHOICES:
        chosen = checkpoints.find_checkpoint(**search_key(choice, "eer"))
        weights = chosen.path / "student.ckpt"
        state = torch.load(weights, map_location="cpu", weights_only=True)
        encoder.load_state_dict(state)
        own = folder / choice / _row(cell) / cell.name
        found[choice] = {
            "row": _row(cell),
            "title": _row(cell),
            "seed": int(cell.name),
            "folder": own.as_posix(),
            "epoch": chosen.meta["epoch"],
            "dev_eer": chosen.meta["eer"],
            "tests": _tested(encoder, corpus, own, [None, *crops_s]),
        }
    return found


def _tested(
    encoder: nn.Module,
    corpus: Corpus,
    folder: Path,
    crops_s: Sequence[float | None],
) -> dict[str, dict]:
    """Error rates by test and duration; lists share recordings."""
    heard = {}
    return {
        test.name: evaluate(
            encoder,
            test,
            folder / test.name,
            crops_s,
            origin=corpus.files_of(test.name),
            heard=heard,
        )
        for test in corpus.test_sets
    }


def as_markdown(
    records: Mapping[str, Sequence[Mapping]], reference: str
) -> str:
    """All rows, and all against the reference, for each choice.

    Arguments
    ---------
    records : mapping of str to sequence of dict
        Of `table.records`, by choice.
    reference : str
        Row.

    Returns
    -------
    str
    """
    parts = []
    for choice, title in CHOICES.items():
        found = records[choice]
        parts += [f"## {title}", summary_table(found)]
        _, dev_eers = best_on_dev(found, [reference])
        for test in shown_tests(found):
            shown = of_test(found, test, False)
            results = compare_rows(shown, reference)
            table = significance_table(shown, results, reference, dev_eers)
            parts += [f"Test set: {test}.", table]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
