"""ResNet-18: published size, pooling over time, padding."""

import pytest
import torch

from speechbrain_denokd.encoders.resnet_trunk import BasicBlock, ResNet18


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = ResNet18(n_bins=20, channels=4, embedding_dim=6)
    for _ in range(3):
        network(torch.randn(4, 40, 20), torch.full((4,), 40))
    return network.eval()


def test_fact_at_image_width_it_has_the_published_trunk():
    """11,689,512 of the image network: the differences are known layers."""
    with torch.device("meta"):
        network = ResNet18(n_bins=257, channels=64)
    trunk = sum(p.numel() for p in network.parameters())
    trunk -= sum(p.numel() for p in network.linear.parameters())
    first_layers = 64 * 3 * 7 * 7 - 64 * 1 * 3 * 3
    classifier = 512 * 1000 + 1000
    assert trunk == 11_689_512 - classifier - first_layers


def test_fact_parameter_count_of_the_speaker_width():
    with torch.device("meta"):
        network = ResNet18()
    # 257 bins are 129, 65 and 33 after each stride.
    assert network.linear.in_features == 256 * 33
    assert sum(p.numel() for p in network.parameters()) == 4_957_408


@pytest.mark.parametrize("lengths", [(40, 33, 8, 1), (17, 40, 39, 2)])
def test_law_padding_is_invisible(network, lengths):
    spectra = [torch.randn(n, 20) for n in lengths]
    batch = torch.full((len(lengths), max(lengths), 20), torch.nan)
    for row, item in zip(batch, spectra, strict=True):
        row[: len(item)] = item
    together = network(batch, torch.tensor(lengths))
    for i, item in enumerate(spectra):
        alone = network(item[None], torch.tensor([len(item)]))
        torch.testing.assert_close(together[i], alone[0], rtol=0, atol=1e-4)


def test_fact_the_pooling_is_a_mean_over_time(network):
    """A stationary sound's inside is one frame, so its length is forgotten.

    The ends see zeros: their share falls with the length.
    """
    frame = torch.randn(1, 1, 20)

    def embed(n):
        return network(frame.expand(1, n, 20), torch.tensor([n]))

    e_200, e_400, e_800 = embed(200), embed(400), embed(800)
    # mean = inside + ends / length: halving a step each time.
    torch.testing.assert_close(
        e_200 - e_400, 2 * (e_400 - e_800), rtol=1e-3, atol=1e-5
    )


def test_reference_a_block_without_padding_by_hand():
    torch.manual_seed(0)
    block = BasicBlock(3, 5, stride=2).eval()
    image = torch.randn(2, 3, 9, 12)
    conv = torch.nn.functional.conv2d
    scale = (1 + 1e-5) ** -0.5  # batch norms that have seen nothing
    y = (conv(image, block.conv1.weight, None, 2, 1) * scale).clamp(min=0)
    y = conv(y, block.conv2.weight, None, 1, 1) * scale
    y = y + conv(image, block.shortcut[0].weight, None, 2) * scale
    found, n_frames = block(image, torch.tensor([12, 12]))
    torch.testing.assert_close(found, y.clamp(min=0))
    assert n_frames.tolist() == [6, 6]
