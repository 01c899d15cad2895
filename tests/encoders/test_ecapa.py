"""ECAPA-TDNN: SpeechBrain's numbers, its own padding."""

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

from speechbrain_denokd.encoders.ecapa import EcapaTdnn

CHANNELS = [32, 32, 32, 32, 96]


@pytest.fixture
def network():
    """A real network at toy width, with batch norms that have seen data."""
    torch.manual_seed(0)
    network = EcapaTdnn(20, lin_neurons=8, channels=CHANNELS)
    for _ in range(3):
        network(torch.randn(4, 60, 20))
    return network.eval()


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({}, 6_194_048),
        ({"global_context": False}, 5_800_832),
        ({"channels": [1024, 1024, 1024, 1024, 3072]}, 20_767_552),
    ],
)
def test_fact_parameter_counts(kwargs, expected):
    with torch.device("meta"):
        network = EcapaTdnn(80, lin_neurons=192, **kwargs)
    assert sum(p.numel() for p in network.parameters()) == expected


def test_reference_speechbrain_embedding_and_weights(network):
    """Weights go to SpeechBrain's class unchanged, and say the same."""
    stock = ECAPA_TDNN(20, lin_neurons=8, channels=CHANNELS).eval()
    stock.load_state_dict(network.state_dict(), strict=True)
    features = torch.randn(3, 47, 20)
    expected = stock(features).squeeze(1)
    torch.testing.assert_close(
        network(features).embedding, expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("lengths", [(60, 41, 17, 5), (33, 60, 59, 7)])
def test_law_padding_is_invisible(network, lengths):
    features = [torch.randn(n, 20) for n in lengths]
    batch = torch.full((len(lengths), max(lengths), 20), 1e3)
    for row, item in zip(batch, features, strict=True):
        row[: len(item)] = item
    output = network(batch, torch.tensor(lengths))
    for i, item in enumerate(features):
        alone = network(item[None])
        n = len(item)
        torch.testing.assert_close(
            output.embedding[i], alone.embedding[0], rtol=0, atol=1e-4
        )
        torch.testing.assert_close(
            output.frames[i, :n], alone.frames[0], rtol=0, atol=1e-4
        )
        for stage, stage_alone in zip(output.stages, alone.stages, strict=True):
            torch.testing.assert_close(
                stage[i, :n], stage_alone[0], rtol=0, atol=1e-4
            )


def test_fact_sizes_and_shortest_input(network):
    assert (network.frame_dim, network.embedding_dim) == (96, 8)
    # The widest reflection is that of kernel 3 with dilation 4.
    assert network.min_frames == 5
    with pytest.raises(RuntimeError, match="[Pp]adding size"):
        network(torch.randn(1, 4, 20))


def test_fact_stages_are_the_inputs_of_the_aggregation(network):
    output = network(torch.randn(2, 30, 20))
    joined = torch.cat(output.stages[1:], dim=2).transpose(1, 2)
    torch.testing.assert_close(
        network.mfa(joined).transpose(1, 2), output.frames
    )
