import io

import numpy as np
import pytest

from speechbrain_denokd.plots.attention import plot_attention, power_contour


def test_fact_levels_by_hand():
    """A tenth of the amplitude is 20 dB less; silence is at the floor."""
    wav = np.r_[np.full(1600, -0.5), np.full(1600, 0.05), np.zeros(1600)]
    found = power_contour(wav)
    assert len(found) == 31
    assert found[[5, 15, 25]] == pytest.approx([0, -20, -60])


def test_law_the_scale_does_not_matter():
    wav = np.random.default_rng(0).normal(size=8000)
    np.testing.assert_allclose(power_contour(3 * wav), power_contour(wav))


def test_fact_silence_is_drawn_too():
    assert (power_contour(np.zeros(1600)) == -60).all()


def test_fact_panels_and_lines():
    rng = np.random.default_rng(0)
    sources = rng.normal(size=(2, 16000))
    weights = rng.uniform(size=(2, 51))
    figure = plot_attention(
        sources.sum(0), sources, weights, io.BytesIO(), hop_s=0.020
    )
    titles = [axes.get_title(loc="left") for axes in figure.axes[:3]]
    assert titles == ["Mixture", "Speaker 1 alone", "Speaker 2 alone"]
    for panel, row in zip(figure.axes[3:], weights, strict=True):
        [line] = panel.lines
        np.testing.assert_array_equal(line.get_ydata(), row)
        assert line.get_xdata()[-1] == pytest.approx(1.0)


def test_error_rows_of_attention():
    sources = np.ones((2, 16000))
    with pytest.raises(ValueError, match="3 rows of attention for 2 sources"):
        plot_attention(sources[0], sources, np.ones((3, 101)), io.BytesIO())
