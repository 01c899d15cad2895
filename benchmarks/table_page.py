"""Pages of ``benchmarks/tables/``: rows, seeds, and the command of each cell.

The arrow is ``page -> cells``; `benchmarks.table1` runs them.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

_PAGE_KEYS = {"setup", "seeds", "plot_steps", "overrides", "rows"}
_ROW_KEYS = {"title", "page", "model", "overrides"}
_RESERVED = {"seed", "setup", "output_folder"}
_OF_EVALUATION = {"device": "device", "data_folder": "data_root"}

TRAIN = (sys.executable, "train.py")
EVALUATE = (sys.executable, "-m", "speechbrain_denokd.evaluation")


class TablePage(NamedTuple):
    """A table to fill.

    Attributes
    ----------
    name : str
        The file's.
    setup : str
    seeds : list of int
    rows : dict of str to dict
        As in the file.
    overrides : dict
        Of every trained row.
    plot_steps : bool
        Whether EER and time are drawn against ``n_steps``.
    """

    name: str
    setup: str
    seeds: list[int]
    rows: dict[str, dict]
    overrides: dict
    plot_steps: bool = False


class Cell(NamedTuple):
    """One run of a table.

    Attributes
    ----------
    row : str
    title : str
        As the table shows the row.
    seed : int or None
        None for a model that is only evaluated.
    folder : Path
        Its own; ``metrics.json`` appears there.
    command : list of str
        To run.
    stated : dict
        What the ``metrics.json`` of this very run states: its command, or
        the model it evaluated.
    n_steps : int or None
        Denoising steps, where the row sets them.
    """

    row: str
    title: str
    seed: int | None
    folder: Path
    command: list[str]
    stated: dict[str, str]
    n_steps: int | None = None


def read_table_page(path: str | Path) -> TablePage:
    """Read and check a page.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    TablePage

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a key is unknown or missing, or a row is neither trained nor
        evaluated.

    Example
    -------
    >>> page = read_table_page("benchmarks/tables/table2.yaml")
    >>> page.name, list(page.rows)[0], page.seeds
    ('table2', 'embedding_without', [1, 2, 3])
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no table page at {path}; they are in benchmarks/tables/"
        )
    data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    _check_keys(data, _PAGE_KEYS, {"setup", "seeds", "rows"}, str(path))
    for name, row in data["rows"].items():
        _check_row(row, f"row {name!r} of {path}", data.get("plot_steps"))
    return TablePage(
        path.stem,
        data["setup"],
        list(data["seeds"]),
        data["rows"],
        data.get("overrides") or {},
        bool(data.get("plot_steps")),
    )


def _check_keys(data, known: set, needed: set, where: str):
    unknown, missing = set(data) - known, needed - set(data)
    if unknown or missing:
        raise ValueError(
            f"{where} has unknown keys {sorted(unknown)} and lacks "
            f"{sorted(missing)}; known: {sorted(known)}"
        )


def _check_row(row: Mapping, where: str, plot_steps: bool | None):
    _check_keys(row, _ROW_KEYS, set(), where)
    if ("page" in row) == ("model" in row):
        raise ValueError(
            f"{where} needs either page (to train) or model (to evaluate)"
        )
    if plot_steps and "n_steps" not in row.get("overrides", {}):
        raise ValueError(
            f"{where} sets no n_steps in its overrides, which plot_steps needs"
        )


def cells_of(
    page: TablePage,
    folder: str | Path,
    changes: Mapping[str, str],
    train: Sequence[str] = TRAIN,
    evaluate: Sequence[str] = EVALUATE,
) -> list[Cell]:
    """Every run of a table, all rows of the first seed first.

    A row that evaluates a model has one cell, and none where the page names
    no model for its set-up.

    Arguments
    ---------
    page : TablePage
    folder : str or Path
        Each cell's is ``<folder>/<row>/<seed>``.
    changes : mapping of str to str
        Further ``--key=value`` of every cell, above the page's own.
    train, evaluate : sequence of str
        Programs: the beginning of each command.

    Returns
    -------
    list of Cell

    Raises
    ------
    ValueError
        If a change is the runner's own or sets what a row sets.

    Example
    -------
    >>> rows = {"kd": {"page": "hparams/kd_frame.yaml"}}
    >>> page = TablePage("t", "samples", [7], rows, {})
    >>> cells_of(page, "out", {"n_epochs": "1"})[0].stated["command"][16:]
    'hparams/kd_frame.yaml --setup=samples --n_epochs=1 --seed=7 \
--output_folder=out/kd/7'
    """
    _check_changes(page, changes)
    cells = []
    for i, seed in enumerate(page.seeds):
        for name, row in page.rows.items():
            own = Path(folder) / name
            if "page" in row:
                cells.append(
                    _trained(page, name, seed, own / str(seed), changes, train)
                )
            elif i == 0 and page.setup in row["model"]:
                cells.append(
                    _evaluated(page, name, own / "model", changes, evaluate)
                )
    return cells


def _check_changes(page: TablePage, changes: Mapping[str, str]):
    for key in {*changes, *page.overrides} & _RESERVED:
        raise ValueError(
            f"--{key} is set by the table for each cell; use --seeds, --setup "
            "or --folder"
        )
    for name, row in page.rows.items():
        for key in set(changes) & set(row.get("overrides", {})):
            raise ValueError(
                f"--{key}={changes[key]} would change row {name!r}, which "
                f"stands for {key}={row['overrides'][key]}"
            )


def _trained(page, name, seed, folder, changes, train) -> Cell:
    row = page.rows[name]
    own = row.get("overrides", {})
    argv = [row["page"], f"--setup={page.setup}"]
    for key, value in {**page.overrides, **changes, **own}.items():
        argv.append(f"--{key}={_as_yaml(value)}")
    argv += [f"--seed={seed}", f"--output_folder={folder.as_posix()}"]
    return Cell(
        name,
        row.get("title", name),
        seed,
        folder,
        [*train, *argv],
        # As `speechbrain_denokd.training.main` records it.
        {"command": shlex.join(["python", "train.py", *argv])},
        own.get("n_steps"),
    )


def _evaluated(page, name, folder, changes, evaluate) -> Cell:
    row = page.rows[name]
    model = row["model"][page.setup]
    argv = [model, f"--output_folder={folder.as_posix()}"]
    for key, option in _OF_EVALUATION.items():
        if key in changes:
            argv.append(f"--{option}={changes[key]}")
    return Cell(
        name,
        row.get("title", name),
        None,
        folder,
        [*evaluate, *argv],
        {"model": model},
    )


def _as_yaml(value) -> str:
    """A value as the command line takes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
