"""Attentive statistics: hand-computed, order-free, blind to padding."""

import torch

from speechbrain_denokd.encoders.pooling import AttentiveStatistics


def _pooling(dim=5):
    torch.manual_seed(0)
    return AttentiveStatistics(dim, bottleneck=7)


def test_fact_equal_attention_gives_mean_and_biased_deviation():
    pooling = _pooling(dim=1)
    torch.nn.init.zeros_(pooling.score.weight)
    frames = torch.tensor([1.0, 2.0, 4.0]).reshape(1, 3, 1)
    pooled = pooling(frames, torch.tensor([3]))
    # (1 + 2 + 4) / 3, and the square root of 21 / 3 - (7 / 3)^2 = 14 / 9.
    expected = torch.tensor([[7 / 3, (14 / 9) ** 0.5]])
    torch.testing.assert_close(pooled, expected)


def test_reference_context_repeated_at_every_frame():
    """The published form: one layer sees [frame; mean; deviation]."""
    pooling, frames = _pooling(), torch.randn(3, 11, 5)
    mean, deviation = frames.mean(1, keepdim=True), frames.std(1, keepdim=True)
    joined = torch.cat(
        [frames, mean.expand(-1, 11, -1), deviation.expand(-1, 11, -1)], dim=2
    )
    weight = torch.cat([pooling.frame.weight, pooling.context.weight], dim=1)
    hidden = (joined @ weight.T + pooling.frame.bias).tanh()
    score = hidden @ pooling.score.weight.T + pooling.score.bias
    share = score.exp() / score.exp().sum(dim=1, keepdim=True)
    first = (share * frames).sum(dim=1)
    second = (share * frames**2).sum(dim=1)
    expected = torch.cat([first, (second - first**2).sqrt()], dim=1)
    torch.testing.assert_close(
        pooling(frames, torch.full((3,), 11)), expected, rtol=1e-4, atol=1e-5
    )


def test_law_order_of_the_frames_does_not_matter():
    pooling, frames = _pooling(), torch.randn(2, 9, 5)
    n_frames = torch.full((2,), 9)
    torch.testing.assert_close(
        pooling(frames[:, torch.randperm(9)], n_frames),
        pooling(frames, n_frames),
    )


def test_law_padding_is_invisible_whatever_it_holds():
    pooling, lengths = _pooling(), (9, 4, 1)
    batch = torch.full((3, 9, 5), torch.nan)
    for row, n in zip(batch, lengths, strict=True):
        row[:n] = torch.randn(n, 5)
    pooled = pooling(batch, torch.tensor(lengths))
    for i, n in enumerate(lengths):
        alone = pooling(batch[i : i + 1, :n], torch.tensor([n]))
        torch.testing.assert_close(pooled[i], alone[0])


def test_fact_one_frame_and_constant_frames_have_finite_gradients():
    pooling = _pooling()
    for frames in (torch.randn(1, 1, 5), torch.ones(1, 6, 5)):
        frames.requires_grad_()
        pooled = pooling(frames, torch.tensor([frames.shape[1]]))
        torch.testing.assert_close(pooled[:, :5], frames[:, 0])
        pooled.sum().backward()
        assert frames.grad.isfinite().all()
