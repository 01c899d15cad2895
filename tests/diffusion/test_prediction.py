"""Noise, x_0 and v say the same of a noisy feature."""

import pytest
import torch

from speechbrain_denokd.diffusion.prediction import KINDS, as_noise, wanted
from speechbrain_denokd.diffusion.schedule import NoiseSchedule

X0 = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0)).double()
NOISE = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(1))
NOISE = NOISE.double()
TIMESTEPS = torch.tensor([0, 99, 499, 999])


@pytest.mark.parametrize("kind", KINDS)
def test_law_what_is_wanted_amounts_to_the_noise(kind):
    schedule = NoiseSchedule("linear")
    alpha_bar = schedule.alpha_bar_at(TIMESTEPS)
    x_t = schedule.add_noise(X0, NOISE, TIMESTEPS)
    output = wanted(kind, X0, NOISE, alpha_bar)
    torch.testing.assert_close(as_noise(kind, output, x_t, alpha_bar), NOISE)


def test_fact_v_turns_from_noise_to_minus_the_clean_feature():
    """Without noise v is the noise, without signal it is -x_0."""
    ends = torch.tensor([1.0, 0.0]).double()
    v = wanted("v", X0[:2], NOISE[:2], ends)
    torch.testing.assert_close(v, torch.stack([NOISE[0], -X0[1]]))


@pytest.mark.parametrize("use", [wanted, as_noise])
def test_error_an_unknown_prediction(use):
    with pytest.raises(ValueError, match="prediction='score' is not known"):
        use("score", X0, NOISE, torch.full((4,), 0.5))
