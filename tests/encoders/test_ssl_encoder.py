"""A pre-trained model alone as an encoder."""

import torch

from speechbrain_denokd.encoders.ssl_encoder import SslEncoder
from speechbrain_denokd.encoders.sv_mixer import SvMixer
from speechbrain_denokd.encoders.waveform_conv import WaveformConv


def test_fact_states_are_the_models_and_the_mean_is_of_valid_frames():
    torch.manual_seed(0)
    ptm = SvMixer(WaveformConv(16, conv_dim=8), n_layers=3, n_tokens=24).eval()
    encoder = SslEncoder(ptm).eval()
    wavs, lens = torch.randn(2, 16000), torch.tensor([1.0, 0.5])
    with torch.no_grad():
        output, (stages, n_frames) = encoder(wavs, lens), ptm(wavs, lens)
    assert len(output.states) == 3
    for found, expected in zip(output.states, stages[1:], strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(output.frames, stages[-1])
    for row, n in enumerate(n_frames):
        torch.testing.assert_close(
            output.embedding[row], stages[-1][row, :n].mean(dim=0)
        )
