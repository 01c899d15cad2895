"""How much noise each diffusion step holds (arrow: clean -> noisy).

==================  ====================================================
variable            paper symbol (DenoKD, Section II-A)
==================  ====================================================
``x0``              x_0, clean data: the teacher's features
``x_t``             x_t, the same after t steps of noise
``noise``           epsilon_t, drawn from N(0, I)
``betas[i]``        beta of step i + 1;  alpha = 1 - beta
``alpha_bar[i]``    alpha-bar of step t = i + 1, a product of t alphas
``n_timesteps``     T, steps until nothing but noise is left
==================  ====================================================

Tables are zero-based, the paper counts from one: its t = 500 is index 499
here, and its alpha-bar of step 0, which is 1, has no index.

Source: Eq. 2 and 3; Ho et al., "Denoising diffusion probabilistic models",
NeurIPS 2020 (linear); Rombach et al., "High-resolution image synthesis with
latent diffusion models", CVPR 2022 (scaled linear); Nichol and Dhariwal,
"Improved denoising diffusion probabilistic models", ICML 2021 (cosine).
Differs: the paper names no schedule; linear is what DiffKD trains with.
"""

import math

import torch
from torch import Tensor, nn

from speechbrain_denokd.diffusion.broadcast import signal_and_spread

BETA_START, BETA_END = 1e-4, 0.02
MAX_BETA = 0.999
COSINE_OFFSET = 0.008


def _cosine_betas(n_timesteps: int) -> Tensor:
    """Nichol & Dhariwal's betas, from alpha_bar = f(u) / f(0)."""
    u = torch.arange(n_timesteps + 1, dtype=torch.float64) / n_timesteps
    angle = (u + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2
    f = angle.cos() ** 2
    # The last ratio is 0: without the cap its step would leave no signal,
    # and the reverse step divides by the signal.
    return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)


def alpha_bar_table(kind: str, n_timesteps: int) -> Tensor:
    """Share of signal variance left after each step (below Eq. 2).

    Arguments
    ---------
    kind : str
        "linear", "scaled_linear" (linear in the square root of beta) or
        "cosine". The first two go from beta 1e-4 to 0.02.
    n_timesteps : int
        Steps, ``T``.

    Returns
    -------
    (T,) torch.Tensor of float64
        Entry ``i`` belongs to the paper's step ``i + 1``.

    Raises
    ------
    ValueError
        If ``kind`` is none of the three or ``n_timesteps`` is below 1.

    Example
    -------
    >>> round(alpha_bar_table("cosine", 1000)[499].item(), 8)
    0.49384359
    """
    if n_timesteps < 1:
        raise ValueError(f"n_timesteps={n_timesteps} must be at least 1")
    if kind == "linear":
        ends = (BETA_START, BETA_END)
        betas = torch.linspace(*ends, n_timesteps, dtype=torch.float64)
    elif kind == "scaled_linear":
        ends = (BETA_START**0.5, BETA_END**0.5)
        betas = torch.linspace(*ends, n_timesteps, dtype=torch.float64) ** 2
    elif kind == "cosine":
        betas = _cosine_betas(n_timesteps)
    else:
        raise ValueError(
            f"kind={kind!r} is not a noise schedule; "
            "use 'linear', 'scaled_linear' or 'cosine'"
        )
    return torch.cumprod(1 - betas, dim=0)


class NoiseSchedule(nn.Module):
    """The forward process: how noisy step t is. Holds no weights.

    Arguments
    ---------
    kind : str
        "linear", "scaled_linear" or "cosine".
    n_timesteps : int
        Steps, ``T``.

    Raises
    ------
    ValueError
        If ``kind`` is unknown or ``n_timesteps`` is below 1.

    Example
    -------
    >>> schedule = NoiseSchedule("linear", n_timesteps=1000)
    >>> timesteps = torch.tensor([0, 499])
    >>> [round(a, 6) for a in schedule.alpha_bar_at(timesteps).tolist()]
    [0.9999, 0.078587]
    >>> x0, noise = torch.ones(2, 3), torch.zeros(2, 3)
    >>> schedule.add_noise(x0, noise, timesteps)[1]
    tensor([0.2803, 0.2803, 0.2803])
    """

    def __init__(self, kind: str = "linear", n_timesteps: int = 1000):
        super().__init__()
        self.kind = kind
        self.n_timesteps = n_timesteps
        # Fully determined by the two arguments, hence not in checkpoints.
        self.register_buffer(
            "alpha_bar", alpha_bar_table(kind, n_timesteps), persistent=False
        )

    def _apply(self, fn, recurse: bool = True):
        """Follow the device, never the dtype, of the enclosing module."""
        # In half precision alpha_bar[0] = 0.9999 rounds to 1: no noise left.
        super()._apply(fn, recurse)
        table = alpha_bar_table(self.kind, self.n_timesteps)
        self.alpha_bar = table.to(self.alpha_bar.device)
        return self

    def alpha_bar_at(self, timesteps: Tensor) -> Tensor:
        """Look up alpha-bar.

        Arguments
        ---------
        timesteps : (B,) torch.Tensor of int64
            Zero-based steps, 0 to ``n_timesteps - 1``.

        Returns
        -------
        (B,) torch.Tensor of float64
        """
        return self.alpha_bar[timesteps]

    def add_noise(self, x0: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Jump from clean data to step t at once (Eq. 3).

        Arguments
        ---------
        x0 : (B, ...) torch.Tensor
            Clean features.
        noise : (B, ...) torch.Tensor
            Standard normal draws of the same shape.
        timesteps : (B,) torch.Tensor of int64
            Zero-based step of each sample.

        Returns
        -------
        (B, ...) torch.Tensor
            Noisy features, in the dtype of ``x0``.
        """
        # Eq. 3: x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) epsilon.
        signal, spread = signal_and_spread(self.alpha_bar_at(timesteps), x0)
        return signal * x0 + spread * noise
