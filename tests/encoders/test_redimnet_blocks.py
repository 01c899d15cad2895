"""ReDimNet's blocks against formulas written out, and with padding."""

import math

import pytest
import torch
import torch.nn.functional as F

from speechbrain_denokd.encoders.redimnet_blocks import (
    ChannelNorm,
    ConvNeXtBlock,
    TimeContextBlock,
    block_2d,
    n_groups,
)

KINDS = ["convnext", "resnet", "resnet_fwse"]


def _trained(block, *shape):
    """Eval mode, after batch norms of random gain and shift saw some data."""
    for module in block.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    for _ in range(3):
        block(torch.randn(*shape), _mask(shape))
    return block.eval()


def _mask(shape, n_frames=None):
    mask = torch.ones(shape[0], *[1] * (len(shape) - 2), shape[-1]).bool()
    if n_frames is not None:
        mask[..., n_frames:] = False
    return mask


def _batch_norm(norm, x):
    """Gain and shift of running statistics."""
    column = (1, -1) + (1,) * (x.ndim - 2)
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - norm.running_mean * gain
    return x * gain.reshape(column) + shift.reshape(column)


def test_reference_convnext_block():
    torch.manual_seed(0)
    block = _trained(ConvNeXtBlock(8, 3, group_divisor=4), 2, 8, 6, 20)
    x = torch.randn(2, 8, 6, 20)
    # Two groups of four channels, each group a convolution of its own.
    weight, bias = block.grouped.weight, block.grouped.bias
    halves = [
        F.conv2d(x[:, i : i + 4], weight[i : i + 4], bias[i : i + 4], padding=1)
        for i in (0, 4)
    ]
    y = _batch_norm(block.norm, torch.cat(halves, dim=1))
    y = y * (1 + torch.erf(y / math.sqrt(2))) / 2
    y = torch.einsum("oc,bcft->boft", block.pointwise.weight[:, :, 0, 0], y)
    expected = x + y + block.pointwise.bias[:, None, None]
    torch.testing.assert_close(
        block(x, _mask(x.shape)), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["resnet", "resnet_fwse"])
def test_reference_residual_block(kind):
    torch.manual_seed(0)
    block = _trained(block_2d(kind, 8, 6, group_divisor=1), 2, 8, 6, 20)
    x = torch.randn(2, 8, 6, 20)

    y = _batch_norm(block.norm1, block.conv1(x).clamp(min=0))
    y = _batch_norm(block.norm2, block.conv2(y))
    if kind == "resnet_fwse":
        excitation = block.excitation
        level = y.mean(dim=(1, 3))
        gain = excitation.excite(excitation.squeeze(level).clamp(min=0))
        y = y / (1 + (-gain).exp())[:, None, :, None]
    torch.testing.assert_close(
        block(x, _mask(x.shape)), (x + y).clamp(min=0), rtol=1e-4, atol=1e-5
    )


def test_reference_attention_of_the_time_context():
    """Post-norm transformer layer, tanh GELU, four heads, written out."""
    torch.manual_seed(0)
    block = _trained(TimeContextBlock(24, 8), 2, 24, 30)
    layer, x = block.attention, torch.randn(24, 30)
    y = block.reduce(x[None])
    for conv in block.convs:
        y = conv(y, torch.ones(1, 1, 30).bool())
    y = y[0].T

    attention = layer.self_attn
    q, k, v = (y @ attention.in_proj_weight.T + attention.in_proj_bias).chunk(
        3, dim=1
    )
    heads = []
    for i in range(0, 8, 2):
        share = (q[:, i : i + 2] @ k[:, i : i + 2].T / math.sqrt(2)).exp()
        share = share / share.sum(dim=1, keepdim=True)
        heads.append(share @ v[:, i : i + 2])
    y = layer.norm1(y + attention.out_proj(torch.cat(heads, dim=1)))
    h = layer.linear1(y)
    h = h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3))) / 2
    y = layer.norm2(y + layer.linear2(h))
    expected = x + block.expand(y.T[None])[0]
    for no_grad in (True, False):  # PyTorch has a fast path without gradients
        with torch.set_grad_enabled(not no_grad):
            actual = block(x[None], torch.ones(1, 1, 30).bool())[0]
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_law_padding_is_invisible_in_2d(kind):
    torch.manual_seed(0)
    block = _trained(block_2d(kind, 8, 6, group_divisor=4), 2, 8, 6, 20)
    x = torch.randn(1, 8, 6, 20)
    x[..., 13:] = 1e3
    together = block(x, _mask(x.shape, n_frames=13))[..., :13]
    alone = block(x[..., :13], _mask((1, 8, 6, 13)))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_law_padding_is_invisible_in_1d():
    torch.manual_seed(0)
    block = _trained(TimeContextBlock(24, 8), 2, 24, 30)
    x = torch.randn(1, 24, 80)
    x[..., 45:] = 1e3
    for no_grad in (True, False):
        with torch.set_grad_enabled(not no_grad):
            together = block(x, _mask(x.shape, n_frames=45))[..., :45]
            alone = block(x[..., :45], _mask((1, 24, 45)))
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_fact_reach_of_the_convolutions_before_the_attention():
    """Kernels 7, 19, 31 and 59 hear 3 + 9 + 15 + 29 frames to each side."""
    torch.manual_seed(0)
    block = TimeContextBlock(24, 8).eval()
    x = torch.randn(1, 24, 201, requires_grad=True)
    y = block.reduce(x)
    for conv in block.convs:
        y = conv(y, torch.ones(1, 1, 201).bool())
    y[..., 100].sum().backward()
    heard = (x.grad.abs().sum(dim=(0, 1)) > 0).nonzero()
    assert (int(heard.min()), int(heard.max())) == (100 - 56, 100 + 56)


def test_fact_channel_norm_is_per_frame_and_frequency():
    x = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1).repeat(1, 1, 2, 3)
    x[..., 1] *= 10
    y = ChannelNorm(2)(x)
    torch.testing.assert_close(y[:, 0], -torch.ones(1, 2, 3))
    torch.testing.assert_close(y[:, 1], torch.ones(1, 2, 3))


def test_fact_excitation_width_follows_the_channels():
    widths = [
        block_2d("resnet_fwse", channels, 6, 1).excitation.squeeze.out_features
        for channels in (16, 48, 128)
    ]
    assert widths == [32, 48, 64]


def test_error_groups_name_both_numbers():
    with pytest.raises(ValueError, match="group_divisor=8 .* 4 channels"):
        n_groups(4, 8)
    with pytest.raises(ValueError, match="group_divisor=4 .* 31 channels"):
        n_groups(31, 4)


def test_error_width_that_four_heads_cannot_share():
    with pytest.raises(ValueError, match="hidden_dim=6 .* 4 attention heads"):
        TimeContextBlock(24, 6)


def test_error_unknown_block_names_the_known_ones():
    with pytest.raises(ValueError, match="'conv'.*'convnext', 'resnet' or"):
        block_2d("conv", 8, 6, 1)
