import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.stats import norm

from speechbrain_denokd.metrics import act_dcf, eer, min_dcf
from speechbrain_denokd.plots import DetBand, plot_det
from tests.plots.pictures import assert_png_with_a_picture, normal_scores


def drawn_curves(axes):
    """Lines by legend name, without the diagonal and the marks."""
    return {
        line.get_label().split(":")[0]: line
        for line in axes.lines
        if ": EER" in line.get_label()
    }


def marks(axes, marker):
    """Drawn marks as pairs of rates (fa, miss), without the legend's key."""
    return [
        tuple(norm.cdf(line.get_xydata()[0]))
        for line in axes.lines
        if line.get_marker() == marker and len(line.get_xdata())
    ]


def test_det_draws_each_curve_and_writes_a_png(tmp_path):
    curves = {f"system {d}": normal_scores(d) for d in (1.5, 2.0, 2.5)}
    axes = plot_det(curves, tmp_path / "det.png").axes[0]
    lines = drawn_curves(axes)
    assert list(lines) == list(curves)
    styles = {
        (to_hex(x.get_color()), x.get_linestyle()) for x in lines.values()
    }
    assert len({color for color, _ in styles}) == 3
    assert len({style for _, style in styles}) == 3
    assert_png_with_a_picture(tmp_path / "det.png")


def test_det_of_normal_scores_is_the_straight_line_of_theory(tmp_path):
    # Unit normals, distance d: probit(miss) = -d - probit(fa).
    curves = {"normal": normal_scores(2.0, n_trials=200_000)}
    axes = plot_det(curves, tmp_path / "det.png").axes[0]
    x, y = drawn_curves(axes)["normal"].get_data()
    middle = (x > norm.ppf(0.01)) & (y > norm.ppf(0.01))
    np.testing.assert_allclose(y[middle], -2 - x[middle], atol=0.06)


def test_det_marks_and_legend_hold_the_metrics(tmp_path):
    trials = normal_scores(2.5)
    figure = plot_det({"a": trials}, tmp_path / "det.png", p_target=0.05)
    axes = figure.axes[0]
    assert marks(axes, "o") == [pytest.approx((eer(*trials),) * 2)]
    [(p_fa, p_miss)] = marks(axes, "X")
    assert p_miss + 19 * p_fa == pytest.approx(min_dcf(*trials, 0.05))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [
        f"a: EER {100 * eer(*trials):.2f} %, "
        f"minDCF {min_dcf(*trials, 0.05):.3f}",
        "EER",
        "minDCF at target prior 0.05",
    ]


def test_det_ticks_read_in_percent(tmp_path):
    axes = plot_det({"a": normal_scores(2.5)}, tmp_path / "det.png").axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        labels = [tick.get_text() for tick in axis.get_ticklabels()]
        rates = 100 * norm.cdf(axis.get_ticklocs())
        shown = [
            (float(label.strip("≤")), rate)
            for label, rate in zip(labels, rates, strict=True)
            if label
        ]
        assert len(shown) >= 6
        for label, rate in shown:
            assert label == pytest.approx(rate)
        assert labels[0].startswith("≤")


@pytest.mark.parametrize("distance", [0.0, 1.0, 4.0])
def test_det_axes_contain_the_marks(tmp_path, distance):
    curves = {"a": normal_scores(distance), "b": normal_scores(2.0)}
    axes = plot_det(curves, tmp_path / "det.png").axes[0]
    low, high = norm.cdf(axes.get_xlim())
    assert axes.get_xlim() == axes.get_ylim()
    for mark in (*marks(axes, "o"), *marks(axes, "X")):
        assert all(low - 1e-9 <= rate <= high + 1e-9 for rate in mark)
    assert len(marks(axes, "o")) == len(marks(axes, "X")) == 2


def test_det_of_a_perfect_system_stays_finite(tmp_path):
    trials = [1, 2, 3, 4], [0, 0, 1, 1]
    axes = plot_det({"perfect": trials}, tmp_path / "det.png").axes[0]
    xy = drawn_curves(axes)["perfect"].get_xydata()
    assert np.isfinite(xy).all()
    corner = norm.ppf(0.01)
    assert xy.min() == pytest.approx(corner)
    assert marks(axes, "o") == [pytest.approx((0.01, 0.01))]


def test_det_of_many_systems_is_not_cut(tmp_path):
    curves = {
        f"a rather long name of system {n}": normal_scores(2 + n / 10)
        for n in range(11)
    }
    plot_det(curves, tmp_path / "det.png")
    assert_png_with_a_picture(tmp_path / "det.png")


def test_det_of_names_longer_than_a_line_is_not_cut(tmp_path):
    name = "results/" + "_".join(["experiment"] * 20) + "/SCORES.TXT"
    curves = {name: normal_scores(2.0), "short": normal_scores(2.5)}
    figure = plot_det(curves, tmp_path / "det.png", calibrated=[name])
    label = figure.legends[0].get_texts()[0].get_text()
    assert label.count("\n") == 3
    assert label.replace("\n", "").startswith(f"{name}: EER")
    assert_png_with_a_picture(tmp_path / "det.png")


def test_det_of_many_trials_draws_few_points_of_the_same_curve():
    scores, is_target = normal_scores(2.0, n_trials=100_000)
    figure = plot_det({"many": (scores, is_target)}, io.BytesIO())
    xy = drawn_curves(figure.axes[0])["many"].get_xydata()
    assert len(xy) <= 2000
    # No stair is cut off on paper: 6 units are some 900 pixels.
    assert np.abs(np.diff(xy, axis=0)).min(axis=1).max() < 0.01
    # Each is an operating point.
    p_fa, p_miss = norm.cdf(xy[(xy > norm.ppf(0.0003)).all(axis=1)].T)
    targets = np.sort(scores[is_target])
    nontargets = np.sort(scores[~is_target])
    rejected = np.rint(p_miss * len(targets)).astype(int)
    found = np.searchsorted(nontargets, targets[rejected])
    below = np.searchsorted(nontargets, targets[rejected - 1])
    n_accepted = p_fa * len(nontargets)
    assert (n_accepted <= len(nontargets) - below + 0.01).all()
    assert (n_accepted >= len(nontargets) - found - 0.01).all()


def test_det_of_tied_scores_runs_through_its_marks():
    # Two of three targets tie with half of the nontargets.
    trials = [1, 1, 1, 1, 0, 0, 2], [0, 1, 0, 1, 0, 0, 1]
    axes = plot_det({"ties": trials}, io.BytesIO()).axes[0]
    p_fa, p_miss = norm.cdf(drawn_curves(axes)["ties"].get_data())
    # Between (0, 2/3) and (1/2, 0) the rates follow a straight line.
    bent = (p_fa > 0.011) & (p_miss > 0.011)
    np.testing.assert_allclose(p_miss[bent], (2 - 4 * p_fa[bent]) / 3)
    assert bent.sum() > 100
    [(fa, miss)] = marks(axes, "o")
    assert fa == miss == pytest.approx(2 / 7)


def test_det_marks_the_bayes_threshold_of_calibrated_scores():
    scores, is_target = normal_scores(2.0)
    llrs = 2 * scores - 2  # of unit normals at 0 and 2
    shifted = llrs - 1.5
    curves = {
        "raw": (scores, is_target),
        "llr": (llrs, is_target),
        "off": (shifted, is_target),
    }
    figure = plot_det(
        curves, io.BytesIO(), p_target=0.1, calibrated=["llr", "off"]
    )
    found = marks(figure.axes[0], "D")
    assert len(found) == 2
    for (p_fa, p_miss), name in zip(found, ("llr", "off"), strict=True):
        cost = act_dcf(*curves[name], p_target=0.1)
        assert p_miss + 9 * p_fa == pytest.approx(cost)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "actDCF" not in texts[0]
    assert texts[2].endswith(f", actDCF {act_dcf(shifted, is_target, 0.1):.3f}")
    assert texts[-1] == "actDCF at target prior 0.1"


def test_det_draws_bands_where_they_are_given():
    p_fa = np.array([0.05, 0.2, 0.5])
    band = DetBand(
        p_fa, np.array([0.2, 0.1, 0]), np.array([0.5, 0.25, 0.1]), 0.9
    )
    curves = {"a": normal_scores(2.0), "b": normal_scores(1.0)}
    figure = plot_det(curves, io.BytesIO(), bands={"b": band})
    axes = figure.axes[0]
    drawn = axes.collections[0]
    assert to_hex(drawn.get_facecolor()[0]) == to_hex(
        drawn_curves(axes)["b"].get_color()
    )
    corners = {
        (round(x, 6), round(y, 6))
        for x, y in norm.cdf(drawn.get_paths()[0].vertices)
    }
    floor = round(float(norm.cdf(axes.get_ylim()[0])), 6)
    assert corners == {
        (0.05, 0.2),
        (0.05, 0.5),
        (0.2, 0.1),
        (0.2, 0.25),
        (0.5, floor),
        (0.5, 0.1),
    }
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[-1] == "90 % band over speakers"


def test_det_without_curves_is_refused(tmp_path):
    with pytest.raises(ValueError, match="0 curves"):
        plot_det({}, tmp_path / "det.png")


@pytest.mark.parametrize(
    "settings, match",
    [
        ({"calibrated": ["a", "c"]}, "calibrated names 'c', .* curves a, b"),
        ({"bands": {"d": None}}, "bands names 'd'"),
        ({"calibrated": "a"}, "calibrated is the text 'a'"),
    ],
)
def test_det_settings_of_other_curves_are_refused(settings, match):
    curves = {"a": normal_scores(2.0), "b": normal_scores(1.0)}
    with pytest.raises(ValueError, match=match):
        plot_det(curves, io.BytesIO(), **settings)
