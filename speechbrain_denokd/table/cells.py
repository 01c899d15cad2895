"""The runs that fill a table (the arrow ``page -> cells``)."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from speechbrain_denokd.table.page import TablePage, needed_cell

_RESERVED = {"seed", "setup", "output_folder"}
_OF_EVALUATION = {
    "device": "device",
    "data_folder": "data_root",
    "tests": "tests",
    "test_manifest": "manifest",
    "test_trials": "trials",
    "operating_point": "operating_point",
    "score_mode": "score_mode",
}
_LIST_FILES = ("test_manifest", "test_trials")
_PACKAGE = "speechbrain_denokd"

TRAIN = (sys.executable, "-m", f"{_PACKAGE}.training")
EVALUATE = (sys.executable, "-m", f"{_PACKAGE}.evaluation")


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
    argv : list of str
        The program's words.
    program : tuple of str
        What to run them with.
    stated : str
        The command that ``metrics.json`` of this very run states.
    needs : tuple of Path
        Folders of the cells to finish before.
    shown : bool
        Whether the table shows it; others only need it.

    Example
    -------
    >>> Cell("kd", "KD", 1, Path("out/kd/1"), [], (), "python train.py").name
    'kd, seed 1'
    """

    row: str
    title: str
    seed: int | None
    folder: Path
    argv: list[str]
    program: tuple[str, ...]
    stated: str
    needs: tuple[Path, ...] = ()
    shown: bool = True

    @property
    def name(self) -> str:
        """For messages."""
        if self.seed is None:
            return self.row
        return f"{self.row}, seed {self.seed}"


def cells_of(
    page: TablePage,
    folder: str | Path,
    changes: Mapping[str, str],
    rows: Sequence[str] | None = None,
    train: Sequence[str] = TRAIN,
    evaluate: Sequence[str] = EVALUATE,
) -> list[Cell]:
    """Every cell of some rows, all rows of a seed before the next seed.

    A model that is only evaluated has one cell, and none where the page
    names none for the set-up. Cells that others need come before them, also
    of rows and seeds that were not asked for.

    Arguments
    ---------
    page : TablePage
    folder : str or Path
        Each cell's is ``<folder>/<row>/<seed>``.
    changes : mapping of str to str
        Further ``--key=value`` of every cell, above the page's own. A key
        of ``needs`` takes the place of the needed cell.
    rows : sequence of str, optional
        All of them by default.
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
    >>> cells_of(page, "out", {"n_epochs": "1"})[0].stated[16:]
    'hparams/kd_frame.yaml --setup=samples --n_epochs=1 --seed=7 \
--output_folder=out/kd/7'
    """
    rows = list(page.rows if rows is None else rows)
    _check_changes(page, rows, changes)
    table = _Table(page, Path(folder), changes, tuple(train))
    cells = {}
    for i, seed in enumerate(page.seeds):
        for name in page.rows:
            if name not in rows:
                continue
            if "page" in page.rows[name]:
                _add(table, name, seed, cells, True)
            elif i == 0 and page.setup in page.rows[name]["model"]:
                cell = _evaluated(table, name, tuple(evaluate))
                cells[cell.folder] = cell
    return list(cells.values())


def is_finished(cell: Cell) -> bool:
    """Whether the cell's folder holds the metrics of this very command.

    Arguments
    ---------
    cell : Cell

    Example
    -------
    >>> is_finished(Cell("kd", "KD", 1, Path("no/where"), [], (), ""))
    False
    """
    try:
        record = json.loads((cell.folder / "metrics.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False  # never written, or cut off by a kill: run it again
    return record.get("command") == cell.stated


class _Table(NamedTuple):
    """What all cells of a table share."""

    page: TablePage
    folder: Path
    changes: Mapping[str, str]
    train: tuple[str, ...]


def _check_changes(page: TablePage, rows: list, changes: Mapping[str, str]):
    for key in {*changes, *page.overrides} & _RESERVED:
        raise ValueError(
            f"--{key} is set by the table for each cell; use --seeds, --setup "
            "or --folder"
        )
    for name in rows:
        own = page.rows[name].get("overrides", {})
        for key in set(changes) & set(own):
            raise ValueError(
                f"--{key}={changes[key]} would change row {name!r}, which "
                f"stands for {key}={own[key]}"
            )


def _add(table: _Table, name: str, seed: int, cells: dict, shown: bool):
    """Append a cell, after those that it needs."""
    folder = table.folder / name / str(seed)
    if folder in cells:
        cells[folder] = cells[folder]._replace(
            shown=shown or cells[folder].shown
        )
        return
    row = table.page.rows[name]
    values = {**table.page.overrides, **table.changes}
    values |= row.get("overrides", {})
    needs = []
    for key, value in (row.get("needs") or {}).items():
        if key in values:
            continue
        other, other_seed, path = needed_cell(value, seed)
        _add(table, other, other_seed, cells, False)
        needs.append(table.folder / other / str(other_seed))
        values[key] = (needs[-1] / path).as_posix()
    argv = [row["page"], f"--setup={table.page.setup}"]
    argv += [f"--{key}={as_yaml(value)}" for key, value in values.items()]
    argv += [f"--seed={seed}", f"--output_folder={folder.as_posix()}"]
    cells[folder] = Cell(
        name,
        row.get("title", name),
        seed,
        folder,
        argv,
        table.train,
        # As `speechbrain_denokd.training.main` records it.
        shlex.join(["python", "train.py", *argv]),
        tuple(needs),
        shown,
    )


def _evaluated(table: _Table, name: str, evaluate: tuple[str, ...]) -> Cell:
    row, values = table.page.rows[name], _test_values(table)
    folder = table.folder / name / "model"
    try:
        model = row["model"][table.page.setup].format(**values)
    except KeyError as error:
        raise ValueError(
            f"row {name!r} evaluates the model of --{error.args[0]}; give it "
            f"on the command line, or choose --rows without {name!r}"
        ) from error
    argv = [model, f"--output_folder={folder.as_posix()}"]
    for key, option in _OF_EVALUATION.items():
        if key in values:
            argv.append(f"--{option}={as_yaml(values[key])}")
    if values.get("test_crops_s") is not None:
        crops = YAML(typ="safe").load(as_yaml(values["test_crops_s"]))
        argv += ["--crops", *(str(crop) for crop in crops if crop is not None)]
    return Cell(
        name,
        row.get("title", name),
        None,
        folder,
        argv,
        evaluate,
        # As `speechbrain_denokd.evaluation.main` records it.
        shlex.join(["python", "-m", f"{_PACKAGE}.evaluation", *argv]),
    )


def _test_values(table: _Table) -> dict:
    """What page and command line say, with the files of a manifest_folder."""
    values = {**table.page.overrides, **table.changes}
    if "tests" in values:  # it names the files
        return {k: v for k, v in values.items() if k not in _LIST_FILES}
    if "manifest_folder" in values:
        folder = values["manifest_folder"]
        values.setdefault("test_manifest", f"{folder}/test.csv")
        values.setdefault("test_trials", f"{folder}/trials_test.txt")
    return values


def as_yaml(value) -> str:
    """A value as ``--key=VALUE`` takes it: YAML on one line.

    Example
    -------
    >>> as_yaml(None), as_yaml(False), as_yaml([None, 4]), as_yaml("!name:a.b")
    ('null', 'false', '[null, 4]', '!name:a.b')
    """
    return value if isinstance(value, str) else json.dumps(value)
