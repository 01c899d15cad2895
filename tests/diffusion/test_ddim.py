import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st

from speechbrain_denokd.diffusion.ddim import ddim_step, denoise, step_grid
from speechbrain_denokd.diffusion.schedule import NoiseSchedule


def zero(x_t, schedule, timesteps):
    return torch.zeros_like(x_t)


def one(x_t, schedule, timesteps):
    return torch.ones_like(x_t)


def half(x_t, schedule, timesteps):
    return x_t / 2


def gaussian(x_t, schedule, timesteps):
    """The best predictor of all for unit Gaussian data."""
    return (1 - schedule.alpha_bar_at(timesteps)).sqrt()[:, None] * x_t


# Chains from x = 1 in closed form, float64: (schedule, grid) -> value of each
# predictor at the end.
CHAINS = {
    ("linear", "diffkd"): (2.27289158, 0.23180458, 1.11242943, 0.85422863),
    ("linear", "paper"): (3.56717137, 0.14303475, 1.40704713, 0.83927242),
    ("cosine", "diffkd"): (1.24419290, 0.50391189, 0.87931648, 0.95123894),
    ("cosine", "paper"): (1.42300128, 0.41061171, 0.90936405, 0.93896446),
}
# Values after each step, from the same source.
TRACES = [
    (
        "diffkd",
        zero,
        (1.42670099, 1.84138870, 2.15042643, 2.27277794, 2.27289158),
    ),
    (
        "diffkd",
        one,
        (0.92395732, 0.77401629, 0.54313325, 0.24179299, 0.23180458),
    ),
    (
        "diffkd",
        half,
        (1.17532915, 1.27101485, 1.25504589, 1.11796363, 1.11242943),
    ),
    (
        "paper",
        one,
        (0.96032246, 0.86696163, 0.70003639, 0.45637756, 0.14303475),
    ),
]


def run_chain(kind, grid, predictor):
    """All states of the five-step chain from x = 1."""
    schedule = NoiseSchedule(kind)
    states = []

    def predict(x_t, timesteps):
        states.append(x_t.item())
        return predictor(x_t, schedule, timesteps)

    start = torch.ones(1, 1, dtype=torch.float64)
    end = denoise(start, predict, schedule, step_grid(grid, 5))
    return [*states[1:], end.item()]


@pytest.mark.parametrize("kind, grid", CHAINS)
def test_chain_ends_at_its_closed_form(kind, grid):
    found = [run_chain(kind, grid, p)[-1] for p in (zero, one, half, gaussian)]
    assert found == pytest.approx(CHAINS[kind, grid], abs=6e-9)


@pytest.mark.parametrize("grid, predictor, expected", TRACES)
def test_chain_passes_its_closed_form_states(grid, predictor, expected):
    found = run_chain("linear", grid, predictor)
    assert found == pytest.approx(expected, abs=6e-9)


def test_grids_of_the_paper_and_of_diffkd():
    assert step_grid("paper", 5) == [499, 399, 299, 199, 99]
    assert step_grid("diffkd", 5) == [400, 300, 200, 100, 0]
    assert step_grid("paper", 1) == [499]
    assert step_grid("diffkd", 1) == [0]
    assert step_grid("diffkd", 15)[:2] == [462, 429]
    assert step_grid("diffkd", 15)[-1] == 0
    # Multiples of 500 / 15 from one: 33.3, 66.7, ..., 466.7, 500.
    assert step_grid("paper", 15)[:3] == [499, 466, 432]
    assert step_grid("paper", 15)[-2:] == [66, 32]
    assert step_grid("paper", 5, start=1000) == [999, 799, 599, 399, 199]
    assert step_grid("paper", 0) == step_grid("diffkd", 0) == []


@given(
    st.sampled_from(["paper", "diffkd"]),
    st.integers(1, 1000).flatmap(
        lambda start: st.tuples(st.just(start), st.integers(1, start))
    ),
)
def test_every_grid_decreases_inside_the_schedule(kind, sizes):
    start, n_steps = sizes
    grid = step_grid(kind, n_steps, n_timesteps=1000, start=start)
    assert len(grid) == n_steps
    assert all(a > b for a, b in zip(grid, grid[1:], strict=False))
    assert 0 <= grid[-1] and grid[0] < start


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "cosine"])
@pytest.mark.parametrize("index", [0, 99, 499, 899])
def test_true_noise_leads_back_to_clean_data(kind, index):
    """Oracle: with the true noise any chain returns x_0."""
    torch.manual_seed(0)
    schedule = NoiseSchedule(kind)
    x0, noise = torch.randn(2, 4, 6, 3, dtype=torch.float64)
    x_t = schedule.add_noise(x0, noise, torch.full((4,), index))
    steps = sorted({index, index * 2 // 3, index // 5}, reverse=True)
    found = denoise(x_t, lambda x, t: noise, schedule, steps)
    # Rounding of x_t is amplified by 1 / sqrt(alpha_bar).
    scale = schedule.alpha_bar[index].rsqrt().item()
    torch.testing.assert_close(found, x0, atol=2e-15 * scale, rtol=0)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize(
    "grid, n_steps",
    # diffusers' trailing grid strides evenly only if 2 n divides 1000.
    [("paper", n) for n in (1, 5, 10, 20)]
    + [("diffkd", n) for n in (1, 5, 10, 15, 20)],
)
def test_chain_agrees_with_diffusers(kind, grid, n_steps):
    reference = DDIMScheduler(
        beta_schedule={"cosine": "squaredcos_cap_v2"}.get(kind, kind),
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing={"paper": "trailing", "diffkd": "leading"}[grid],
    )
    reference.set_timesteps(2 * n_steps)
    steps = reference.timesteps[n_steps:].tolist()
    assert step_grid(grid, n_steps) == steps

    torch.manual_seed(0)
    x_start = torch.randn(3, 7, 4)
    expected = x_start
    for step in steps:
        noise = expected.tanh() + 1e-3 * step
        expected = reference.step(noise, step, expected, eta=0.0).prev_sample
    found = denoise(
        x_start,
        lambda x_t, t: x_t.tanh() + 1e-3 * t[:, None, None],
        NoiseSchedule(kind),
        steps,
    )
    torch.testing.assert_close(found, expected, atol=5e-4, rtol=5e-4)


def test_no_steps_is_no_denoising():
    x_start = torch.randn(2, 3)
    found = denoise(x_start, lambda x_t, t: x_t, NoiseSchedule(), [])
    torch.testing.assert_close(found, x_start, atol=0, rtol=0)


def test_gradient_flows_through_every_step():
    schedule = NoiseSchedule()
    x_start = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
    shares = torch.full((5,), 0.5, dtype=torch.float64, requires_grad=True)
    calls = iter(shares)
    end = denoise(
        x_start, lambda x, t: next(calls) * x, schedule, step_grid("paper", 5)
    )
    end.backward()
    # The chain is linear in x, so its slope is its value at x = 1.
    assert x_start.grad.item() == pytest.approx(1.40704713, abs=6e-9)
    assert (shares.grad != 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_chain_stays_float32_around_a_half_precision_predictor(dtype):
    seen = []

    def predict(x_t, timesteps):
        seen.append(x_t.dtype)
        return torch.full_like(x_t, 0.5, dtype=dtype)

    with torch.autocast("cpu", dtype=dtype):
        start = torch.ones(1, 1, dtype=dtype)
        end = denoise(start, predict, NoiseSchedule(), step_grid("paper", 5))
    assert seen == [torch.float32] * 5 and end.dtype == torch.float32
    # The chain is affine: halfway between the ends for noise 0 and noise 1.
    assert end.item() == pytest.approx((3.56717137 + 0.14303475) / 2, rel=1e-6)


def test_one_step_to_the_same_level_changes_nothing():
    x_t, noise = torch.randn(2, 3, 4, dtype=torch.float64)
    alpha_bar = torch.tensor([0.1, 0.5, 0.9])
    found = ddim_step(x_t, noise, alpha_bar, alpha_bar)
    torch.testing.assert_close(found, x_t, atol=1e-14, rtol=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("trailing", 5), "kind='trailing' is no step grid"),
        (("paper", 501), r"n_steps=501 must lie in 0\.\.start=500"),
        (("paper", -1), "n_steps=-1 must lie"),
        (("paper", 5, 100), r"start=500 must lie in 1\.\.n_timesteps=100"),
    ],
)
def test_impossible_grids_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        step_grid(*arguments)


@pytest.mark.parametrize(
    "steps, message",
    [
        ([0, 100], "must strictly decrease"),
        ([100, 100], "must strictly decrease"),
        ([1000, 500], r"must lie in 0\.\.999"),
        ([100, -1], r"must lie in 0\.\.999"),
    ],
)
def test_impossible_steps_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        denoise(torch.ones(1, 1), lambda x, t: x, NoiseSchedule(), steps)
