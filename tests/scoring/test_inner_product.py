"""The inner product: what it is of unit vectors and of their means."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.cosine import Cosine
from speechbrain_denokd.scoring.inner_product import InnerProduct


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(6, 4))


def test_fact_by_hand():
    scores = InnerProduct().score(
        np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[3.0, 4.0], [0.5, 9.0]])
    )
    assert scores.tolist() == [11.0, 1.5]


def test_reference_of_unit_vectors_it_is_the_cosine(x):
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(
        InnerProduct().score_matrix(unit, unit),
        Cosine().score_matrix(x, x),
        rtol=0,
        atol=1e-12,
    )


def test_law_a_pool_scores_the_mean_of_its_members(x):
    scorer = InnerProduct()
    models = scorer.pool(x, np.array([0, 1, 1, 0, 1, 0]), 2)
    matrix = scorer.score_matrix(x, x)
    found = scorer.score_matrix(models, x)
    np.testing.assert_allclose(found[0], matrix[[0, 3, 5]].mean(axis=0))
    np.testing.assert_allclose(found[1], matrix[[1, 2, 4]].mean(axis=0))


def test_error_sides_of_two_sizes(x):
    with pytest.raises(ValueError, match="4 components, but 3 are expected"):
        InnerProduct().score_matrix(x[:, :3], x)
