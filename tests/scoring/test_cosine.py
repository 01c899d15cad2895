"""Cosine scores of trial lists."""

import numpy as np
import pytest
import torch

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring import cosine
from speechbrain_denokd.scoring.cosine import cosine_scores

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


def test_law_the_chunk_size_does_not_matter(embeddings, monkeypatch):
    whole, _ = cosine_scores(embeddings, TRIALS)
    for chunk in (1, 10, 49):
        monkeypatch.setattr(cosine, "_CHUNK", chunk)
        assert np.array_equal(cosine_scores(embeddings, TRIALS)[0], whole)


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
