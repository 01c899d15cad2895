"""The cosine of embeddings, and of trial lists."""

import numpy as np
import pytest
import torch

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.cosine import Cosine, cosine_scores

NAMES = [f"u{i}" for i in range(7)]
TRIALS = [
    Trial((i + j) % 3 == 0, enroll, test)
    for i, enroll in enumerate(NAMES)
    for j, test in enumerate(NAMES)
]


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=5).astype(np.float32) for name in NAMES}


def test_fact_angles_by_hand():
    embeddings = {
        "right": np.array([2.0, 0.0]),
        "up": np.array([0.0, 3.0]),
        "left": np.array([-1.0, 0.0]),
        "slanted": np.array([1.0, 1.0]),
    }
    scores, is_target = cosine_scores(
        embeddings,
        [
            Trial(True, "right", "right"),
            Trial(False, "right", "up"),
            Trial(False, "right", "left"),
            Trial(True, "slanted", "up"),
        ],
    )
    assert scores.tolist() == pytest.approx([1, 0, -1, 0.5**0.5], abs=1e-12)
    assert is_target.tolist() == [True, False, False, True]


def test_reference_torch(embeddings):
    scores, is_target = cosine_scores(embeddings, TRIALS)
    sides = [
        torch.tensor(np.stack([embeddings[trial[side]] for trial in TRIALS]))
        for side in (1, 2)
    ]
    expected = torch.cosine_similarity(*(s.double() for s in sides), dim=1)
    np.testing.assert_allclose(scores, expected.numpy(), rtol=0, atol=1e-12)
    assert is_target.tolist() == [trial.is_target for trial in TRIALS]


def test_law_neither_length_nor_order_of_embeddings_matters(embeddings):
    scores, _ = cosine_scores(embeddings, TRIALS)
    changed = {
        name: (i + 1) * embeddings[name]
        for i, name in enumerate(reversed(NAMES))
    }
    assert np.allclose(cosine_scores(changed, TRIALS)[0], scores, atol=1e-7)


def test_law_embeddings_are_left_as_they_were(embeddings):
    before = {name: e.copy() for name, e in embeddings.items()}
    doubles = {name: e.astype(np.float64) for name, e in embeddings.items()}
    cosine_scores(doubles, TRIALS)
    for name in NAMES:
        assert np.array_equal(doubles[name], before[name])


def test_missing_embeddings_are_counted(embeddings):
    with pytest.raises(ValueError, match=r"2 utterances .* \(first: 'a'\)"):
        cosine_scores(
            embeddings, [Trial(True, "u0", "b"), Trial(False, "a", "u1")]
        )


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -np.inf])
def test_an_embedding_without_direction_is_named(embeddings, value):
    embeddings["u3"] = np.full(5, value)
    with pytest.raises(ValueError, match="embedding of 'u3' is zero or not"):
        cosine_scores(embeddings, TRIALS)


def test_fact_scores_by_hand():
    enroll = np.array([[2.0, 0.0], [1.0, 1.0]])
    test = np.array([[0.0, 3.0], [5.0, 5.0]])
    assert Cosine().score(enroll, test) == pytest.approx([0, 1], abs=1e-12)
    half = 0.5**0.5
    expected = np.array([[0, half], [half, 1]])
    matrix = Cosine().score_matrix(enroll, test)
    assert matrix == pytest.approx(expected, abs=1e-12)


def test_law_scores_are_the_diagonal_of_the_matrix():
    rng = np.random.default_rng(0)
    enroll, test = rng.normal(size=(2, 8, 5))
    matrix = Cosine().score_matrix(enroll, test)
    scores = Cosine().score(enroll, test)
    np.testing.assert_allclose(scores, np.diag(matrix), atol=1e-14)


def test_fact_the_matrix_of_float32_is_float32():
    rng = np.random.default_rng(0)
    enroll, test = rng.normal(size=(2, 8, 5)).astype(np.float32)
    matrix = Cosine().score_matrix(enroll, test)
    assert matrix.dtype == np.float32
    expected = Cosine().score_matrix(enroll.astype(float), test.astype(float))
    np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_fact_models_are_means_of_unit_vectors():
    x = np.array([[9.0, 0.0], [0.0, 1.0], [-2.0, 0.0], [0.0, 4.0]])
    pooled = Cosine().pool(x, np.array([1, 1, 0, 1]), 2)
    np.testing.assert_allclose(pooled, [[-1, 0], [1 / 3, 2 / 3]], rtol=1e-15)


def test_law_a_model_ranks_as_the_mean_of_its_cosines():
    rng = np.random.default_rng(0)
    recordings, test = rng.normal(size=(3, 5)), rng.normal(size=(6, 5))
    model = Cosine().pool(recordings, np.zeros(3, int), 1)
    scores = Cosine().score_matrix(model, test)[0]
    means = Cosine().score_matrix(recordings, test).mean(axis=0)
    ratio = np.linalg.norm(model)
    np.testing.assert_allclose(scores * ratio, means, rtol=1e-12)


@pytest.mark.parametrize("method", ["score", "score_matrix"])
def test_zero_sides_are_counted(method):
    good, bad = np.ones((2, 3)), np.array([[1.0, 0, 0], [0, 0, 0]])
    score = getattr(Cosine(), method)
    with pytest.raises(ValueError, match="1 of 2 enrolment embeddings have no"):
        score(bad, good)
    with pytest.raises(ValueError, match="1 of 2 test embeddings have no"):
        score(good, bad)
    with pytest.raises(ValueError, match="test embeddings have 2 comp.* but 3"):
        score(good, np.ones((2, 2)))
