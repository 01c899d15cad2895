"""SSRFNet: the paper's sizes and cost, padding, gradients."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_denokd.encoders.fusion import StateFusion
from speechbrain_denokd.encoders.redimnet_trunk import (
    SSRFNET_STAGES,
    ReDimNetTrunk,
)
from speechbrain_denokd.encoders.spectrogram_stem import SpectrogramStem
from speechbrain_denokd.encoders.ssrfnet import SSRFNet
from tests.encoders.tiny_fusion import (
    DIM,
    N_STATES,
    STATE_DIM,
    assert_gradients,
    assert_padding_is_invisible,
    fusion_encoder,
    tiny_trunk,
    trained,
)


def encoder():
    torch.manual_seed(0)
    fusion = StateFusion(N_STATES, 2, 3, STATE_DIM, DIM)
    return fusion_encoder(SSRFNet(fusion, tiny_trunk(n_maps=2), 24))


def paper():
    with torch.device("meta"):
        fusion = StateFusion(12, 4, 4, input_dim=1024)
        return SpectrogramStem(), SSRFNet(fusion, ReDimNetTrunk(n_maps=4))


def count(*parts):
    return sum(p.numel() for part in parts for p in part.parameters())


def test_fact_parameters_of_the_classifier():
    stem, network = paper()
    trunk, head = network.trunk, network.head
    mixes = [group.mix for group in network.fusion.groups]
    assert count(stem) == 410_624
    assert count(*mixes) == 16_384
    assert count(network.fusion) - count(*mixes) == 20_983_808
    assert count(trunk.mixer) == 11_264
    assert count(trunk) - count(trunk.mixer) == 3_138_896
    assert count(head.pooling) == 525_440
    assert (count(head.norm), count(head.linear)) == (4_096, 393_408)
    assert count(stem, network) == 25_483_920


def test_fact_multiply_accumulates_of_three_seconds():
    """Convolutions and linear layers, against their number by hand."""
    stem, network = paper()
    n, dim = 149, 1024
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        stem.conv(torch.randn(1, 80, 301))
        network.eval()(
            torch.randn(1, n, dim),
            torch.randn(12, 1, n, dim),
            torch.full((1,), n),
        )
    flops = counter.get_flop_counts()["Global"]
    aten = torch.ops.aten
    macs = sum(flops[op] for op in (aten.convolution, aten.addmm, aten.mm)) / 2

    each = 5 * 80 * dim + 4 * 5 * dim**2  # stem and projections
    channels, n_mels = 16, 64
    for stride, n_blocks, _, reduction in SSRFNET_STAGES:
        each += dim * stride * channels  # expand
        channels, n_mels = channels * stride, n_mels // stride
        each += n_blocks * dim * (9 * 4 + channels)
        width = dim // reduction
        # Down and up; depthwise; 4 pointwise, 4 of attention, 2 behind it.
        each += width * (2 * dim + (7 + 19 + 31 + 59) + 10 * width)
    each += 2 * 128 * dim  # attention of the pooling
    once = 2 * dim * (128 + 192)  # its context; the embedding
    assert macs == n * each + once == 3_997_383_680


@pytest.mark.parametrize("fill", [0.0, float("nan")])
def test_law_padding_is_invisible(fill):
    assert_padding_is_invisible(trained(encoder()), fill=fill)


def test_law_gradients_reach_every_parameter():
    assert_gradients(trained(encoder()))


def test_fact_taps():
    """Stages are the trunk's; frames are what is pooled."""
    model = trained(encoder())
    frames, states, n_frames = model.streams(
        torch.randn(2, 8000), torch.ones(2)
    )
    output = model.backbone(frames, states, n_frames)
    maps = model.backbone.fusion(states, n_frames)
    stages, mixed = model.backbone.trunk(frames, n_frames, maps)
    assert len(output.stages) == 3
    for ours, theirs in zip(output.stages, stages, strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(output.frames, mixed)
    head = model.backbone.head
    pooled = head.pooling(output.frames, n_frames)
    assert torch.equal(head.linear(head.norm(pooled)), output.embedding)


def test_law_without_states_only_the_spectrogram_speaks():
    """Maps that the weights leave out change nothing."""
    model = trained(encoder())
    trunk = model.backbone.trunk
    where = {0: [1], 1: [1, 3], 2: [1, 3], 3: [1, 3]}
    for i, mixer in enumerate([*trunk.mixers, trunk.mixer]):
        with torch.no_grad():
            mixer.weights[:, where[i]] = -torch.inf
    frames, states, n_frames = model.streams(
        torch.randn(2, 8000), torch.ones(2)
    )
    others = [torch.randn_like(state) for state in states]
    assert torch.equal(
        model.backbone(frames, states, n_frames).embedding,
        model.backbone(frames, others, n_frames).embedding,
    )


def test_error_fusion_and_trunk_that_do_not_meet():
    fusion = StateFusion(N_STATES, 2, 3, STATE_DIM, DIM)
    with pytest.raises(ValueError, match="2 maps of 32 .* takes 3 of 32"):
        SSRFNet(fusion, tiny_trunk(n_maps=3))
    fusion = StateFusion(N_STATES, 2, 3, STATE_DIM)
    with pytest.raises(ValueError, match="of 16 .* of 32; .*output_dim=32"):
        SSRFNet(fusion, tiny_trunk(n_maps=2))
