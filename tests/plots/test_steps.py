import numpy as np
import pytest

from speechbrain_denokd.plots import plot_steps
from tests.plots.pictures import assert_png_with_a_picture


def step_row(n_steps, **eers):
    conditions = {
        name.removeprefix("_"): {
            "eer": eer,
            "eer_interval": [eer - 0.01, eer + 0.02],
        }
        for name, eer in eers.items()
    }
    return {
        "n_steps": n_steps,
        "step_time_s": 0.1 + 0.02 * n_steps,
        "conditions": conditions,
    }


def test_steps_shows_eer_left_and_time_right(tmp_path):
    rows = [step_row(5, full=0.08, _2s=0.12), step_row(0, full=0.1, _2s=0.15)]
    figure = plot_steps(rows, tmp_path / "steps.png")
    left, right = figure.axes
    assert [c.get_label() for c in left.containers] == ["full", "2s"]
    # Sorted by steps, in percent.
    for container, eers in zip(
        left.containers, [(10, 8), (15, 12)], strict=True
    ):
        line, _, (bars,) = container.lines
        assert line.get_ydata() == pytest.approx(eers)
        assert np.abs(line.get_xdata() - [0, 5]).max() < 0.5
        ends = [segment[:, 1] for segment in bars.get_segments()]
        for (low, high), eer_percent in zip(ends, eers, strict=True):
            assert low == pytest.approx(eer_percent - 1)
            assert high == pytest.approx(eer_percent + 2)
    [time] = right.lines
    assert time.get_xydata() == pytest.approx(np.array([[0, 0.1], [5, 0.2]]))
    assert left.get_ylim()[0] == right.get_ylim()[0] == 0
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["full", "2s"]
    assert_png_with_a_picture(tmp_path / "steps.png")


def test_steps_of_one_condition_stand_on_their_steps(tmp_path):
    rows = [step_row(n, full=0.1) for n in (0, 1, 15)]
    figure = plot_steps(rows, tmp_path / "steps.png")
    line = figure.axes[0].containers[0].lines[0]
    assert line.get_xdata().tolist() == [0, 1, 15]


def test_steps_draws_a_condition_only_where_it_was_measured(tmp_path):
    rows = [step_row(0, full=0.1), step_row(5, full=0.1, _2s=0.2)]
    figure = plot_steps(rows, tmp_path / "steps.png")
    full, short = (c.lines[0] for c in figure.axes[0].containers)
    assert len(full.get_xdata()) == 2
    assert short.get_ydata() == pytest.approx([20])


def test_steps_accepts_an_interval_beside_the_estimate(tmp_path):
    row = step_row(5, full=0.1)
    row["conditions"]["full"]["eer_interval"] = [0.11, 0.12]
    plot_steps([row], tmp_path / "steps.png")
    assert_png_with_a_picture(tmp_path / "steps.png")


def test_steps_refuses_no_rows_and_repeated_steps(tmp_path):
    with pytest.raises(ValueError, match="0 rows"):
        plot_steps([], tmp_path / "steps.png")
    with pytest.raises(ValueError, match="2 rows have n_steps 5"):
        plot_steps(
            [step_row(5, full=0.1), step_row(5, full=0.1)],
            tmp_path / "steps.png",
        )
