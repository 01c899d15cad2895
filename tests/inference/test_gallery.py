"""`Gallery`: enrolled speakers, and who of them is speaking."""

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.inference import gallery_index
from speechbrain_denokd.inference.gallery import Gallery
from speechbrain_denokd.metrics import OperatingPoint
from speechbrain_denokd.scoring.backend import (
    cosine_backend,
    plda_backend,
    psda_backend,
)
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.enrolled import score_enrolled
from speechbrain_denokd.scoring.norm import NO_NORM, ScoreNorm
from speechbrain_denokd.scoring.system import ScoringSystem
from tests.tiny_setup import write_teacher

CALIBRATION = Calibration(scale=10.0, offset=-5.0)
BACKENDS = {
    "cosine": cosine_backend,
    "plda": plda_backend,
    "psda": psda_backend,
}


def voices(n_speakers, n_each, seed=0, dim=6):
    """(N, D) float32 embeddings and (N,) speakers."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_speakers), n_each)
    centres = rng.normal(size=(n_speakers, dim))
    x = centres[labels] + 0.4 * rng.normal(size=(len(labels), dim))
    return x.astype(np.float32), labels


def system(backend="cosine", norm=NO_NORM, calibration=CALIBRATION, dim=6):
    x, labels = voices(60, 5, seed=1, dim=dim)
    fitted = BACKENDS[backend]().fit(x, labels)
    cohort = None
    if norm != NO_NORM:
        cohort = Cohort.from_speakers(x, labels)
    return ScoringSystem(fitted, norm, cohort, calibration)


def cosine_system(calibration=CALIBRATION):
    return ScoringSystem(cosine_backend(False), calibration=calibration)


def three_people(scoring, **kwargs):
    """A gallery of 3, 1 and 2 recordings, and their embeddings by name."""
    x, _ = voices(3, 3)
    enrolled = {"ann": x[:3], "bob": x[3:4], "cy": x[6:8]}
    gallery = Gallery(scoring, "tests", **kwargs)
    for name, rows in enrolled.items():
        gallery.add(name, rows)
    return gallery, enrolled


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "norm",
    [NO_NORM, ScoreNorm("z"), ScoreNorm("t"), ScoreNorm("as", 8)],
    ids=lambda norm: norm.kind,
)
def test_reference_scores_are_those_of_enrolled_trials(backend, norm):
    scoring = system(backend, norm)
    gallery, enrolled = three_people(scoring)
    test = voices(4, 1, seed=7)[0][3]
    embeddings = {"test": test}
    models = {}
    for name, rows in enrolled.items():
        models[name] = [f"{name}{i}" for i in range(len(rows))]
        embeddings |= dict(zip(models[name], rows, strict=True))
    trials = [Trial(True, name, "test") for name in enrolled]
    expected = score_enrolled(scoring, embeddings, models, trials)
    found = {match.name: match for match in gallery.search(test)}
    for i, name in enumerate(enrolled):
        assert found[name].score == pytest.approx(expected.normalised[i])
        assert found[name].llr == pytest.approx(expected.llr[i])


def test_fact_matches_are_sorted_and_cut():
    gallery = Gallery(cosine_system(), "tests")
    for name, row in (("far", [-1, 0]), ("near", [1, 0]), ("mid", [1, 1])):
        gallery.add(name, np.array([row]))
    matches = gallery.search(np.array([5.0, 0.0]), n=2)
    assert [match.name for match in matches] == ["near", "mid"]
    assert matches[0].score == pytest.approx(1.0)
    assert matches[1].score == pytest.approx(np.sqrt(0.5))
    assert matches[1].llr == pytest.approx(10 * np.sqrt(0.5) - 5)


def test_fact_nobody_reaches_the_threshold_of_a_stranger():
    gallery, _ = three_people(cosine_system())
    x, _ = voices(3, 3)
    assert gallery.search(x[2])[0].same_speaker
    stranger = -x[:9].mean(axis=0)
    assert not any(match.same_speaker for match in gallery.search(stranger))


def test_fact_prior_and_costs_set_the_threshold():
    gallery, enrolled = three_people(cosine_system())
    rare = OperatingPoint("rare", 0.001, c_miss=1.0, c_fa=2.0)
    assert gallery.threshold() == 0
    assert gallery.threshold(rare) == pytest.approx(np.log(1998))
    test = enrolled["bob"][0]  # a cosine of 1: an llr of 5
    assert gallery.search(test)[0].same_speaker
    assert not gallery.search(test, point=rare)[0].same_speaker


def test_fact_without_calibration_there_is_no_decision():
    gallery, enrolled = three_people(cosine_system(calibration=None))
    best = gallery.search(enrolled["bob"][0])[0]
    assert best.name == "bob" and best.score == pytest.approx(1.0)
    assert best.llr is None and best.same_speaker is None
    assert gallery.threshold() is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_law_recordings_may_come_one_by_one(backend):
    together, enrolled = three_people(system(backend))
    apart = Gallery(system(backend), "tests")
    test = voices(4, 1, seed=7)[0][3]
    for name, rows in enrolled.items():
        for row in rows:
            apart.add(name, row[None])
            apart.search(test)  # what it keeps must not go stale
    assert apart.search(test) == together.search(test)
    assert apart.n_recordings("ann") == 3


def test_law_a_removed_speaker_is_as_if_never_enrolled():
    gallery, enrolled = three_people(cosine_system())
    test = enrolled["bob"][0]
    assert gallery.search(test)[0].name == "bob"
    gallery.remove("bob")
    assert [match.name for match in gallery.search(test)] != []
    assert "bob" not in [match.name for match in gallery.search(test)]
    assert gallery.names == ("ann", "cy") and len(gallery) == 2
    with pytest.raises(ValueError, match="'bob' is not among the 2 enrolled"):
        gallery.remove("bob")


@pytest.mark.parametrize("n_people", [0, 3])
def test_law_a_gallery_survives_its_file(tmp_path, n_people):
    model = write_teacher(tmp_path / "model")
    gallery = Gallery.of_model(model)
    x, _ = voices(3, 3)
    for i in range(n_people):
        gallery.add(f"Zoë {i}", x[3 * i : 3 * i + 1 + i])
    gallery.save(tmp_path / "new" / "people.safetensors")
    again = Gallery.load(tmp_path / "new" / "people.safetensors", model)
    assert again.names == gallery.names
    assert [again.n_recordings(name) for name in again.names] == [
        *range(1, n_people + 1)
    ]
    if n_people:
        assert again.search(x[0]) == gallery.search(x[0])


def test_fact_another_back_end_may_read_it_but_no_other_model(tmp_path):
    model = write_teacher(tmp_path / "model")
    gallery = Gallery.of_model(model)
    gallery.add("ann", voices(1, 2)[0])
    path = tmp_path / "people.safetensors"
    gallery.save(path)
    system("psda").save(model)
    assert Gallery.load(path, model).scoring.calibration == CALIBRATION
    text = (model / "hyperparams.yaml").read_text()
    (model / "hyperparams.yaml").write_text(text + "\n# another\n")
    with pytest.raises(ValueError, match="made with another model"):
        Gallery.load(path, model)


def test_fact_what_cannot_be_enrolled_leaves_no_trace():
    gallery, enrolled = three_people(cosine_system())
    x = voices(1, 1, seed=9)[0]
    refused = [
        ("ann", np.concatenate([x, enrolled["ann"][:1]]), "1 of 2 recordings"),
        ("dan", np.concatenate([x, x]), "given twice"),
        ("dan", x[:, :4], "have 4 components, but 6"),
        ("dan", np.full((1, 6), np.nan), "not finite"),
        ("", x, "is no name"),
        (" dan", x, "is no name"),
        ("a\nb", x, "is no name"),
    ]
    for name, rows, message in refused:
        with pytest.raises(ValueError, match=message):
            gallery.add(name, rows)
    assert gallery.names == ("ann", "bob", "cy")
    assert gallery.n_recordings("ann") == 3


def test_fact_a_search_that_makes_no_sense_is_refused():
    gallery, enrolled = three_people(cosine_system())
    test = enrolled["bob"]
    for embedding, n, message in (
        (test[0], 0, "n is 0"),
        (test, 5, "one embedding is searched at a time"),
        (test[0, :4], 5, "4 components"),
        (test[0] * np.nan, 5, "not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            gallery.search(embedding, n)
    with pytest.raises(ValueError, match="nobody is enrolled"):
        Gallery(cosine_system(), "tests").search(test[0])


def test_fact_calibration_by_quality_is_refused():
    names = ("magnitude_min", "magnitude_max")
    calibration = Calibration(1.0, 0.0, names, (0.1, 0.1))
    with pytest.raises(ValueError, match="without --quality"):
        Gallery(cosine_system(calibration), "tests")


@pytest.mark.parametrize(
    ("backend", "norm"),
    [(name, NO_NORM) for name in BACKENDS] + [("cosine", ScoreNorm("as", 40))],
)
def test_law_an_index_finds_the_same_speaker(backend, norm):
    pytest.importorskip("faiss")
    scoring = system(backend, norm, dim=48)
    exact, indexed = Gallery(scoring, "a"), Gallery(scoring, "a", index_from=1)
    x, labels = voices(2000, 2, dim=48)
    for row, label in zip(x[::2], labels[::2], strict=True):
        exact.add(str(label), row[None])
        indexed.add(str(label), row[None])
    for test, label in zip(x[1:40:2], labels[1:40:2], strict=True):
        best = exact.search(test)[0]
        assert best.name == str(label)
        assert indexed.search(test)[0] == best


def test_fact_an_index_is_asked_from_a_size_on(monkeypatch):
    class OnlyTheLast:
        def __init__(self, vectors):
            self.last = len(vectors) - 1

        def nearest(self, vector, n):
            return np.array([self.last])

    monkeypatch.setattr(gallery_index, "CandidateIndex", OnlyTheLast)
    test = voices(3, 3)[0][0]
    for index_from, n_found in ((4, 3), (3, 1)):
        gallery, _ = three_people(cosine_system(), index_from=index_from)
        assert len(gallery.search(test)) == n_found
