import io

import numpy as np
import pytest

from speechbrain_denokd.plots.identities import plot_identities


def drawn(axes):
    """Points by label."""
    return {
        points.get_label(): np.asarray(points.get_offsets())
        for points in axes.collections
    }


def test_law_both_panels_show_the_same_points():
    rng = np.random.default_rng(0)
    owners = list("abc") * 8
    outputs = [n % 2 for n in range(24)]
    figure = plot_identities(
        rng.normal(size=(24, 6)), owners, outputs, io.BytesIO()
    )
    left, right = (drawn(axes) for axes in figure.axes)
    assert set(left) == set("abc") and set(right) == {"1", "2"}
    everything = [np.concatenate(list(d.values())) for d in (left, right)]
    assert np.array_equal(*(np.sort(points, axis=0) for points in everything))
    assert len(right["1"]) == 12


def test_law_two_far_voices_are_two_clusters():
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(2, 8) * 20, 15, axis=0)
    embeddings = centres + rng.normal(size=(30, 8))
    figure = plot_identities(
        embeddings, ["a"] * 15 + ["b"] * 15, [0, 1] * 15, io.BytesIO()
    )
    a, b = drawn(figure.axes[0]).values()
    spread = max(a.std(axis=0).max(), b.std(axis=0).max())
    assert np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)) > 2 * spread


def test_law_few_speakers_of_many():
    rng = np.random.default_rng(0)
    owners = [f"s{n % 10}" for n in range(40)]
    figure = plot_identities(
        rng.normal(size=(40, 4)), owners, [0] * 40, io.BytesIO(), n_speakers=3
    )
    assert len(drawn(figure.axes[0])) == 3


def test_error_lengths_and_too_few():
    with pytest.raises(ValueError, match="2 embeddings, 1 owners"):
        plot_identities(np.ones((2, 3)), ["a"], [0, 1], io.BytesIO())
    with pytest.raises(ValueError, match="2 identities are left"):
        plot_identities(np.ones((2, 3)), ["a", "b"], [0, 1], io.BytesIO())
