"""Small parts of fusion encoders, and the laws that all of them keep."""

import torch

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.fusion_encoder import FusionEncoder
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.spectrogram_stem import SpectrogramStem
from speechbrain_denokd.encoders.sv_mixer import SvMixer
from speechbrain_denokd.encoders.waveform_conv import WaveformConv
from tests.encoders.test_wavlm import padded_batch

N_STATES, STATE_DIM, DIM = 4, 16, 32
STAGES = [(1, 1, 1, None), (2, 1, 1, 8), (1, 1, 2, None)]
# Half a second to one; both streams have 24, 34 and 49 frames, or one more.
LENGTHS = (16000, 8000, 11111)
# A softmax over time takes no notice of what all frames share, an instance
# norm takes it out again.
WITHOUT_GRADIENT = ("pooling.score.bias", "stem.conv.bias")


def tiny_trunk(n_maps=0):
    return ReDimNetTrunk(8, 4, STAGES, n_maps=n_maps)


def tiny_ptm(hidden_dim=STATE_DIM):
    return SvMixer(
        WaveformConv(hidden_dim, conv_dim=8, dropout=0.0),
        n_layers=N_STATES,
        n_tokens=24,
        n_groups=4,
        dropout=0.0,
    )


def fusion_encoder(backbone, ptm=None, **kwargs):
    ptm = tiny_ptm() if ptm is None else ptm
    return FusionEncoder(
        ptm,
        FbankFrontEnd(n_mels=24),
        SpectrogramStem(24, DIM),
        backbone,
        **kwargs,
    )


def trained(encoder):
    """In eval mode, no weight or statistic left as it was made."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for _ in range(3):
            encoder.train()(0.1 * torch.randn(4, 8000), torch.ones(4))
    return encoder.eval()


def assert_padding_is_invisible(encoder, lengths=LENGTHS, fill=float("nan")):
    """At every tap, for utterances of mixed lengths."""
    utterances, wavs, lens = padded_batch(lengths, fill)
    together = encoder(wavs, lens)
    assert together.frames.shape[2] == encoder.frame_dim
    assert together.embedding.shape[1] == encoder.embedding_dim
    for i, utterance in enumerate(utterances):
        alone = encoder(utterance[None], torch.ones(1))
        n = int(together.n_frames[i])
        assert alone.n_frames.tolist() == [n] and alone.frames.shape[1] == n
        pairs = [
            (together.embedding[i], alone.embedding[0]),
            (together.frames[i, :n], alone.frames[0]),
        ]
        for stage, single in zip(together.stages, alone.stages, strict=True):
            pairs.append((stage[i, :n], single[0]))
        for batched, single in pairs:
            torch.testing.assert_close(batched, single, rtol=0, atol=1e-4)


def assert_gradients(encoder, without=WITHOUT_GRADIENT):
    """In eval mode: training's batch norms would cancel biases."""
    output = encoder(0.1 * torch.randn(3, 9000), torch.tensor([1.0, 0.9, 1.0]))
    (output.embedding * torch.randn_like(output.embedding)).sum().backward()
    for name, parameter in encoder.named_parameters():
        reached = parameter.grad.abs().max() > 1e-9
        assert reached or name.endswith(without), name
