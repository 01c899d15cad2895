"""The GE2E LSTM hears what the published weights were trained on."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers.audio_utils import (
    mel_filter_bank,
    spectrogram,
    window_function,
)

from speechbrain_denokd.encoders.ge2e import Ge2eLstm, weights_file
from speechbrain_denokd.encoders.mhfa import Mhfa
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from speechbrain_denokd.start_weights import start_from_ptm

WAVS = 0.2 * torch.randn(2, 9000, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def published(tmp_path):
    """A file in the package's format, and the plain LSTM that it holds."""
    torch.manual_seed(1)
    lstm = nn.LSTM(40, 256, 3, batch_first=True)
    linear = nn.Linear(256, 256)
    state = {f"lstm.{k}": v for k, v in lstm.state_dict().items()}
    state |= {f"linear.{k}": v for k, v in linear.state_dict().items()}
    state |= {"similarity_weight": torch.ones(1)}
    path = tmp_path / "pretrained.pt"
    torch.save({"step": 3, "model_state": state, "optimizer_state": {}}, path)
    return path, lstm, linear


def mels_of(wav):
    """Slaney's mel powers, by another library."""
    filters = mel_filter_bank(
        201, 40, 0, 8000, 16000, norm="slaney", mel_scale="slaney"
    )
    return spectrogram(
        wav.astype(np.float64),
        window_function(400, "hann"),
        frame_length=400,
        hop_length=160,
        power=2.0,
        pad_mode="constant",
        mel_filters=filters,
    ).T


def test_reference_layers_are_those_of_the_published_network(published):
    path, lstm, linear = published
    ge2e = Ge2eLstm(stride=1)
    ge2e.load_source(path)
    mels = torch.from_numpy(mels_of(WAVS[0].numpy())).float()[None]
    with torch.no_grad():
        stages = ge2e(WAVS[:1], torch.ones(1)).stages
        above, (last, _) = lstm(mels)
        expected = torch.relu(linear(above))
    assert len(stages) == 4
    torch.testing.assert_close(stages[2], above, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(stages[3], expected, rtol=1e-3, atol=1e-5)
    for layer in range(3):
        torch.testing.assert_close(
            stages[layer][:, -1], last[layer], rtol=1e-3, atol=1e-5
        )


def test_fact_quiet_recordings_are_raised_to_minus_30_db_loud_ones_are_not():
    ge2e = Ge2eLstm().eval()
    square = torch.ones(1, 8000)
    square[:, ::2] = -1
    lens = torch.ones(1)
    with torch.no_grad():
        at_level = ge2e(10**-1.5 * square, lens).stages[0]
        quieter = ge2e(10**-2.5 * square, lens).stages[0]
        louder = ge2e(10**-0.5 * square, lens).stages[0]
    torch.testing.assert_close(quieter, at_level, rtol=1e-4, atol=1e-6)
    assert (louder - at_level).abs().max() > 1e-3


def test_law_padding_is_invisible():
    ge2e = Ge2eLstm().eval()
    wavs = WAVS.clone()
    wavs[1, 4500:] = 7.0  # what lies in the padding does not matter
    with torch.no_grad():
        batch = ge2e(wavs, torch.tensor([1.0, 0.5]))
        alone = ge2e(WAVS[1:, :4500], torch.ones(1))
    n_frames = int(alone.n_frames)
    assert batch.n_frames.tolist() == [29, n_frames]
    for padded, single in zip(batch.stages, alone.stages, strict=True):
        torch.testing.assert_close(
            padded[1, :n_frames], single[0], rtol=1e-4, atol=1e-6
        )


def test_law_a_stride_gives_every_second_frame_of_the_same():
    torch.manual_seed(2)
    every = Ge2eLstm(stride=1).eval()
    second = Ge2eLstm(stride=2).eval()
    second.load_state_dict(every.state_dict())
    with torch.no_grad():
        full, half = every(WAVS, torch.ones(2)), second(WAVS, torch.ones(2))
    assert full.n_frames.tolist() == [57, 57]
    assert half.n_frames.tolist() == [29, 29]
    assert (every.frame_hop_ms, second.frame_hop_ms) == (10.0, 20.0)
    assert torch.equal(full.stages[3][:, ::2], half.stages[3])


def test_law_frozen_means_no_gradient_and_no_training_mode():
    ge2e = Ge2eLstm(freeze=True).train()
    assert not ge2e.training
    assert not any(p.requires_grad for p in ge2e.parameters())
    assert Ge2eLstm().train().training


def test_fact_a_page_fills_it_before_training(published):
    path, lstm, _ = published
    ge2e = Ge2eLstm()
    start_from_ptm(SslHeadEncoder(ge2e, Mhfa(4, 256, 2, 8, 8)), str(path))
    assert torch.equal(ge2e.layers[2].weight_hh_l0, lstm.weight_hh_l2)


@pytest.mark.parametrize(
    "sizes", [{"n_layers": 2}, {"n_layers": 4}, {"hidden_dim": 128}]
)
def test_error_other_sizes(published, sizes):
    with pytest.raises(ValueError, match="do not fit a GE2E LSTM of"):
        Ge2eLstm(**sizes).load_source(published[0])


def test_error_what_runs_when_it_is_read(tmp_path):
    path = tmp_path / "pretrained.pt"
    torch.save({"model_state": Ge2eLstm()}, path)
    with pytest.raises(Exception, match="[Ww]eights.only"):
        Ge2eLstm().load_source(path)


def test_error_no_package(monkeypatch):
    monkeypatch.setattr(
        "speechbrain_denokd.encoders.ge2e.find_spec", lambda name: None
    )
    with pytest.raises(FileNotFoundError, match="pip install --no-deps"):
        weights_file("resemblyzer")
