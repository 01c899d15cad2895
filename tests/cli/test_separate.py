"""``denokd separate``: a mixture in, wav files out."""

import json

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.separation.model_folder import write_separator_folder
from tests.separation.tiny import tiny_model

RATE = 16000


@pytest.fixture
def call(tmp_path):
    """The words of a command on a mixture and an untrained separator."""
    wav = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    soundfile.write(tmp_path / "a.wav", wav, RATE)
    write_separator_folder(tmp_path / "model", tiny_model(), None)
    return ("separate", tmp_path / "a.wav", "--model", tmp_path / "model")


def test_fact_json_names_the_files(denokd, call, tmp_path):
    result = denokd(*call, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found == {
        "mixture": str(tmp_path / "a.wav"),
        "files": [str(tmp_path / "out" / f"a_{k}.wav") for k in (1, 2)],
    }
    for file in found["files"]:
        assert soundfile.info(file).frames == RATE


def test_fact_without_json_one_file_a_line(denokd, call, tmp_path):
    result = denokd(
        *call, "--output", tmp_path, "--window_s", 0.5, "--overlap_s", 0.1
    )
    assert result.exit_code == 0, result.output
    lines = result.stdout.split()
    assert lines == [str(tmp_path / f"a_{k}.wav") for k in (1, 2)]
    assert soundfile.info(lines[1]).frames == RATE


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--model", "pretrained/sample_teacher"), "holds no separator.json"),
        (("--enroll", "b.wav"), "knows no enrolment"),
        (("--window_s", 1, "--overlap_s", 2), "choose it from 0"),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(
    denokd, call, tmp_path, words, fault
):
    result = denokd(*call, "--output", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert fault in result.stderr
    assert not (tmp_path / "out").exists()
