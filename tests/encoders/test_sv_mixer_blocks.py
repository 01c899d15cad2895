"""SV-Mixer's block: the paper's at its length, consistent at others."""

import pytest
import torch
import torch.nn.functional as F

from speechbrain_denokd.encoders.sv_mixer_blocks import (
    ChannelMixing,
    MixerBlock,
    TokenMixing,
    resampling,
    time_axis,
)

N_TOKENS = 9


@pytest.fixture
def block():
    torch.manual_seed(0)
    block = MixerBlock(16, N_TOKENS, n_groups=4)
    for parameter in block.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return block.eval()


def test_fact_parameter_counts():
    with torch.device("meta"):
        block = MixerBlock(1024, n_tokens=149)
    counts = [
        sum(p.numel() for p in part.parameters())
        for part in (block.token, block.channel, block)
    ]
    assert counts == [192_689, 3_553_280, 3_745_969]


def test_reference_block_written_frame_by_frame(block):
    """Loops over frames and groups instead of convolutions."""
    x = torch.randn(N_TOKENS, 16)
    token, channel = block.token, block.channel

    def depthwise(h, conv):
        reach = conv.kernel_size[0] // 2
        rows = []
        for t in range(len(h)):
            total = conv.bias.clone()
            for k in range(-reach, reach + 1):
                if 0 <= t + k < len(h):
                    total = total + conv.weight[:, 0, k + reach] * h[t + k]
            rows.append(total)
        return torch.stack(rows)

    def grouped(h, conv):
        """A 1x1 or 3-tap convolution in groups, zero beyond the ends."""
        n_groups, reach = conv.groups, conv.kernel_size[0] // 2
        rows = []
        for t in range(len(h)):
            outs = []
            for g, (weight, bias) in enumerate(
                zip(
                    conv.weight.chunk(n_groups),
                    conv.bias.chunk(n_groups),
                    strict=True,
                )
            ):
                total = bias
                for k in range(-reach, reach + 1):
                    if 0 <= t + k < len(h):
                        part = h[t + k].chunk(n_groups)[g]
                        total = total + weight[:, :, k + reach] @ part
                outs.append(total)
            rows.append(torch.cat(outs))
        return torch.stack(rows)

    h = token.norm(x)
    local = depthwise(F.gelu(depthwise(h, token.local_in)), token.local_out)
    over_time = token.global_out(F.gelu(token.global_in(h.T))).T
    y = x + local + over_time

    h = channel.norm(y)
    pairs = torch.stack([(h[2 * i] + h[2 * i + 1]) / 2 for i in range(4)])
    coarse = grouped(
        F.gelu(grouped(pairs, channel.coarse_in)), channel.coarse_out
    )
    # Nine frame centres on the axis of four pairs.
    places = [(t + 0.5) * 4 / 9 - 0.5 for t in range(9)]
    places = [min(max(place, 0.0), 3.0) for place in places]
    coarse = torch.stack(
        [
            coarse[int(p)] * (1 - p % 1) + coarse[min(int(p) + 1, 3)] * (p % 1)
            for p in places
        ]
    )
    fine = grouped(F.gelu(grouped(h, channel.fine_in)), channel.fine_out)
    mixed = F.gelu(grouped(coarse + fine, channel.group))
    expected = y + grouped(mixed, channel.channel)
    torch.testing.assert_close(block(x[None])[0], expected, rtol=0, atol=1e-5)


def test_law_axis_at_the_papers_length_changes_nothing(block):
    x = torch.randn(2, N_TOKENS, 16)
    axis = time_axis(torch.tensor([N_TOKENS] * 2), N_TOKENS, N_TOKENS)
    torch.testing.assert_close(block(x, axis), block(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("lengths", [(23, 5, 2, 9, 14), (8, 3, 7)])
def test_law_padding_is_invisible(block, lengths):
    utterances = [torch.randn(n, 16) for n in lengths]
    batch = torch.full((len(lengths), max(lengths), 16), 1e3)
    for row, utterance in zip(batch, utterances, strict=True):
        row[: len(utterance)] = utterance
    n_frames = torch.tensor(lengths)
    y = block(batch, time_axis(n_frames, max(lengths), N_TOKENS))
    for i, utterance in enumerate(utterances):
        n = len(utterance)
        axis = time_axis(torch.tensor([n]), n, N_TOKENS)
        alone = block(utterance[None], axis)[0]
        torch.testing.assert_close(y[i, :n], alone, rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_frames", [4, 9, 20, 45])
def test_reference_token_mixing_with_interpolated_weights(n_frames):
    """The same as linear maps whose weights were resampled by torchvision's
    kind of interpolation: linear up, area-true down.
    """
    torch.manual_seed(0)
    mixing = TokenMixing(8, N_TOKENS).eval()

    def resample(rows, size):
        return F.interpolate(
            rows[None, None], (len(rows), size), mode="bilinear", antialias=True
        )[0, 0]

    # What an identity becomes is the matrix of the resampling.
    to_tokens = resample(torch.eye(n_frames), N_TOKENS)
    expected_in = mixing.global_in.weight @ to_tokens.T
    expected_out = resample(mixing.global_out.weight.T, n_frames).T
    expected_bias = resample(mixing.global_out.bias[None], n_frames)[0]
    x = torch.randn(1, n_frames, 8)
    h = mixing.norm(x)[0].T
    hidden = F.gelu(F.linear(h, expected_in, mixing.global_in.bias))
    over_time = F.linear(hidden, expected_out, expected_bias)
    local = mixing.local_out(F.gelu(mixing.local_in(h)))
    axis = time_axis(torch.tensor([n_frames]), n_frames, N_TOKENS)
    torch.testing.assert_close(
        mixing(x, axis)[0], x[0] + (local + over_time).T, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(("n_in", "n_out"), [(3, 149), (149, 149), (700, 149)])
def test_law_resampling_keeps_constants_and_inner_ramps(n_in, n_out):
    matrix = resampling(
        torch.tensor([n_in]), torch.tensor([n_out]), n_in + 2, n_out + 3
    )[0]
    assert matrix.shape == (n_in + 2, n_out + 3)
    assert not matrix[n_in:].any() and not matrix[:, n_out:].any()
    columns = matrix[:, :n_out].sum(0)
    torch.testing.assert_close(columns, torch.ones(n_out))
    centres = (torch.arange(n_in + 2) + 0.5) / n_in
    resampled = centres @ matrix[:, :n_out]
    expected = (torch.arange(n_out) + 0.5) / n_out
    inner = (expected > 1 / min(n_in, n_out)) & (
        expected < 1 - 1 / min(n_in, n_out)
    )
    torch.testing.assert_close(
        resampled[inner], expected[inner], rtol=0, atol=2e-3
    )


@pytest.mark.parametrize("n_frames", [2, 3, 8, 31])
def test_reference_pairs_to_frames(n_frames):
    """Neighbours and shares are those of `interpolate`."""
    axis = time_axis(torch.tensor([n_frames, 40]), 40, N_TOKENS)
    pairs = torch.randn(1, 3, n_frames // 2)
    expected = F.interpolate(pairs, size=n_frames, mode="linear")[0]
    below, above, share = (
        field[0, :n_frames] for field in (axis.below, axis.above, axis.share)
    )
    ours = pairs[0][:, below] * (1 - share) + pairs[0][:, above] * share
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def test_law_gradients_reach_every_parameter(block):
    axis = time_axis(torch.tensor([12, 5]), 12, N_TOKENS)
    y = block.train()(torch.randn(2, 12, 16), axis)
    (y[1, :5] * torch.randn(5, 16)).sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, name


def test_error_groups_do_not_divide_channels():
    with pytest.raises(ValueError, match="18 channels .* 4 equal groups"):
        ChannelMixing(18, n_groups=4)
