"""Back-ends: chains of transforms and a scorer."""

import json

import numpy as np
import pytest

from speechbrain_denokd.scoring.backend import (
    BackEnd,
    cosine_backend,
    lda_backend,
    plda_backend,
    psda_backend,
)
from speechbrain_denokd.scoring.centre import Centre
from speechbrain_denokd.scoring.cosine import Cosine
from speechbrain_denokd.scoring.inner_product import InnerProduct
from speechbrain_denokd.scoring.lda import Lda
from speechbrain_denokd.scoring.length_norm import LengthNorm
from speechbrain_denokd.scoring.wccn import Wccn
from speechbrain_denokd.scoring.whitening import Whitening
from tests.scoring.synthetic import speakers

COUNTS = [1, 5, 2, 1, 7, 3, 9, 4]
PRESETS = [
    cosine_backend,
    lambda: cosine_backend(centre=False),
    lambda: lda_backend(3),
    plda_backend,
    lambda: plda_backend(3),
    psda_backend,
    lambda: BackEnd([Centre(), Whitening(), Wccn(), LengthNorm()], Cosine()),
    lambda: BackEnd([], Cosine()),
    lambda: BackEnd([Centre()], InnerProduct()),
]


@pytest.fixture(params=PRESETS)
def fitted(request):
    return request.param().fit(*speakers(COUNTS))


@pytest.fixture
def sides():
    return np.random.default_rng(1).normal(3, 2, size=(2, 11, 6))


def stored(backend):
    """Settings and arrays as a JSON file and a tensor file return them."""
    arrays = {
        name: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
        for name, array in backend.arrays().items()
    }
    return json.loads(json.dumps(backend.settings())), arrays


def test_fact_by_hand():
    backend = cosine_backend().fit([[0, 0], [2, 4]])  # mean (1, 2)
    scores = backend.score([[2, 2], [1, 5]], [[1, 9], [1, 0]])
    assert scores == pytest.approx([0, -1], abs=1e-12)


def test_reference_the_chain_part_by_part(sides):
    embeddings, labels = speakers(COUNTS)
    backend = BackEnd([Centre(), Lda(3), LengthNorm()], Cosine())
    backend.fit(embeddings, labels)
    mean = embeddings.mean(axis=0)
    lda = Lda(3).fit(embeddings - mean, labels)
    enroll, test = (lda.transform(side - mean) for side in sides)
    expected = Cosine().score(enroll, test)
    np.testing.assert_allclose(backend.score(*sides), expected, atol=1e-12)
    matrix = backend.scorer.score_matrix(*map(backend.transform, sides))
    np.testing.assert_allclose(np.diag(matrix), expected, atol=1e-12)


def test_law_scores_are_cells_of_the_matrix(fitted, sides):
    prepared = [fitted.transform(side) for side in sides]
    matrix = fitted.scorer.score_matrix(*prepared)
    assert matrix.shape == (11, 11)
    scores = fitted.score(*sides)
    np.testing.assert_allclose(np.diag(matrix), scores, rtol=0, atol=1e-9)


def test_fact_the_count_of_recordings_reaches_the_scorer(sides):
    backend = plda_backend(3).fit(*speakers(COUNTS))
    n_enroll = np.arange(1, 12)
    scores = backend.score(*sides, n_enroll)
    prepared = [backend.transform(side) for side in sides]
    assert np.array_equal(scores, backend.scorer.score(*prepared, n_enroll))
    same = np.isclose(scores, backend.score(*sides), rtol=0, atol=1e-9)
    assert same.tolist() == [True] + [False] * 10


def separation(backend, seed):
    """Chance that a target of new speakers outscores a nontarget."""
    embeddings, labels = speakers([10] * 40, seed=seed)
    seen = labels < "s20"
    prepared = backend.fit(embeddings[seen], labels[seen]).transform(
        embeddings[~seen]
    )
    matrix = backend.scorer.score_matrix(prepared, prepared)
    same = labels[~seen][:, None] == labels[~seen]
    nontargets = np.sort(matrix[~same])
    targets = matrix[same & ~np.eye(len(same), dtype=bool)]
    return np.searchsorted(nontargets, targets).mean() / len(nontargets)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("preset", [lambda: lda_backend(4), plda_backend])
def test_law_labels_help_where_recordings_vary_unevenly(preset, seed):
    assert separation(preset(), seed) > separation(cosine_backend(), seed)


def test_law_whitening_learns_behind_what_comes_first():
    embeddings, labels = speakers(COUNTS)
    backend = BackEnd([Wccn(), Whitening()], Cosine()).fit(embeddings, labels)
    prepared = backend.transform(embeddings)
    np.testing.assert_allclose(np.cov(prepared.T), np.eye(6), atol=1e-10)


def test_law_restored_back_ends_give_the_same_bits(fitted, sides):
    again = BackEnd.restore(*stored(fitted))
    assert again.settings() == fitted.settings()
    assert np.array_equal(again.score(*sides), fitted.score(*sides))


def test_fact_models_are_pooled_after_the_transforms(sides):
    backend = lda_backend(3).fit(*speakers(COUNTS))
    embeddings, models = sides[0], np.arange(11) % 4
    pooled = backend.pool(embeddings, models, 4)
    prepared = backend.transform(embeddings)
    expected = [prepared[models == m].mean(axis=0) for m in range(4)]
    np.testing.assert_allclose(pooled, expected, atol=1e-12)


def test_fact_names_in_a_file():
    backend = lda_backend(3).fit(*speakers(COUNTS))
    assert backend.settings() == {
        "transforms": [
            {"kind": "Centre"},
            {"kind": "Lda", "n_components": 3},
            {"kind": "LengthNorm"},
        ],
        "scorer": {"kind": "Cosine"},
    }
    assert sorted(backend.arrays()) == [
        "transforms.0.mean",
        "transforms.1.matrix",
    ]


@pytest.mark.parametrize("kind", ["Popen", "Cosine", None])
def test_kinds_that_are_no_transforms_are_refused(kind):
    settings, arrays = stored(cosine_backend().fit(*speakers(COUNTS)))
    settings["transforms"][1]["kind"] = kind
    with pytest.raises(
        ValueError, match=rf"transforms\.1 .* kind {kind!r}, .* 'LengthNorm'"
    ):
        BackEnd.restore(settings, arrays)


def test_kinds_that_are_no_scorers_are_refused():
    settings, arrays = stored(cosine_backend().fit(*speakers(COUNTS)))
    settings["scorer"] = {"kind": "Centre"}
    with pytest.raises(ValueError, match="scorer .* kind 'Centre', .*'Cosine'"):
        BackEnd.restore(settings, arrays)


def test_parts_of_others_are_not_stored():
    class Cosine(LengthNorm):
        pass

    with pytest.raises(ValueError, match="a Cosine could not be restored"):
        BackEnd([], Cosine()).settings()


def test_settings_that_do_not_belong_are_refused():
    settings, arrays = stored(lda_backend(3).fit(*speakers(COUNTS)))
    with pytest.raises(ValueError, match=r"missing \['scorer'\]"):
        BackEnd.restore({"transforms": settings["transforms"]}, arrays)
    with pytest.raises(ValueError, match=r"unexpected \['more'\]"):
        BackEnd.restore({**settings, "more": 1}, arrays)
    del settings["transforms"][1]["n_components"]
    with pytest.raises(ValueError, match=r"of Lda: missing \['n_components'\]"):
        BackEnd.restore(settings, arrays)


@pytest.mark.parametrize(
    "key, sentence",
    [
        ("transforms.7.mean", "'transforms.7.mean' belongs to no part"),
        ("mean", "'mean' belongs to no part"),
        ("scorer.mean", r"arrays of Cosine: .* unexpected \['mean'\]"),
        ("transforms.0.more", r"arrays of Centre: .* unexpected \['more'\]"),
    ],
)
def test_arrays_that_do_not_belong_are_refused(key, sentence):
    settings, arrays = stored(lda_backend(3).fit(*speakers(COUNTS)))
    with pytest.raises(ValueError, match=sentence):
        BackEnd.restore(settings, {**arrays, key: np.ones(6)})


def test_missing_arrays_are_refused():
    settings, arrays = stored(lda_backend(3).fit(*speakers(COUNTS)))
    del arrays["transforms.1.matrix"]
    with pytest.raises(ValueError, match=r"of Lda: missing \['matrix'\]"):
        BackEnd.restore(settings, arrays)


def test_another_size_of_embeddings_is_refused(sides):
    backend = lda_backend(3).fit(*speakers(COUNTS))
    with pytest.raises(ValueError, match="5 components, but 6 are expected"):
        backend.score(sides[0][:, :5], sides[1][:, :5])


def test_unfitted_back_ends_say_so(sides):
    backend = cosine_backend()
    with pytest.raises(ValueError, match="this Centre has learnt nothing yet"):
        backend.score(*sides)
    with pytest.raises(ValueError, match="this Centre has learnt nothing yet"):
        backend.arrays()


def test_more_components_than_speakers_allow_are_refused():
    with pytest.raises(ValueError, match="is 8, but 8 speakers"):
        lda_backend(8).fit(*speakers(COUNTS, n_dims=9))
