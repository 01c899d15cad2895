"""The index of large galleries, where faiss is installed and where not."""

import sys

import numpy as np
import pytest

from speechbrain_denokd.inference.gallery_index import candidate_index


def test_reference_its_neighbours_are_those_of_the_cosine():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 24)) * rng.uniform(0.5, 9, (3000, 1))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    index = candidate_index(vectors)
    for test in rng.normal(size=(20, 24)):
        nearest = np.argsort(-units @ test)
        found = index.nearest(test, 50)
        assert len(set(found)) == 50
        assert set(nearest[:30]) <= set(found)


def test_fact_without_faiss_there_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert candidate_index(np.eye(3)) is None
