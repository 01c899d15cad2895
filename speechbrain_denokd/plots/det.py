"""Detection error trade-off (the arrow ``scores -> figure``)."""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from speechbrain_denokd.metrics import (
    act_dcf,
    bayes_threshold,
    check_trials,
    corner_points,
    detection_costs,
    eer_of_rates,
    error_rates,
)
from speechbrain_denokd.plots.figure import (
    COLOURS,
    LEGEND_LINE_IN,
    LINES,
    new_figure,
    thin_curve,
    wrap_label,
)

_DET_TICKS = np.array(
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 90, 95]
)
_LABEL_CHARACTERS = 70
_ACTUAL_MARK = MappingProxyType(
    {
        "marker": "D",
        "markersize": 8,
        "markerfacecolor": "none",
        "markeredgewidth": 1.8,
    }
)
_N_BETWEEN = 2000  # points that a curve of few has at least, about


def plot_det(curves, path, p_target=0.01, calibrated=(), bands=None):
    """Detection error trade-off of several systems, on probit axes.

    Scores that are normal in both classes give a straight line. A rate of
    zero has no place on a probit axis: rates below the first tick are drawn
    on it, hence its label. A circle marks the EER, a cross the minDCF, a
    diamond the actDCF; marks above the last tick are drawn on that.

    Source: A. Martin et al., "The DET curve in assessment of detection task
    performance", Eurospeech 1997.

    Arguments
    ---------
    curves : dict of str to ((N,) scores, (N,) is_target)
        Systems by the name that the legend shows.
    path : str or pathlib.Path
        PNG file to write.
    p_target : float
        Prior of the marked minDCF and actDCF, whose costs are 1.
    calibrated : collection of str
        Curves whose scores are log-likelihood ratios: only these have an
        actDCF.
    bands : dict of str to DetBand, optional
        Confidence bands of some of the curves, from ``det_band``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no curves, if ``calibrated`` or ``bands`` name others,
        or as ``metrics.check_trials``.

    Example
    -------
    >>> import io
    >>> curves = {"ecapa": ([0.1, 0.3, 0.2, 0.4], [0, 0, 1, 1])}
    >>> plot_det(curves, io.BytesIO()).axes[0].get_ylabel()
    'Miss rate (%)'
    """
    bands = bands or {}
    _check_names(curves, calibrated, bands)
    drawn = {
        name: _curve(*trials, p_target, name in calibrated)
        for name, trials in curves.items()
    }
    ticks = _det_ticks(drawn.values())
    labels = [
        wrap_label(_curve_label(*item), _LABEL_CHARACTERS)
        for item in drawn.items()
    ]
    n_lines = sum(label.count("\n") + 1 for label in labels)
    n_lines += bool(calibrated) + bool(bands)
    # The legend stands above the axes and takes a line per curve; what is
    # left for the axes is about square.
    figure, (axes,) = new_figure(6.4, 6.5 + LEGEND_LINE_IN * n_lines, 1)
    for number, (name, curve) in enumerate(drawn.items()):
        style = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": LINES[number % len(LINES)],
        }
        if name in bands:
            _draw_band(axes, bands[name], ticks, style["color"])
        _draw_curve(axes, curve, ticks, labels[number], style)
        _draw_marks(axes, curve, ticks, style["color"])
    _label_axes(axes, ticks)
    _draw_legend(axes, p_target, bool(calibrated), bands)
    figure.savefig(path, format="png")
    return figure


class _Curve(NamedTuple):
    """Rates at every threshold, and the marked points as (miss, fa)."""

    p_miss: np.ndarray
    p_fa: np.ndarray
    eer: float
    best: tuple[float, float]
    min_dcf: float
    actual: tuple[float, float] | None
    act_dcf: float | None


def _check_names(curves, calibrated, bands):
    """Refuse a plot without curves, and settings of curves not in it."""
    if not curves:
        raise ValueError("There are 0 curves: a DET plot needs at least 1.")
    if isinstance(calibrated, str):
        raise ValueError(
            f"calibrated is the text '{calibrated}': pass a list of names."
        )
    for argument, names in (("calibrated", calibrated), ("bands", bands)):
        unknown = [name for name in names if name not in curves]
        if unknown:
            raise ValueError(
                f"{argument} names '{unknown[0]}', which is none of the "
                f"curves {', '.join(curves)}."
            )


def _curve(scores, is_target, p_target, is_calibrated):
    """Error rates of a system and its marked points."""
    scores, is_target = check_trials(scores, is_target)
    _, p_miss, p_fa = error_rates(scores, is_target)
    costs = detection_costs(p_miss, p_fa, p_target)
    best = np.argmin(costs)
    actual = actual_cost = None
    if is_calibrated:
        accepted = scores >= bayes_threshold(p_target)
        actual = np.mean(~accepted[is_target]), np.mean(accepted[~is_target])
        actual_cost = act_dcf(scores, is_target, p_target)
    return _Curve(
        p_miss,
        p_fa,
        float(eer_of_rates(p_miss, p_fa)),
        (p_miss[best], p_fa[best]),
        costs[best],
        actual,
        actual_cost,
    )


def _curve_label(name, curve):
    """Name and error rates of a system."""
    label = f"{name}: EER {100 * curve.eer:.2f} %, minDCF {curve.min_dcf:.3f}"
    if curve.act_dcf is not None:
        label += f", actDCF {curve.act_dcf:.3f}"
    return label


def _det_ticks(drawn):
    """Rates from below the smallest positive one to above every mark."""
    smallest, largest = 1.0, 0.0
    for curve in drawn:
        for rates in (curve.p_miss, curve.p_fa):
            smallest = min(smallest, rates[rates > 0].min())
        largest = max(largest, curve.eer, *curve.best, *(curve.actual or ()))
    first = np.searchsorted(_DET_TICKS, 100 * smallest, side="right") - 1
    last = np.searchsorted(_DET_TICKS, 100 * largest)
    # At least 1 % to 40 %, so that few trials still give readable axes.
    first = min(max(first, 0), np.flatnonzero(_DET_TICKS == 1)[0])
    last = max(last, np.flatnonzero(_DET_TICKS == 40)[0])
    return _DET_TICKS[first : last + 1] / 100


def _draw_band(axes, band, ticks, colour):
    """Band of the miss rate, as far as the axes go."""
    p_fa, low, high = (
        norm.ppf(np.clip(rates, ticks[0], 0.999)) for rates in band[:3]
    )
    axes.fill_between(
        p_fa, low, high, color=colour, alpha=0.15, linewidth=0, zorder=1.5
    )


def _draw_curve(axes, curve, ticks, label, style):
    """Line of a system; above the axes it runs on and is cut, not bent."""
    rates = _between(curve.p_fa, curve.p_miss)
    x, y = norm.ppf(np.clip(rates, ticks[0], 0.999))
    axes.plot(*thin_curve(x, y), linewidth=1.8, label=label, **style)


def _between(p_fa, p_miss):
    """(2, ...) rates with more points between those of few or tied scores.

    A straight line between two rates, on which the EER lies, is bent on
    probit axes.
    """
    rates = np.stack([p_fa, p_miss])[:, corner_points(p_miss, p_fa)]
    n_gaps = rates.shape[1] - 1
    n_each = max(1, _N_BETWEEN // n_gaps)
    places = np.linspace(0, n_gaps, n_gaps * n_each + 1)
    return [np.interp(places, np.arange(n_gaps + 1), side) for side in rates]


def _draw_marks(axes, curve, ticks, colour):
    """EER, minDCF and actDCF of a system."""
    marks = [((curve.eer, curve.eer), {"marker": "o", "markersize": 7})]
    if curve.actual is not None:
        # Hollow: with good calibration the minDCF lies inside.
        marks.append((curve.actual, _ACTUAL_MARK))
    marks.append((curve.best, {"marker": "X", "markersize": 8}))
    for (p_miss, p_fa), style in marks:
        x, y = norm.ppf(np.clip([p_fa, p_miss], ticks[0], ticks[-1]))
        axes.plot(
            [x],
            [y],
            color=colour,
            linestyle="none",
            clip_on=False,
            zorder=3,
            **style,
        )


def _label_axes(axes, ticks):
    """Percent ticks and the diagonal of equal errors."""
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
    axes.set_xlabel("False-alarm rate (%)")
    axes.set_ylabel("Miss rate (%)")


def _draw_legend(axes, p_target, has_actual, bands):
    """Curves, and what the marks and bands are."""
    key = {"color": "0.3", "linestyle": "none"}
    axes.plot([], [], marker="o", label="EER", **key)
    prior = f"at target prior {p_target:g}"
    axes.plot([], [], marker="X", label=f"minDCF {prior}", **key)
    if has_actual:
        axes.plot([], [], label=f"actDCF {prior}", **key, **_ACTUAL_MARK)
    if bands:
        shares = {f"{100 * band.confidence:g}" for band in bands.values()}
        label = f"{' and '.join(sorted(shares))} % band over speakers"
        axes.fill_between([], [], [], color="0.3", alpha=0.25, label=label)
    # Over the axes, where no curve can run under it.
    axes.figure.legend(
        loc="outside upper center",
        frameon=False,
        fontsize=9,
        handlelength=2.8,
    )
