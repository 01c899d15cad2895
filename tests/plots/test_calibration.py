import io

import numpy as np
import pytest
from scipy.special import expit

from speechbrain_denokd.metrics import (
    act_dcf,
    cllr,
    min_cllr,
    min_dcf,
    pav_llrs,
)
from speechbrain_denokd.plots import plot_calibration
from tests.plots.pictures import assert_png_with_a_picture, normal_scores


def calibrated(distance=2.0, n_trials=4000, seed=0):
    """Log-likelihood ratios of unit normals at 0 and ``distance``."""
    scores, is_target = normal_scores(distance, seed, n_trials)
    return distance * (scores - distance / 2), is_target


def drawn(axes, colour="#0072B2"):
    """Lines of a system, without marks."""
    return [
        line.get_data()
        for line in axes.lines
        if line.get_color() == colour and len(line.get_xdata()) > 1
    ]


def marks(axes, marker):
    """(x, y, hollow) of the marks, without the legend's key."""
    return [
        (*line.get_xydata()[0], line.get_markerfacecolor() == "white")
        for line in axes.lines
        if line.get_marker() == marker and len(line.get_xdata())
    ]


# By value


def test_fact_steps_counted_by_hand():
    # Best ratios of 1, 2, ... 6, from the example of pav_llrs.
    trials = [1, 2, 3, 4, 5, 6], [0, 1, 0, 0, 1, 1]
    figure = plot_calibration({"few": trials}, io.BytesIO())
    [(given, best)] = drawn(figure.axes[0])
    assert given.tolist() == [1, 2, 4, 5, 6]
    assert best[1:3] == pytest.approx([-np.log(2)] * 2)
    # Infinite ratios lie outside, where the line can still be drawn.
    limit = figure.axes[0].get_ylim()[1]
    assert best[0] < -10 * limit and (best[3:] > 10 * limit).all()


def test_law_the_line_runs_through_the_pav_value_of_every_trial():
    llrs, is_target = calibrated()
    axes = plot_calibration({"a": (llrs, is_target)}, io.BytesIO()).axes[0]
    [(given, best)] = drawn(axes)
    expected = pav_llrs(llrs, is_target)
    finite = np.isfinite(expected)
    found = np.interp(llrs[finite], given, best)
    np.testing.assert_allclose(found, expected[finite])
    assert len(given) < 200
    limit = np.abs(expected[finite]).max()
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[1] > limit


def test_law_calibrated_ratios_follow_the_diagonal_and_scaled_ones_do_not():
    llrs, is_target = calibrated(n_trials=100_000)
    curves = {"a": (llrs, is_target), "b": (2 * llrs, is_target)}
    axes = plot_calibration(curves, io.BytesIO()).axes[0]
    for colour, slope in (("#0072B2", 1), ("#D55E00", 0.5)):
        [(given, best)] = drawn(axes, colour)
        middle = np.abs(best) < 3
        np.testing.assert_allclose(
            best[middle], slope * given[middle], atol=0.35
        )


def test_fact_bayes_thresholds_are_marked_on_the_diagonal():
    figure = plot_calibration(
        {"a": calibrated()}, io.BytesIO(), p_targets=(0.01, 0.5)
    )
    threshold = np.log(99)
    left = figure.axes[0]
    assert marks(left, "o") == [pytest.approx((threshold, threshold, False))]
    assert marks(left, "s") == [pytest.approx((0, 0, False))]


# By prior


def test_law_costs_are_the_metrics_at_every_prior():
    trials = calibrated(n_trials=500)
    axes = plot_calibration({"a": trials}, io.BytesIO()).axes[1]
    (odds, actual), (_, minimum) = drawn(axes)
    assert odds[0] == -10 and odds[-1] == 10
    for point in range(0, len(odds), 20):
        p_target = expit(odds[point])
        assert actual[point] == pytest.approx(act_dcf(*trials, p_target))
        assert minimum[point] == pytest.approx(min_dcf(*trials, p_target))
    assert (minimum <= actual + 1e-12).all()


def test_law_costs_of_tied_ratios():
    # Ratios on the Bayes threshold of even odds are accepted.
    trials = [-1.0, 0.0, 0.0, 0.0, 2.0], [0, 0, 1, 0, 1]
    axes = plot_calibration({"a": trials}, io.BytesIO()).axes[1]
    (odds, actual), (_, minimum) = drawn(axes)
    even = np.argmin(np.abs(odds))
    assert odds[even] == 0
    assert actual[even] == act_dcf(*trials, 0.5) == pytest.approx(2 / 3)
    assert minimum[even] == min_dcf(*trials, 0.5) == pytest.approx(1 / 2)


def test_fact_priors_of_interest_are_marked_actual_and_minimum():
    trials = calibrated()
    figure = plot_calibration(
        {"a": trials}, io.BytesIO(), p_targets=(0.01, 0.05)
    )
    for marker, p_target in (("o", 0.01), ("s", 0.05)):
        odds = np.log(p_target / (1 - p_target))
        assert marks(figure.axes[1], marker) == [
            pytest.approx((odds, act_dcf(*trials, p_target), False)),
            pytest.approx((odds, min_dcf(*trials, p_target), True)),
        ]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [
        f"a: Cllr {cllr(*trials):.3f}, minimum {min_cllr(*trials):.3f}",
        "(b) actual cost",
        "(b) minimum cost",
        "target prior 0.01",
        "target prior 0.05",
    ]


def test_fact_a_mark_above_the_axes_is_drawn_on_their_edge():
    llrs, is_target = calibrated()
    figure = plot_calibration({"a": (llrs + 20, is_target)}, io.BytesIO())
    assert act_dcf(llrs + 20, is_target) > 50
    top = figure.axes[1].get_ylim()[1]
    actual, _ = marks(figure.axes[1], "o")
    assert actual[1] == top == 2


def test_fact_a_rare_prior_widens_the_axes():
    figure = plot_calibration(
        {"a": calibrated()}, io.BytesIO(), p_targets=(1e-6,)
    )
    low, high = figure.axes[1].get_xlim()
    assert low == -high < np.log(1e-6)


# Awkward cases


@pytest.mark.parametrize(
    "trials",
    [
        ([-3, -1, 2, 4], [0, 0, 1, 1]),
        ([1, 1, 1, 1], [0, 1, 0, 1]),
        ([2, 1, -1, -2], [0, 0, 1, 1]),
        ([0, 1], [0, 1]),
    ],
)
def test_fact_few_trials_ties_and_separation_are_finite(tmp_path, trials):
    figure = plot_calibration({"a": trials}, tmp_path / "c.png")
    for axes in figure.axes:
        for line in axes.lines:
            assert np.isfinite(line.get_xydata()).all()
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
    assert_png_with_a_picture(tmp_path / "c.png")


def test_fact_many_systems_of_long_names_are_not_cut(tmp_path):
    name = "results/" + "_".join(["experiment"] * 12) + "/SCORES.TXT"
    curves = {f"{name}{n}": calibrated(seed=n) for n in range(4)}
    figure = plot_calibration(curves, tmp_path / "c.png")
    assert figure.legends[0].get_texts()[0].get_text().count("\n") == 1
    assert_png_with_a_picture(tmp_path / "c.png")


def test_no_curves_and_a_wrong_prior_are_refused():
    with pytest.raises(ValueError, match="0 curves"):
        plot_calibration({}, io.BytesIO())
    with pytest.raises(ValueError, match="p_target is 1"):
        plot_calibration({"a": calibrated()}, io.BytesIO(), p_targets=(1,))
