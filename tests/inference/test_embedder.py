"""`SpeakerEmbedder`: what a stranger uses a model folder with."""

import numpy as np
import pytest
import soundfile
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.extraction.recording import Windowing
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.inference.embedder import read_recording
from speechbrain_denokd.inference.source import local_folder
from speechbrain_denokd.metrics import OperatingPoint
from speechbrain_denokd.model_folder import write_model_folder
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.norm import ScoreNorm
from speechbrain_denokd.scoring.system import ScoringSystem
from tests.tiny import ENCODER_TEXT, tiny_encoder, voice_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    write_model_folder(
        folder, ENCODER_TEXT, tiny_encoder(), head, ["x"], 32, 0.2
    )
    ScoringSystem(
        cosine_backend(centre=False),
        ScoreNorm(),
        None,
        Calibration(scale=10.0, offset=-5.0),
    ).save(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return SpeakerEmbedder.from_hparams(folder, run_opts={"device": "cpu"})


@pytest.fixture
def wavs(tmp_path):
    return [row.wav for row in voice_rows(tmp_path, n_speakers=2, n_each=2)]


def test_law_padding_is_invisible(model, wavs):
    together = model.encode_files(wavs)
    for path, embedding in zip(wavs, together, strict=True):
        np.testing.assert_allclose(
            model.encode_file(path), embedding, rtol=0, atol=1e-4
        )


def test_reference_embeddings_are_those_of_plain_speechbrain(
    folder, model, wavs
):
    plain = EncoderClassifier.from_hparams(
        source=str(folder), run_opts={"device": "cpu"}
    )
    for path in wavs:
        wav = plain.load_audio(path)
        np.testing.assert_allclose(
            model.encode_file(path),
            plain.encode_batch(wav[None])[0, 0].numpy(),
            rtol=0,
            atol=1e-5,
        )


def test_law_a_long_recording_is_the_mean_of_its_windows(model, tmp_path):
    rng = np.random.default_rng(0)
    wav = 0.1 * rng.standard_normal(3 * 16000)
    path = tmp_path / "long.wav"
    soundfile.write(path, wav, 16000, subtype="FLOAT")
    parts = []
    for n in range(3):
        part = tmp_path / f"{n}.wav"
        second = wav[n * 16000 : (n + 1) * 16000]
        soundfile.write(part, second, 16000, subtype="FLOAT")
        parts.append(model.encode_file(part))
    found = model.encode_file(path, Windowing(window_s=1.0, overlap_s=0.0))
    np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=0, atol=1e-5)


def test_reference_llr_is_the_affine_map_of_the_cosine(model, wavs):
    one, two = model.encode_files(wavs[:2])
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    answer = model.verify_files(*wavs[:2])
    assert answer.score == pytest.approx(cosine, abs=1e-5)
    assert answer.llr == pytest.approx(10 * cosine - 5, abs=1e-4)
    assert answer.threshold == 0
    assert answer.same_speaker == (answer.llr >= 0)


def test_fact_prior_and_costs_set_the_threshold(model, wavs):
    point = OperatingPoint("door", 0.01, c_miss=1.0, c_fa=10.0)
    answer = model.verify_files(wavs[0], wavs[0], point)
    assert answer.llr == pytest.approx(5.0, abs=1e-4)
    assert answer.threshold == pytest.approx(np.log(990))
    assert not answer.same_speaker


def test_fact_any_rate_and_channel_count_is_read(tmp_path):
    tone = {
        rate: 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
        for rate in (16000, 48000)
    }
    path = tmp_path / "stereo.flac"
    left = tone[48000]
    soundfile.write(path, np.stack([left, 0 * left], axis=1), 48000)
    found = read_recording(path).numpy()
    # The mean of both channels, at 16 kHz; the edges ring.
    inner = slice(200, -200)
    np.testing.assert_allclose(
        found[inner], 0.5 * tone[16000][inner], rtol=0, atol=1e-3
    )


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.zeros(16000), "is silent"), (np.full(1000, 0.1), "lasts 0.062 s")],
)
def test_fact_recordings_without_a_speaker_are_refused(
    tmp_path, samples, message
):
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 16000)
    with pytest.raises(ValueError, match=message):
        read_recording(path)


def test_fact_a_path_is_not_taken_for_a_name_on_the_hub(tmp_path):
    for name in ("results/a/model", "./model", "/nowhere/model", "model"):
        with pytest.raises(FileNotFoundError, match="no model folder at"):
            local_folder(name)


def test_fact_a_name_on_the_hub_is_downloaded_whole(monkeypatch, tmp_path):
    asked = []

    def download(name):
        asked.append(name)
        return str(tmp_path)

    monkeypatch.setattr(
        "speechbrain_denokd.inference.source.snapshot_download", download
    )
    assert local_folder("somebody/ecapa") == tmp_path
    assert asked == ["somebody/ecapa"]
