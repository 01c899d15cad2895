import numpy as np
import pytest

from speechbrain_denokd.plots.figure import new_figure, thin_curve, wrap_label


def test_law_thinning_keeps_points_in_order_and_both_ends():
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.exponential(size=50_000))
    y = np.cumsum(rng.normal(size=50_000))
    thin_x, thin_y = thin_curve(x, y)
    assert 1500 < len(thin_x) <= 2000
    at = np.searchsorted(x, thin_x)
    assert (x[at] == thin_x).all() and (y[at] == thin_y).all()
    assert (np.diff(at) > 0).all()
    assert at[0] == 0 and at[-1] == len(x) - 1


def test_law_thinning_leaves_no_gap():
    # Half of the length is in 0.1 % of the points.
    x = np.r_[np.linspace(0, 1, 100_000), np.linspace(1, 2, 100)]
    thin_x, _ = thin_curve(x, np.zeros_like(x))
    assert np.diff(thin_x).max() < 2 / 99


def test_fact_few_points_stay_as_they_are():
    x, y = np.arange(2000.0), np.ones(2000)
    thin_x, thin_y = thin_curve(x, y)
    assert thin_x is x and thin_y is y


def test_fact_a_curve_of_no_length():
    x, y = thin_curve(np.ones(5000), np.ones(5000))
    assert set(x) == set(y) == {1.0} and len(x) <= 2


@pytest.mark.parametrize(
    "n_panels, n_columns, shape", [(5, 3, (2, 3)), (2, None, (1, 2))]
)
def test_fact_panels_fill_a_grid_row_by_row(n_panels, n_columns, shape):
    figure, panels = new_figure(6, 4, n_panels, n_columns)
    assert figure.axes == panels and len(panels) == n_panels
    spec = panels[-1].get_subplotspec()
    assert spec.get_gridspec().get_geometry() == shape
    assert spec.num1 == n_panels - 1


def test_fact_labels_are_broken_at_spaces_where_there_are_any():
    assert wrap_label("one two three", 8) == "one two\nthree"
    assert wrap_label("a/very/long/path", 8) == "a/very/l\nong/path"
