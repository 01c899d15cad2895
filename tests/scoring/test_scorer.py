"""What transforms and scorers promise alike, and the checks they share."""

import json
import re

import numpy as np
import pytest

from speechbrain_denokd.scoring.centre import Centre
from speechbrain_denokd.scoring.cosine import Cosine
from speechbrain_denokd.scoring.lda import Lda
from speechbrain_denokd.scoring.length_norm import LengthNorm
from speechbrain_denokd.scoring.scorer import (
    check_embeddings,
    check_labels,
    check_models,
    check_n_enroll,
    check_pairs,
)
from speechbrain_denokd.scoring.wccn import Wccn
from speechbrain_denokd.scoring.whitening import Whitening
from tests.scoring.synthetic import speakers

LEARNING = [Centre, lambda: Lda(3), Wccn, Whitening]
PARTS = [*LEARNING, LengthNorm, Cosine]


@pytest.fixture(params=PARTS)
def part(request):
    return request.param()


@pytest.fixture(params=LEARNING)
def learning(request):
    return request.param()


def test_law_restored_parts_give_the_same_bits(part):
    embeddings, labels = speakers([4] * 5)
    part.fit(embeddings, labels)
    settings = json.loads(json.dumps(part.settings()))
    stored = {
        name: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
        for name, array in part.arrays().items()
    }
    again = type(part).restore(settings, stored)
    assert again.settings() == part.settings()
    if isinstance(part, Cosine):
        results = [p.score(embeddings, embeddings[::-1]) for p in (part, again)]
    else:
        results = [p.transform(embeddings) for p in (part, again)]
    assert np.array_equal(*results)


def test_law_embeddings_are_left_as_they_were(part):
    embeddings, labels = speakers([4] * 5)
    before = embeddings.copy()
    part.fit(embeddings, labels)
    if not isinstance(part, Cosine):
        part.transform(embeddings)
    assert np.array_equal(embeddings, before)


def test_law_the_order_of_recordings_does_not_matter(learning):
    embeddings, labels = speakers([4] * 5)
    (before,) = learning.fit(embeddings, labels).arrays().values()
    (after,) = learning.fit(embeddings[::-1], labels[::-1]).arrays().values()
    np.testing.assert_allclose(np.abs(after), np.abs(before), rtol=1e-9)


def test_unfitted_parts_say_so(learning):
    sentence = f"this {type(learning).__name__} has learnt nothing yet"
    with pytest.raises(ValueError, match=sentence):
        learning.transform(np.ones((2, 6)))
    with pytest.raises(ValueError, match=sentence):
        learning.arrays()


def test_another_size_of_embeddings_is_refused(learning):
    learning.fit(*speakers([4] * 5))
    with pytest.raises(ValueError, match="5 components, but 6 are expected"):
        learning.transform(np.ones((2, 5)))


def test_keys_that_do_not_belong_are_refused(part):
    part.fit(*speakers([4] * 5))
    settings, arrays = part.settings(), part.arrays()
    owner = type(part).__name__
    with pytest.raises(ValueError, match=rf"settings of {owner}: .*\['more'\]"):
        type(part).restore({**settings, "more": 1}, arrays)
    with pytest.raises(ValueError, match=rf"arrays of {owner}: .*\['more'\]"):
        type(part).restore(settings, {**arrays, "more": np.ones(6)})


def test_missing_arrays_are_refused(learning):
    learning.fit(*speakers([4] * 5))
    (name,) = learning.arrays()
    with pytest.raises(ValueError, match=rf"missing \['{name}'\]"):
        type(learning).restore(learning.settings(), {})


def test_arrays_of_wrong_shape_are_refused(learning):
    learning.fit(*speakers([4] * 5))
    ((name, array),) = learning.arrays().items()
    shape = re.escape(str((*array.shape, 1)))
    with pytest.raises(ValueError, match=f"{name!r} of .* has the .* {shape}"):
        type(learning).restore(learning.settings(), {name: array[..., None]})


@pytest.mark.parametrize(
    "embeddings, sentence",
    [
        (np.ones(3), r"one row a recording, got the shape \(3,\)"),
        (np.ones((0, 3)), r"one row a recording, got the shape \(0, 3\)"),
        (np.ones((2, 4)), "sides have 4 components, but 3 are expected"),
        (
            [[1, 2, 3], [1, np.nan, 3], [np.inf, np.nan, 3]],
            r"2 of 3 sides are not finite \(first: row 1\)",
        ),
    ],
)
def test_embeddings_that_cannot_be_used(embeddings, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_embeddings(embeddings, 3, "sides")


def test_fact_only_on_request_does_float32_stay():
    half, single = np.ones((1, 2), np.float16), np.ones((1, 2), np.float32)
    assert check_embeddings(single).dtype == np.float64
    assert check_embeddings(single, keep_float32=True) is single
    assert check_embeddings(half, keep_float32=True).dtype == np.float64


def test_sides_that_cannot_be_paired():
    with pytest.raises(ValueError, match="test embeddings have 2 comp.*but 3"):
        check_pairs(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="4 enrolment .* with 5 test"):
        check_pairs(np.ones((4, 3)), np.ones((5, 3)))


@pytest.mark.parametrize(
    "labels", [[7, -2, 7, 30], ["b", "a", "b", "c"], np.array([5, 0, 5, 9])]
)
def test_fact_labels_become_indices(labels):
    indices, n_classes = check_labels(labels, 4)
    assert indices.tolist() == [1, 0, 1, 2] and n_classes == 3


@pytest.mark.parametrize(
    "labels, sentence",
    [
        (["a"] * 3, r"4 embeddings need .* got the shape \(3,\)"),
        (None, r"got the shape \(\)"),
        ([[1, 2, 3, 4]], r"got the shape \(1, 4\)"),
        ([0.0, 1.0, 2.0, np.nan], "integers or strings, got the type float64"),
    ],
)
def test_labels_that_cannot_be_used(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_labels(labels, 4)


@pytest.mark.parametrize(
    "models, sentence",
    [
        ([0, 1], r"3 embeddings need .* the shape \(2,\)"),
        ([0.0, 1.0, 1.0], "the type float64"),
        ([0, 1, 2], r"must lie in 0\.\.1, got 0\.\.2"),
        ([-1, 0, 1], r"must lie in 0\.\.1, got -1\.\.1"),
        ([1, 1, 1], r"1 of 2 models have no recording \(first: model 0\)"),
    ],
)
def test_models_that_cannot_be_used(models, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_models(models, 3, 2)


@pytest.mark.parametrize(
    "n_enroll, sentence",
    [
        ([1, 2], r"must be 3 integers, .* the shape \(2,\)"),
        ([1.0, 2.0, 3.0], "the type float64"),
        ([1, 0, 3], "1 or more in every row, got 0"),
    ],
)
def test_counts_of_recordings_that_cannot_be_used(n_enroll, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_n_enroll(n_enroll, 3)
