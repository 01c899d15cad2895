"""Linear discriminant analysis."""

import numpy as np
import pytest
import sklearn.discriminant_analysis

from speechbrain_denokd.scoring.lda import Lda
from tests.scoring.synthetic import speakers, within_by_hand

COUNTS = [1, 5, 2, 1, 7, 3, 9, 4]


def test_fact_directions_by_hand():
    # Speakers differ by 4 along x and by 2 along y; recordings of one vary
    # by ±1 along x and ±3 along y: x tells more, with λ in proportion to
    # (4 / 1)² against (2 / 3)².
    corners = [(1, 3), (1, -3), (-1, 3), (-1, -3)]
    means = [(0, 0), (4, 0), (0, 2), (4, 2)]
    x = [(a + c, b + d) for a, b in means for c, d in corners]
    lda = Lda(2).fit(np.array(x, float), np.repeat([0, 1, 2, 3], 4))
    # 16 recordings of 4 speakers: variances 16/12 and 144/12.
    expected = np.diag([(16 / 12) ** -0.5, 12**-0.5])
    np.testing.assert_allclose(abs(lda.matrix), expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Only one sample available")
@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_reference_scikit_learn(n_components):
    embeddings, labels = speakers(COUNTS)
    lda = Lda(n_components).fit(embeddings, labels)
    theirs = sklearn.discriminant_analysis.LinearDiscriminantAnalysis(
        solver="eigen", n_components=n_components
    ).fit(embeddings, labels)
    expected = theirs.transform(embeddings)
    # They divide the scatter within speakers by N, and the sign is free.
    n = len(labels)
    expected *= ((n - len(COUNTS)) / n) ** 0.5
    found = lda.transform(embeddings)
    expected *= np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_law_recordings_of_one_speaker_vary_alike_afterwards():
    embeddings, labels = speakers(COUNTS)
    result = Lda(4).fit(embeddings, labels).transform(embeddings)
    within = within_by_hand(result, labels)
    np.testing.assert_allclose(within, np.eye(4), atol=1e-10)


def test_law_a_linear_map_of_the_embeddings_changes_nothing():
    embeddings, labels = speakers(COUNTS)
    mixed = embeddings @ np.random.default_rng(1).normal(size=(6, 6))
    before = Lda(3).fit(embeddings, labels).transform(embeddings)
    after = Lda(3).fit(mixed, labels).transform(mixed)
    np.testing.assert_allclose(after @ after.T, before @ before.T, rtol=1e-7)


def test_fact_a_direction_without_variance_stays_finite():
    embeddings, labels = speakers(COUNTS)
    flat = np.hstack([embeddings, np.zeros((len(labels), 1))])
    before = Lda(3).fit(embeddings, labels).transform(embeddings)
    after = Lda(3).fit(flat, labels).transform(flat)
    np.testing.assert_allclose(after @ after.T, before @ before.T, rtol=1e-7)


@pytest.mark.parametrize(
    "n_components, n_speakers, sentence",
    [
        (4, 4, "is 4, but 4 speakers and 6 components .* allow 3 at most"),
        (7, 9, "is 7, but 9 speakers and 6 components .* allow 6 at most"),
        (1, 1, "is 1, but 1 speakers and 6 components .* allow 0 at most"),
    ],
)
def test_too_many_components(n_components, n_speakers, sentence):
    with pytest.raises(ValueError, match=sentence):
        Lda(n_components).fit(*speakers([3] * n_speakers))


@pytest.mark.parametrize("n_components", [0, -1, 2.0, "3"])
def test_components_that_are_no_count(n_components):
    with pytest.raises(ValueError, match=f"1 or more, got {n_components!r}"):
        Lda(n_components)


def test_one_recording_a_speaker_is_refused():
    with pytest.raises(ValueError, match="none of the 5 speakers has two"):
        Lda(2).fit(*speakers([1] * 5))


def test_a_matrix_of_other_settings_is_refused():
    arrays = Lda(2).fit(*speakers(COUNTS)).arrays()
    with pytest.raises(ValueError, match=r"\(6, 2\), but \(D, 3\)"):
        Lda.restore({"n_components": 3}, arrays)
