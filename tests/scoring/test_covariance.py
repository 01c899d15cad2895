"""Sums and scatter by speaker."""

import numpy as np
import pytest

from speechbrain_denokd.scoring import covariance
from speechbrain_denokd.scoring.covariance import (
    between_covariance,
    class_means,
    class_sums,
    inverse_root,
    total_covariance,
    within_covariance,
)
from speechbrain_denokd.scoring.scorer import check_labels
from tests.scoring.synthetic import speakers, within_by_hand

COUNTS = [1, 5, 2, 1, 7, 3]


@pytest.fixture
def data():
    embeddings, labels = speakers(COUNTS)
    return embeddings, *check_labels(labels, len(labels))


def test_reference_sums_and_means_by_selection(data):
    embeddings, indices, n_classes = data
    own = [embeddings[indices == k] for k in range(n_classes)]
    np.testing.assert_allclose(
        class_sums(*data), [x.sum(axis=0) for x in own], rtol=1e-12
    )
    np.testing.assert_allclose(
        class_means(*data), [x.mean(axis=0) for x in own], rtol=1e-12
    )


def test_fact_sums_keep_float32():
    x = np.ones((3, 2), np.float32)
    assert class_sums(x, np.array([0, 1, 0]), 2).dtype == np.float32


def test_reference_total_is_numpys(data):
    embeddings, *_ = data
    np.testing.assert_allclose(
        total_covariance(embeddings), np.cov(embeddings.T), rtol=1e-12
    )


def test_reference_within_speaker_by_speaker(data):
    embeddings, indices, _ = data
    expected = within_by_hand(embeddings, indices)
    np.testing.assert_allclose(within_covariance(*data), expected, rtol=1e-12)


def test_law_scatter_within_and_between_add_up(data):
    embeddings, _, n_classes = data
    n = len(embeddings)
    total = (n - n_classes) * within_covariance(*data)
    total += n * between_covariance(*data)
    expected = (n - 1) * total_covariance(embeddings)
    np.testing.assert_allclose(total, expected, rtol=1e-10)


def test_law_speakers_with_one_recording_change_nothing_within(data):
    embeddings, indices, n_classes = data
    more = np.vstack([embeddings, [[100.0] * 6, [-50.0] * 6]])
    labels = np.append(indices, [n_classes, n_classes + 1])
    np.testing.assert_allclose(
        within_covariance(more, labels, n_classes + 2),
        within_covariance(*data),
        rtol=1e-12,
    )


def test_law_a_far_mean_costs_no_digits(data):
    embeddings, indices, n_classes = data
    far = within_covariance(embeddings + 2.0**30, indices, n_classes)
    np.testing.assert_allclose(far, within_covariance(*data), rtol=1e-5)


def test_law_the_block_size_does_not_matter(data, monkeypatch):
    whole = within_covariance(*data)
    for block in (1, 4, 19):
        monkeypatch.setattr(covariance, "_BLOCK", block)
        np.testing.assert_allclose(within_covariance(*data), whole, rtol=1e-12)


def test_nothing_is_known_within_speakers():
    with pytest.raises(ValueError, match="none of the 3 speakers has two"):
        within_covariance(np.eye(3), np.arange(3), 3)


def test_one_embedding_has_no_covariance():
    with pytest.raises(ValueError, match="2 embeddings or more, got 1"):
        total_covariance(np.ones((1, 3)))


def test_law_the_inverse_root_whitens(data):
    covariance_ = within_covariance(*data)
    root = inverse_root(covariance_)
    np.testing.assert_allclose(root @ covariance_ @ root, np.eye(6), atol=1e-10)
    np.testing.assert_allclose(root, root.T, atol=1e-12)


def test_fact_small_eigenvalues_are_raised():
    root = inverse_root(np.diag([4.0, 4e-5, 0.0]))
    expected = np.diag([0.5, 4e-5**-0.5, 4e-6**-0.5])
    np.testing.assert_allclose(root, expected, rtol=1e-10, atol=1e-12)


def test_no_variance_is_refused():
    with pytest.raises(ValueError, match="covariance is zero"):
        inverse_root(np.zeros((2, 2)))
