"""Speaker-weighted pooling on the toolkit's encoders."""

import pytest
import torch

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.redimnet import ReDimNet
from speechbrain_denokd.encoders.speaker_weighted import (
    SpeakerWeightedEncoder,
    weighted_statistics,
)
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from tests.tiny import tiny_encoder


def _ecapa():
    return tiny_encoder()


def _redimnet():
    stages = [(1, 1, 1, None), (2, 1, 1, 12)]
    network = ReDimNet(24, 4, stages, group_divisor=4, embedding_dim=16)
    return WavEncoder(FbankFrontEnd(n_mels=24), network)


def _encoder(inner=_ecapa, n_speakers=2):
    """Eval mode, after the batch norms saw some data."""
    torch.manual_seed(0)
    encoder = SpeakerWeightedEncoder(inner(), n_speakers, 8, bottleneck=7)
    encoder.train()(0.1 * torch.randn(4, 8000), torch.ones(4))
    return encoder.eval()


def test_fact_weighted_mean_and_deviation_by_hand():
    frames = torch.tensor([[[1.0], [2.0], [6.0], [torch.nan]]])
    weights = torch.tensor([[[0.5, 0.5, 0.0, 0.0], [0.0, 0.75, 0.25, 0.0]]])
    found = weighted_statistics(frames, weights, torch.tensor([3]))
    # 0.75 * 2 + 0.25 * 6 = 3; 0.75 * 1 + 0.25 * 9 = 3.
    expected = torch.tensor([[[1.5, 0.5], [3.0, 3.0**0.5]]])
    torch.testing.assert_close(found, expected)


def test_reference_each_speaker_s_pooling_alone():
    encoder, frames = _encoder(), torch.randn(3, 9, 48)
    embedding, n_frames = torch.randn(3, 16), torch.full((3,), 9)
    mean = embedding.mean(1, keepdim=True)
    level = (embedding - mean) / (
        embedding.var(1, unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    joined = torch.cat([frames, level[:, None].expand(-1, 9, -1)], dim=2)
    weight = torch.cat([encoder.frame.weight, encoder.context.weight], dim=1)
    hidden = (joined @ weight.T + encoder.frame.bias).tanh()
    found = encoder.attend(frames, embedding, n_frames)
    for k, query in enumerate(encoder.score.weight):
        share = (hidden @ query).exp()
        share = share / share.sum(dim=1, keepdim=True)
        torch.testing.assert_close(found[:, k], share, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("inner", [_ecapa, _redimnet])
@pytest.mark.parametrize("n_speakers", [2, 3])
def test_law_padding_is_invisible(inner, n_speakers):
    encoder = _encoder(inner, n_speakers)
    lengths, batch = [16000, 9999, 2000], 0.1 * torch.randn(3, 16000)
    together = encoder(batch, torch.tensor(lengths) / 16000)
    for i, n in enumerate(lengths):
        alone = encoder(batch[i : i + 1, :n], torch.ones(1))
        t = int(alone.n_frames)
        torch.testing.assert_close(
            together.embeddings[i], alone.embeddings[0], rtol=0, atol=1e-4
        )
        torch.testing.assert_close(
            together.attention[i, :, :t], alone.attention[0], rtol=0, atol=1e-5
        )
        assert not together.attention[i, :, t:].any()


def test_law_exchanging_the_speakers_weights_exchanges_the_outputs():
    encoder, wavs = _encoder(n_speakers=3), 0.1 * torch.randn(2, 8000)
    before = encoder(wavs, torch.ones(2)).embeddings
    order = [2, 0, 1]
    with torch.no_grad():
        encoder.score.weight.copy_(encoder.score.weight[order])
    encoder.linears = torch.nn.ModuleList(encoder.linears[k] for k in order)
    after = encoder(wavs, torch.ones(2)).embeddings
    torch.testing.assert_close(after, before[:, order])


def test_fact_equal_weights_still_give_different_embeddings():
    """Where all talk at once the linear maps must do it."""
    encoder = _encoder()
    torch.nn.init.zeros_(encoder.score.weight)
    output = encoder(0.1 * torch.randn(2, 8000), torch.ones(2))
    torch.testing.assert_close(output.attention[:, 0], output.attention[:, 1])
    first, second = output.embeddings.unbind(dim=1)
    assert torch.cosine_similarity(first, second).abs().max() < 0.9


@pytest.mark.parametrize("inner", [_ecapa, _redimnet])
def test_law_nothing_of_the_inner_encoder_is_computed_in_vain(inner):
    """Nor does a parameter wait for a gradient, at which DDP would hang."""
    encoder = _encoder(inner)
    output = encoder(0.1 * torch.randn(3, 8000), torch.ones(3))
    output.embeddings.pow(2).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
    # The last layer gives the inner embedding and nothing else.
    last = list(encoder.encoder.network.children())[-1]
    for parameter in last.parameters():
        assert parameter.grad.abs().max() > 1e-9


def test_fact_the_embedding_s_length_says_nothing_to_the_attention():
    encoder, frames = _encoder(), torch.randn(1, 9, 48)
    embedding, n = torch.randn(1, 16), torch.tensor([9])
    torch.testing.assert_close(
        encoder.attend(frames, 500 * embedding, n),
        encoder.attend(frames, embedding, n),
        rtol=0,
        atol=1e-4,
    )


def test_error_one_speaker():
    with pytest.raises(ValueError, match="n_speakers=1, but a mixture has 2"):
        SpeakerWeightedEncoder(tiny_encoder(), n_speakers=1)
