"""Score densities of both classes (the arrow ``scores -> figure``)."""

import math

import numpy as np
from matplotlib.colors import to_rgba

from speechbrain_denokd.metrics import check_trials, eer
from speechbrain_denokd.plots.figure import COLOURS, new_figure, wrap_label

_MAX_COLUMNS = 3
_TITLE_CHARACTERS = 40


def plot_histograms(panels, path, thresholds=None):
    """Score densities of targets and nontargets, a panel per kind of scores.

    Made for scores before and after normalisation or calibration: scales
    differ, so each panel has its own axes.

    Arguments
    ---------
    panels : dict of str to ((N,) scores, (N,) is_target)
        Kinds of scores by the name in the panel's title.
    path : str or pathlib.Path
        PNG file to write.
    thresholds : dict of str to float, optional
        Decision threshold of some panels, drawn as a line.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no panels, if ``thresholds`` names others, or as
        ``metrics.check_trials``.

    Example
    -------
    >>> import io
    >>> trials = [0.1, 0.3, 0.2, 0.4], [0, 0, 1, 1]
    >>> figure = plot_histograms({"raw": trials}, io.BytesIO())
    >>> figure.axes[0].get_title(loc="left")
    'raw: EER 50.00 %'
    """
    thresholds = thresholds or {}
    if not panels:
        raise ValueError("There are 0 panels: histograms need at least 1.")
    unknown = [name for name in thresholds if name not in panels]
    if unknown:
        raise ValueError(
            f"thresholds names '{unknown[0]}', which is none of the panels "
            f"{', '.join(panels)}."
        )
    n_rows = math.ceil(len(panels) / _MAX_COLUMNS)
    n_columns = math.ceil(len(panels) / n_rows)
    figure, grid = new_figure(
        # A lone panel is wider: the legend stands under it.
        max(5.6, 4.2 * n_columns),
        3.6 * n_rows + 0.4,
        len(panels),
        n_columns,
    )
    for axes, (name, trials) in zip(grid, panels.items(), strict=True):
        _draw_panel(axes, name, *check_trials(*trials))
        if name in thresholds:
            axes.axvline(
                thresholds[name],
                color="0.3",
                linestyle=":",
                linewidth=1.6,
                label="threshold",
            )
    handles = {
        label: handle
        for axes in grid
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        frameon=False,
        ncols=len(handles),
    )
    figure.savefig(path, format="png")
    return figure


def _draw_panel(axes, name, scores, is_target):
    """Both densities over common bins."""
    edges = _bin_edges(scores)
    for label, chosen, colour, line in (
        ("target", is_target, COLOURS[0], "-"),
        ("nontarget", ~is_target, COLOURS[1], "--"),
    ):
        density, _ = np.histogram(scores[chosen], edges, density=True)
        axes.stairs(
            density,
            edges,
            fill=True,
            facecolor=to_rgba(colour, 0.3),
            edgecolor=colour,
            linestyle=line,
            linewidth=1.4,
            label=label,
        )
    title = f"{name}: EER {100 * eer(scores, is_target):.2f} %"
    axes.set_title(
        wrap_label(title, _TITLE_CHARACTERS), loc="left", fontsize=11
    )
    axes.set_xlabel("Score")
    axes.set_ylabel("Density")
    axes.set_ylim(bottom=0)


def _bin_edges(scores):
    """Equal bins from the lowest to the highest score, at most 100."""
    low, high = scores.min(), scores.max()
    # Embeddings that collapsed score alike up to rounding.
    if high - low < 1e-9 * max(abs(low), abs(high), 1.0):
        low, high = low - 0.5, high + 0.5
    # D. Terrell and D. Scott's rule, doubled: two classes share the bins.
    n_bins = int(np.clip(np.ceil(2 * (2 * len(scores)) ** (1 / 3)), 10, 100))
    return np.linspace(low, high, n_bins + 1)
