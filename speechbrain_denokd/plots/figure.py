"""What all plots share: palette, quiet axes and legends that are not cut."""

import math
import textwrap

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# M. Okabe and K. Ito's colour-blind-safe palette without its yellow, which
# fades on white, then three of P. Tol's. Shapes and line styles differ too and
# repeat out of step with the colours, so no reader depends on colour.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#882255",
    "#999933",
    "#999999",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p")
LINES = ("-", "--", "-.", (0, (1, 0.8)))
LEGEND_LINE_IN = 0.19  # height of a line of a legend in 9 points
_DPI = 150
# A plot is 6 inches wide, on which no more points can be told apart.
_MAX_POINTS = 2000


def new_figure(width, height, n_panels, n_columns=None):
    """A figure in inches and its panels, with quiet axes.

    Arguments
    ---------
    width, height : float
        Inches.
    n_panels : int
        Axes, filled row by row.
    n_columns : int, optional
        Panels side by side; all of them by default.

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : list of matplotlib.axes.Axes

    Example
    -------
    >>> figure, panels = new_figure(6, 4, n_panels=3, n_columns=2)
    >>> len(panels), len(figure.axes)
    (3, 3)
    """
    n_columns = n_columns or n_panels
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    FigureCanvasAgg(figure)
    n_rows = math.ceil(n_panels / n_columns)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in grid[n_panels:]:
        axes.remove()
    panels = list(grid[:n_panels])
    for axes in panels:
        axes.grid(True, color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def wrap_label(text, n_characters):
    r"""Break a long name, such as a path, into lines that fit.

    Arguments
    ---------
    text : str
    n_characters : int
        Longest line.

    Returns
    -------
    str

    Example
    -------
    >>> wrap_label("a system: EER 1 %", 12)
    'a system:\nEER 1 %'
    """
    return textwrap.fill(text, n_characters)


def thin_curve(x, y):
    """Few points of a curve that has many, evenly along its length.

    Arguments
    ---------
    x, y : (P,) numpy.ndarray
        Coordinates in the axes' own units, finite.

    Returns
    -------
    x, y : numpy.ndarray
        At most 2000 of the points, both ends among them.

    Example
    -------
    >>> x, y = thin_curve(np.arange(10_001.0), np.zeros(10_001))
    >>> len(x), x[-1].item()
    (2000, 10000.0)
    """
    if len(x) <= _MAX_POINTS:
        return x, y
    length = np.r_[0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))]
    places = np.linspace(0, length[-1], _MAX_POINTS)
    chosen = np.unique(np.searchsorted(length, places))
    return x[chosen], y[chosen]
