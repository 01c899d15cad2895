"""ReDimNet behind another stem: what each stage reads, and the sizes."""

import pytest
import torch

from speechbrain_denokd.encoders.redimnet import redimnet
from speechbrain_denokd.encoders.redimnet_trunk import (
    ReDimNetTrunk,
    redimnet_trunk,
)
from tests.encoders.tiny_fusion import DIM, tiny_trunk


def test_fact_inputs_and_parameters_of_ssrfnet():
    with torch.device("meta"):
        trunk = ReDimNetTrunk(n_maps=4)
    assert [mixer.n_layers for mixer in trunk.mixers] == [2, 4, 6, 8, 9, 10]
    assert trunk.mixer.n_layers == 11
    counts = [
        sum(p.numel() for part in parts for p in part.parameters())
        for parts in zip(trunk.mixers, trunk.stages, strict=True)
    ]
    assert counts == [186_448, 192_096, 459_680, 484_544, 485_568, 1_330_560]
    assert sum(p.numel() for p in trunk.mixer.parameters()) == 11_264
    assert trunk.dim == 1024


def test_fact_what_each_stage_reads():
    """One-hot weights pick one input after the other."""
    torch.manual_seed(0)
    trunk = tiny_trunk(n_maps=2).eval()
    frames, *maps = torch.randn(3, 2, 15, DIM)
    n_frames = torch.tensor([15, 15])
    read = []
    for stage in trunk.stages:
        stage.register_forward_hook(lambda _, x, y: read.append(x[0]))
    for mixer in [*trunk.mixers, trunk.mixer]:
        for pick in range(mixer.n_layers):
            with torch.no_grad():
                for other in [*trunk.mixers, trunk.mixer]:
                    other.weights.zero_()
                mixer.weights[:, pick] = 200.0
            read.clear()
            (f1, f2, f3), mixed = trunk(frames, n_frames, maps)
            inputs = [x.transpose(1, 2) for x in read] + [mixed]
            expected = [
                [frames, maps[0]],
                [frames, maps[0], f1, maps[1]],
                [frames, maps[0], f1, maps[1], f2],
                [frames, maps[0], f1, maps[1], f2, f3],
            ]
            for i, layers in enumerate(expected):
                ours = mixer is [*trunk.mixers, trunk.mixer][i]
                mean = torch.stack(layers).mean(dim=0)
                torch.testing.assert_close(
                    inputs[i], layers[pick] if ours else mean
                )


def test_reference_without_maps_it_is_redimnet():
    torch.manual_seed(0)
    network = redimnet("B0").eval()
    trunk = redimnet_trunk("B0").eval()
    weights = network.state_dict()
    trunk.load_state_dict({name: weights[name] for name in trunk.state_dict()})
    expected = network(torch.randn(2, 12, 60), torch.tensor([12, 7]))
    stem, *stages = expected.stages
    outputs, frames = trunk(stem, torch.tensor([12, 7]))
    for ours, theirs in zip(
        [*outputs, frames], [*stages, expected.frames], strict=True
    ):
        assert torch.equal(ours, theirs)


def test_error_maps():
    with pytest.raises(ValueError, match="4 maps .* before 3 stages"):
        tiny_trunk(n_maps=4)
    frames = torch.randn(1, 9, DIM)
    with pytest.raises(ValueError, match="2 maps given.*injects 1; .*n_maps=2"):
        tiny_trunk(n_maps=1)(frames, torch.tensor([9]), [frames] * 2)


def test_error_unknown_size():
    with pytest.raises(ValueError, match="size 'b2'.*B0, B1, B2"):
        redimnet_trunk("b2")
