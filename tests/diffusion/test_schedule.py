import pytest
import torch
from diffusers import DDIMScheduler

from speechbrain_denokd.diffusion.schedule import (
    NoiseSchedule,
    alpha_bar_table,
)

# (index, linear, scaled linear, cosine) at T = 1000, in float64.
GOLDEN = [
    (0, 0.99990000, 0.99990000, 0.99995872),
    (99, 0.89701815, 0.97169711, 0.97209274),
    (199, 0.65903851, 0.88850963, 0.89870592),
    (299, 0.39641976, 0.73844816, 0.78691051),
    (399, 0.19514644, 0.53875046, 0.64747821),
    (400, 0.19357201, 0.53663780, 0.64598817),
    (499, 0.07858724, 0.33318777, 0.49384359),
    (500, 0.07779666, 0.33127458, 0.49228517),
    (599, 0.02587939, 0.16864480, 0.34080964),
    (799, 0.00153209, 0.02055931, 0.09404561),
]
DIFFUSERS_NAMES = {
    "linear": "linear",
    "scaled_linear": "scaled_linear",
    "cosine": "squaredcos_cap_v2",
}
# sqrt(alpha_bar), sqrt(1 - alpha_bar) and the gamma of Eq. 6 with the same
# ratio of signal to noise, at the chain's possible starts.
STARTS = [
    ("linear", 400, 0.439968, 0.898013, 0.328830),
    ("linear", 499, 0.280334, 0.959902, 0.226033),
    ("linear", 500, 0.278921, 0.960314, 0.225075),
    ("cosine", 400, 0.803734, 0.594989, 0.574620),
    ("cosine", 499, 0.702740, 0.711447, 0.496922),
    ("cosine", 500, 0.701630, 0.712541, 0.496142),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: f"index{g[0]}")
def test_alpha_bar_has_its_golden_values(golden):
    index, *expected = golden
    kinds = ("linear", "scaled_linear", "cosine")
    found = [alpha_bar_table(kind, 1000)[index].item() for kind in kinds]
    assert found == pytest.approx(expected, abs=6e-9)


def test_last_step_leaves_almost_no_signal():
    last = {k: alpha_bar_table(k, 1000)[-1].item() for k in DIFFUSERS_NAMES}
    assert last["linear"] == pytest.approx(4.0358e-5, rel=1e-4)
    assert last["scaled_linear"] == pytest.approx(7.3341e-4, rel=1e-4)
    assert last["cosine"] == pytest.approx(2.4287e-9, rel=1e-4)


def test_cosine_follows_its_closed_form_and_caps_one_beta():
    table = alpha_bar_table("cosine", 1000)
    alphas = table / torch.cat([torch.ones(1).double(), table[:-1]])
    betas = 1 - alphas
    assert betas[0].item() == pytest.approx(4.128422e-5, rel=1e-6)
    assert (betas > 0.9989999).sum() == 1
    assert betas[-1].item() == pytest.approx(0.999)
    assert table[499].item() == pytest.approx(0.4938435904, abs=1e-10)


@pytest.mark.parametrize("kind, index, signal, spread, gamma", STARTS)
def test_signal_to_noise_ratio_at_the_start(kind, index, signal, spread, gamma):
    schedule = NoiseSchedule(kind)
    one, zero = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
    at = torch.tensor([index])
    found_signal = schedule.add_noise(one, zero, at).item()
    found_spread = schedule.add_noise(zero, one, at).item()
    found_gamma = found_signal / (found_signal + found_spread)
    assert found_signal == pytest.approx(signal, abs=1e-6)
    assert found_spread == pytest.approx(spread, abs=1e-6)
    assert found_gamma == pytest.approx(gamma, abs=1e-6)


@pytest.mark.parametrize("kind", DIFFUSERS_NAMES)
def test_add_noise_agrees_with_diffusers(kind):
    torch.manual_seed(0)
    x0, noise = torch.randn(2, 8, 5, 3)
    timesteps = torch.tensor([0, 1, 99, 400, 499, 500, 998, 999])
    reference = DDIMScheduler(beta_schedule=DIFFUSERS_NAMES[kind])
    reference.alphas_cumprod = reference.alphas_cumprod.double()
    expected = reference.add_noise(x0.double(), noise.double(), timesteps)
    found = NoiseSchedule(kind).add_noise(x0, noise, timesteps)
    torch.testing.assert_close(found, expected.float(), atol=2e-4, rtol=0)


def test_each_sample_has_its_own_step():
    schedule = NoiseSchedule()
    x0, noise = torch.randn(2, 3, 4, 5)
    together = schedule.add_noise(x0, noise, torch.tensor([0, 499, 999]))
    alone = schedule.add_noise(x0[1:2], noise[1:2], torch.tensor([499]))
    torch.testing.assert_close(together[1:2], alone, atol=0, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_module_keeps_the_exact_table(dtype):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), NoiseSchedule("cosine"))
    exact = alpha_bar_table("cosine", 1000)
    model.to(dtype)
    assert model[0].weight.dtype == dtype
    # A cast there and back would lose the first and the last entry.
    torch.testing.assert_close(model[1].alpha_bar, exact, atol=0, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_still_receive_the_first_noise(dtype):
    x0, noise = torch.zeros(1, 1, dtype=dtype), torch.ones(1, 1, dtype=dtype)
    x_t = NoiseSchedule().add_noise(x0, noise, torch.tensor([0]))
    assert x_t.dtype == dtype
    assert x_t.item() == pytest.approx(0.01, rel=1e-2)  # 0 with a cast table


def test_table_is_not_in_checkpoints_and_survives_a_device_change():
    schedule = NoiseSchedule("cosine", n_timesteps=10)
    assert schedule.state_dict() == {}
    schedule.to("meta")
    assert schedule.alpha_bar.device.type == "meta"
    schedule.to_empty(device="cpu")
    expected = alpha_bar_table("cosine", 10)
    torch.testing.assert_close(schedule.alpha_bar, expected, atol=0, rtol=0)


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'quadratic' is not a noise schedule"):
        NoiseSchedule("quadratic")


def test_empty_schedule_is_refused():
    with pytest.raises(ValueError, match="n_timesteps=0 must be at least 1"):
        NoiseSchedule(n_timesteps=0)
