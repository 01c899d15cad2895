import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.stats import norm

from speechbrain_denokd.metrics import eer
from speechbrain_denokd.plots import plot_histograms
from tests.plots.pictures import assert_png_with_a_picture, normal_scores


def drawn(axes):
    """Values and edges by label."""
    return {
        patch.get_label(): (patch.get_data().values, patch.get_data().edges)
        for patch in axes.patches
    }


def test_fact_heights_counted_by_hand():
    trials = [0, 0.5, 9.5, 10, 10, 10], [0, 0, 0, 1, 1, 1]
    axes = plot_histograms({"few": trials}, io.BytesIO()).axes[0]
    found = drawn(axes)
    for _, edges in found.values():
        np.testing.assert_allclose(edges, np.arange(11))
    # Two of three nontargets in the first of ten bins, one in the last.
    expected = [2 / 3, 0, 0, 0, 0, 0, 0, 0, 0, 1 / 3]
    np.testing.assert_allclose(found["nontarget"][0], expected)
    np.testing.assert_allclose(found["target"][0], [0] * 9 + [1])


def test_law_densities_are_those_of_the_classes(tmp_path):
    trials = normal_scores(3.0, n_trials=40_000)
    figure = plot_histograms({"raw": trials}, tmp_path / "h.png")
    for label, mean in (("target", 3), ("nontarget", 0)):
        values, edges = drawn(figure.axes[0])[label]
        assert (values * np.diff(edges)).sum() == pytest.approx(1)
        middles = (edges[1:] + edges[:-1]) / 2
        np.testing.assert_allclose(values, norm.pdf(middles, mean), atol=0.04)
    assert_png_with_a_picture(tmp_path / "h.png")


def test_fact_each_panel_has_its_own_scale_and_title(tmp_path):
    scores, is_target = normal_scores(2.0)
    panels = {"raw": (scores / 10, is_target), "as-norm": (scores, is_target)}
    figure = plot_histograms(panels, tmp_path / "h.png")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    rate = f"EER {100 * eer(scores, is_target):.2f} %"
    assert titles == [f"raw: {rate}", f"as-norm: {rate}"]
    (low, high), (wide_low, wide_high) = (a.get_xlim() for a in figure.axes)
    assert wide_high - wide_low == pytest.approx(10 * (high - low))
    looks = [
        [(to_hex(p.get_edgecolor()), p.get_linestyle()) for p in axes.patches]
        for axes in figure.axes
    ]
    # The classes differ in line style too, and look alike in all panels.
    assert looks[0] == looks[1] and len({style for _, style in looks[0]}) == 2
    assert_png_with_a_picture(tmp_path / "h.png")


def test_fact_a_threshold_is_drawn_where_it_is_given():
    trials = normal_scores(2.0)
    panels = {"raw": trials, "llr": trials}
    figure = plot_histograms(panels, io.BytesIO(), thresholds={"llr": 4.6})
    raw, llr = figure.axes
    assert not raw.lines
    assert [list(line.get_xdata()) for line in llr.lines] == [[4.6, 4.6]]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["target", "nontarget", "threshold"]


@pytest.mark.parametrize("step", [0, 1e-16, 1e-12])
def test_fact_scores_that_are_all_alike_are_still_drawn(step):
    trials = [1, 1 + step, 1, 1 + 2 * step], [0, 0, 1, 1]
    axes = plot_histograms({"collapsed": trials}, io.BytesIO()).axes[0]
    for values, edges in drawn(axes).values():
        assert edges[[0, -1]] == pytest.approx([0.5, 1.5])
        assert (values * np.diff(edges)).sum() == pytest.approx(1)


def test_fact_five_panels_stand_in_two_rows(tmp_path):
    name = "a kind of scores with a name that is longer than its panel"
    panels = {f"{name} {n}": normal_scores(n) for n in range(5)}
    figure = plot_histograms(panels, tmp_path / "h.png")
    rows = {round(axes.get_position().y0, 2) for axes in figure.axes}
    assert len(figure.axes) == 5 and len(rows) == 2
    assert "\n" in figure.axes[0].get_title(loc="left")
    assert_png_with_a_picture(tmp_path / "h.png")


def test_no_panels_and_thresholds_of_others_are_refused():
    with pytest.raises(ValueError, match="0 panels"):
        plot_histograms({}, io.BytesIO())
    with pytest.raises(ValueError, match="'b', which is none of .* a"):
        plot_histograms(
            {"a": normal_scores(1.0)}, io.BytesIO(), thresholds={"b": 0}
        )
