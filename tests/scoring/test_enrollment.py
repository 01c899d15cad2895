"""Speakers with several enrolment recordings."""

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.backend import cosine_backend, lda_backend
from speechbrain_denokd.scoring.enrollment import pool_models, read_enrollment
from speechbrain_denokd.scoring.pairs import index_trials, score_pairs
from tests.scoring.synthetic import speakers


def write(tmp_path, text):
    path = tmp_path / "enrollment.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def backend():
    return lda_backend(3).fit(*speakers([4] * 6))


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(3)
    return {f"u{i}": rng.normal(size=6).astype(np.float32) for i in range(5)}


def test_fact_one_model_a_line(tmp_path):
    path = write(tmp_path, "\ufeffm2 u1\tu2  u3\n\nm1 u1\n")
    assert read_enrollment(path) == {"m2": ["u1", "u2", "u3"], "m1": ["u1"]}
    assert list(read_enrollment(path)) == ["m2", "m1"]


def test_malformed_lines_are_counted_and_named(tmp_path):
    path = write(tmp_path, "m1 u1\nm2\nm1 u2\nm3 u1 u1\n")
    with pytest.raises(ValueError, match=r"3 line\(s\) are not") as caught:
        read_enrollment(path)
    for clause in (
        "line 2: no utterance of 'm2'",
        "line 3: model 'm1' once more",
        "line 4: an utterance twice",
    ):
        assert clause in str(caught.value)


def test_an_empty_list_is_refused(tmp_path):
    with pytest.raises(ValueError, match="enrols nobody"):
        read_enrollment(write(tmp_path, "\n"))


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no enrolment list"):
        read_enrollment(tmp_path / "none.txt")


def test_fact_by_hand():
    embeddings = {
        "right": np.array([5.0, 0.0]),
        "up": np.array([0.0, 2.0]),
        "left": np.array([-1.0, 0.0]),
    }
    models = pool_models(
        cosine_backend(centre=False),
        embeddings,
        {"corner": ["up", "right"], "one": ["left"]},
    )
    assert models.names == ("corner", "one")
    assert models.vectors.tolist() == [[0.5, 0.5], [-1, 0]]
    assert models.n_recordings.tolist() == [2, 1]


def test_law_one_recording_a_model_is_a_plain_trial(backend, embeddings):
    names = list(embeddings)
    models = pool_models(backend, embeddings, {f"m{n}": [n] for n in names})
    raw = np.stack([embeddings[name] for name in names])
    tests = backend.transform(raw)
    enroll, test, _ = index_trials(
        [*models.names, *names], [Trial(True, "mu0", "u3")]
    )
    prepared = np.concatenate([models.vectors, tests])
    score = score_pairs(backend.scorer, prepared, enroll, test)
    assert score == pytest.approx(backend.score(raw[[0]], raw[[3]]), abs=1e-12)


def test_missing_embeddings_are_counted(backend, embeddings):
    with pytest.raises(ValueError, match=r"2 enrolment .* \(first: 'x'\)"):
        pool_models(backend, embeddings, {"m": ["u1", "y"], "n": ["x", "y"]})
