"""Error rates of a model, for its card (``metrics.json -> record -> card``).

Training and ``python -m speechbrain_denokd.evaluation`` write one each. What
is published of them leaves out command lines and folders: they name places on
somebody's disk.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechbrain_denokd.tables import markdown_table

RECORD_FILE = "metrics.json"
_KEPT = (
    "method",
    "setup",
    "description",
    "seed",
    "n_steps",
    "checkpoint",
    "epoch",
    "best_epoch",  # of records from before there was a choice
    "date",
)
_NUMBERS = ("eer", "min_dcf", "act_dcf", "cllr", "min_cllr", "confidence")
_NUMBERS += ("n_targets", "n_nontargets", "n_speakers")
_INTERVALS = ("eer_interval", "min_dcf_interval")
_POINT = ("p_target", "c_miss", "c_fa")


def read_record(path: str | Path) -> dict[str, Any]:
    """Read either kind of ``metrics.json``, without what is private.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    dict
        ``tests``: error rates by test and duration, as `evaluation.evaluate`
        returns them; and of training its method, set-up and length.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no error rates.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.json"
    >>> rates = {"eer": 0.01, "min_dcf": 0.1, "n_targets": 5}
    >>> _ = path.write_text(json.dumps(
    ...     {"command": "of a user", "conditions": {"full": rates}}
    ... ))
    >>> read_record(path)
    {'tests': {'test': {'full': {'eer': 0.01, 'min_dcf': 0.1, 'n_targets': 5}}}}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}; correct the path")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        tests = read.get("tests") or {"test": read["conditions"]}
        kept = {
            _name(test): {_name(n): _rates(r) for n, r in conditions.items()}
            for test, conditions in tests.items()
        }
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path} holds no error rates ({error!r}); give the metrics.json "
            "of training or of evaluation"
        ) from error
    return {name: read[name] for name in _KEPT if name in read} | {
        "tests": kept
    }


def record_table(record: Mapping[str, Any]) -> str:
    """Error rates with their intervals and counts, in Markdown.

    Arguments
    ---------
    record : mapping
        Of `read_record`.

    Returns
    -------
    str

    Example
    -------
    >>> rates = {"eer": 0.0078, "eer_interval": (0.006, 0.0101),
    ...          "min_dcf": 0.104, "n_targets": 20, "n_nontargets": 80}
    >>> print(record_table({"tests": {"vox1_o": {"full": rates}}}))
    | test   | duration | trials  | speakers | EER (%)            | minDCF |
    | ------ | -------- | ------- | -------- | ------------------ | ------ |
    | vox1_o | full     | 20 + 80 | –        | 0.78 [0.60 – 1.01] | 0.104  |
    """
    every = [r for rates in record["tests"].values() for r in rates.values()]
    has_llr = any("cllr" in rates for rates in every)
    header = ["test", "duration", "trials", "speakers", "EER (%)", "minDCF"]
    rows = [
        [
            test,
            condition,
            f"{rates.get('n_targets', '–')} + {rates.get('n_nontargets', '–')}",
            str(rates.get("n_speakers", "–")),
            _with_interval(rates, "eer", 100, 2),
            _with_interval(rates, "min_dcf", 1, 3),
            *([f"{rates['cllr']:.3f}" if "cllr" in rates else "–"] * has_llr),
        ]
        for test, conditions in record["tests"].items()
        for condition, rates in conditions.items()
    ]
    return markdown_table(header + ["Cllr"] * has_llr, rows)


def table_note(record: Mapping[str, Any]) -> str:
    """What the numbers of `record_table` are.

    Example
    -------
    >>> point = {"name": "denokd", "p_target": 0.01, "c_miss": 1, "c_fa": 1}
    >>> rates = {"eer": 0.1, "confidence": 0.95, "points": [point]}
    >>> print(table_note({"tests": {"test": {"full": rates}}}))
    Trials are target + nontarget. Brackets are 95 % intervals over speakers. \
minDCF is normalised, at p_target 0.01.
    """
    every = [r for rates in record["tests"].values() for r in rates.values()]
    note = "Trials are target + nontarget."
    levels = sorted({r["confidence"] for r in every if "confidence" in r})
    if levels:
        text = ", ".join(f"{100 * level:g} %" for level in levels)
        note += f" Brackets are {text} intervals over speakers."
    points = [point for rates in every for point in rates.get("points", ())]
    priors = sorted({point["p_target"] for point in points})
    if priors:
        text = ", ".join(f"{prior:g}" for prior in priors)
        note += f" minDCF is normalised, at p_target {text}."
    return note


def _rates(rates: Mapping[str, Any]) -> dict[str, Any]:
    """One test's numbers; an error where there is anything else."""
    kept = {name: _number(rates[name]) for name in _NUMBERS if name in rates}
    for name in ("eer", "min_dcf"):
        if name not in kept:
            raise ValueError(f"there is no {name}")
    for name in _INTERVALS:
        if name in rates:
            low, high = rates[name]
            kept[name] = [_number(low), _number(high)]
    # Older records have one point, among the rates.
    points = rates.get("points", [rates] if "p_target" in rates else [])
    if points:
        kept["points"] = [
            {name: _number(point[name]) for name in _POINT} for point in points
        ]
    return kept


def _number(value: Any) -> int | float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return value


def _name(value: str) -> str:
    """A name that a terminal may show."""
    if not value.isprintable():
        raise ValueError(f"{value!r} is no name")
    return value


def _with_interval(
    rates: Mapping[str, Any], name: str, factor: float, n_decimals: int
) -> str:
    text = f"{factor * rates[name]:.{n_decimals}f}"
    if f"{name}_interval" not in rates:
        return text
    limits = [
        f"{factor * limit:.{n_decimals}f}"
        for limit in rates[f"{name}_interval"]
    ]
    return f"{text} [{' – '.join(limits)}]"
