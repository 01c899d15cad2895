"""Pictures of results (the arrow ``scores, embeddings -> figures``).

Figures are built with matplotlib's objects, not with ``pyplot``, so they need
no display and leave no state behind. Each function writes a PNG and returns
the figure.
"""

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import norm
from sklearn.manifold import TSNE

from speechbrain_denokd.metrics import (
    detection_costs,
    eer_of_rates,
    error_rates,
)

# M. Okabe and K. Ito's colour-blind-safe palette without its yellow, which
# fades on white, then three of P. Tol's. Shapes and line styles differ too and
# repeat out of step with the colours, so no reader depends on colour.
_COLOURS = (
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
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p")
_LINES = ("-", "--", "-.", (0, (1, 0.8)))
_DET_TICKS = np.array(
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 90, 95]
)
_DPI = 150


def plot_det(curves, path, p_target=0.01):
    """Detection error trade-off of several systems, on probit axes.

    Scores that are normal in both classes give a straight line. A rate of
    zero has no place on a probit axis: rates below the first tick are drawn
    on it, hence its label. A circle marks the EER, a cross the minDCF; marks
    above the last tick are drawn on that.

    Source: A. Martin et al., "The DET curve in assessment of detection task
    performance", Eurospeech 1997.

    Arguments
    ---------
    curves : dict of str to ((N,) scores, (N,) is_target)
        Systems by the name that the legend shows.
    path : str or pathlib.Path
        PNG file to write.
    p_target : float
        Prior of the marked minDCF.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no curves, or as ``metrics.check_trials``.

    Example
    -------
    >>> import io
    >>> curves = {"ecapa": ([0.1, 0.3, 0.2, 0.4], [0, 0, 1, 1])}
    >>> plot_det(curves, io.BytesIO()).axes[0].get_ylabel()
    'Miss rate (%)'
    """
    if not curves:
        raise ValueError("There are 0 curves: a DET plot needs at least 1.")
    rates = {name: error_rates(*trials)[1:] for name, trials in curves.items()}
    points = {name: _det_points(*rates[name], p_target) for name in rates}
    ticks = _det_ticks(rates.values(), points.values())
    # The legend stands above the axes and takes a line per curve; what is
    # left for the axes is about square.
    figure, (axes,) = _new_figure(6.4, 6.5 + 0.19 * len(curves), n_panels=1)
    for number, (name, (p_miss, p_fa)) in enumerate(rates.items()):
        eer, best_miss, best_fa, min_cost = points[name]
        colour = _COLOURS[number % len(_COLOURS)]
        # Above the axes the line runs on and is cut, not bent along the edge.
        axes.plot(
            norm.ppf(np.clip(p_fa, ticks[0], 0.999)),
            norm.ppf(np.clip(p_miss, ticks[0], 0.999)),
            color=colour,
            linestyle=_LINES[number % len(_LINES)],
            linewidth=1.8,
            label=f"{name}: EER {100 * eer:.2f} %, minDCF {min_cost:.3f}",
        )
        mark = {"color": colour, "linestyle": "none", "clip_on": False}
        x, y, best_x, best_y = norm.ppf(
            np.clip([eer, eer, best_fa, best_miss], ticks[0], ticks[-1])
        )
        axes.plot([x], [y], marker="o", markersize=7, zorder=3, **mark)
        axes.plot(
            [best_x], [best_y], marker="X", markersize=8, zorder=3, **mark
        )
    _label_det(axes, ticks, p_target)
    figure.savefig(path, format="png")
    return figure


def _det_points(p_miss, p_fa, p_target):
    """EER; miss rate, false-alarm rate and value of the minDCF."""
    costs = detection_costs(p_miss, p_fa, p_target)
    best = np.argmin(costs)
    eer = eer_of_rates(p_miss, p_fa)
    return float(eer), p_miss[best], p_fa[best], costs[best]


def _det_ticks(rates, points):
    """Rates from below the smallest positive one to above every mark."""
    smallest = min(
        values[values > 0].min() for pair in rates for values in pair
    )
    largest = max(max(point[:3]) for point in points)
    first = np.searchsorted(_DET_TICKS, 100 * smallest, side="right") - 1
    last = np.searchsorted(_DET_TICKS, 100 * largest)
    # At least 1 % to 40 %, so that few trials still give readable axes.
    first = min(max(first, 0), np.flatnonzero(_DET_TICKS == 1)[0])
    last = max(last, np.flatnonzero(_DET_TICKS == 40)[0])
    return _DET_TICKS[first : last + 1] / 100


def _label_det(axes, ticks, p_target):
    """Percent ticks, the EER diagonal, marks and legend of a DET plot."""
    places = norm.ppf(ticks)
    spacing = 0.055 * (places[-1] - places[0])
    labels, last = [f"≤{100 * ticks[0]:g}"], places[0] + 0.3 * spacing
    for place, tick in zip(places[1:], ticks[1:], strict=True):
        crowded = place - last < spacing
        labels.append("" if crowded else f"{100 * tick:g}")
        last = last if crowded else place
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels)
    axes.set_xlim(places[0], places[-1])
    axes.set_ylim(places[0], places[-1])
    diagonal = places[[0, -1]]
    axes.plot(diagonal, diagonal, color="0.75", linewidth=1, zorder=1)
    key = {"color": "0.3", "linestyle": "none"}
    axes.plot([], [], marker="o", label="EER", **key)
    cost_label = f"minDCF at target prior {p_target:g}"
    axes.plot([], [], marker="X", label=cost_label, **key)
    axes.set_xlabel("False-alarm rate (%)")
    axes.set_ylabel("Miss rate (%)")
    # Over the axes, where no curve can run under it.
    axes.figure.legend(
        loc="outside upper center",
        frameon=False,
        fontsize=9,
        handlelength=2.8,
    )


def plot_tsne(embeddings, speakers, path, n_speakers=10, seed=0):
    """Embeddings of a few speakers in two dimensions by t-SNE.

    Embeddings are length-normalised first, because verification compares
    directions. Distances between clusters and the axes' units mean nothing.

    Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE",
    JMLR 2008 (scikit-learn's implementation); DenoKD, Fig. 3.

    Arguments
    ---------
    embeddings : (N, D) array_like of float
        One row per utterance.
    speakers : (N,) sequence of str or int
        Speaker of each utterance.
    path : str or pathlib.Path
        PNG file to write.
    n_speakers : int
        Speakers shown, drawn at random where there are more: the draw
        depends on the names and the seed alone, so every system shows the
        same speakers.
    seed : int
        Draws the speakers and starts t-SNE.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the lengths differ, an embedding is not finite or all zero, or
        fewer than 3 utterances or 1 speaker are left to show.

    Example
    -------
    >>> import io
    >>> embeddings = np.random.default_rng(0).normal(size=(12, 8))
    >>> figure = plot_tsne(embeddings, list("abcabcabcabc"), io.BytesIO())
    >>> len(figure.axes[0].collections)
    3
    """
    embeddings, speakers = _check_embeddings(embeddings, speakers)
    names = np.unique(speakers)
    if n_speakers < 1:
        raise ValueError(f"n_speakers is {n_speakers}, but must be 1 or more.")
    if len(names) > n_speakers:
        rng = np.random.default_rng(seed)
        names = np.sort(rng.choice(names, n_speakers, replace=False))
    shown = np.isin(speakers, names)
    points = _embed_in_plane(embeddings[shown], seed)
    figure, (axes,) = _new_figure(6.8, 5.4, n_panels=1)
    for number, name in enumerate(names):
        own = points[speakers[shown] == name]
        axes.scatter(
            *own.T,
            s=32,
            color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKERS[number % len(_MARKERS)],
            alpha=0.8,
            linewidths=0,
            label=str(name),
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("t-SNE dimension 1")
    axes.set_ylabel("t-SNE dimension 2")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(
        title="Speaker",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        ncols=math.ceil(len(names) / 20),
    )
    figure.savefig(path, format="png")
    return figure


def _check_embeddings(embeddings, speakers):
    """Unit-length embeddings and their speakers as arrays."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    speakers = np.asarray(speakers)
    if embeddings.ndim != 2 or speakers.shape != embeddings.shape[:1]:
        raise ValueError(
            f"embeddings have shape {embeddings.shape} but speakers have "
            f"shape {speakers.shape}: pass (N, D) and (N,)."
        )
    lengths = np.linalg.norm(embeddings, axis=1)
    usable = np.isfinite(lengths) & (lengths > 0)
    if not usable.all():
        first = int(np.argmin(usable))
        raise ValueError(
            f"embedding {first} has length {lengths[first]}: remove the "
            f"{(~usable).sum()} embeddings that are zero or not finite."
        )
    return embeddings / lengths[:, None], speakers


def _embed_in_plane(embeddings, seed):
    """(N, 2) t-SNE map."""
    n_points = len(embeddings)
    if n_points < 3:
        raise ValueError(
            f"{n_points} utterances are left to show, but t-SNE needs at "
            "least 3: pass more utterances or raise n_speakers."
        )
    # Perplexity is about the number of neighbours; a third of the points
    # keeps some of them far. 30 is scikit-learn's default.
    tsne = TSNE(
        perplexity=min(30.0, (n_points - 1) / 3),
        init="random" if embeddings.shape[1] < 2 else "pca",
        random_state=seed,
    )
    return tsne.fit_transform(embeddings)


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
    figure, (left, right) = _new_figure(9.6, 4.6, n_panels=2)
    _draw_eers(left, rows)
    right.plot(
        steps,
        [row["step_time_s"] for row in rows],
        color=_COLOURS[0],
        marker=_MARKERS[0],
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
            color=_COLOURS[number % len(_COLOURS)],
            linestyle=_LINES[number % len(_LINES)],
            marker=_MARKERS[number % len(_MARKERS)],
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


def _new_figure(width, height, n_panels):
    """A figure in inches and its panels, with quiet axes."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, n_panels, squeeze=False)[0]
    for axes in panels:
        axes.grid(True, color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels
