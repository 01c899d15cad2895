"""Two branches that exchange."""

import pytest
import torch

from speechbrain_denokd.encoders.dual_branch import DualBranch
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
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
    network = DualBranch(N_STATES, STATE_DIM, tiny_trunk(), tiny_trunk(), 24)
    return trained(fusion_encoder(network))


def inputs():
    states = torch.randn(N_STATES, 2, 15, STATE_DIM)
    return torch.randn(2, 15, DIM), states, torch.tensor([15, 9])


def test_law_padding_is_invisible():
    assert_padding_is_invisible(encoder())


def test_law_gradients_reach_every_parameter():
    assert_gradients(encoder())


def test_law_closed_gates_leave_two_backbones():
    network = encoder().backbone
    with torch.no_grad():
        for gate in [*network.gates, *network.ptm_gates]:
            gate.conv.bias.fill_(-torch.inf)
    frames, states, n_frames = inputs()
    output = network(frames, states, n_frames)
    hints = network.fusion(states, n_frames)
    alone = [
        network.trunk(frames, n_frames),
        network.ptm_trunk(hints, n_frames),
    ]
    expected = torch.cat([mixed for _, mixed in alone], dim=2)
    torch.testing.assert_close(output.frames, expected)
    expected = torch.cat([stages[2] for stages, _ in alone], dim=2)
    torch.testing.assert_close(output.stages[2], expected)


@pytest.mark.parametrize("closed", ["gates", "ptm_gates"])
def test_law_each_gate_lets_one_branch_hear_the_other(closed):
    """A change of the one input reaches the other branch, if let through."""
    network = encoder().backbone
    with torch.no_grad():
        for gate in getattr(network, closed):
            gate.conv.bias.fill_(-torch.inf)
    frames, states, n_frames = inputs()
    before = network(frames, states, n_frames).frames
    other_frames = network(frames + 1, states, n_frames).frames
    other_states = network(frames, states.flip(0), n_frames).frames
    spectrogram, ptm = slice(0, DIM), slice(DIM, 2 * DIM)

    def changed(after, branch):
        return not torch.equal(before[..., branch], after[..., branch])

    assert changed(other_frames, spectrogram) and changed(other_states, ptm)
    assert changed(other_states, spectrogram) == (closed == "ptm_gates")
    assert changed(other_frames, ptm) == (closed == "gates")


def test_error_branches_of_different_sizes():
    other = ReDimNetTrunk(8, 8, [(1, 1, 1, None)])
    with pytest.raises(ValueError, match="3 stages of 32 .* 1 of 64"):
        DualBranch(N_STATES, STATE_DIM, tiny_trunk(), other)
