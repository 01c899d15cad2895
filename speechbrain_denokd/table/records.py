"""What finished cells measured (the arrow ``metrics.json -> records``)."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechbrain_denokd.table.cells import Cell
from speechbrain_denokd.table.run import runs_of

UNNAMED = ""  # the test of a model that was only evaluated


def record_of(cell: Cell) -> dict:
    """What a finished cell measured, with the row it belongs to.

    Arguments
    ---------
    cell : Cell

    Returns
    -------
    dict
        ``metrics.json`` with ``row``, ``title``, ``seed``, ``folder`` and
        ``runs``: when and how long it ran. A model that was only evaluated
        has the seed None, and one test, under ``UNNAMED``.
    """
    record = json.loads((cell.folder / "metrics.json").read_text("utf-8"))
    tests = record.pop("tests", None)
    if tests is None:
        tests = {UNNAMED: record.pop("conditions")}
    own = {
        "row": cell.row,
        "title": cell.title,
        "seed": cell.seed,
        "folder": cell.folder.as_posix(),
        "runs": runs_of(cell),
        "tests": tests,
    }
    return record | own


def shown_tests(
    records: Sequence[Mapping], names: Sequence[str] | None = None
) -> list[str]:
    """The tests that a table shows.

    Arguments
    ---------
    records : sequence of dict
        Of `record_of`.
    names : sequence of str, optional
        Those that were asked for; by default all, in the set-up's order.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If no record has one of them.

    Example
    -------
    >>> shown_tests([{"tests": {"O": {}, "H": {}}}, {"tests": {"": {}}}])
    ['O', 'H']
    """
    known = list(
        dict.fromkeys(
            name for r in records for name in r["tests"] if name != UNNAMED
        )
    )
    # Nothing but models that were evaluated: their test needs some name.
    known = known or ["test"]
    for name in names or ():
        if name not in known:
            raise ValueError(
                f"no cell has a test {name!r}; use one of: {', '.join(known)}"
            )
    return list(names or known)


def of_test(
    records: Sequence[Mapping], test: str, is_first: bool
) -> list[dict]:
    """Records of one test.

    Arguments
    ---------
    records : sequence of dict
        Of `record_of`.
    test : str
        Cells without it are left out.
    is_first : bool
        Whether it is the set-up's first, which evaluated models are tested
        on.

    Returns
    -------
    list of dict
        With ``test``, ``conditions`` and ``scores``, the folder of its score
        files, in the place of ``tests``.

    Example
    -------
    >>> record = {"folder": "out/kd/1", "tests": {"O": {"full": {}}}}
    >>> of_test([record], "O", True)[0]["scores"]
    'out/kd/1/O'
    """
    found = []
    for record in records:
        rest = {key: value for key, value in record.items() if key != "tests"}
        for name, conditions in record["tests"].items():
            if name == test or (name == UNNAMED and is_first):
                own = Path(record["folder"]) / name
                found.append(
                    {
                        **rest,
                        "test": test,
                        "conditions": conditions,
                        "scores": own.as_posix(),
                    }
                )
    return found


def by_row(records: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    """Records of each row, in order of appearance.

    Example
    -------
    >>> by_row([{"row": "b"}, {"row": "a"}, {"row": "b"}]).keys()
    dict_keys(['b', 'a'])
    """
    found = {}
    for record in records:
        found.setdefault(record["row"], []).append(record)
    return found


def step_time_s(records: Sequence[Mapping]) -> float:
    """Seconds per training step: the median over seeds.

    All of training is in it, data and development trials included.

    Arguments
    ---------
    records : sequence of dict
        Of one row.

    Example
    -------
    >>> step_time_s([{"train_wall_s": 30.0, "n_steps": 100}])
    0.3
    """
    return statistics.median(r["train_wall_s"] / r["n_steps"] for r in records)


def best_on_dev(
    records: Sequence[Mapping], names: Sequence[str]
) -> tuple[str | None, dict[str, float]]:
    """The row with the lowest mean EER on the development trials.

    Chosen without a look at any test, so that the test remains one.

    Arguments
    ---------
    records : sequence of dict
        Of `record_of`.
    names : sequence of str
        Candidates.

    Returns
    -------
    best : str or None
        None where no candidate has a record.
    eers : dict of str to float
        Of each candidate that has one.

    Example
    -------
    >>> rows = [{"row": "a", "dev_eer": 0.2}, {"row": "b", "dev_eer": 0.1}]
    >>> best_on_dev(rows, ["a", "b"])
    ('b', {'a': 0.2, 'b': 0.1})
    """
    rows = by_row([record for record in records if "dev_eer" in record])
    eers = {
        name: statistics.fmean(run["dev_eer"] for run in rows[name])
        for name in names
        if name in rows
    }
    return (min(eers, key=eers.get) if eers else None), eers
