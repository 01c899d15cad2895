"""Accuracy and cost of denoising (the arrow ``metrics records -> figure``)."""

import numpy as np

from speechbrain_denokd.plots.figure import (
    COLOURS,
    LINES,
    MARKERS,
    new_figure,
)


def plot_steps(rows, path):
    """EER and time per training step against the number of denoising steps.

    Source: DenoKD, Fig. 4 (a) and (b).

    Arguments
    ---------
    rows : list of dict
        One per run: ``{"n_steps": int, "step_time_s": float, "conditions":
        {name: {"eer": rate, "eer_interval": [low, high]}}}``, where
        ``step_time_s`` is seconds per training step and ``conditions`` is
        that of a metrics record (``tables.table_one_rows``).
    path : str or pathlib.Path
        PNG file to write.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no rows or a number of steps appears twice.

    Example
    -------
    >>> import io
    >>> full = {"eer": 0.08, "eer_interval": [0.07, 0.1]}
    >>> row = {"n_steps": 5, "step_time_s": 0.2, "conditions": {"full": full}}
    >>> len(plot_steps([row], io.BytesIO()).axes)
    2
    """
    if not rows:
        raise ValueError("There are 0 rows: a plot of steps needs at least 1.")
    rows = sorted(rows, key=lambda row: row["n_steps"])
    steps = [row["n_steps"] for row in rows]
    twice = sorted({n for n in steps if steps.count(n) > 1})
    if twice:
        raise ValueError(
            f"{steps.count(twice[0])} rows have n_steps {twice[0]}: keep one "
            "run per number of denoising steps."
        )
    figure, (left, right) = new_figure(9.6, 4.6, n_panels=2)
    _draw_eers(left, rows)
    right.plot(
        steps,
        [row["step_time_s"] for row in rows],
        color=COLOURS[0],
        marker=MARKERS[0],
        linewidth=1.8,
    )
    right.set_ylabel("Time per training step (s)")
    right.set_title("(b) Cost", loc="left", fontsize=11)
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xticks(steps)
        axes.set_xlabel("Denoising steps")
    figure.savefig(path, format="png")
    return figure


def _draw_eers(axes, rows):
    """One line with intervals for each condition of the rows."""
    names = dict.fromkeys(name for row in rows for name in row["conditions"])
    span = max(1, rows[-1]["n_steps"] - rows[0]["n_steps"])
    for number, name in enumerate(names):
        having = [row for row in rows if name in row["conditions"]]
        results = [row["conditions"][name] for row in having]
        eers = np.array([result["eer"] for result in results])
        low, high = np.array([result["eer_interval"] for result in results]).T
        # Neighbouring conditions stand apart, or their intervals overlap.
        shift = 0.012 * span * (number - (len(names) - 1) / 2)
        # A percentile interval may leave the estimate outside.
        below, above = np.maximum(eers - low, 0), np.maximum(high - eers, 0)
        axes.errorbar(
            [row["n_steps"] + shift for row in having],
            100 * eers,
            yerr=100 * np.stack([below, above]),
            color=COLOURS[number % len(COLOURS)],
            linestyle=LINES[number % len(LINES)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            linewidth=1.8,
            elinewidth=1,
            capsize=3,
            label=name,
        )
    axes.set_ylabel("EER (%) with 95 % interval")
    axes.set_title("(a) Accuracy", loc="left", fontsize=11)
    axes.set_ylim(bottom=0)
    # Under both panels, where no interval can run under it.
    axes.figure.legend(
        title="Test duration",
        loc="outside lower center",
        frameon=False,
        ncols=len(names),
        handlelength=2.8,
    )
