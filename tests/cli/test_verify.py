"""``denokd verify``: two recordings, one answer."""

import json

import pytest
import soundfile

from speechbrain_denokd.scoring.system import ScoringSystem


@pytest.fixture
def calibrated(place, denokd):
    result = denokd("calibrate", place.model, "--data_root", place.corpus)
    assert result.exit_code == 0, result.output
    return place


def answer(denokd, place, one, two, *words):
    audio = f"{place.corpus}/audio"
    result = denokd(
        *("verify", f"{audio}/{one}.wav", f"{audio}/{two}.wav", "--json"),
        *("--model", place.model, *words),
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_reference_the_llr_is_the_calibrated_score(calibrated, denokd):
    found = answer(denokd, calibrated, "spk10_0", "spk11_0")
    calibration = ScoringSystem.load(calibrated.model).calibration
    expected = calibration.scale * found["score"] + calibration.offset
    assert found["llr"] == pytest.approx(expected)
    assert found["threshold"] == 0
    assert found["same_speaker"] == (found["llr"] >= 0)


def test_fact_a_recording_and_itself_are_one_speaker(calibrated, denokd):
    found = answer(denokd, calibrated, "spk10_0", "spk10_0")
    assert found["score"] == pytest.approx(1.0)
    assert found["same_speaker"]


def test_fact_the_prior_moves_the_threshold_alone(calibrated, denokd):
    even = answer(denokd, calibrated, "spk10_0", "spk10_0")
    rare = answer(denokd, calibrated, "spk10_0", "spk10_0", "--p_target", 1e-9)
    assert rare["llr"] == even["llr"]
    assert rare["threshold"] == pytest.approx(20.723, abs=1e-3)


def test_fact_without_calibration_there_is_no_decision(place, denokd):
    found = answer(denokd, place, "spk10_0", "spk10_1")
    assert found["llr"] is None and found["same_speaker"] is None


def test_fact_bad_audio_ends_with_2(calibrated, denokd, tmp_path):
    short = tmp_path / "short.wav"
    soundfile.write(short, [0.1] * 100, 16000)
    good = f"{calibrated.corpus}/audio/spk10_0.wav"
    for path, message in ((short, "0.006 s"), ("no.wav", "no.wav")):
        result = denokd("verify", path, good, "--model", calibrated.model)
        assert result.exit_code == 2
        assert message in result.stderr
