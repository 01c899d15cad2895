"""PLDA adapted to another domain."""

import numpy as np
import pytest
import scipy.linalg

from speechbrain_denokd.scoring.plda import Plda
from speechbrain_denokd.scoring.plda_adaptation import (
    adapt_plda,
    coral_plus_plda,
)


def covariance(rng, dim):
    root = rng.normal(size=(dim, 2 * dim))
    return root @ root.T / dim


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def plda(rng):
    return Plda.from_parameters(
        rng.normal(size=4), covariance(rng, 4), covariance(rng, 4)
    )


@pytest.fixture
def domain(rng):
    """Varies more than the model in some directions, less in others."""
    return rng.normal(size=(50, 4)) * np.array([5.0, 3.0, 0.5, 0.1]) + 2


def same(one, other):
    return np.allclose(one.between, other.between) and np.allclose(
        one.within, other.within
    )


def test_fact_adaptation_in_one_dimension():
    plda = Plda.from_parameters([0.0], [[1.0]], [[1.0]])
    # Variance 4 of which 2 are in excess; then 3**2 more by the mean.
    domain = np.array([[-2.0], [2.0]])
    adapted = adapt_plda(plda, domain)
    assert adapted.between.item() == pytest.approx(1 + 0.25 * 2)
    assert adapted.within.item() == pytest.approx(1 + 0.75 * 2)
    adapted = adapt_plda(plda, domain + 3)
    assert adapted.mean.item() == pytest.approx(3)
    assert adapted.between.item() == pytest.approx(1 + 0.25 * 11)
    adapted = adapt_plda(plda, domain + 3, 0.5, 0.1, mean_difference_scale=0)
    assert adapted.between.item() == pytest.approx(1 + 0.5 * 2)
    assert adapted.within.item() == pytest.approx(1 + 0.1 * 2)


def test_reference_adaptation_direction_by_direction(plda, domain):
    """The steps in Kaldi's order: to unit total covariance, turn, add, back."""
    shift = domain.mean(axis=0) - plda.mean
    total = np.cov(domain.T, bias=True) + 0.6 * np.outer(shift, shift)
    whiten = scipy.linalg.inv(
        scipy.linalg.cholesky(plda.between + plda.within, lower=True)
    )
    variances, turn = np.linalg.eigh(whiten @ total @ whiten.T)
    there = turn.T @ whiten
    back = np.linalg.inv(there)
    assert 0 < (variances > 1).sum() < 4
    adapted = adapt_plda(plda, domain, 0.2, 0.7, 0.6)
    for before, after, scale in (
        (plda.between, adapted.between, 0.2),
        (plda.within, adapted.within, 0.7),
    ):
        moved = there @ before @ there.T
        for i, variance in enumerate(variances):
            if variance > 1:
                moved[i, i] += scale * (variance - 1)
        np.testing.assert_allclose(after, back @ moved @ back.T, atol=1e-9)
    np.testing.assert_allclose(adapted.mean, domain.mean(axis=0))


def test_law_scales_of_sum_1_raise_the_total_to_the_domains(plda, domain):
    adapted = adapt_plda(plda, domain, mean_difference_scale=0)
    # Relative to the model's total, the variances s become max(1, s).
    old = plda.between + plda.within
    new = scipy.linalg.eigvalsh(adapted.between + adapted.within, old)
    found = scipy.linalg.eigvalsh(np.cov(domain.T, bias=True), old)
    np.testing.assert_allclose(new, np.maximum(found, 1), atol=1e-9)


@pytest.mark.parametrize(
    "adapt",
    [
        lambda p, x: adapt_plda(p, x, mean_difference_scale=0),
        lambda p, x: coral_plus_plda(p, x, 1.0, 1.0),
    ],
)
def test_law_a_domain_that_varies_less_moves_the_mean_alone(plda, rng, adapt):
    small = rng.normal(size=(20, 4)) * 1e-3 + 7
    adapted = adapt(plda, small)
    assert same(adapted, plda)
    np.testing.assert_allclose(adapted.mean, small.mean(axis=0))


@pytest.mark.parametrize(
    "adapt",
    [
        lambda p, x: adapt_plda(p, x, 0, 0),
        lambda p, x: coral_plus_plda(p, x, 0, 0),
    ],
)
def test_law_weights_of_0_leave_the_covariances(plda, domain, adapt):
    assert same(adapt(plda, domain), plda)


@pytest.mark.parametrize(
    "adapt",
    [
        lambda p, x: adapt_plda(p, x),
        lambda p, x: coral_plus_plda(p, x, 0.5, 0.5),
    ],
)
def test_law_covariances_only_grow_and_the_plda_stays(plda, domain, adapt):
    before = plda.arrays()
    adapted = adapt(plda, domain)
    for one, other in (
        (adapted.between, plda.between),
        (adapted.within, plda.within),
    ):
        growth = np.linalg.eigvalsh(one - other)
        assert growth.min() > -1e-9 and growth.max() > 0.1
    for name, array in plda.arrays().items():
        assert np.array_equal(array, before[name])


def test_fact_coral_plus_in_one_dimension():
    plda = Plda.from_parameters([0.0], [[3.0]], [[1.0]])
    # Variance 16, not 4: CORAL multiplies both covariances by 4.
    adapted = coral_plus_plda(plda, [[-4.0], [0.0], [4.0]], 0.5, 1.0)
    assert adapted.between.item() == pytest.approx(3 + 0.5 * 9)
    assert adapted.within.item() == pytest.approx(1 + 1.0 * 3)


def test_law_coral_plus_of_a_wider_domain_is_coral(plda, rng):
    """Where every variance grows fourfold, weights of 1 do what CORAL does."""
    rows = rng.normal(size=(60, 4))
    rows -= rows.mean(axis=0)
    rows @= np.linalg.inv(scipy.linalg.cholesky(np.cov(rows.T)))
    root = scipy.linalg.cholesky(plda.between + plda.within)
    adapted = coral_plus_plda(plda, 2 * rows @ root, 1.0, 1.0)
    np.testing.assert_allclose(adapted.between, 4 * plda.between, atol=1e-9)
    np.testing.assert_allclose(adapted.within, 4 * plda.within, atol=1e-9)


def test_reference_coral_plus_by_the_papers_steps(plda, domain):
    """Whiten one covariance, diagonalise the other there, keep the growth."""
    total = plda.between + plda.within
    coral = scipy.linalg.sqrtm(np.cov(domain.T)) @ scipy.linalg.inv(
        scipy.linalg.sqrtm(total)
    )
    adapted = coral_plus_plda(plda, domain, 0.3, 0.9)
    for before, after, weight in (
        (plda.between, adapted.between, 0.3),
        (plda.within, adapted.within, 0.9),
    ):
        values, vectors = np.linalg.eigh(before)
        whiten = vectors / np.sqrt(values)
        pseudo = coral @ before @ coral.T
        growth, turn = np.linalg.eigh(whiten.T @ pseudo @ whiten)
        assert (growth > 1).any() and (growth < 1).any()
        inverse = np.linalg.inv(whiten @ turn)
        kept = np.diag(np.maximum(0, growth - 1))
        np.testing.assert_allclose(
            after, before + weight * inverse.T @ kept @ inverse, atol=1e-9
        )


def test_mistakes_are_refused(plda, domain):
    with pytest.raises(ValueError, match=r"must be 0 or more: \[-0.1, 0.75"):
        adapt_plda(plda, domain, between_scale=-0.1)
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]: \[0.5, 1.5\]"):
        coral_plus_plda(plda, domain, 0.5, 1.5)
    for adapt in (adapt_plda, lambda p, x: coral_plus_plda(p, x, 0.5, 0.5)):
        with pytest.raises(ValueError, match="call fit first"):
            adapt(Plda(), domain)
        with pytest.raises(ValueError, match="have 3 components, but 4 are"):
            adapt(plda, domain[:, :3])
        with pytest.raises(ValueError, match="needs 2 embeddings or more"):
            adapt(plda, domain[:1])


def test_coral_plus_refuses_directions_without_speakers(domain):
    plda = Plda.from_parameters(np.zeros(4), np.diag([1, 1, 1, 0]), np.eye(4))
    with pytest.raises(ValueError, match="singular.* more speakers than"):
        coral_plus_plda(plda, domain, 0.5, 0.5)
