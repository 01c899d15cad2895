"""Trial lists as rows, and their scores block by block."""

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.cosine import Cosine
from speechbrain_denokd.scoring.pairs import index_trials, score_pairs

X = np.random.default_rng(0).normal(size=(9, 4))
ENROLL, TEST = (np.random.default_rng(s).integers(9, size=50) for s in (1, 2))


class Remembering(Cosine):
    """Adds n_enroll to the cosine, and notes the sizes of the blocks."""

    def __init__(self):
        self.sizes = []

    def score(self, enroll, test, n_enroll=None):
        self.sizes.append(len(enroll))
        return super().score(enroll, test) + n_enroll


def test_fact_rows_by_hand():
    trials = [Trial(True, "b", "a"), Trial(False, "c", "c")]
    enroll, test, is_target = index_trials(["a", "b", "c"], trials)
    assert enroll.tolist() == [1, 2] and test.tolist() == [0, 2]
    assert is_target.tolist() == [True, False]


def test_fact_no_trials_no_rows():
    enroll, test, is_target = index_trials(["a"], [])
    assert score_pairs(Cosine(), X, enroll, test).shape == (0,)
    assert is_target.dtype == bool


def test_missing_names_are_counted():
    trials = [Trial(True, "z", "a"), Trial(False, "y", "z")]
    with pytest.raises(ValueError, match=r"2 utterances .* \(first: 'y'\)"):
        index_trials(["a"], trials)


def test_names_of_two_rows_are_refused():
    with pytest.raises(ValueError, match=r"2 names stand .* \(first: 'a'\)"):
        index_trials(["b", "a", "c", "a", "b"], [])


def test_reference_cells_of_the_matrix():
    scores = score_pairs(Cosine(), X, ENROLL, TEST, block=7)
    matrix = Cosine().score_matrix(X, X)
    np.testing.assert_allclose(scores, matrix[ENROLL, TEST], atol=1e-14)


@pytest.mark.parametrize("block, sizes", [(50, [50]), (16, [16, 16, 16, 2])])
def test_law_the_block_size_does_not_matter(block, sizes):
    scorer, n_enroll = Remembering(), np.arange(1, 51)
    scores = score_pairs(scorer, X, ENROLL, TEST, n_enroll, block)
    assert scorer.sizes == sizes
    expected = scorer.score(X[ENROLL], X[TEST], n_enroll)
    assert np.array_equal(scores, expected)


def test_fact_scores_of_float32_are_float64():
    single = X.astype(np.float32)
    scores = score_pairs(Cosine(), single, ENROLL, TEST)
    expected = score_pairs(Cosine(), single.astype(float), ENROLL, TEST)
    assert scores.dtype == np.float64 and np.array_equal(scores, expected)


@pytest.mark.parametrize(
    "enroll, test, sentence",
    [
        ([0, -1], [0, 1], r"rows of enroll must lie in 0\.\.8, got -1\.\.0"),
        ([0, 1], [9, 1], r"rows of test must lie in 0\.\.8, got 1\.\.9"),
        ([0, 1], [1], "2 rows of enroll cannot be paired with 1 rows of test"),
        ([0.0, 1.0], [0, 1], "integer rows, .* the type float64"),
        ([[0, 1]], [0, 1], r"got the shape \(1, 2\)"),
    ],
)
def test_rows_that_cannot_be_used(enroll, test, sentence):
    with pytest.raises(ValueError, match=sentence):
        score_pairs(Cosine(), X, np.array(enroll), np.array(test))


def test_blocks_of_nothing_are_refused():
    with pytest.raises(ValueError, match="1 pair or more, got 0"):
        score_pairs(Cosine(), X, ENROLL, TEST, block=0)


def test_counts_of_recordings_must_be_as_many_as_pairs():
    with pytest.raises(ValueError, match="must be 50 integers"):
        score_pairs(Cosine(), X, ENROLL, TEST, np.ones(9, int))
