"""Length normalisation."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.length_norm import LengthNorm, unit_rows
from tests.scoring.synthetic import speakers


def test_fact_by_hand():
    result = LengthNorm().transform([[3, -4], [0.5, 0]])
    np.testing.assert_allclose(result, [[0.6, -0.8], [1, 0]], rtol=1e-15)


def test_law_lengths_are_one_and_directions_stay():
    embeddings, _ = speakers([3] * 6)
    result = LengthNorm().transform(embeddings)
    np.testing.assert_allclose((result**2).sum(axis=1), 1, rtol=1e-14)
    ratio = embeddings / result
    np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones(6), rtol=1e-12)
    assert (ratio > 0).all()


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_zero_embeddings_are_counted(method):
    embeddings = [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(
        ValueError, match=r"2 of 3 embeddings have no direction \(first: row 1"
    ):
        getattr(LengthNorm(), method)(embeddings)


def test_lengths_beyond_floats_are_refused():
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="row 0, of length inf"),
    ):
        unit_rows(np.array([[1e200, 1e200]]))
