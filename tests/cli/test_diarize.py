"""``denokd diarize``: a recording in, an RTTM file out."""

import json

import numpy as np
import pytest
import soundfile

AUDIO = "tests/samples/audio"


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Two bundled voices, one after the other."""
    wavs = []
    for name in ("test0000", "test0011"):
        wav, rate = soundfile.read(f"{AUDIO}/{name}/s0_0.opus")
        wavs += [0.05 * wav / wav.std(), np.zeros(rate)]
    path = tmp_path_factory.mktemp("call") / "my call.wav"
    soundfile.write(path, np.concatenate(wavs), rate)
    return path


def test_fact_the_rttm_says_what_json_says(denokd, call, tmp_path):
    output = tmp_path / "new" / "call.rttm"
    result = denokd(
        "diarize", call, "--output", output, "--n_speakers", 2, "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["output"] == str(output)
    lines = [line.split() for line in output.read_text().splitlines()]
    assert {line[7] for line in lines} == {"speaker_1", "speaker_2"}
    assert {line[1] for line in lines} == {"my_call"}
    for line, turn in zip(lines, found["segments"], strict=True):
        assert float(line[3]) == pytest.approx(turn["start_s"], abs=1e-3)
        stop_s = float(line[3]) + float(line[4])
        assert stop_s == pytest.approx(turn["stop_s"], abs=2e-3)
        assert line[7] == turn["speaker"]


def test_fact_seconds_are_summed_by_speaker(denokd, call, tmp_path):
    result = denokd(
        *("diarize", call, "--threshold", -99),
        *("--output", tmp_path / "a.rttm"),
    )
    assert result.exit_code == 0, result.output
    turns = [
        line.split() for line in (tmp_path / "a.rttm").read_text().splitlines()
    ]
    spoken = sum(float(turn[4]) for turn in turns)
    assert f"| speaker_1 | {spoken:.1f} " in result.stdout
    assert f"{len(turns)} segment(s)" in result.stdout


def test_fact_silence_is_an_empty_file(denokd, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    output = tmp_path / "a.rttm"
    result = denokd("diarize", tmp_path / "a.wav", "--output", output)
    assert result.exit_code == 0, result.output
    assert "nobody speaks" in result.stdout
    assert output.read_text() == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "k-means"], "no method 'k-means'"),
        (["--method", "spectral"], "needs the number of speakers"),
        (["--n_speakers", 999], "999 speakers cannot be found"),
        (["--hop_s", 9], "a hop of 9.0 s"),
        (["--model", "results/missing/model"], "no model folder"),
    ],
)
def test_fact_a_wrong_plan_writes_nothing(
    denokd, call, tmp_path, words, message
):
    output = tmp_path / "a.rttm"
    result = denokd("diarize", call, "--output", output, *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not output.exists()
