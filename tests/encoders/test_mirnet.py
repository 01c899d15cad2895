"""MIRNet: the paper's sizes, padding, swapping outputs, gradients."""

import pytest
import torch

from speechbrain_denokd.encoders.log_spectrum import LogSpectrum
from speechbrain_denokd.encoders.mirnet import MirNet, SpeechAnalysis
from speechbrain_denokd.encoders.wav_encoder import WavEncoder

LENGTHS = (40, 33, 8, 1)


def _network(attend_to="v1", n_speakers=2, n_bins=12, batch_norm=False):
    """A toy width, with batch norms that have seen data."""
    torch.manual_seed(0)
    network = MirNet(
        n_bins, n_speakers, attend_to, [9, 8, 7, 8, 9], batch_norm, 4, 6
    )
    for module in network.modules():
        if hasattr(module, "momentum"):
            module.momentum = None  # a plain mean: few batches are enough
    for _ in range(3):
        network(torch.randn(4, 40, n_bins), torch.full((4,), 40))
    return network.eval()


def test_fact_parameter_counts():
    with torch.device("meta"):
        network = MirNet()
    counts = [
        sum(p.numel() for p in part.parameters())
        for part in (network.analysis, network.attention, network)
    ]
    assert counts == [4_035_990, 33_025 + 132_355, 9_158_778]
    assert (network.frame_dim, network.embedding_dim) == (514, 256)


def test_fact_counts_layer_by_layer_and_with_batch_norm():
    with torch.device("meta"):
        network = SpeechAnalysis(batch_norm=True)
    counts = [sum(p.numel() for p in c.parameters()) for c in network.convs]
    assert counts == [658_432, 786_944, 786_944, 262_656, 769_500, 771_514]
    norms = sum(p.numel() for p in network.norms.parameters())
    assert norms == 2 * (4 * 512 + 1500 + 514)


@pytest.mark.parametrize("n_speakers", [2, 3])
@pytest.mark.parametrize("attend_to", ["v1", "vk"])
def test_law_padding_is_invisible(attend_to, n_speakers):
    # The batch norm's shift is what could make silence of the padding.
    network = _network(attend_to, n_speakers, batch_norm=True)
    features = [torch.randn(n, 12) for n in LENGTHS]
    batch = torch.full((len(LENGTHS), max(LENGTHS), 12), torch.nan)
    for row, item in zip(batch, features, strict=True):
        row[: len(item)] = item
    output = network(batch, torch.tensor(LENGTHS))
    for i, (item, n) in enumerate(zip(features, LENGTHS, strict=True)):
        alone = network(item[None], torch.tensor([n]))
        for together, single in [
            (output.embeddings[i], alone.embeddings[0]),
            (output.attention[i, :, :n], alone.attention[0]),
            (output.frames[i, :n], alone.frames[0]),
        ]:
            torch.testing.assert_close(together, single, rtol=0, atol=1e-4)
        assert not output.attention[i, :, n:].any()


def test_law_waveforms_of_mixed_lengths_and_the_encoder_s_contract():
    encoder = WavEncoder(LogSpectrum(), _network(n_bins=257)).eval()
    assert (encoder.frame_dim, encoder.embedding_dim) == (514, 6)
    assert encoder.frame_hop_ms == 10
    lengths, batch = [8000, 4999, 100], torch.randn(3, 8000)
    together = encoder(batch, torch.tensor(lengths) / 8000)
    assert together.n_frames.tolist() == [51, 32, 1]
    for i, n in enumerate(lengths):
        alone = encoder(batch[i : i + 1, :n], torch.ones(1))
        torch.testing.assert_close(
            together.embeddings[i], alone.embeddings[0], rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("n_speakers", [2, 3])
def test_law_vk_turning_the_last_layer_s_blocks_turns_the_outputs(n_speakers):
    network = _network("vk", n_speakers)
    features, n_frames = torch.randn(2, 30, 12), torch.tensor([30, 17])
    before = network(features, n_frames)
    last = network.analysis.convs[-1]
    with torch.no_grad():
        last.weight.copy_(last.weight.roll(-12, dims=0))
        last.bias.copy_(last.bias.roll(-12, dims=0))
    after = network(features, n_frames)
    expected = before.embeddings.roll(-1, dims=1)
    torch.testing.assert_close(after.embeddings, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        after.attention, before.attention.roll(-1, dims=1), rtol=0, atol=1e-6
    )
    # The law says something: the outputs are not the same ones.
    assert (expected - before.embeddings).abs().max() > 1e-3


@pytest.mark.parametrize("attend_to", ["v1", "vk"])
def test_law_each_output_reaches_every_parameter(attend_to):
    network = _network(attend_to)
    for k in (0, 1):
        network.zero_grad()
        output = network(torch.randn(3, 40, 12), torch.tensor([40, 40, 9]))
        output.embeddings[:, k].pow(2).sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad.abs().max() > 1e-12, (k, name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_speakers": 1}, "n_speakers=1, but a mixture has 2 or more"),
        ({"channels": [8, 8]}, "2 channels given, but 5 layers"),
    ],
)
def test_error_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MirNet(**arguments)


def test_error_features_of_another_front_end():
    with pytest.raises(ValueError, match="80 bins.*is for 12"):
        _network()(torch.randn(1, 30, 80), torch.tensor([30]))
