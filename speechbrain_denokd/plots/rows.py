"""Rows of a table as dots (the arrow ``metrics records -> figure``)."""

from speechbrain_denokd.plots.figure import COLOURS, new_figure, wrap_label

_ROW_IN = 0.34  # height of a row
_PANEL_IN = 2.5  # width of a panel
_TITLE_CHARACTERS = 34


def plot_rows(rows, path, reference=None):
    """EER of every row with its interval; seeds as faint dots.

    Arguments
    ---------
    rows : list of dict
        From top to bottom: ``{"title": str, "conditions": {name: {"eer":
        rate, "eer_interval": [low, high], "seeds": [rate, ...]}}}``, with
        the mean over seeds, its interval and the single seeds. A row may
        lack a condition.
    path : str or pathlib.Path
        PNG file to write.
    reference : str, optional
        Title of the row whose EER is drawn as a line through all rows.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each condition.

    Raises
    ------
    ValueError
        If there are no rows.

    Example
    -------
    >>> import io
    >>> full = {"eer": 0.08, "eer_interval": [0.07, 0.1], "seeds": [0.08]}
    >>> row = {"title": "DenoKD", "conditions": {"full": full}}
    >>> len(plot_rows([row], io.BytesIO()).axes)
    1
    """
    if not rows:
        raise ValueError("There are 0 rows: a plot of rows needs at least 1.")
    names = list(dict.fromkeys(n for row in rows for n in row["conditions"]))
    figure, panels = new_figure(
        3.0 + _PANEL_IN * len(names),
        max(3.6, 1.5 + _ROW_IN * len(rows)),
        n_panels=len(names),
    )
    for number, (axes, name) in enumerate(zip(panels, names, strict=True)):
        _draw_condition(axes, rows, name, reference)
        axes.set_title(name, loc="left", fontsize=11)
        axes.set_xlabel("EER (%)")
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)))
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.set_yticklabels(
            [wrap_label(row["title"], _TITLE_CHARACTERS) for row in rows]
            if number == 0
            else []
        )
    note = "Dot: mean over seeds; bar: 95 % interval; faint: single seeds"
    if reference is not None:
        note += f"; dashed: {reference}"
    figure.supxlabel(note, fontsize=9, color="0.35")
    figure.savefig(path, format="png")
    return figure


def _draw_condition(axes, rows, name, reference):
    """One panel: dots, bars and seeds of the rows that have the condition."""
    for place, row in enumerate(rows):
        if name not in row["conditions"]:
            continue
        rates = row["conditions"][name]
        is_reference = row["title"] == reference
        colour = COLOURS[1] if is_reference else COLOURS[0]
        low, high = (100 * limit for limit in rates["eer_interval"])
        if is_reference:
            axes.axvline(
                100 * rates["eer"], color=colour, linewidth=1, linestyle="--"
            )
        axes.hlines(place, low, high, color=colour, linewidth=1.6)
        if len(rates["seeds"]) > 1:
            axes.plot(
                [100 * rate for rate in rates["seeds"]],
                [place] * len(rates["seeds"]),
                linestyle="",
                marker="o",
                markersize=8,
                color=colour,
                alpha=0.25,
                markeredgewidth=0,
            )
        axes.plot(
            100 * rates["eer"],
            place,
            marker="D" if is_reference else "o",
            markersize=5.5,
            color=colour,
        )
