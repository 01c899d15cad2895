"""VoiceFilter's mask network: golden sizes, masks, padding."""

import pytest
import torch

from speechbrain_denokd.separation.mask_network import ConvTrunk, MaskNetwork

SMALL = {"channels": 2, "dilations": [1, 2], "lstm_dim": 4, "hidden_dim": 5}


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_fact_golden_sizes_of_voicefilter():
    """The public port: FFT of 1200, embeddings of 256."""
    network = MaskNetwork(601, 256)
    assert n_parameters(network.trunk) == 543_000
    assert n_parameters(network.lstm) == 17_491_200
    assert [n_parameters(m) for m in network.layers] == [0, 480_600, 0, 361_201]
    assert n_parameters(network) == 18_876_001


def test_fact_upit_doubles_the_last_two_layers():
    """800 -> 1200 -> 2 x 601, and an LSTM without an embedding."""
    network = MaskNetwork(601, None)
    assert n_parameters(network.lstm) == 17_491_200 - 2 * 4 * 400 * 256
    assert [n_parameters(m) for m in network.layers] == [
        *(0, 801 * 1200, 0, 1201 * 1202)
    ]


def test_fact_the_trunk_sees_as_far_as_table_1_says():
    """3 frames, then 2 x (1 + 2 + 4 + 8 + 16), to either side."""
    trunk = ConvTrunk(2, 1).double().eval()
    for parameter in trunk.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    features = torch.zeros(1, 201, 1, dtype=torch.float64)
    features[0, 100] = 1
    n_frames = torch.tensor([201])
    silent = trunk(torch.zeros_like(features), n_frames)
    changed = (trunk(features, n_frames) != silent)[0, :, 0].nonzero()
    assert (int(changed.min()), int(changed.max())) == (35, 165)


@pytest.mark.parametrize("embedding_dim", [None, 3])
def test_law_padding_is_invisible(embedding_dim):
    torch.manual_seed(0)
    network = MaskNetwork(9, embedding_dim, **SMALL).eval()
    magnitudes, n_frames = torch.rand(2, 30, 9), torch.tensor([30, 17])
    embeddings = None if embedding_dim is None else torch.randn(2, 2, 3)
    masks = network(magnitudes, n_frames, embeddings)
    alone = network(
        magnitudes[1:, :17],
        n_frames[1:],
        None if embeddings is None else embeddings[1:],
    )
    torch.testing.assert_close(masks[1:, :, :17], alone)
    assert not masks[1, :, 17:].any()
    assert 0 < masks[0].min() and masks.max() < 1


@pytest.mark.parametrize("fusion", ["concat", "add", "multiply", "film"])
def test_law_masks_follow_their_embeddings(fusion):
    torch.manual_seed(0)
    network = MaskNetwork(9, 3, fusion=fusion, **SMALL).eval()
    if fusion == "film":  # it begins deaf to the speaker
        torch.nn.init.normal_(network.fusion.shift.weight)
    magnitudes, n_frames = torch.rand(2, 12, 9), torch.tensor([12, 12])
    embeddings = torch.randn(2, 3, 3)
    masks = network(magnitudes, n_frames, embeddings)
    swapped = network(magnitudes, n_frames, embeddings[:, [2, 0, 1]])
    torch.testing.assert_close(swapped, masks[:, [2, 0, 1]])
    assert not torch.allclose(masks[:, 0], masks[:, 1], atol=1e-4)


@pytest.mark.parametrize(
    ("embedding_dim", "embeddings", "found"),
    [(3, None, "None"), (None, torch.zeros(1, 2, 3), "3"), (3, "wide", "4")],
)
def test_embeddings_of_another_size_are_refused(
    embedding_dim, embeddings, found
):
    if embeddings == "wide":
        embeddings = torch.zeros(1, 2, 4)
    network = MaskNetwork(9, embedding_dim, **SMALL)
    with pytest.raises(ValueError, match=f"size {found}, but .* built for"):
        network(torch.rand(1, 4, 9), torch.tensor([4]), embeddings)
