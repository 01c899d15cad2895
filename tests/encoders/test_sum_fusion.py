"""Fusion by sum, without projection."""

import pytest
import torch

from speechbrain_denokd.encoders.fusion import StateFusion
from speechbrain_denokd.encoders.sum_fusion import SumFusion
from tests.encoders.tiny_fusion import (
    DIM,
    N_STATES,
    assert_gradients,
    assert_padding_is_invisible,
    fusion_encoder,
    tiny_ptm,
    tiny_trunk,
    trained,
)


def encoder():
    torch.manual_seed(0)
    fusion = StateFusion(N_STATES, 2, 3, DIM, project=False)
    return trained(
        fusion_encoder(SumFusion(fusion, tiny_trunk(), 24), tiny_ptm(DIM))
    )


def test_law_padding_is_invisible():
    assert_padding_is_invisible(encoder())


def test_law_gradients_reach_every_parameter():
    assert_gradients(encoder())


def test_fact_groups_are_added_to_the_first_stages():
    network = encoder().backbone
    frames, *states = torch.randn(1 + N_STATES, 2, 15, DIM)
    n_frames = torch.tensor([15, 15])
    read = []
    for stage in network.trunk.stages:
        stage.register_forward_hook(lambda _, x, y: read.append(x[0]))
    network(frames, states, n_frames)
    first = network.fusion(states, n_frames)
    others = [torch.randn_like(state) for state in states]
    second = network.fusion(others, n_frames)
    network(frames, others, n_frames)
    # The first stage reads the spectrogram itself, and the first group.
    expected = (frames + first[0]).transpose(1, 2)
    torch.testing.assert_close(read[0], expected)
    difference = (first[0] - second[0]).transpose(1, 2)
    torch.testing.assert_close(read[0] - read[3], difference)
    # The last one has no group: its input is the mean of what came before.
    mixer, stages = network.trunk.mixers[2], network.trunk.stages
    mask = torch.ones(2, 1, 15, dtype=torch.bool)
    layers = [frames.transpose(1, 2)]
    layers += [stages[i](read[i], mask) for i in (0, 1)]
    torch.testing.assert_close(read[2], mixer(layers))


def test_error_parts_that_do_not_meet():
    with pytest.raises(ValueError, match="2 groups of 16 .* 3 stages of 32"):
        SumFusion(StateFusion(4, 2, 3, 16, project=False), tiny_trunk())
    with pytest.raises(ValueError, match="4 groups of 32 .* 3 stages of 32"):
        SumFusion(StateFusion(4, 4, 1, 32, project=False), tiny_trunk())
    with pytest.raises(ValueError, match="injects 2 maps.*n_maps=0"):
        SumFusion(StateFusion(4, 2, 3, 32, project=False), tiny_trunk(2))
