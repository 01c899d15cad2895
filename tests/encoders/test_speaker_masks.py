"""Masks before an encoder of single speakers."""

import pytest
import torch

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.redimnet import ReDimNet
from speechbrain_denokd.encoders.speaker_masks import (
    Masked,
    SpeakerMaskedEncoder,
    part,
)
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from tests.tiny import tiny_encoder


def _encoder(n_speakers=2):
    """Eval mode, after the batch norms saw some data."""
    torch.manual_seed(0)
    encoder = SpeakerMaskedEncoder(tiny_encoder(), n_speakers, hidden_dim=8)
    encoder.train()(0.1 * torch.randn(4, 8000), torch.ones(4))
    return encoder.eval()


def test_fact_parted_by_hand():
    """Two frames of one filter: whole and a tenth; a tenth is 10 dB less."""
    levels = torch.tensor([[[0.0], [0.0], [99.0]]])
    masks = torch.tensor([[[1.0], [0.1], [1.0]], [[1e-30], [0.9], [1e-30]]])
    spectra, shares = part(Masked(masks[None].log(), levels, torch.tensor([2])))
    torch.testing.assert_close(
        shares[0], torch.tensor([[1.0, 0.1, 0.0], [0.0, 0.9, 0.0]])
    )
    # The mean of 0 and -10 dB, of which the second counts a tenth, is -10/11.
    expected = torch.tensor([10 / 11, -100 / 11, 0.0])
    torch.testing.assert_close(spectra[0, 0, :, 0], expected, atol=1e-3, rtol=0)
    # Where the second is not there, it is 60 dB below the peak.
    assert spectra[0, 1, :2, 0].diff().item() == pytest.approx(
        60 + 10 * torch.tensor(0.9 + 1e-6).log10().item(), abs=1e-3
    )


def test_reference_who_is_given_everything_is_heard_as_alone():
    encoder, wavs = _encoder(), 0.1 * torch.randn(2, 8000)
    with torch.no_grad():
        encoder.masks.linear.weight.zero_()
        bias = torch.zeros(2, 24)
        bias[0] = 50.0
        encoder.masks.linear.bias.copy_(bias.flatten())
    found = encoder(wavs, torch.ones(2)).embeddings[:, 0]
    alone = encoder.encoder(wavs, torch.ones(2)).embedding
    assert torch.cosine_similarity(found, alone).min() > 0.9999


@pytest.mark.parametrize("n_speakers", [2, 3])
def test_law_padding_is_invisible(n_speakers):
    encoder = _encoder(n_speakers)
    lengths, batch = [16000, 9999, 2000], 0.1 * torch.randn(3, 16000)
    together = encoder(batch, torch.tensor(lengths) / 16000)
    for i, n in enumerate(lengths):
        alone = encoder(batch[i : i + 1, :n], torch.ones(1))
        t = int(alone.n_frames)
        torch.testing.assert_close(
            together.embeddings[i], alone.embeddings[0], rtol=0, atol=1e-3
        )
        torch.testing.assert_close(
            together.attention[i, :, :t], alone.attention[0], rtol=0, atol=1e-4
        )
        assert not together.attention[i, :, t:].any()


def test_law_exchanging_the_masks_exchanges_the_outputs():
    encoder, wavs = _encoder(3), 0.1 * torch.randn(2, 8000)
    before, order = encoder(wavs, torch.ones(2)), [2, 0, 1]
    with torch.no_grad():
        for parameter in encoder.masks.linear.parameters():
            rows = parameter.unflatten(0, (3, 24))[order]
            parameter.copy_(rows.flatten(0, 1))
    after = encoder(wavs, torch.ones(2))
    for name in ("embeddings", "attention"):
        expected = getattr(before, name)[:, order]
        torch.testing.assert_close(getattr(after, name), expected)


def test_law_masks_learn_and_the_encoder_does_not():
    encoder = _encoder().train()
    assert encoder.masks.training and not encoder.encoder.training
    before = {
        name: value.clone()
        for name, value in encoder.encoder.state_dict().items()
    }
    masked = encoder(0.1 * torch.randn(3, 8000), torch.ones(3), embed=False)
    masked.log_masks[:, 0].mean().backward()
    for name, parameter in encoder.masks.named_parameters():
        assert parameter.grad is not None, name
    assert not any(p.requires_grad for p in encoder.encoder.parameters())
    for name, value in encoder.encoder.state_dict().items():
        assert torch.equal(value, before[name])


def test_fact_sharpened_by_hand():
    """Shares of 3/4 and 1/4, squared: 9 to 1."""
    encoder, wavs = _encoder(), 0.1 * torch.randn(1, 8000)
    with torch.no_grad():
        encoder.masks.linear.weight.zero_()
        bias = torch.tensor([0.75, 0.25]).log()[:, None].expand(2, 24)
        encoder.masks.linear.bias.copy_(bias.flatten())
    encoder.sharpness = 2.0
    found = encoder(wavs, torch.ones(1)).attention
    expected = torch.tensor([0.9, 0.1])[None, :, None].expand_as(found)
    torch.testing.assert_close(found, expected)
    # What is learnt from are the masks as they are.
    masked = encoder(wavs, torch.ones(1), embed=False)
    assert masked.log_masks[0, 0].exp().mean().item() == pytest.approx(0.75)


def test_fact_silence_has_an_embedding():
    output = _encoder()(torch.zeros(1, 8000), torch.ones(1))
    assert output.embeddings.isfinite().all()


def test_error_one_speaker():
    with pytest.raises(ValueError, match="n_speakers=1, but a mixture has 2"):
        SpeakerMaskedEncoder(tiny_encoder(), n_speakers=1)


def test_error_another_encoder():
    stages = [(1, 1, 1, None), (2, 1, 1, 12)]
    network = ReDimNet(24, 4, stages, group_divisor=4, embedding_dim=16)
    with pytest.raises(ValueError, match="is a ReDimNet on a FbankFrontEnd"):
        SpeakerMaskedEncoder(WavEncoder(FbankFrontEnd(n_mels=24), network))


def test_error_sharpness():
    with pytest.raises(ValueError, match="sharpness=0"):
        SpeakerMaskedEncoder(tiny_encoder(), sharpness=0)
