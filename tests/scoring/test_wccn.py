"""Within-class covariance normalisation."""

import numpy as np
import pytest

from speechbrain_denokd.scoring.wccn import Wccn
from tests.scoring.synthetic import speakers, within_by_hand

COUNTS = [1, 5, 2, 1, 7, 3, 9, 4]


def test_fact_by_hand():
    # Differences within speakers: (2, 0) and (0, 8); N - K = 2, so that the
    # variances are 2 / 2 and 32 / 2.
    embeddings = [[5, 5], [7, 5], [0, 0], [0, 8], [40, 2]]
    wccn = Wccn().fit(embeddings, list("aabbc"))
    np.testing.assert_allclose(wccn.matrix, np.diag([1, 0.25]), atol=1e-12)
    assert wccn.transform([[3, 8]]) == pytest.approx(np.array([[3, 2]]))


def test_law_the_covariance_within_speakers_is_the_identity_afterwards():
    embeddings, labels = speakers(COUNTS)
    result = Wccn().fit(embeddings, labels).transform(embeddings)
    within = within_by_hand(result, labels)
    np.testing.assert_allclose(within, np.eye(6), atol=1e-10)


def test_law_b_times_its_transpose_is_the_inverse():
    embeddings, labels = speakers(COUNTS)
    b = Wccn().fit(embeddings, labels).matrix
    inverse = np.linalg.inv(within_by_hand(embeddings, labels))
    np.testing.assert_allclose(b @ b.T, inverse, rtol=1e-8)


def test_one_recording_a_speaker_is_refused():
    with pytest.raises(ValueError, match="none of the 5 speakers has two"):
        Wccn().fit(*speakers([1] * 5))


def test_labels_are_needed():
    with pytest.raises(ValueError, match="as many speaker labels"):
        Wccn().fit(np.eye(3), None)
