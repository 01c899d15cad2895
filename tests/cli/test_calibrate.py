"""What ``denokd calibrate`` leaves in a model folder."""

import json

import pytest

from speechbrain_denokd.scoring.system import ScoringSystem


def test_fact_the_folder_gets_back_end_cohort_and_threshold(place, denokd):
    result = denokd(
        "calibrate",
        place.model,
        *("--data_root", place.corpus, "--backend", "plda"),
        *("--n_components", 3, "--norm", "as", "--top_n", 4),
        *("--quality", "--p_target", 0.1, "--json"),
    )
    assert result.exit_code == 0, result.output
    system = ScoringSystem.load(place.model)
    kinds = [part["kind"] for part in system.backend.settings()["transforms"]]
    assert kinds == ["Centre", "Lda", "LengthNorm"]
    assert (system.norm.kind, system.norm.top_n) == ("as", 4)
    assert len(system.cohort.embeddings) == 6  # training speakers
    assert system.point.p_target == pytest.approx(0.1)
    assert "cohort_mean_min" in system.calibration.quality_names
    found = json.loads(result.stdout)
    assert found["rates"]["threshold"] == pytest.approx(2.1972, abs=1e-4)
    assert found["cohort"]["fingerprint"] == system.cohort.fingerprint()


def test_law_on_its_own_trials_calibration_only_helps(place, denokd):
    result = denokd(
        "calibrate", place.model, "--data_root", place.corpus, "--json"
    )
    rates = json.loads(result.stdout)["rates"]
    assert rates["after"]["cllr"] < rates["before"]["cllr"]
    assert rates["after"]["cllr"] >= rates["min_cllr"]
    assert rates["after"]["act_dcf"] >= rates["min_dcf"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend", "svm"], "no back-end 'svm'"),
        (["--backend", "lda"], "needs n_components"),
        (["--norm", "as", "--cohort", "songs"], "no cohort of 'songs'"),
        (["--norm", "as", "--top_n", "300"], "top_n is 300"),
        (["--p_target", "1.5"], "1.5"),
    ],
)
def test_fact_a_wrong_plan_changes_nothing(place, denokd, words, message):
    result = denokd(
        "calibrate", place.model, "--data_root", place.corpus, *words
    )
    assert result.exit_code == 2
    assert message in result.stderr
    assert not ScoringSystem.is_in(place.model)
