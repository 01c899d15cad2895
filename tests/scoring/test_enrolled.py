"""Models of several recordings against one recording."""

import numpy as np
import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.backend import (
    BackEnd,
    cosine_backend,
    psda_backend,
)
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.cohort import Cohort
from speechbrain_denokd.scoring.enrolled import (
    resolve_enrolled,
    score_enrolled,
)
from speechbrain_denokd.scoring.norm import ScoreNorm
from speechbrain_denokd.scoring.plda import Plda
from speechbrain_denokd.scoring.system import ScoringSystem

RNG = np.random.default_rng(0)
EMBEDDINGS = {f"u{n}": RNG.normal(size=3) for n in range(8)}
TRIALS = [Trial(True, "ann", "u5"), Trial(False, "bob", "u6")]
ENROLLMENT = {"bob": ["u3"], "ann": ["u0", "u1", "u2"]}


def test_reference_cosine_is_that_of_the_mean_direction():
    system = ScoringSystem(cosine_backend(centre=False))
    scores = score_enrolled(system, EMBEDDINGS, ENROLLMENT, TRIALS).raw
    unit = {k: v / np.linalg.norm(v) for k, v in EMBEDDINGS.items()}
    mean = np.mean([unit[u] for u in ("u0", "u1", "u2")], axis=0)
    expected = [
        mean @ unit["u5"] / np.linalg.norm(mean),
        unit["u3"] @ unit["u6"],
    ]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_reference_plda_counts_the_recordings():
    plda = Plda.from_parameters(np.zeros(1), 3 * np.eye(1), np.eye(1))
    one = {k: v[:1] for k, v in EMBEDDINGS.items()}
    scores = score_enrolled(
        ScoringSystem(BackEnd([], plda)), one, ENROLLMENT, TRIALS
    ).raw
    mean = np.mean([one[u] for u in ("u0", "u1", "u2")])
    gain = 3 * 3 / (3 * 3 + 1)  # n psi / (n psi + 1)
    spread = 1 + 3 / (3 * 3 + 1)
    x = one["u5"][0]
    expected = -0.5 * (
        np.log(spread) + (x - gain * mean) ** 2 / spread
    ) + 0.5 * (np.log(4) + x**2 / 4)
    assert scores[0] == pytest.approx(expected)


def test_law_psda_adds_unit_vectors():
    labels = np.repeat(np.arange(20), 4)
    means = RNG.normal(size=(20, 3))
    train = means[labels] + 0.5 * RNG.normal(size=(80, 3))
    backend = psda_backend().fit(train, labels)
    scores = score_enrolled(
        ScoringSystem(backend), EMBEDDINGS, ENROLLMENT, TRIALS
    ).raw
    unit = {k: v / np.linalg.norm(v) for k, v in EMBEDDINGS.items()}
    total = unit["u0"] + unit["u1"] + unit["u2"]
    alone = backend.scorer.score(total[None], unit["u5"][None])
    assert scores[0] == pytest.approx(alone[0])


@pytest.mark.parametrize("kind", ["z", "t", "s", "as"])
def test_law_models_of_one_recording_score_as_pairs(kind):
    cohort = Cohort(RNG.normal(size=(9, 3)), "utterances")
    norm = ScoreNorm(kind, 5 if kind == "as" else None)
    system = ScoringSystem(
        cosine_backend(centre=False), norm, cohort, Calibration(3.0, -1.0)
    )
    # "u5" is both a model, of u0, and a recording.
    enrollment = {"u5": ["u0"], "m": ["u1"]}
    found = score_enrolled(
        system,
        EMBEDDINGS,
        enrollment,
        [Trial(True, "u5", "u5"), Trial(False, "m", "u6")],
    )
    pairs = system.score_trials(
        EMBEDDINGS, [Trial(True, "u0", "u5"), Trial(False, "u1", "u6")]
    )
    for mine, expected in zip(found, pairs, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-5)


def test_fact_qualities_of_pairs_are_refused():
    calibration = Calibration(
        1.0, 0.0, ("magnitude_min", "magnitude_max"), (1.0, 1.0)
    )
    system = ScoringSystem(
        cosine_backend(centre=False), calibration=calibration
    )
    with pytest.raises(ValueError, match="calibrate without --quality"):
        score_enrolled(system, EMBEDDINGS, ENROLLMENT, TRIALS)


def test_fact_names_become_ids_on_both_sides():
    rows = [
        Utterance(f"u{n}", 1.0, f"corpus/s/{n}.wav", 0, None, "s")
        for n in range(4)
    ]
    trials, models = resolve_enrolled(
        [Trial(True, "0", "s/3.flac")], {"0": ["s/0.wav", "u1"]}, rows
    )
    assert trials == [Trial(True, "0", "u3")]
    assert models == {"0": ["u0", "u1"]}


def test_fact_models_must_be_enrolled():
    with pytest.raises(ValueError, match="1 models .* not enrolled .*'eve'"):
        resolve_enrolled([Trial(True, "eve", "u1")], {"ann": ["u0"]}, [])


def test_fact_missing_embeddings_are_named():
    system = ScoringSystem(cosine_backend(centre=False))
    with pytest.raises(ValueError, match="no embedding .*'nobody'"):
        score_enrolled(
            system, EMBEDDINGS, ENROLLMENT, [Trial(True, "ann", "nobody")]
        )
