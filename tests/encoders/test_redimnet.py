"""ReDimNet: published sizes and costs, padding, gradients, export."""

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.redimnet import (
    REDIMNET_SIZES,
    ReDimNet,
    redimnet,
)
from speechbrain_denokd.encoders.wav_encoder import WavEncoder

# Parameters of WeSpeaker's port, and 1e9 multiply-accumulates that its
# convolutions and linear layers take for 200 frames.
WESPEAKER = {
    "B0": (1_001_851, 0.607),
    "B1": (2_123_481, 0.885),
    "B2": (4_888_241, 1.358),
    "B3": (3_220_413, 4.341),
    "B4": (6_432_305, 7.046),
    "B5": (7_650_545, 13.142),
    "B6": (15_006_257, 30.005),
}
LENGTHS = (60, 41, 17, 1)


def _tiny(block="convnext"):
    torch.manual_seed(0)
    return ReDimNet(
        n_mels=24,
        channels=4,
        stages=[(1, 1, 2, None), (2, 1, 1, 12), [3, 2, 1, 8]],
        block=block,
        group_divisor=4,
        embedding_dim=16,
    )


def _trained(block="convnext"):
    """Eval mode, after the batch norms saw some data."""
    network = _tiny(block)
    for _ in range(3):
        network(torch.randn(4, 60, 24))
    return network.eval()


@pytest.mark.parametrize("size", WESPEAKER)
def test_fact_parameter_counts(size):
    with torch.device("meta"):
        network = redimnet(size)
    # The port counts one parameter more: a constant 1, the weight of the
    # single input of the first stage.
    expected = WESPEAKER[size][0] - 1
    assert sum(p.numel() for p in network.parameters()) == expected
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("size", WESPEAKER)
def test_fact_multiply_accumulates(size):
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = redimnet(size)
        network(torch.randn(1, 200, network.n_mels))
    flops = counter.get_flop_counts()["Global"]
    aten = torch.ops.aten
    macs = sum(flops[op] for op in (aten.convolution, aten.addmm, aten.mm)) / 2
    # The port takes the pooling's context through its layer once per frame,
    # not once per utterance.
    macs += 199 * 2 * network.frame_dim * 128
    assert macs / 1e9 == pytest.approx(WESPEAKER[size][1], abs=5e-4)


def test_fact_sizes_are_those_of_the_network_and_cannot_be_changed():
    with torch.device("meta"):
        network = redimnet("B2", embedding_dim=256)
    assert (network.n_mels, network.frame_dim) == (72, 72 * 16)
    assert network.embedding_dim == 256
    views = [(stage.channels, stage.n_mels) for stage in network.stages]
    assert views == [(16, 72), (32, 36), (32, 36), (64, 18), (64, 18), (128, 9)]
    with pytest.raises(TypeError, match="assignment"):
        REDIMNET_SIZES["B2"] = None


def test_fact_each_stage_reads_the_mean_of_all_before_it():
    network, features = _trained(), torch.randn(2, 31, 24)
    output = network(features)
    assert len(output.stages) == 1 + 3
    assert {stage.shape for stage in output.stages} == {(2, 31, 96)}
    # No mixing weight has been trained: plain means.
    torch.testing.assert_close(
        output.frames, torch.stack(output.stages).mean(dim=0)
    )
    mask = torch.ones(2, 1, 31).bool()
    for i, stage in enumerate(network.stages, start=1):
        earlier = torch.stack(output.stages[:i]).mean(dim=0)
        torch.testing.assert_close(
            stage(earlier.transpose(1, 2), mask).transpose(1, 2),
            output.stages[i],
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize("block", ["convnext", "resnet", "resnet_fwse"])
def test_law_padding_is_invisible(block):
    network = _trained(block)
    features = [torch.randn(n, 24) for n in LENGTHS]
    batch = torch.full((len(LENGTHS), max(LENGTHS), 24), torch.nan)
    for row, item in zip(batch, features, strict=True):
        row[: len(item)] = item
    output = network(batch, torch.tensor(LENGTHS))
    for i, item in enumerate(features):
        alone, n = network(item[None]), len(item)
        pairs = [
            (output.embedding[i], alone.embedding[0]),
            (output.frames[i, :n], alone.frames[0]),
        ]
        for stage, stage_alone in zip(output.stages, alone.stages, strict=True):
            pairs.append((stage[i, :n], stage_alone[0]))
        for together, single in pairs:
            torch.testing.assert_close(together, single, rtol=0, atol=1e-4)


def test_law_waveforms_of_mixed_lengths_and_the_encoder_s_contract():
    encoder = WavEncoder(FbankFrontEnd(n_mels=24), _trained()).eval()
    assert (encoder.frame_dim, encoder.embedding_dim) == (96, 16)
    lengths = [16000, 9999, 100]
    batch = torch.randn(3, 16000)
    together = encoder(batch, torch.tensor(lengths) / 16000)
    assert together.n_frames.tolist() == [101, 63, 1]
    for i, n in enumerate(lengths):
        alone = encoder(batch[i : i + 1, :n], torch.ones(1))
        torch.testing.assert_close(
            together.embedding[i], alone.embedding[0], rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("block", ["convnext", "resnet_fwse"])
def test_law_gradients_reach_every_parameter(block):
    network = _trained(block)  # train mode would cancel biases in batch norms
    network(torch.randn(3, 40, 24)).embedding.pow(2).sum().backward()
    for name, parameter in network.named_parameters():
        # A softmax over time takes no notice of what all frames share.
        if name == "pooling.score.bias":
            continue
        assert parameter.grad.abs().max() > 1e-12, name


def test_law_an_exported_graph_takes_any_batch_and_length():
    network = _trained("resnet_fwse")
    dynamic = torch.export.Dim.DYNAMIC
    graph = torch.export.export(
        network,
        (torch.randn(2, 50, 24), torch.tensor([50, 31])),
        dynamic_shapes=({0: dynamic, 1: dynamic}, {0: dynamic}),
    ).module()
    for length, n_frames in ((77, [77, 40, 3]), (20, [20]), (1, [1, 1])):
        inputs = (
            torch.randn(len(n_frames), length, 24),
            torch.tensor(n_frames),
        )
        torch.testing.assert_close(
            graph(*inputs).embedding,
            network(*inputs).embedding,
            rtol=1e-4,
            atol=1e-5,
        )


def test_fact_a_page_names_the_size():
    network = load_hyperpyyaml(
        "network: !apply:speechbrain_denokd.encoders.redimnet.redimnet\n"
        "    size: B0\n"
        "    embedding_dim: 128\n"
    )["network"]
    assert (network.n_mels, network.embedding_dim) == (60, 128)


def test_fact_a_page_lists_the_stages():
    network = load_hyperpyyaml(
        "network: !new:speechbrain_denokd.encoders.redimnet.ReDimNet\n"
        "    n_mels: 24\n"
        "    channels: 4\n"
        "    stages: [[1, 1, 1, null], [2, 1, 1, 12]]\n"
        "    group_divisor: 4\n"
    )["network"]
    contexts = [stage.context is not None for stage in network.stages]
    assert contexts == [False, True]


def test_error_bins_that_the_strides_do_not_divide():
    with pytest.raises(ValueError, match="n_mels=70 is not a multiple of 4"):
        ReDimNet(70, 4, [(2, 1, 1, None), (2, 1, 1, None)])


def test_error_features_of_another_front_end():
    with pytest.raises(ValueError, match="80 mel bins.*is for 24"):
        _tiny()(torch.randn(1, 30, 80))


def test_error_unknown_size_names_the_known_ones():
    with pytest.raises(ValueError, match="size 'b2'.*B0, B1, B2"):
        redimnet("b2")
