"""Reports on scores as text (``error rates, differences -> Markdown``)."""

from collections.abc import Mapping

from speechbrain_denokd.comparison import Comparison
from speechbrain_denokd.tables import markdown_table


def rates_table(rates: Mapping[str, Mapping]) -> str:
    """Error rates of several systems, in Markdown.

    Arguments
    ---------
    rates : mapping of str to mapping
        `rates_of` by the name of the system.

    Example
    -------
    >>> print(rates_table({"a": {"eer": 0.0078, "min_dcf": 0.104}}))
    | scores | EER (%) | minDCF | actDCF | Cllr | minCllr |
    | ------ | ------- | ------ | ------ | ---- | ------- |
    | a      | 0.78    | 0.104  | –      | –    | –       |
    """
    rows = [
        [
            name,
            _with_interval(found, "eer", 100, 2),
            _with_interval(found, "min_dcf", 1, 3),
            *(
                f"{found[key]:.3f}" if key in found else "–"
                for key in ("act_dcf", "cllr", "min_cllr")
            ),
        ]
        for name, found in rates.items()
    ]
    header = ["scores", "EER (%)", "minDCF", "actDCF", "Cllr", "minCllr"]
    return markdown_table(header, rows)


def _with_interval(rates: Mapping, name: str, factor: int, digits: int) -> str:
    text = f"{factor * rates[name]:.{digits}f}"
    if f"{name}_interval" not in rates:
        return text
    low, high = (factor * limit for limit in rates[f"{name}_interval"])
    return f"{text} [{low:.{digits}f}, {high:.{digits}f}]"


def breakdown_table(conditions: Mapping[str, Mapping[str, Mapping]]) -> str:
    """Error rates of parts of the trials, in Markdown.

    Arguments
    ---------
    conditions : mapping
        Of `breakdown`.

    Example
    -------
    >>> part = {"n_targets": 3, "n_nontargets": 4, "eer": 0.25,
    ...         "min_dcf": 0.5, "note": None}
    >>> print(breakdown_table({"gender": {"f-f": part}}))
    | condition | value | targets | nontargets | EER (%) | minDCF |
    | --------- | ----- | ------- | ---------- | ------- | ------ |
    | gender    | f-f   | 3       | 4          | 25.00   | 0.500  |
    """
    rows = [
        [
            name,
            value,
            part["n_targets"],
            part["n_nontargets"],
            part["note"] or f"{100 * part['eer']:.2f}",
            "–" if part["note"] else f"{part['min_dcf']:.3f}",
        ]
        for name, values in conditions.items()
        for value, part in values.items()
    ]
    header = ["condition", "value", "targets", "nontargets", "EER (%)"]
    return markdown_table([*header, "minDCF"], rows)


def comparison_table(
    found: Mapping[str, Comparison], first: str, second: str
) -> str:
    """Difference of two systems, in words and in Markdown.

    Example
    -------
    >>> print(comparison_table(
    ...     {"eer": Comparison(-0.01, -0.02, -0.001, 0.03)}, "a", "b"
    ... ))
    a minus b (negative: the first has the lower error)
    <BLANKLINE>
    | metric  | difference | 95 % interval    | p     |
    | ------- | ---------- | ---------------- | ----- |
    | EER (%) | -1.000     | [-2.000, -0.100] | 0.030 |
    """
    names = {"eer": ("EER (%)", 100), "min_dcf": ("minDCF", 1)}
    rows = []
    for metric, row in found.items():
        title, factor = names[metric]
        rows.append(
            [
                title,
                f"{factor * row.difference:+.3f}",
                f"[{factor * row.low:+.3f}, {factor * row.high:+.3f}]",
                f"{row.p_value:.3f}",
            ]
        )
    header = ["metric", "difference", "95 % interval", "p"]
    return (
        f"{first} minus {second} (negative: the first has the lower error)\n\n"
        f"{markdown_table(header, rows)}"
    )


def calibration_table(rates: Mapping) -> str:
    """`calibration_rates` in words and in Markdown."""
    point = rates["point"]
    table = markdown_table(
        ["on the development trials", "actDCF", "Cllr"],
        [
            [
                when,
                f"{rates[when]['act_dcf']:.3f}",
                f"{rates[when]['cllr']:.3f}",
            ]
            for when in ("before", "after")
        ]
        + [
            [
                "best possible",
                f"{rates['min_dcf']:.3f}",
                f"{rates['min_cllr']:.3f}",
            ]
        ],
    )
    return (
        f"{table}\n\nEER {100 * rates['eer']:.2f} %. Accept when the "
        f"log-likelihood ratio is at least {rates['threshold']:+.3f} "
        f"(p_target {point['p_target']:g}, C_miss {point['c_miss']:g}, "
        f"C_fa {point['c_fa']:g})."
    )
