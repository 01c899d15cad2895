"""Several speakers in one recording: `SpeakerEmbedder.encode_overlapped`."""

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.encoders.log_spectrum import LogSpectrum
from speechbrain_denokd.encoders.mirnet import MirNet
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.model_folder import (
    read_model_folder,
    write_model_folder,
)
from tests.tiny import ENCODER_TEXT, tiny_encoder, voice_rows

TEXT = """\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.log_spectrum.LogSpectrum
        n_fft: 128
        window_ms: 8
    network: !new:speechbrain_denokd.encoders.mirnet.MirNet
        n_bins: 65
        n_speakers: 3
        channels: [8, 8, 8, 8, 8]
        resnet_channels: 2
        embedding_dim: 6"""


def tiny_mirnet():
    torch.manual_seed(3)
    encoder = WavEncoder(
        LogSpectrum(n_fft=128, window_ms=8),
        MirNet(
            n_bins=65,
            n_speakers=3,
            channels=[8] * 5,
            resnet_channels=2,
            embedding_dim=6,
        ),
    )
    encoder(0.1 * torch.randn(4, 8000), torch.ones(4))
    return encoder.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    head = Classifier(6, lin_neurons=6, out_neurons=2)
    write_model_folder(
        folder, TEXT, tiny_mirnet(), head, ["ann", "bob"], 1.0, 0.0
    )
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return SpeakerEmbedder.from_hparams(folder, run_opts={"device": "cpu"})


def test_law_the_folder_holds_the_encoder(folder, model, tmp_path):
    [row] = voice_rows(tmp_path, n_speakers=1, n_each=1)
    wav = torch.from_numpy(soundfile.read(row.wav, dtype="float32")[0])
    with torch.no_grad():
        expected = tiny_mirnet()(wav[None], torch.ones(1)).embeddings[0]
        loaded = read_model_folder(folder).encoder
        again = loaded(wav[None], torch.ones(1)).embeddings[0]
    found = model.encode_overlapped(row.wav)
    assert found.shape == (3, 6)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    torch.testing.assert_close(again, expected)


def test_law_any_rate_and_channel_count(model, tmp_path):
    """A tone at 8 kHz in two channels is the tone at 16 kHz in one."""
    found = {}
    for rate, channels in ((16000, 1), (8000, 2)):
        time = np.arange(rate) / rate
        wav = 0.3 * np.sin(2 * np.pi * 500 * time) * np.sin(20 * time)
        path = tmp_path / f"{rate}.wav"
        soundfile.write(path, np.stack([wav] * channels, 1), rate)
        found[rate] = model.encode_overlapped(path)
    assert found[8000].shape == found[16000].shape
    # Above 4 kHz there is nothing in the one, rounding noise in the other.
    assert np.isfinite(found[8000]).all()


def test_error_one_kind_of_model_for_the_other(model, tmp_path):
    [row] = voice_rows(tmp_path, n_speakers=1, n_each=1)
    with pytest.raises(ValueError, match="3 speakers.*encode_overlapped"):
        model.encode_file(row.wav)
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    single = tmp_path / "single"
    write_model_folder(
        single, ENCODER_TEXT, tiny_encoder(), head, ["x"], 32, 0.2
    )
    embedder = SpeakerEmbedder.from_hparams(single)
    with pytest.raises(ValueError, match="one embedding.*mirnet"):
        embedder.encode_overlapped(row.wav)


def test_error_bad_recordings(model, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    with pytest.raises(ValueError, match="silent"):
        model.encode_overlapped(tmp_path / "silent.wav")
    with pytest.raises(FileNotFoundError, match="nowhere.wav"):
        model.encode_overlapped(tmp_path / "nowhere.wav")
