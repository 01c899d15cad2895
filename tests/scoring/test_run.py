"""Model folders, stages of scores, provenance."""

import numpy as np
import pytest

from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.norm import ScoreNorm
from speechbrain_denokd.scoring.run import choose, scoring_of
from speechbrain_denokd.scoring.system import ScoringSystem, TrialScores

RAW, NORMALISED, LLR = (np.array([value]) for value in (0.1, 0.2, 0.3))


def test_fact_a_folder_without_scoring_scores_by_plain_cosine(tmp_path):
    system = scoring_of(tmp_path)
    assert system.calibration is None
    embeddings = {"a": np.array([3.0, 4.0]), "b": np.array([4.0, 3.0])}
    scores = system.score_trials(embeddings, [Trial(True, "a", "b")])
    assert scores.normalised == pytest.approx(0.96)


def test_fact_a_folder_scores_by_what_it_holds(tmp_path):
    calibration = Calibration(scale=10.0, offset=-5.0)
    stored = ScoringSystem(
        cosine_backend(centre=False), ScoreNorm(), None, calibration
    )
    stored.save(tmp_path)
    assert scoring_of(tmp_path).calibration == calibration


def test_fact_half_a_scoring_system_is_no_plain_cosine(tmp_path):
    ScoringSystem(cosine_backend(centre=False)).save(tmp_path)
    (tmp_path / "scoring.safetensors").unlink()
    with pytest.raises((ValueError, FileNotFoundError), match="safetensors"):
        scoring_of(tmp_path)


@pytest.mark.parametrize(
    ("llr", "kind", "expected"),
    [
        (LLR, None, ("llr", LLR)),
        (None, None, ("normalised", NORMALISED)),
        (LLR, "raw", ("raw", RAW)),
        (LLR, "normalised", ("normalised", NORMALISED)),
    ],
)
def test_fact_the_last_stage_is_chosen_unless_told(llr, kind, expected):
    chosen = choose(TrialScores(RAW, NORMALISED, llr), kind)
    assert (chosen.kind, chosen.scores) == expected
