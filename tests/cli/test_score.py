"""From a model folder and a trial list to a score file."""

import json

import numpy as np
import pytest

from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.evaluation import evaluate, extract_embeddings
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.score_mode import CropsAveraged
from speechbrain_denokd.scoring.cosine import cosine_scores
from speechbrain_denokd.scoring.fingerprints import (
    folder_fingerprint,
    trials_fingerprint,
)
from speechbrain_denokd.scoring.score_file import read_scores


def test_reference_scores_are_cosines_and_say_where_they_come_from(
    place, denokd
):
    output = place.folder / "scores.txt"
    result = denokd(
        "score", place.model, "--data_root", place.corpus, "--output", output
    )
    assert result.exit_code == 0, result.output
    trial_set = open_trial_set(place.corpus, None, None)
    encoder = read_model_folder(place.model).encoder
    embeddings = extract_embeddings(encoder, trial_set.utterances)
    expected, _ = cosine_scores(embeddings, trial_set.trials)
    found = read_scores(output)
    assert found.trials == trial_set.trials
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-6)
    origin = found.provenance
    assert origin["kind"] == "normalised"
    assert origin["model_sha256"] == folder_fingerprint(place.model)
    assert origin["trials_sha256"] == trials_fingerprint(trial_set.trials)
    assert origin["scoring"]["norm"]["kind"] == "none"


def test_fact_a_calibrated_model_scores_in_llrs_unless_told(place, denokd):
    root = "--data_root", place.corpus
    assert denokd("calibrate", place.model, *root).exit_code == 0
    llrs, raw = place.folder / "llrs.txt", place.folder / "raw.txt"
    denokd("score", place.model, *root, "--output", llrs)
    result = denokd(
        "score", place.model, *root, "--output", raw, "--kind=raw", "--json"
    )
    assert json.loads(result.stdout)["kind"] == "raw"
    calibration = json.loads((place.folder / "model/scoring.json").read_text())
    affine = calibration["calibration"]
    np.testing.assert_allclose(
        read_scores(llrs).scores,
        affine["scale"] * read_scores(raw).scores + affine["offset"],
        rtol=0,
        atol=1e-6,
    )
    assert read_scores(llrs).provenance["kind"] == "llr"


def test_reference_crops_averaged_are_those_of_an_evaluation(place, denokd):
    output = place.folder / "crops.txt"
    result = denokd(
        *("score", place.model, "--data_root", place.corpus),
        *("--output", output, "--score_mode", "3x0.2"),
    )
    assert result.exit_code == 0, result.output
    trial_set = open_trial_set(place.corpus, None, None)
    encoder = read_model_folder(place.model).encoder
    evaluate(
        encoder,
        trial_set,
        place.folder / "evaluation",
        [None],
        score_mode=CropsAveraged(3, 0.2),
    )
    expected = read_scores(place.folder / "evaluation" / "scores_full.txt")
    found = read_scores(output)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-6)
    assert found.provenance["score_mode"] == {
        "kind": "crops averaged",
        "n_crops": 3,
        "crop_s": 0.2,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--score_mode", "3"], "score_mode is '3'"),
        (["--kind", "llr"], "not calibrated"),
        (["--kind", "cosine"], "no kind of score 'cosine'"),
        (["--trials", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_fact_what_a_user_can_mend_ends_with_2(place, denokd, words, message):
    output = place.folder / "scores.txt"
    result = denokd(
        "score",
        place.model,
        *("--data_root", place.corpus, "--output", output),
        *words,
    )
    assert result.exit_code == 2
    assert message in result.stderr
    assert not output.exists()


def test_fact_models_of_several_recordings_are_scored(place, denokd):
    lists = place.folder / "enrollment.txt", place.folder / "trials.txt"
    lists[0].write_text("ann spk10_0 spk10_1\nbob spk11_0\n")
    lists[1].write_text("1 ann spk10_2\n0 ann spk11_1\n1 bob spk11_2\n")
    output = place.folder / "scores.txt"
    result = denokd(
        *("score", place.model, "--data_root", place.corpus),
        *("--enrollment", lists[0], "--trials", lists[1]),
        *("--output", output),
    )
    assert result.exit_code == 0, result.output
    found = read_scores(output)
    assert [trial.enroll for trial in found.trials] == ["ann", "ann", "bob"]
    rates = denokd("evaluate", output, "--json")
    assert json.loads(rates.stdout)[str(output)]["n_speakers"] == 2
