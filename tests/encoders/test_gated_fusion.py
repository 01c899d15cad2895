"""The gate, and the baseline with one gate at the input."""

import torch

from speechbrain_denokd.encoders.gated_fusion import Gate, InputGateFusion
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
    network = InputGateFusion(N_STATES, STATE_DIM, tiny_trunk(), 24)
    return trained(fusion_encoder(network))


def test_fact_gate_by_hand():
    """x = 2, y = 4: a gate of sigmoid(3 * 2 - 4 - 2) is half open."""
    gate = Gate(1)
    with torch.no_grad():
        gate.conv.weight.copy_(torch.tensor([[[3.0], [-1.0]]]))
        gate.conv.bias.fill_(-2.0)
    x, y = torch.full((1, 1, 1), 2.0), torch.full((1, 1, 1), 4.0)
    assert gate(x, y).item() == 4.0


def test_law_padding_is_invisible():
    assert_padding_is_invisible(encoder())


def test_law_gradients_reach_every_parameter():
    assert_gradients(encoder())


def test_law_a_closed_gate_leaves_the_spectrogram_alone():
    network = encoder().backbone
    with torch.no_grad():
        network.gate.conv.bias.fill_(-torch.inf)
    frames, n_frames = torch.randn(2, 15, DIM), torch.tensor([15, 9])
    states = torch.randn(N_STATES, 2, 15, STATE_DIM)
    output = network(frames, states, n_frames)
    stages, mixed = network.trunk(frames, n_frames)
    assert torch.equal(output.frames, mixed)
    assert torch.equal(output.stages[0], stages[0])
