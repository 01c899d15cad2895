import pytest
import torch

from speechbrain_denokd.diffusion.blocks import SinusoidalTime, TableTime
from speechbrain_denokd.diffusion.denoiser import (
    EmbeddingDenoiser,
    FrameDenoiser,
)
from speechbrain_denokd.diffusion.norm import FrameBatchNorm, FrameLayerNorm
from speechbrain_denokd.diffusion.schedule import NoiseSchedule
from speechbrain_denokd.encoders.masks import frame_mask

NORMS = [FrameBatchNorm, FrameLayerNorm]


def n_parameters(denoiser):
    """Without the time conditioning."""
    named = denoiser.named_parameters()
    return sum(p.numel() for name, p in named if not name.startswith("time."))


@pytest.mark.parametrize(
    "channels, expected",
    [(1536, 5618688), (1024, 2500608), (512, 627712), (256, 158208)],
)
def test_frame_denoiser_has_its_known_size(channels, expected):
    assert n_parameters(FrameDenoiser(channels)) == expected


@pytest.mark.parametrize(
    "expansion, with_last_norm", [(4, 1579776), (1, 198912)]
)
def test_embedding_denoiser_has_its_known_size(expansion, with_last_norm):
    denoiser = EmbeddingDenoiser(256, expansion)
    assert n_parameters(denoiser) == with_last_norm - 2 * 256


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("training", [True, False])
def test_padding_is_invisible_and_predicted_zero(norm, training):
    torch.manual_seed(0)
    denoiser = FrameDenoiser(8, norm=norm).double().train(training)
    mask = frame_mask(torch.tensor([9, 5, 1]), 9)
    x_t = torch.randn(3, 9, 8, dtype=torch.float64)
    junk = torch.where(mask[..., None], x_t, torch.nan)
    timesteps = torch.tensor([0, 499, 999])
    expected = denoiser(x_t, timesteps, mask)
    found = denoiser(junk, timesteps, mask)
    torch.testing.assert_close(found, expected)
    assert (found[~mask] == 0).all()
    found.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in denoiser.parameters())


@pytest.mark.parametrize("norm", NORMS)
def test_batched_agrees_with_alone(norm):
    torch.manual_seed(0)
    denoiser = FrameDenoiser(8, norm=norm).double().eval()
    mask = frame_mask(torch.tensor([9, 5]), 9)
    x_t = torch.randn(2, 9, 8, dtype=torch.float64)
    timesteps = torch.tensor([99, 499])
    together = denoiser(x_t, timesteps, mask)
    alone = denoiser(x_t[1:, :5], timesteps[1:])
    torch.testing.assert_close(together[1:, :5], alone)


@pytest.mark.parametrize("norm", NORMS)
def test_longer_padding_changes_no_training_step(norm):
    """Batch statistics, too, are those of valid frames."""
    torch.manual_seed(0)
    denoiser = FrameDenoiser(8, norm=norm).double()
    x_t = torch.randn(2, 6, 8, dtype=torch.float64)
    n_frames, timesteps = torch.tensor([6, 4]), torch.tensor([99, 499])
    short = denoiser(x_t, timesteps, frame_mask(n_frames, 6))
    padded = torch.nn.functional.pad(x_t, (0, 0, 0, 7), value=3.0)
    long = denoiser(padded, timesteps, frame_mask(n_frames, 13))
    torch.testing.assert_close(long[:, :6], short)


@pytest.mark.parametrize("time", [SinusoidalTime, TableTime])
@pytest.mark.parametrize(
    "denoiser_class, shape",
    [(FrameDenoiser, (4, 6, 8)), (EmbeddingDenoiser, (4, 8))],
)
def test_prediction_depends_on_the_step(denoiser_class, shape, time):
    torch.manual_seed(0)
    denoiser = denoiser_class(8, time=time).eval()
    x_t = torch.randn(shape)
    early = denoiser(x_t, torch.zeros(4, dtype=torch.long))
    late = denoiser(x_t, torch.full((4,), 999))
    assert (early - late).abs().max() > 1e-4


@pytest.mark.parametrize(
    "denoiser, shape",
    [
        (FrameDenoiser(8), (64, 50, 8)),
        (EmbeddingDenoiser(8), (4096, 8)),
    ],
    ids=["frames", "embeddings"],
)
def test_predicting_zero_costs_one(denoiser, shape):
    """Eq. 5 of a zero network is the variance of the noise."""
    torch.manual_seed(0)
    last = denoiser.out if len(shape) == 3 else denoiser.third
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    x0, noise = torch.randn(2, *shape)
    timesteps = torch.randint(1000, shape[:1])
    x_t = NoiseSchedule().add_noise(x0, noise, timesteps)
    loss = (noise - denoiser(x_t, timesteps)).square().mean()
    # 25600 squares of standard normals: deviation sqrt(2 / 25600) = 0.009.
    assert loss.item() == pytest.approx(1.0, abs=0.04)


def test_last_layer_gets_below_the_floor_of_a_relu():
    """Behind a ReLU no predictor of noise gets below 0.5."""
    torch.manual_seed(0)
    noise = torch.randn(100000)
    best_of_relu = noise.clamp(min=0)
    floor = (noise - best_of_relu).square().mean().item()
    assert floor == pytest.approx(0.5, abs=0.01)

    denoiser = EmbeddingDenoiser(4)
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=1e-2)
    timesteps = torch.full((256,), 999)
    for _ in range(100):
        # At the last step x_t is the noise: the identity would cost 0.
        noise = torch.randn(256, 4)
        loss = (noise - denoiser(noise, timesteps)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("norm", NORMS)
def test_autocast_agrees_with_float32(norm, dtype):
    torch.manual_seed(0)
    denoiser = FrameDenoiser(16, norm=norm)
    mask = frame_mask(torch.tensor([9, 5]), 9)
    x_t, timesteps = torch.randn(2, 9, 16), torch.tensor([0, 999])
    expected = denoiser(x_t, timesteps, mask)
    with torch.autocast("cpu", dtype=dtype):
        found = denoiser(x_t, timesteps, mask)
    torch.testing.assert_close(found.float(), expected, atol=0.1, rtol=0.1)
