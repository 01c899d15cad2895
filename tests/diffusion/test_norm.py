import pytest
import torch

from speechbrain_denokd.diffusion.norm import (
    FrameBatchNorm,
    FrameLayerNorm,
    zero_padded,
)
from speechbrain_denokd.encoders.masks import frame_mask

MASK = frame_mask(torch.tensor([7, 4, 1]), 7)


def frames_with_padding(filler):
    torch.manual_seed(0)
    x = 3 * torch.randn(3, 5, 7, dtype=torch.float64) + 2
    return x.masked_fill(~MASK[:, None, :], filler)


def test_batch_norm_takes_statistics_of_valid_frames_only():
    x = frames_with_padding(1e6)
    norm = FrameBatchNorm(5).double()
    found = norm(x, MASK)
    valid = x.transpose(1, 2)[MASK]
    mean, variance = valid.mean(0), valid.var(0, unbiased=False)
    expected = (x - mean[:, None]) / (variance[:, None] + 1e-5).sqrt()
    expected = expected.masked_fill(~MASK[:, None, :], 0.0)
    torch.testing.assert_close(found, expected)
    # Momentum 0.1 from mean 0, variance 1; the running variance is unbiased.
    torch.testing.assert_close(norm.norm.running_mean, 0.1 * mean)
    torch.testing.assert_close(norm.norm.running_var, 0.9 + 0.1 * valid.var(0))


@pytest.mark.parametrize("norm_class", [FrameBatchNorm, FrameLayerNorm])
@pytest.mark.parametrize("training", [True, False])
def test_padding_is_invisible_and_comes_out_zero(norm_class, training):
    zeros, junk = frames_with_padding(0.0), frames_with_padding(torch.nan)
    norm = norm_class(5).double().train(training)
    expected, found = norm(zeros, MASK), norm(junk, MASK)
    torch.testing.assert_close(found, expected, atol=0, rtol=0)
    assert (found.transpose(1, 2)[~MASK] == 0).all()


@pytest.mark.parametrize("norm_class", [FrameBatchNorm, FrameLayerNorm])
@pytest.mark.parametrize("training", [True, False])
def test_full_mask_is_no_mask(norm_class, training):
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    norm = norm_class(5).double().train(training)
    full = torch.ones(2, 6, dtype=torch.bool)
    torch.testing.assert_close(norm(x, full), norm(x))


def test_padding_receives_no_gradient():
    x = frames_with_padding(5.0).requires_grad_()
    found = FrameBatchNorm(5).double()(x, MASK)
    (found**3).sum().backward()
    assert (x.grad.transpose(1, 2)[~MASK] == 0).all()
    assert (x.grad.transpose(1, 2)[MASK] != 0).any()


def test_gradient_is_that_of_the_formula():
    x = frames_with_padding(5.0).requires_grad_()
    norm = FrameBatchNorm(5).double()
    assert torch.autograd.gradcheck(lambda x: norm(x, MASK), x)


def test_layer_norm_sees_one_frame_at_a_time():
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    norm = FrameLayerNorm(5).double()
    expected = torch.nn.functional.layer_norm(x[0, :, 3], (5,))
    torch.testing.assert_close(norm(x)[0, :, 3], expected)


@pytest.mark.parametrize("norm_class", [FrameBatchNorm, FrameLayerNorm])
def test_embeddings_are_normalised_as_single_frames(norm_class):
    x = torch.randn(6, 5, dtype=torch.float64)
    norm = norm_class(5).double()
    torch.testing.assert_close(norm(x), norm(x[..., None])[..., 0])


def test_mask_survives_the_conversion_for_distributed_training():
    """SpeechBrain converts every batch norm before it wraps a module."""
    torch.manual_seed(0)
    norm = FrameBatchNorm(5).double()
    expected = norm.eval()(frames_with_padding(0.0), MASK)
    synced = torch.nn.SyncBatchNorm.convert_sync_batchnorm(norm).eval()
    assert isinstance(synced.norm, torch.nn.SyncBatchNorm)
    found = synced(frames_with_padding(1e6), MASK)
    torch.testing.assert_close(found, expected)


def test_zero_padded_without_a_mask_is_the_identity():
    x = torch.randn(1, 2, 3)
    assert zero_padded(x, None) is x


def test_single_valid_frame_is_refused_in_training():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        FrameBatchNorm(5)(
            torch.zeros(1, 5, 3), frame_mask(torch.tensor([1]), 3)
        )
