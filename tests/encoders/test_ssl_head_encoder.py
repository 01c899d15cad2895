"""A pre-trained model and a head: one encoder for every pair."""

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_denokd.encoders.ca_mhfa import CaMhfa
from speechbrain_denokd.encoders.lap import Lap
from speechbrain_denokd.encoders.mhfa import Mhfa
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa, WavLMEcapaHead
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from tests.encoders.tiny_fusion import (
    N_STATES,
    STATE_DIM,
    assert_gradients,
    assert_padding_is_invisible,
    tiny_ptm,
    trained,
)
from tests.encoders.unispeech_layout import tiny_config

HEADS = {
    "mhfa": lambda: Mhfa(N_STATES + 1, STATE_DIM, 4, 8, 10),
    "ca_mhfa": lambda: CaMhfa(N_STATES + 1, STATE_DIM, 4, 3, 8, 10),
    "lap": lambda: Lap(N_STATES + 1, STATE_DIM, 4, 8, 10),
}
# Softmaxes over time take no notice of what all frames share.
WITHOUT_GRADIENT = ("head.queries.bias", "head.pooling.score.bias")


@pytest.fixture(params=HEADS)
def encoder(request):
    torch.manual_seed(0)
    return trained(SslHeadEncoder(tiny_ptm(), HEADS[request.param]()))


def test_law_padding_is_invisible(encoder):
    assert_padding_is_invisible(encoder)
    assert (encoder.frame_hop_ms, encoder.first_frame_ms) == (20.0, 12.5)


def test_law_gradients_reach_every_parameter(encoder):
    assert_gradients(encoder, WITHOUT_GRADIENT)


def test_reference_wavlm_ecapa(tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path))
    head = WavLMEcapaHead(5, 64, channels=16, frame_dim=48, embedding_dim=8)
    wavs, lens = torch.randn(2, 8000), torch.tensor([1.0, 0.7])
    ours = SslHeadEncoder(wavlm, head).eval()(wavs, lens)
    theirs = WavLMEcapa(wavlm, head).eval()(wavs, lens)
    assert torch.equal(ours.embedding, theirs.embedding)


def test_law_a_frozen_model_stays_as_it_is(tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path), freeze=True)
    encoder = SslHeadEncoder(wavlm, Mhfa(5, 64, 4, 8, 10)).train()
    assert not wavlm.model.training
    encoder(torch.randn(2, 8000), torch.ones(2)).embedding.sum().backward()
    assert all(p.grad is None for p in wavlm.parameters())
    assert encoder.head.key_mix.weights.grad is not None


def test_fact_a_page_names_model_and_head():
    package = "speechbrain_denokd.encoders"
    encoder = load_hyperpyyaml(
        f"encoder: !new:{package}.ssl_head_encoder.SslHeadEncoder\n"
        f"  ptm: !new:{package}.sv_mixer.SvMixer\n"
        f"    front_end: !new:{package}.waveform_conv.WaveformConv\n"
        "      hidden_dim: 16\n"
        "      conv_dim: 8\n"
        "    n_layers: 2\n"
        f"  head: !new:{package}.lap.Lap\n"
        "    n_stages: 3\n"
        "    input_dim: 16\n"
    )["encoder"]
    assert (encoder.frame_dim, encoder.embedding_dim) == (512, 192)
    assert encoder.min_samples == 400


def test_error_sizes_that_do_not_meet():
    with pytest.raises(ValueError, match="5 layers of 16 .* 13 of 768; .*=5"):
        SslHeadEncoder(tiny_ptm(), Mhfa())
