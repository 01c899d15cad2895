"""Subtraction of the mean."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.centre import Centre
from tests.scoring.synthetic import speakers


def test_fact_by_hand():
    centre = Centre().fit([[1, 10], [2, 10], [6, 40]])
    assert centre.arrays()["mean"].tolist() == [3, 20]
    assert centre.transform([[3, 0]]).tolist() == [[0, -20]]


def test_law_the_mean_is_zero_afterwards():
    embeddings, labels = speakers([3] * 6)
    centred = Centre().fit(embeddings, labels).transform(embeddings)
    np.testing.assert_allclose(centred.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(
        np.diff(centred, axis=0), np.diff(embeddings, axis=0), atol=1e-12
    )


def test_embeddings_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="1 of 2 embeddings are not finite"):
        Centre().fit([[1.0, np.inf], [1.0, 1.0]])
