"""The reverse process in few steps (arrow: noisy -> clean).

===================  ===================================================
variable             paper symbol
===================  ===================================================
``x_t``              x_t, features at noise level t (DenoKD, Eq. 3)
``x0``               x_0 as predicted from ``x_t`` and ``noise``
``noise``            Phi_theta(x_t, t), the predicted noise (Eq. 4)
``alpha_bar_t``      alpha-bar at t (Eq. 2)
``alpha_bar_prev``   alpha-bar at the next, cleaner step of the grid
``n_steps``          denoising steps, 5 in the paper (Section IV-B)
``start``            initial time step, 500 of 1000 (Section III-B)
===================  ===================================================

Source: Song et al., "Denoising diffusion implicit models", 2020, Eq. 12 with
sigma = 0; step grids from DenoKD, Section III-B, and from the released code of
T. Huang et al., "Knowledge diffusion for distillation", NeurIPS 2023.
Differs: the paper gives a start and a count, not the steps between; the grid
"paper" spaces them evenly, "diffkd" repeats what DiffKD's code does.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from speechbrain_denokd.diffusion.broadcast import signal_and_spread
from speechbrain_denokd.diffusion.schedule import NoiseSchedule


def step_grid(
    kind: str, n_steps: int, n_timesteps: int = 1000, start: int = 500
) -> list[int]:
    """Zero-based time steps to visit, noisiest first.

    The step after the last is clean data, alpha-bar = 1.

    Arguments
    ---------
    kind : str
        "paper": the multiples of ``start / n_steps``, counted from one, so
        that the first step is ``start`` itself. "diffkd": strides of
        ``start // n_steps`` down to index 0, so ``start`` is only a bound.
    n_steps : int
        Number of steps; 0 gives an empty grid (no denoising).
    n_timesteps : int
        Steps of the schedule, ``T``.
    start : int
        Initial time step, counted from one as the paper does.

    Raises
    ------
    ValueError
        If ``kind`` is unknown, ``start`` is not in 1..``n_timesteps``, or
        ``n_steps`` is not in 0..``start``.

    Example
    -------
    >>> step_grid("paper", 5)
    [499, 399, 299, 199, 99]
    >>> step_grid("diffkd", 5)
    [400, 300, 200, 100, 0]
    """
    if not 1 <= start <= n_timesteps:
        raise ValueError(
            f"start={start} must lie in 1..n_timesteps={n_timesteps}"
        )
    if not 0 <= n_steps <= start:
        raise ValueError(f"n_steps={n_steps} must lie in 0..start={start}")
    remaining = range(n_steps, 0, -1)
    if kind == "paper":
        # Integer arithmetic for round-half-up(k * start / n_steps) - 1.
        return [
            (2 * k * start + n_steps) // (2 * n_steps) - 1 for k in remaining
        ]
    if kind == "diffkd":
        return [(k - 1) * (start // n_steps) for k in remaining]
    raise ValueError(f"kind={kind!r} is no step grid; use 'paper' or 'diffkd'")


def ddim_step(
    x_t: Tensor, noise: Tensor, alpha_bar_t: Tensor, alpha_bar_prev: Tensor
) -> Tensor:
    """One deterministic step towards clean features (DDIM Eq. 12, eta 0).

    Arguments
    ---------
    x_t : (B, ...) torch.Tensor
        Noisy features.
    noise : (B, ...) torch.Tensor
        Noise predicted in them.
    alpha_bar_t, alpha_bar_prev : (B,) torch.Tensor
        Signal variance of the features before and after the step.

    Returns
    -------
    (B, ...) torch.Tensor
        In the dtype of ``x_t``.

    Example
    -------
    >>> x_t = torch.tensor([[2.0]])
    >>> quarter, one = torch.tensor([0.25]), torch.tensor([1.0])
    >>> ddim_step(x_t, torch.zeros(1, 1), quarter, one)
    tensor([[4.]])
    """
    signal, spread = signal_and_spread(alpha_bar_t, x_t)
    signal_prev, spread_prev = signal_and_spread(alpha_bar_prev, x_t)
    x0 = (x_t - spread * noise) / signal  # 1. predicted clean features
    return signal_prev * x0 + spread_prev * noise  # 2. one step less noisy


def denoise(
    x_start: Tensor,
    predict_noise: Callable[[Tensor, Tensor], Tensor],
    schedule: NoiseSchedule,
    timesteps: Sequence[int],
) -> Tensor:
    """Walk the grid from ``x_start`` to clean features (Eq. 4).

    Every step stays in the graph: the gradient reaches ``x_start`` and the
    noise predictor through all of them.

    Arguments
    ---------
    x_start : (B, ...) torch.Tensor
        Features, taken to be at the noise level of ``timesteps[0]``.
    predict_noise : callable
        ``predict_noise(x_t (B, ...), timesteps (B,)) -> (B, ...)``.
    schedule : NoiseSchedule
        Noise levels.
    timesteps : sequence of int
        Zero-based steps, strictly decreasing, as `step_grid` gives them;
        none leaves ``x_start`` as it is.

    Returns
    -------
    (B, ...) torch.Tensor
        Refined features, float32 at least.

    Raises
    ------
    ValueError
        If the steps do not decrease or leave the schedule.

    Example
    -------
    >>> schedule = NoiseSchedule("linear", n_timesteps=1000)
    >>> refined = denoise(
    ...     torch.ones(1, 1),
    ...     lambda x_t, timesteps: torch.zeros_like(x_t),
    ...     schedule,
    ...     step_grid("paper", n_steps=5),
    ... )
    >>> round(refined.item(), 4)
    3.5672
    """
    _check_grid(timesteps, schedule.n_timesteps)
    # The chain divides by sqrt(alpha_bar), which multiplies rounding errors
    # up to 60-fold. Autocast may halve the predictor, never the chain:
    # its operands are float32 and it holds no operation that autocast casts.
    x_t = x_start.to(torch.promote_types(x_start.dtype, torch.float32))
    steps = torch.tensor(list(timesteps), device=x_t.device, dtype=torch.long)
    alpha_bars = schedule.alpha_bar_at(steps)
    # After the last step of the grid comes clean data: alpha_bar = 1.
    alpha_bars = torch.cat([alpha_bars, alpha_bars.new_ones(1)])
    for i in range(len(timesteps)):
        noise = predict_noise(x_t, steps[i].expand(len(x_t)))
        x_t = ddim_step(
            x_t,
            noise.to(x_t.dtype),
            alpha_bar_t=alpha_bars[i],
            alpha_bar_prev=alpha_bars[i + 1],
        )
    return x_t


def _check_grid(timesteps: Sequence[int], n_timesteps: int) -> None:
    """Refuse grids that would index from the end or add noise."""
    if any(a <= b for a, b in zip(timesteps, timesteps[1:], strict=False)):
        raise ValueError(
            f"timesteps={list(timesteps)} must strictly decrease; "
            "order them from noisy to clean"
        )
    if len(timesteps) and not 0 <= timesteps[-1] <= timesteps[0] < n_timesteps:
        raise ValueError(
            f"timesteps={list(timesteps)} must lie in "
            f"0..{n_timesteps - 1}, the steps of the schedule"
        )
