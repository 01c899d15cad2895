"""CORAL: source embeddings with the target's mean and covariance."""

import numpy as np
import pytest
import scipy.linalg

from speechbrain_denokd.scoring.coral import Coral


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def source(rng):
    return rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5)) + 3


@pytest.fixture
def target(rng):
    return rng.normal(size=(30, 5)) @ rng.normal(size=(5, 5)) - 1


def test_law_the_source_gets_the_targets_moments(source, target):
    moved = Coral().fit(source, target).transform(source)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(target.T), atol=1e-9)
    np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0))


def test_reference_roots_by_schur_decomposition(source, target):
    coral = Coral().fit(source, target)
    whiten = scipy.linalg.inv(scipy.linalg.sqrtm(np.cov(source.T)))
    colour = scipy.linalg.sqrtm(np.cov(target.T))
    expected = (source[:3] - source.mean(axis=0)) @ whiten @ colour
    expected += target.mean(axis=0)
    np.testing.assert_allclose(coral.transform(source[:3]), expected)


def test_law_a_domain_stays_itself(source):
    moved = Coral().fit(source, source).transform(source)
    np.testing.assert_allclose(moved, source, atol=1e-9)


def test_fact_new_rows_move_by_the_same_map():
    source = np.array([[-1.0], [1.0], [3.0]])
    target = np.array([[10.0], [14.0], [18.0]])
    moved = Coral().fit(source, target).transform(np.array([[2.0]]))
    assert moved.item() == pytest.approx(16)


def test_too_few_embeddings_are_refused(source, target):
    with pytest.raises(ValueError, match="5 target embeddings do not vary in"):
        Coral().fit(source, target[:5])
    with pytest.raises(ValueError, match="3 source embeddings do not vary in"):
        Coral().fit(source[:3], target)


def test_other_dimensions_are_refused(source, target):
    with pytest.raises(ValueError, match="target embeddings have 4 comp"):
        Coral().fit(source, target[:, :4])
    with pytest.raises(ValueError, match="source embeddings have 4 comp"):
        Coral().fit(source, target).transform(source[:, :4])
    with pytest.raises(ValueError, match="this Coral has learnt nothing yet"):
        Coral().transform(source)
