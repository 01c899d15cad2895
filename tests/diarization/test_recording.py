"""Who spoke when, in a recording made by hand from two bundled voices."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.diarization import Plan, diarize
from speechbrain_denokd.diarization.speech import SpeechGate
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.system import ScoringSystem

AUDIO = "tests/samples/audio"
RATE = 16000


@pytest.fixture(scope="module")
def model():
    return SpeakerEmbedder.from_hparams("pretrained/sample_teacher")


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory):
    """Path of a dialogue, and who speaks each 10 ms: 0 nobody, 1 or 2."""
    wavs, truth = [], []
    for k in range(3):
        for who, name in ((1, "test0000"), (2, "test0011")):
            wav = load_audio(f"{AUDIO}/{name}/s{k}_0.opus")
            wavs += [0.05 * wav / wav.std(), np.zeros(RATE // 2)]
            truth += [np.full(len(wav), who), np.zeros(RATE // 2, int)]
    wav = np.concatenate(wavs)
    wav += 0.001 * np.random.default_rng(0).normal(size=len(wav))
    path = tmp_path_factory.mktemp("dialogue") / "two.wav"
    soundfile.write(path, wav, RATE)
    return path, np.concatenate(truth)[:: RATE // 100]


def counts(segments, truth):
    """Speech frames by (true speaker, found speaker, or None)."""
    found = np.full(len(truth), None)
    for start_s, stop_s, speaker in segments:
        found[round(100 * start_s) : round(100 * stop_s)] = speaker
    pairs = zip(truth[truth > 0].tolist(), found[truth > 0], strict=True)
    table = {}
    for pair in pairs:
        table[pair] = table.get(pair, 0) + 1
    return table, np.mean(found[truth == 0] != None)  # noqa: E711


@pytest.mark.parametrize("method", ["agglomerative", "spectral"])
def test_fact_two_voices_are_told_apart(model, dialogue, method):
    path, truth = dialogue
    table, in_pauses = counts(
        diarize(model, path, Plan(n_speakers=2, method=method)), truth
    )
    # speaker_1 is who speaks first.
    right = table[1, "speaker_1"] + table[2, "speaker_2"]
    assert right >= 0.98 * sum(table.values())
    assert in_pauses < 0.05


def test_law_a_higher_threshold_finds_more_speakers(model, dialogue):
    n_found = [
        len({s.speaker for s in diarize(model, dialogue[0], Plan(threshold=t))})
        for t in (-99.0, -2.0, 4.0, 99.0)
    ]
    assert n_found[0] == 1 and n_found[1] == 2
    assert n_found == sorted(n_found) and n_found[3] > 20


def test_law_rate_and_batches_do_not_matter(model, dialogue, tmp_path):
    path, _ = dialogue
    plan = Plan(n_speakers=2)
    whole = diarize(model, path, plan)
    assert diarize(model, path, plan, batch_size=3) == whole
    wav, _ = soundfile.read(path)
    slow = tmp_path / "slow.wav"
    soundfile.write(slow, np.stack([wav, wav], axis=1), RATE)
    assert diarize(model, slow, plan) == whole


def fake(encode):
    scoring = ScoringSystem(
        cosine_backend(False), calibration=Calibration(10.0, -5.0)
    )
    return SimpleNamespace(encode_batch=encode, scoring=scoring)


def test_fact_a_change_of_voice_is_placed_to_a_quarter_second(tmp_path):
    # A low, then a high tone without a pause, after half a second of silence.
    time = np.arange(6 * RATE) / RATE
    pitch = np.where(time < 3, 200, 2000)
    wav = 0.3 * np.sin(2 * np.pi * pitch * time)
    path = tmp_path / "tones.wav"
    soundfile.write(path, np.concatenate([np.zeros(8000), wav]), RATE)

    def encode(wavs, lens):
        is_high = (wavs.diff(dim=1).abs().mean(dim=1) > 0.1).float()
        return torch.stack([is_high, 1 - is_high], dim=1)

    found = diarize(fake(encode), path, Plan(window_s=1.0, hop_s=0.5))
    assert [s.speaker for s in found] == ["speaker_1", "speaker_2"]
    assert found[0].start_s == pytest.approx(0.5, abs=0.02)
    assert found[0].stop_s == found[1].start_s
    assert found[0].stop_s == pytest.approx(3.5, abs=0.26)
    assert found[1].stop_s == pytest.approx(6.5, abs=0.02)


def test_fact_silence_has_no_speaker(tmp_path):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    assert diarize(fake(None), path) == []


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(window_s=0.1), "windows of 0.1 s are too short"),
        (Plan(hop_s=0.0), "a hop of 0.0 s"),
        (Plan(hop_s=2.0), "a hop of 2.0 s"),
        (Plan(gate=SpeechGate(shortest_s=0.05)), "stretches of 0.05 s"),
    ],
)
def test_fact_a_wrong_plan_is_refused_before_anything_is_read(plan, message):
    with pytest.raises(ValueError, match=message):
        diarize(fake(None), "nothing.wav", plan)
