"""A stage: which view it works in, and what it is made of."""

import pytest
import torch

from speechbrain_denokd.encoders.redimnet_stage import ReDimNetStage, StageSize
from speechbrain_denokd.encoders.reshape import to_1d, to_2d

BARE = StageSize(stride=2, n_blocks=0, expansion=1, reduction=None)


def _n_parameters(size):
    stage = ReDimNetStage(4, 24, size, "convnext", group_divisor=4)
    return sum(p.numel() for p in stage.parameters())


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("expansion", [1, 2])
def test_law_size_and_time_are_kept_and_channels_replace_bins(
    stride, expansion
):
    size = StageSize(stride, 1, expansion, 12)
    stage = ReDimNetStage(4, 24, size, "convnext", group_divisor=4)
    x = torch.randn(2, 4 * 24, 17)
    assert stage(x, torch.ones(2, 1, 17).bool()).shape == x.shape
    assert (stage.channels, stage.n_mels) == (4 * stride, 24 // stride)


def test_reference_stride_joins_neighbouring_bins():
    stage = ReDimNetStage(3, 8, BARE, "convnext", group_divisor=1)
    x = torch.randn(2, 3 * 8, 5)
    bins = to_2d(x, 3)
    weight, bias = stage.expand.weight, stage.expand.bias
    pairs = torch.einsum(
        "ocs,bcfst->boft", weight[..., 0], bins.unflatten(2, (4, 2))
    )
    expected = to_1d(pairs + bias[:, None, None])
    actual = stage(x, torch.ones(2, 1, 5).bool())
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_fact_parts_by_parameter_count():
    """Stage of 4 channels and 24 bins, stride 2, groups of 4 channels."""
    expand = 8 * 4 * 2 + 8
    block = (8 * 4 * 9 + 8) + 2 * 8 + (8 * 8 + 8)
    assert _n_parameters(BARE) == expand
    assert _n_parameters(BARE._replace(n_blocks=3)) == expand + 3 * block
    # Twice the channels, then back: two groups of 8 to 4 channels, 1 x 1.
    wide = 16 * 4 * 2 + 16
    squeeze = (8 * 8 * 9 + 8) + 2 * 8 + (8 * 8 + 8)
    assert _n_parameters(BARE._replace(expansion=2)) == wide + squeeze
    # 96 / 12 = 8 channels in the 1-D block.
    reduce, widen = (96 * 8 + 8) + 2 * 8, 8 * 96 + 96
    convs = sum(8 * k + 8 + 2 * 8 + 8 * 8 + 8 for k in (7, 19, 31, 59))
    attention = 4 * (8 * 8 + 8) + 2 * (8 * 8 + 8) + 2 * 2 * 8
    context = reduce + convs + attention + widen
    assert _n_parameters(BARE._replace(reduction=12)) == expand + context


@pytest.mark.parametrize("block", ["convnext", "resnet_fwse"])
def test_law_padding_is_invisible(block):
    torch.manual_seed(0)
    stage = ReDimNetStage(4, 24, StageSize(2, 2, 2, 12), block, 4)
    stage(torch.randn(4, 96, 40), torch.ones(4, 1, 40).bool())
    stage.eval()
    x = torch.randn(1, 96, 40)
    x[..., 23:] = 1e3
    mask = torch.arange(40)[None, None] < 23
    torch.testing.assert_close(
        stage(x, mask)[..., :23],
        stage(x[..., :23], mask[..., :23]),
        rtol=1e-4,
        atol=1e-5,
    )


def test_error_bins_not_divisible_by_the_stride():
    with pytest.raises(ValueError, match="n_mels=9 .* stride 2"):
        ReDimNetStage(4, 9, BARE, "convnext", 4)
