"""Pages of tables: which rows, which seeds (the arrow ``page -> rows``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

_NEEDED = {"setup", "seeds", "rows"}
_PAGE_KEYS = {
    *_NEEDED,
    *("overrides", "overrides_of", "reference", "plot_steps", "plot_tsne"),
}
_ROW_KEYS = {"title", "page", "model", "overrides", "needs"}


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
        Of every trained row; first those of the page in ``overrides_of``, a
        path from this page's folder, where there is one.
    reference : tuple of str
        Rows, the best of which on the development trials every row is
        compared with.
    plot_steps : tuple of str
        Rows whose EER and time are drawn against their ``n_steps``.
    plot_tsne : tuple of str
        Rows whose embeddings are drawn side by side.

    Example
    -------
    >>> TablePage("t", "samples", [1], {"a": {"page": "p"}}, {}).reference
    ()
    """

    name: str
    setup: str
    seeds: list[int]
    rows: dict[str, dict]
    overrides: dict
    reference: tuple[str, ...] = ()
    plot_steps: tuple[str, ...] = ()
    plot_tsne: tuple[str, ...] = ()


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
        If there is no such file, or none that ``overrides_of`` names.
    ValueError
        If a key is unknown or missing, a row is neither trained nor
        evaluated, two rows share a title, or a row that is named elsewhere
        does not exist.

    Example
    -------
    >>> page = read_table_page("benchmarks/tables/table2.yaml")
    >>> page.name, list(page.rows)[0], page.seeds
    ('table2', 'embedding_without', [1, 2, 3])
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no table page at {path}; give the path of a page, such as "
            "benchmarks/tables/table1.yaml"
        )
    data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    _check_keys(data, _PAGE_KEYS, _NEEDED, str(path))
    rows = data["rows"]
    for name, row in rows.items():
        _check_row(name, row, f"row {name!r} of {path}")
        _check_needs(name, rows, str(path))
    _check_titles(rows, path)
    steps = data.get("plot_steps") or ()
    page = TablePage(
        path.stem,
        data["setup"],
        list(data["seeds"]),
        rows,
        _inherited(data, path) | (data.get("overrides") or {}),
        tuple(data.get("reference") or ()),
        tuple(rows) if steps is True else tuple(steps),
        tuple(data.get("plot_tsne") or ()),
    )
    _check_named_rows(page, path)
    return page


def _inherited(data: Mapping, path: Path) -> dict:
    """What ``overrides_of`` asks to take over from another page."""
    other = data.get("overrides_of")
    return read_table_page(path.parent / other).overrides if other else {}


def needed_cell(value: str, seed: int) -> tuple[str, int, str]:
    """What a value of ``needs`` points at: row, seed and path in the cell.

    Arguments
    ---------
    value : str
        ``ROW/{seed}/PATH``, or with a number in the place of ``{seed}``.
    seed : int
        Of the cell that needs it.

    Returns
    -------
    row : str
    seed : int
    path : str

    Raises
    ------
    ValueError
        If the value has another form.

    Example
    -------
    >>> needed_cell("ssl_mhfa/{seed}/model", seed=2)
    ('ssl_mhfa', 2, 'model')
    """
    row, _, rest = str(value).partition("/")
    number, _, path = rest.replace("{seed}", str(seed)).partition("/")
    if not number.isdecimal() or not path:
        raise ValueError(
            f"needs: {value!r} is no path in the cell of another row; write "
            "ROW/{seed}/model, or a number for {seed}"
        )
    return row, int(number), path


def _check_keys(data, known: set, needed: set, where: str):
    if not isinstance(data, Mapping):
        raise ValueError(
            f"{where} is no mapping but {data!r}; known keys: {sorted(known)}"
        )
    unknown, missing = set(data) - known, needed - set(data)
    if unknown or missing:
        raise ValueError(
            f"{where} has unknown keys {sorted(unknown)} and lacks "
            f"{sorted(missing)}; known: {sorted(known)}"
        )


def _check_row(name: str, row: Mapping, where: str):
    _check_keys(row, _ROW_KEYS, set(), where)
    if ("page" in row) == ("model" in row):
        raise ValueError(
            f"{where} needs either page (to train) or model (to evaluate)"
        )
    if "model" in row and (row.keys() & {"needs", "overrides"}):
        raise ValueError(
            f"{where} is only evaluated; overrides and needs belong to rows "
            "that are trained"
        )
    both = set(row.get("needs") or ()) & set(row.get("overrides") or ())
    if both:
        raise ValueError(
            f"{where} sets {sorted(both)[0]} in overrides and in needs; keep "
            "one of them"
        )


def _check_needs(name: str, rows: Mapping, path: str, above: Sequence = ()):
    """Rows that exist and are trained, without a circle."""
    if name in above:
        raise ValueError(
            f"rows of {path} need each other in a circle: "
            f"{' -> '.join([*above, name])}"
        )
    for value in (rows[name].get("needs") or {}).values():
        row = needed_cell(value, 0)[0]
        if row not in rows or "page" not in rows[row]:
            raise ValueError(
                f"row {name!r} of {path} needs {value!r}, but {row!r} is no "
                f"row that is trained; the rows: {', '.join(rows)}"
            )
        _check_needs(row, rows, path, [*above, name])


def _check_titles(rows: Mapping, path: Path):
    titles = {}
    for name, row in rows.items():
        title = row.get("title", name)
        if title in titles:
            raise ValueError(
                f"rows {titles[title]!r} and {name!r} of {path} share the "
                f"title {title!r}; a reader could not tell them apart"
            )
        titles[title] = name


def _check_named_rows(page: TablePage, path: Path):
    for key in ("reference", "plot_steps", "plot_tsne"):
        for name in getattr(page, key):
            if name not in page.rows:
                raise ValueError(
                    f"{key} of {path} names {name!r}, but its rows are "
                    f"{', '.join(page.rows)}"
                )
    for name in page.plot_steps:
        if "n_steps" not in page.rows[name].get("overrides", {}):
            raise ValueError(
                f"row {name!r} of {path} sets no n_steps in its overrides, "
                "which plot_steps needs"
            )
