"""Whitening."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.whitening import Whitening
from tests.scoring.synthetic import speakers


def test_fact_by_hand():
    # Variances: 2·3² / 3 = 6 and 2·6² / 3 = 24.
    whitening = Whitening().fit([[-3, 1], [3, 1], [0, -5], [0, 7]])
    expected = np.diag([6**-0.5, 24**-0.5])
    np.testing.assert_allclose(whitening.matrix, expected, atol=1e-12)


def test_law_the_covariance_is_the_identity_afterwards():
    embeddings, labels = speakers([3] * 9)
    result = Whitening().fit(embeddings, labels).transform(embeddings)
    np.testing.assert_allclose(np.cov(result.T), np.eye(6), atol=1e-10)


def test_law_the_map_is_linear_and_labels_do_not_matter():
    embeddings, labels = speakers([3] * 9)
    whitening = Whitening().fit(embeddings)
    doubled = whitening.transform(2 * embeddings)
    np.testing.assert_allclose(doubled, 2 * whitening.transform(embeddings))
    with_labels = Whitening().fit(embeddings, labels)
    assert np.array_equal(with_labels.matrix, whitening.matrix)


def test_equal_embeddings_are_refused():
    with pytest.raises(ValueError, match="covariance is zero"):
        Whitening().fit(np.ones((4, 2)))


def test_one_embedding_is_refused():
    with pytest.raises(ValueError, match="2 embeddings or more, got 1"):
        Whitening().fit(np.ones((1, 2)))
