import pytest
import torch

from speechbrain_denokd.diffusion.noise_adapter import (
    EmbeddingNoiseAdapter,
    FrameNoiseAdapter,
    masked_mean,
    mix,
    mix_vp,
)
from speechbrain_denokd.diffusion.norm import FrameBatchNorm, FrameLayerNorm
from speechbrain_denokd.encoders.masks import frame_mask


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    "channels, expected", [(1536, 707713), (1024, 316161), (256, 20673)]
)
def test_frame_adapter_has_its_known_size(channels, expected):
    assert n_parameters(FrameNoiseAdapter(channels)) == expected


def test_embedding_adapter_has_its_known_size():
    assert n_parameters(EmbeddingNoiseAdapter(256)) == 264705


def test_mix_is_equation_six():
    features, noise = torch.tensor([[2.0], [2.0]]), torch.tensor([[10.0]] * 2)
    found = mix(features, noise, torch.tensor([0.25, 1.0]))
    assert found.tolist() == [[8.0], [2.0]]  # 0.5 + 7.5, and unchanged


def test_mix_vp_is_equation_three():
    features, noise = torch.tensor([[2.0], [2.0]]), torch.tensor([[10.0]] * 2)
    found = mix_vp(features, noise, torch.tensor([0.36, 1.0]))
    assert found.flatten().tolist() == pytest.approx([1.2 + 8.0, 2.0])


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_only_mix_vp_preserves_variance(gamma):
    torch.manual_seed(0)
    features, noise = torch.randn(2, 1, 100000)
    weight = torch.tensor([gamma])
    linear = mix(features, noise, weight).var().item()
    assert linear == pytest.approx(gamma**2 + (1 - gamma) ** 2, abs=0.02)
    kept = mix_vp(features, noise, weight).var().item()
    assert kept == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("rule", [mix, mix_vp])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_gamma_one_keeps_and_gamma_zero_replaces_the_student(rule, dtype):
    features = torch.randn(2, 3, 4, requires_grad=True)
    noise = torch.randn(2, 3, 4)
    kept = rule(features, noise, torch.ones(2, dtype=dtype))
    torch.testing.assert_close(kept, features, atol=0, rtol=0)
    replaced = rule(features, noise, torch.zeros(2, dtype=dtype))
    torch.testing.assert_close(replaced, noise, atol=0, rtol=0)
    replaced.square().sum().backward()
    assert features.grad.abs().max() < 1e-15


@pytest.mark.parametrize("rule", [mix, mix_vp])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saturated_gamma_has_a_finite_gradient(rule, dtype):
    logits = torch.tensor([-200.0, 0.0, 200.0], requires_grad=True)
    features, noise = torch.randn(2, 3, 4)
    rule(features, noise, logits.to(dtype).sigmoid()).sum().backward()
    assert logits.grad.isfinite().all() and logits.grad[1] != 0


@pytest.mark.parametrize("norm", [FrameBatchNorm, FrameLayerNorm])
@pytest.mark.parametrize("training", [True, False])
def test_frame_gamma_does_not_see_padding(norm, training):
    torch.manual_seed(0)
    adapter = FrameNoiseAdapter(8, norm=norm).double().train(training)
    mask = frame_mask(torch.tensor([9, 5]), 9)
    features = torch.randn(2, 9, 8, dtype=torch.float64)
    junk = torch.where(mask[..., None], features, torch.nan)
    found = adapter(junk, mask)
    torch.testing.assert_close(found, adapter(features, mask))
    found.sum().backward()
    assert all(p.grad.isfinite().all() for p in adapter.parameters())


def test_frame_gamma_batched_agrees_with_alone():
    torch.manual_seed(0)
    adapter = FrameNoiseAdapter(8).double().eval()
    features = torch.randn(2, 9, 8, dtype=torch.float64)
    together = adapter(features, frame_mask(torch.tensor([9, 5]), 9))
    alone = adapter(features[1:, :5])
    torch.testing.assert_close(together[1:], alone)


@pytest.mark.parametrize(
    "adapter, shape",
    [
        (FrameNoiseAdapter(64), (16, 50, 64)),
        (EmbeddingNoiseAdapter(64), (16, 64)),
    ],
    ids=["frames", "embeddings"],
)
def test_gamma_is_one_half_when_the_output_node_says_nothing(adapter, shape):
    torch.nn.init.zeros_(adapter.out.weight)
    torch.nn.init.zeros_(adapter.out.bias)
    assert adapter(torch.randn(shape)).tolist() == [0.5] * 16


@pytest.mark.parametrize(
    "adapter, shape",
    [
        (FrameNoiseAdapter(8), (16, 10, 8)),
        (EmbeddingNoiseAdapter(8), (16, 8)),
    ],
    ids=["frames", "embeddings"],
)
def test_gamma_learns_which_utterances_are_noisy(adapter, shape):
    """One gamma per utterance: high for one kind, low for the other."""
    torch.manual_seed(0)
    clean = torch.arange(16) < 8
    sign = torch.where(clean, 1.0, -1.0).reshape(-1, *[1] * (len(shape) - 1))
    optimizer = torch.optim.Adam(adapter.parameters(), lr=1e-2)
    for _ in range(100):
        gamma = adapter(sign + 0.3 * torch.randn(shape))
        loss = torch.nn.functional.binary_cross_entropy(gamma, clean.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert gamma[clean].min() > 0.8 and gamma[~clean].max() < 0.2


def test_masked_mean_by_hand():
    x = torch.tensor([[[1.0, 3.0, 99.0]], [[5.0, 99.0, 99.0]]])
    mask = frame_mask(torch.tensor([2, 1]), 3)
    assert masked_mean(x, mask).tolist() == [[2.0], [5.0]]
    assert masked_mean(x, torch.zeros_like(mask)).tolist() == [[0.0], [0.0]]


def test_indivisible_channels_are_refused():
    with pytest.raises(ValueError, match="channels=12 must be a multiple of"):
        FrameNoiseAdapter(12)
