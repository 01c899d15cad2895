import math

import pytest
import torch

from speechbrain_denokd.diffusion.blocks import (
    Bottleneck1d,
    SinusoidalTime,
    TableTime,
    sinusoids,
)
from speechbrain_denokd.diffusion.norm import FrameBatchNorm, FrameLayerNorm
from speechbrain_denokd.encoders.masks import frame_mask


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    "channels, reduction, expected",
    [
        (1536, 4, 1628928),
        (1536, 8, 706176),
        (1024, 4, 725504),
        (1024, 8, 315136),
        (512, 4, 182528),
        (512, 8, 79744),
        (256, 4, 46208),
        (256, 8, 20416),
        (192, 4, 26208),
        (192, 8, 11664),
    ],
)
def test_bottleneck_has_its_known_size(channels, reduction, expected):
    m = channels // reduction
    closed_form = 2 * channels * m + 3 * m**2 + 6 * m + 3 * channels
    found = n_parameters(Bottleneck1d(channels, reduction))
    assert found == closed_form == expected


def test_bottleneck_is_the_identity_until_its_last_norm_has_a_gain():
    block = Bottleneck1d(8, 4)
    torch.nn.init.zeros_(block.norm_widen.norm.weight)
    x = torch.randn(2, 8, 5)
    # Both signs pass: no activation after the addition.
    torch.testing.assert_close(block(x), x, atol=0, rtol=0)


def test_bottleneck_sees_one_frame_on_either_side():
    torch.manual_seed(0)
    block = Bottleneck1d(8, 4).eval()
    x = torch.randn(1, 8, 9)
    moved = x.clone()
    moved[:, :, 4] += 1
    changed = (block(moved) - block(x)).abs().amax(dim=(0, 1)) > 0
    assert changed.nonzero().flatten().tolist() == [3, 4, 5]


@pytest.mark.parametrize("norm", [FrameBatchNorm, FrameLayerNorm])
@pytest.mark.parametrize("training", [True, False])
def test_bottleneck_does_not_see_padding(norm, training):
    torch.manual_seed(0)
    block = Bottleneck1d(8, 4, norm).double().train(training)
    mask = frame_mask(torch.tensor([6, 4]), 6)
    x = torch.randn(2, 8, 6, dtype=torch.float64)
    junk = torch.where(mask[:, None], x, 100.0)
    valid = mask[:, None].expand_as(x)
    found, expected = block(junk, mask)[valid], block(x, mask)[valid]
    torch.testing.assert_close(found, expected)


def test_sinusoids_have_known_values():
    found = sinusoids(torch.tensor([0, 499]), 4)
    assert found[0].tolist() == [0, 0, 1, 1]
    # Frequencies 1 and 10000 ** -0.5 = 0.01.
    expected = [math.sin(499), math.sin(4.99), math.cos(499), math.cos(4.99)]
    assert found[1].tolist() == pytest.approx(expected, abs=1e-4)


def test_sinusoids_tell_all_steps_apart():
    waves = sinusoids(torch.arange(1000), 128).double()
    distances = torch.cdist(waves, waves).fill_diagonal_(torch.inf)
    assert distances.min() > 0.5


def test_sinusoids_stay_exact_under_autocast():
    timesteps = torch.tensor([997, 998])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sinusoids(timesteps, 8)
    expected = sinusoids(timesteps, 8)
    torch.testing.assert_close(found, expected, atol=0, rtol=0)


def test_table_starts_well_below_the_features():
    torch.manual_seed(0)
    table = TableTime(64)
    assert n_parameters(table) == 64000
    assert table.table.weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("time_class", [SinusoidalTime, TableTime])
def test_time_depends_on_its_step_alone(time_class):
    time = time_class(16)
    together = time(torch.tensor([3, 999]))
    torch.testing.assert_close(together[1:], time(torch.tensor([999])))
    assert not torch.allclose(together[0], together[1])


def test_indivisible_channels_are_refused():
    with pytest.raises(ValueError, match="channels=10 must be a multiple of"):
        Bottleneck1d(10, 4)


def test_odd_sinusoids_are_refused():
    with pytest.raises(ValueError, match="n_features=7 must be even.*use 8"):
        SinusoidalTime(16, n_features=7)
