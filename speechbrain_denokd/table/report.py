"""A table written down (the arrow ``records -> table.md, table.csv, ...``)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.table.epochs import epochs_table
from speechbrain_denokd.table.lists import (
    corpus_of,
    examine_lists,
    lists_table,
)
from speechbrain_denokd.table.page import TablePage
from speechbrain_denokd.table.pictures import (
    Results,
    draw_rows,
    draw_steps,
    draw_tsne,
    rows_by_steps,
)
from speechbrain_denokd.table.records import best_on_dev, of_test, shown_tests
from speechbrain_denokd.table.run import Failure
from speechbrain_denokd.table.significance import (
    CONFIDENCE,
    N_RESAMPLES,
    compare_rows,
)
from speechbrain_denokd.table.significance_text import (
    significance_columns,
    significance_table,
)
from speechbrain_denokd.table.summary import summary_table
from speechbrain_denokd.tables import (
    csv_table,
    markdown_table,
    table_one,
    table_one_rows,
)


def write_report(
    page: TablePage,
    folder: str | Path,
    records: Sequence[Mapping],
    missing: Sequence[Failure] = (),
    tests: Sequence[str] | None = None,
) -> str:
    """Write tables, figures and records; nothing without a finished cell.

    Arguments
    ---------
    page : TablePage
    folder : str or Path
        Receives ``table.md``, ``table.csv``, ``eer.png``, ``steps.png`` and
        ``tsne.png`` of the first test, and of all ``records.json``,
        ``summary.md`` and, where there are logs, ``epochs.md``; those of
        further tests go to ``tests/NAME``.
    records : sequence of dict
        Of `records.record_of`.
    missing : sequence of Failure
        Named below the table: a row without them is not the whole row.
    tests : sequence of str, optional
        All of the set-up's by default.

    Returns
    -------
    str
        ``table.md`` of the first test.

    Raises
    ------
    ValueError
        If no cell has one of the tests.
    """
    folder = Path(folder)
    if not records:
        return ""
    order = list(page.rows)
    records = sorted(records, key=lambda r: order.index(r["row"]))
    reference, dev_eers = best_on_dev(records, page.reference)
    lists, lists_text = _lists(records)
    texts, compared = [], {}
    for number, test in enumerate(shown_tests(records, tests)):
        own = folder if number == 0 else folder / "tests" / test
        own.mkdir(parents=True, exist_ok=True)
        is_first = test == shown_tests(records)[0]
        shown = of_test(records, test, is_first)
        text, results = _write_test(page, own, shown, reference, dev_eers)
        text = "\n\n".join([text, *lists_text, *_missing_text(missing)])
        write_whole(own / "table.md", text + "\n")
        texts.append(text)
        compared[test] = {
            name: {c: result.as_dict() for c, result in found.items()}
            for name, found in results.items()
        }
    whole = {
        "table": page.name,
        "setup": page.setup,
        "reference": reference,
        "dev_eer_of_candidates": dev_eers,
        "confidence": CONFIDENCE,
        "n_resamples": N_RESAMPLES,
        "cells": list(records),
        "missing": {m.cell.folder.as_posix(): m.reason for m in missing},
        "tests": compared,
        "trial_lists": lists,
    }
    write_whole(folder / "records.json", json.dumps(whole, indent=2) + "\n")
    write_whole(folder / "summary.md", summary_table(records) + "\n")
    epochs = epochs_table(records)
    if epochs:
        write_whole(folder / "epochs.md", epochs + "\n")
    return texts[0]


def _write_test(
    page: TablePage,
    folder: Path,
    records: Sequence[Mapping],
    reference: str | None,
    dev_eers: Mapping[str, float],
) -> tuple[str, Results]:
    """Table and figures of one test, and the comparison of its rows."""
    shown = [
        {**record, "method": record["title"], "setup": page.setup}
        for record in records
    ]
    parts = [f"Test set: {shown[0]['test']}.", table_one(shown)]
    results = {}
    try:
        results = compare_rows(records, reference)
    except (FileNotFoundError, ValueError) as error:
        parts.append(f"Rows are not compared: {error}.")
    if results and reference is not None:
        parts.append(significance_table(records, results, reference, dev_eers))
    header, rows = table_one_rows(shown)
    more_header, more_rows = significance_columns(records, results)
    rows = [[*a, *b] for a, b in zip(rows, more_rows, strict=True)]
    write_whole(folder / "table.csv", csv_table([*header, *more_header], rows))
    parts += _draw(page, folder, records, results, reference)
    return "\n\n".join(parts), results


def _draw(page, folder, records, results, reference) -> list[str]:
    """Draw what the page asks for; paragraphs that go with it."""
    parts = []
    draw_rows(records, results, folder / "eer.png", reference)
    steps = rows_by_steps(page, records, results)
    if steps:
        draw_steps(steps, folder / "steps.png")
        parts.append(step_table(steps))
    try:
        draw_tsne(page.plot_tsne, records, folder / "tsne.png")
    except (FileNotFoundError, ValueError) as error:
        parts.append(f"Embeddings are not drawn: {error}.")
    return parts


def step_table(rows: Sequence[Mapping]) -> str:
    """Time against steps, with the ratio to no diffusion.

    Arguments
    ---------
    rows : sequence of dict
        Of `pictures.rows_by_steps`.

    Example
    -------
    >>> rows = [{"n_steps": 0, "step_time_s": 0.2},
    ...         {"n_steps": 5, "step_time_s": 0.25}]
    >>> print(step_table(rows).splitlines()[-1])
    | 5               | 0.250                      | 1.25      |
    """
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


def _lists(records: Sequence[Mapping]) -> tuple[dict | None, list[str]]:
    """What the trial doctor says of the lists that were used."""
    for record in records:
        corpus = corpus_of(Path(record["folder"]) / "hyperparams.yaml")
        if corpus is None:
            continue
        try:
            found = examine_lists(corpus)
        except (OSError, ValueError) as error:
            return None, [f"The trial lists were not examined: {error}."]
        return found, ["Trial lists:", lists_table(found)]
    return None, []


def _missing_text(missing: Sequence[Failure]) -> list[str]:
    if not missing:
        return []
    names = [f"{one.cell.name} ({one.reason})" for one in missing]
    return [f"Not in the table: {'; '.join(names)}."]
