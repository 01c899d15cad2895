"""Encoders of pre-trained models, exported at toy sizes."""

import pytest
import torch

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.fusion import StateFusion
from speechbrain_denokd.encoders.fusion_encoder import FusionEncoder
from speechbrain_denokd.encoders.mhfa import Mhfa
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.spectrogram_stem import SpectrogramStem
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from speechbrain_denokd.encoders.ssrfnet import SSRFNet
from speechbrain_denokd.encoders.sv_mixer import SvMixer
from speechbrain_denokd.encoders.waveform_conv import WaveformConv
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa, WavLMEcapaHead
from speechbrain_denokd.encoders.wavlm_folder import (
    save_random_wavlm,
    wavlm_large_config,
)
from speechbrain_denokd.export.graph import capture
from speechbrain_denokd.export.parity import check_parity
from speechbrain_denokd.export.runtime import OnnxEmbedder
from tests.export.conftest import exported


def mixer(length_policy="interpolate"):
    return SvMixer(
        WaveformConv(16, conv_dim=8),
        n_layers=3,
        n_tokens=24,
        length_policy=length_policy,
    )


def mixer_head(folder):
    head = Mhfa(4, 16, n_heads=4, dim=8, embedding_dim=12)
    return SslHeadEncoder(mixer(), head)


def wavlm_ecapa(folder):
    config = wavlm_large_config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=[8] * 7,
    )
    head = WavLMEcapaHead(3, 16, channels=16, frame_dim=48)
    return WavLMEcapa(WavLM(save_random_wavlm(config, folder)), head)


def ssrfnet(folder):
    trunk = ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)], n_maps=2)
    fusion = StateFusion(3, 2, width=2, input_dim=16, output_dim=32)
    return FusionEncoder(
        mixer(),
        FbankFrontEnd(n_mels=24),
        SpectrogramStem(24, channels=32),
        SSRFNet(fusion, trunk, embedding_dim=16),
    )


@pytest.mark.slow
@pytest.mark.parametrize("build", [mixer_head, wavlm_ecapa, ssrfnet])
def test_law_graphs_agree_with_their_encoders(build, speech, tmp_path):
    torch.manual_seed(0)
    encoder = build(str(tmp_path)).eval()
    path = exported(encoder, tmp_path).path
    parity = check_parity(encoder, OnnxEmbedder(path).run, speech)
    assert parity.max_difference < 1e-5


def test_fact_windows_are_refused():
    head = Mhfa(4, 16, n_heads=4, dim=8, embedding_dim=12)
    encoder = SslHeadEncoder(mixer("windows"), head).eval()
    with pytest.raises(ValueError, match="length_policy='windows'"):
        capture(encoder)
