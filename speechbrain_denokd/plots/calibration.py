"""Whether scores mean what they say (the arrow ``LLRs -> figure``).

Source: N. Brümmer and J. du Preez, "Application-independent evaluation of
speaker detection", Computer Speech and Language 20, 2006 (pool adjacent
violators, the error rate at every prior); N. Brümmer and E. de Villiers, "The
BOSARIS toolkit user guide", 2011 (its normalised form).
"""

from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MultipleLocator
from scipy.special import expit

from speechbrain_denokd.metrics import (
    bayes_threshold,
    check_trials,
    cllr,
    corner_points,
    detection_costs,
    error_rates,
    min_cllr,
    min_dcf_of_rates,
    pav_llrs,
)
from speechbrain_denokd.plots.figure import (
    COLOURS,
    LEGEND_LINE_IN,
    LINES,
    MARKERS,
    new_figure,
    wrap_label,
)

_LABEL_CHARACTERS = 100
_MIN_LIMIT, _MAX_LIMIT = 5.0, 15.0  # of the axes of log-likelihood ratios
_SPAN = 10.0  # of the axis of prior log-odds
_MAX_COST = 2.0  # of the axis of costs
_FAR = 1e3  # where infinite ratios are drawn: outside


def plot_calibration(curves, path, p_targets=(0.01, 0.05)):
    """Calibration of log-likelihood ratios, by value and by prior.

    (a) The ratios that would have cost least (``metrics.pav_llrs``) against
    those given: calibrated ones follow the diagonal, overconfident ones are
    flatter. Where one class ends the best ratio is infinite, so the curve
    leaves the axes.

    (b) Normalised cost at every prior (the normalised Bayes error rate):
    thick at the Bayes threshold (actDCF), thin at the best one (minDCF). The
    gap is what calibration loses; above 1 the scores do harm.

    Marks are the priors of interest. Ratios are natural logarithms.

    Arguments
    ---------
    curves : dict of str to ((N,) llrs, (N,) is_target)
        Systems by the name that the legend shows.
    path : str or pathlib.Path
        PNG file to write.
    p_targets : sequence of float
        Priors of a target that are marked; costs are 1.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no curves, if a prior is not inside (0, 1), or as
        ``metrics.check_trials``.

    Example
    -------
    >>> import io
    >>> curves = {"ecapa": ([-2.0, 0.5, -0.5, 3.0], [0, 0, 1, 1])}
    >>> figure = plot_calibration(curves, io.BytesIO())
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['(a) By value', '(b) By prior']
    """
    if not curves:
        raise ValueError(
            "There are 0 curves: a calibration plot needs at least 1."
        )
    odds = -np.array([bayes_threshold(p_target) for p_target in p_targets])
    drawn = {
        name: _calibration(*check_trials(*trials), odds)
        for name, trials in curves.items()
    }
    labels = [
        wrap_label(
            f"{name}: Cllr {one.cllr:.3f}, minimum {one.min_cllr:.3f}",
            _LABEL_CHARACTERS,
        )
        for name, one in drawn.items()
    ]
    n_lines = sum(label.count("\n") + 1 for label in labels)
    n_lines += 2 + len(p_targets)
    figure, (left, right) = new_figure(
        9.6, 4.7 + LEGEND_LINE_IN * n_lines, n_panels=2
    )
    highest = max(one.costs.max() for one in drawn.values())
    top = np.clip(1.05 * highest, 1.1, _MAX_COST)
    for number, (label, one) in enumerate(
        zip(labels, drawn.values(), strict=True)
    ):
        style = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": LINES[number % len(LINES)],
        }
        left.plot(*one.values, label=label, linewidth=1.8, **style)
        for costs, linewidth in zip(one.costs, (1.8, 0.8), strict=True):
            right.plot(one.log_odds, costs, linewidth=linewidth, **style)
        for costs, face in zip(one.marked, (None, "white"), strict=True):
            # Marks above the axes are drawn on their edge.
            _draw_marks(
                right, odds, np.minimum(costs, top), style["color"], face
            )
    _label_values(left, drawn.values(), odds)
    _label_costs(right, one.log_odds, top)
    _draw_legend(figure, left, p_targets)
    figure.savefig(path, format="png")
    return figure


class _Calibration(NamedTuple):
    """What is drawn of a system.

    ``values`` are given and best ratios, ``costs`` the actual and the minimum
    cost at each of ``log_odds``, ``marked`` those at the priors of interest.
    """

    cllr: float
    min_cllr: float
    values: tuple[np.ndarray, np.ndarray]
    log_odds: np.ndarray
    costs: np.ndarray
    marked: np.ndarray


def _calibration(llrs, is_target, marked_odds):
    """Compute all that is drawn of a system."""
    span = max([_SPAN, *(np.abs(marked_odds) + 0.5)])
    log_odds = np.linspace(-span, span, 201)
    rates = error_rates(llrs, is_target)
    return _Calibration(
        cllr(llrs, is_target),
        min_cllr(llrs, is_target),
        _best_values(llrs, is_target),
        log_odds,
        _costs(rates, log_odds),
        _costs(rates, marked_odds),
    )


def _best_values(llrs, is_target):
    """Given and best ratio at both ends of each step of the PAV curve."""
    order = np.argsort(llrs)
    given, best = llrs[order], pav_llrs(llrs, is_target)[order]
    ends = np.flatnonzero(best[1:] != best[:-1])
    kept = np.unique(np.r_[0, ends, ends + 1, len(best) - 1])
    return given[kept], np.clip(best[kept], -_FAR, _FAR)


def _costs(rates, log_odds):
    """(2, G) actual and minimum normalised cost at priors in log-odds."""
    thresholds, p_miss, p_fa = rates
    # The Bayes threshold of unit costs is minus the log-odds. Accepting from
    # there on is accepting from the next score on.
    at = np.searchsorted(thresholds, -log_odds)
    corner = corner_points(p_miss, p_fa)
    p_targets = expit(log_odds)
    actual = [
        detection_costs(p_miss[point], p_fa[point], p_target)
        for point, p_target in zip(at, p_targets, strict=True)
    ]
    minimum = [
        min_dcf_of_rates(p_miss[corner], p_fa[corner], p_target)
        for p_target in p_targets
    ]
    return np.array([actual, minimum])


def _draw_marks(axes, x, y, colour, face=None):
    """A mark for each prior of interest."""
    for number, point in enumerate(zip(x, y, strict=True)):
        axes.plot(
            *[[value] for value in point],
            color=colour,
            markerfacecolor=face or colour,
            marker=MARKERS[number % len(MARKERS)],
            markersize=6,
            linestyle="none",
            clip_on=False,
            zorder=3,
        )


def _label_values(axes, drawn, odds):
    """Diagonal, marks and limits of the panel of ratios."""
    best = np.concatenate([np.abs(one.values[1]) for one in drawn])
    limit = 1.05 * np.max([_MIN_LIMIT, *np.abs(odds), *best[best < _FAR]])
    limit = min(limit, _MAX_LIMIT)
    axes.plot(
        [-limit, limit], [-limit, limit], color="0.75", linewidth=1, zorder=1
    )
    _draw_marks(axes, -odds, -odds, "0.3")
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_xlabel("Given log-likelihood ratio")
    axes.set_ylabel("Best log-likelihood ratio")
    axes.set_title("(a) By value", loc="left", fontsize=11)


def _label_costs(axes, log_odds, top):
    """Limits of the panel of costs, and the cost of a system without ears."""
    axes.axhline(1, color="0.75", linewidth=1, zorder=1)
    axes.set_xlim(log_odds[0], log_odds[-1])
    axes.set_ylim(0, top)
    axes.xaxis.set_major_locator(MultipleLocator(5))
    axes.set_xlabel("Log-odds of the target prior")
    axes.set_ylabel("Normalised cost (DCF)")
    axes.set_title("(b) By prior", loc="left", fontsize=11)


def _draw_legend(figure, axes, p_targets):
    """Curves, and what lines and marks are."""
    axes.plot([], [], color="0.3", linewidth=1.8, label="(b) actual cost")
    axes.plot([], [], color="0.3", linewidth=0.8, label="(b) minimum cost")
    for number, p_target in enumerate(p_targets):
        axes.plot(
            [],
            [],
            color="0.3",
            marker=MARKERS[number % len(MARKERS)],
            linestyle="none",
            label=f"target prior {p_target:g}",
        )
    figure.legend(
        loc="outside lower center",
        frameon=False,
        fontsize=9,
        handlelength=2.8,
    )
