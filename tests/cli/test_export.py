"""From a model folder to files for a product, on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.export.runtime import OnnxEmbedder
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.scoring.fingerprints import folder_fingerprint


@pytest.fixture
def calibrated(place, denokd):
    root = "--data_root", place.corpus
    result = denokd("calibrate", place.model, *root)
    assert result.exit_code == 0, result.output
    return place


def exported(denokd, place, *words):
    return denokd(
        *("export", place.model, "--output", place.folder / "out"),
        *("--data_root", place.corpus, *words),
    )


def test_reference_a_file_answers_as_its_folder(calibrated, denokd):
    result = exported(denokd, calibrated, "--int8", "static", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    out = calibrated.folder / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "denokd_runtime.py",
        "model.int8.onnx",
        "model.onnx",
    ]
    assert report["files"][str(out / "model.onnx")] > 0
    assert report["parity"]["max_difference"] < 1e-4
    assert report["cost"]["before"]["n_targets"] == 4 * 6
    assert 0 <= report["cost"]["after"]["eer"] < 1

    model = OnnxEmbedder(out / "model.onnx")
    fingerprint = folder_fingerprint(calibrated.model)
    assert model.metadata["model_sha256"] == fingerprint
    paths = [f"{calibrated.corpus}/audio/spk1{i}_0.wav" for i in "01"]
    wavs = [soundfile.read(path, dtype="float32")[0] for path in paths]
    one, two = model.embed(wavs)
    embedder = SpeakerEmbedder.from_hparams(calibrated.model)
    expected = embedder.verify_files(*paths)
    found = model.score(one, two), model.llr(one, two)
    np.testing.assert_allclose(found, expected[:2], rtol=0, atol=1e-4)
    assert model.same_speaker(one, two) == expected.same_speaker


def test_fact_the_cost_of_int8_is_printed(place, denokd):
    result = exported(denokd, place, "--int8", "weights")
    assert result.exit_code == 0, result.output
    assert "agrees with the model on 17 recordings" in result.stdout
    assert "no calibration in the file" in result.stdout
    table = [line for line in result.stdout.splitlines() if "|" in line]
    assert table[0].startswith("| scores       | EER (%)")
    assert table[2].startswith("| float32      |")
    assert table[3].startswith("| int8 weights |")
    assert "int8 weights minus float32" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "pt2", "--int8", "static"], "is for ONNX"),
        (["--manifest", "nowhere.csv"], "nowhere.csv"),
        (["--int8", "weights", "--trials", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_fact_what_a_user_can_mend_ends_with_2(place, denokd, words, message):
    result = exported(denokd, place, *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path(place.folder / "out").exists()
