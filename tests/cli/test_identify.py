"""``denokd identify``: who of a gallery is speaking."""

import json

import pytest

from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.system import ScoringSystem


@pytest.fixture
def people(place, denokd):
    """A gallery of one recording each of three speakers; its path."""
    path = place.folder / "people.safetensors"
    for name in ("spk10", "spk11", "spk12"):
        result = denokd(
            *("enroll", name, f"{place.corpus}/audio/{name}_0.wav"),
            *("--gallery", path, "--model", place.model),
        )
        assert result.exit_code == 0, result.output
    return path


def calibrate(place, offset):
    ScoringSystem(
        cosine_backend(False), calibration=Calibration(10.0, offset)
    ).save(place.model)


def identify(denokd, place, people, recording, *words):
    return denokd(
        *("identify", f"{place.corpus}/audio/{recording}.wav"),
        *("--gallery", people, "--model", place.model, *words),
    )


def test_reference_llrs_are_those_of_verify(place, denokd, people):
    calibrate(place, -9.9)
    result = identify(denokd, place, people, "spk11_0", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["name"] == "spk11" and found["threshold"] == 0
    assert found["matches"][0]["llr"] == pytest.approx(0.1, abs=1e-4)
    llrs = [match["llr"] for match in found["matches"]]
    assert len(llrs) == 3 and llrs == sorted(llrs, reverse=True)
    audio = f"{place.corpus}/audio"
    for match in found["matches"]:
        pair = f"{audio}/{match['name']}_0.wav", f"{audio}/spk11_0.wav"
        verified = denokd("verify", *pair, "--model", place.model, "--json")
        expected = json.loads(verified.stdout)
        assert match["llr"] == pytest.approx(expected["llr"], abs=1e-4)
        assert match["same_speaker"] == expected["same_speaker"]


def test_fact_nobody_is_named_when_none_reaches_the_threshold(
    place, denokd, people
):
    calibrate(place, -9.9)
    words = ("--p_target", 0.01)  # a threshold of 4.6
    result = identify(denokd, place, people, "spk11_0", *words, "--json")
    found = json.loads(result.stdout)
    assert found["name"] is None
    assert found["threshold"] == pytest.approx(4.5951, abs=1e-4)
    result = identify(denokd, place, people, "spk11_0", *words)
    assert result.exit_code == 0
    assert "nobody of the gallery: none reaches +4.60" in result.stdout


def test_fact_the_table_lists_the_nearest(place, denokd, people):
    calibrate(place, -5.0)
    result = identify(denokd, place, people, "spk12_0", "--n", 2)
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert lines[2].split()[1:6:2] == ["spk12", "1.0000", "+5.00"]
    assert lines[-1] == "it is spk12"


def test_fact_without_calibration_there_is_no_decision(place, denokd, people):
    result = identify(denokd, place, people, "spk12_0")
    assert "spk12" in result.stdout.splitlines()[2]
    assert "no decision: this model is not calibrated" in result.stdout
    result = identify(denokd, place, people, "spk12_0", "--json")
    assert json.loads(result.stdout)["name"] is None


def test_fact_what_cannot_be_searched_ends_with_2(place, denokd, people):
    missing = identify(denokd, place, place.folder / "no", "spk12_0")
    assert missing.exit_code == 2
    assert "there is no gallery" in missing.stderr
    result = identify(denokd, place, people, "spk12_0", "--n", 0)
    assert result.exit_code == 2
    assert "n is 0" in result.stderr
