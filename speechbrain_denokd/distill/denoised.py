"""DenoKD: match the student to the teacher after denoising it by diffusion.

Source: Z. Jin et al., "Denoising Student Features with Diffusion Models for
Knowledge Distillation in Speaker Verification", Sections II-A to II-C; the
method follows T. Huang et al., "Knowledge Diffusion for Distillation", NeurIPS
2023, whose released code fills some gaps.

==================  =======================================================
name                symbol of the paper
==================  =======================================================
``mapped``          F^S (or e^S) after the linear layer
``target``          F^T (or e^T), standardised
``gamma``           γ of the noise adapter, Eq. (6)
``x_start``         F̃^S_T, where the reverse process starts, Eq. (6)
``refined``         F̂^S, the denoised student features
``noise``           ε
``x_t``             F^T_t, a teacher feature with noise, Eq. (3)
==================  =======================================================

Differs, because the paper is silent or its symbols clash with each other:
the reverse process starts at time step 500, not at T = 1000 (Section III-B);
squared errors are means over elements; the teacher's features are standardised
per channel by running statistics, since diffusion assumes data of unit
variance; a projection follows the reverse process, as in DiffKD. Each of them
is an argument.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from speechbrain_denokd.diffusion.ddim import denoise, step_grid
from speechbrain_denokd.diffusion.noise_adapter import mix
from speechbrain_denokd.diffusion.norm import FrameBatchNorm
from speechbrain_denokd.diffusion.prediction import (
    as_noise,
    check_kind,
    wanted,
)
from speechbrain_denokd.diffusion.schedule import NoiseSchedule
from speechbrain_denokd.distill.match import MappedTap, mean_squared_error
from speechbrain_denokd.distill.prediction import Prediction, TermOutput


class DenoisedMatch(nn.Module):
    """Squared error between teacher features and denoised student features.

    The student's tap is read as a noisy version of the teacher's. A noise
    predictor is trained on the teacher's features, and cleans the student's.

    Arguments
    ---------
    mapped_tap : MappedTap
        Frames or embeddings, mapped to the teacher's size.
    denoiser : callable
        ``channels -> torch.nn.Module``, the noise predictor Φ_θ, itself
        ``(x_t, timesteps (B,), mask) -> noise``. A class, as for the next two:
        the number of channels is the tap's to say.
    noise_adapter : callable or None
        ``channels -> torch.nn.Module``, itself ``(features, mask) -> gamma
        (B,)``; None leaves the student's features as they are (the paper's
        Table II, first row).
    schedule : NoiseSchedule
        Forward noise process.
    n_steps : int
        DDIM steps; 0 is plain matching without diffusion, the first point of
        the paper's Fig. 4, and builds none of the networks.
    start : int
        Time step, counted from 1, at which the reverse process starts.
    grid : str
        "paper" (start, ..., evenly down) or "diffkd" (the released DiffKD
        code's second half of 2n leading steps).
    projection : callable or None
        ``channels -> torch.nn.Module``, applied to the refined features:
        ``(features, mask) -> features``.
    mixing : callable
        ``(features, noise, gamma) -> x_start``: `mix` is Eq. (6), `mix_vp`
        keeps the variance.
    train_denoiser : bool
        Whether the distillation loss trains the noise predictor too (as in
        DiffKD), or the diffusion loss alone does.
    diffusion_weight : float
        Weight of the diffusion loss, Eq. (5), inside this term.
    prediction : str
        What ``denoiser`` is asked for: "noise" as in the paper, "x0" or "v"
        (`diffusion.prediction`).

    Raises
    ------
    ValueError
        If ``n_steps`` is negative or exceeds what ``start`` allows, or
        ``prediction`` is not known.

    Example
    -------
    >>> from speechbrain_denokd.diffusion.denoiser import EmbeddingDenoiser
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> term = DenoisedMatch(
    ...     MappedTap(3, 4, "embedding"), EmbeddingDenoiser, None,
    ...     NoiseSchedule("linear"), n_steps=2,
    ... )
    >>> def network(dim):
    ...     empty = torch.zeros(5, 1, 1)
    ...     return Prediction(EncoderOutput(
    ...         (), empty, torch.randn(5, dim), torch.ones(5).long()
    ...     ))
    >>> sorted(term(network(3), network(4)).monitors)
    ['diffusion', 'kd', 'plain']
    """

    def __init__(
        self,
        mapped_tap: MappedTap,
        denoiser: Callable[[int], nn.Module],
        noise_adapter: Callable[[int], nn.Module] | None,
        schedule: NoiseSchedule,
        n_steps: int = 5,
        start: int = 500,
        grid: str = "paper",
        projection: Callable[[int], nn.Module] | None = None,
        mixing: Callable[[Tensor, Tensor, Tensor], Tensor] = mix,
        train_denoiser: bool = True,
        diffusion_weight: float = 1.0,
        prediction: str = "noise",
    ):
        super().__init__()
        check_kind(prediction)
        self.prediction = prediction
        self.mapped_tap = mapped_tap
        self.n_steps = n_steps
        self.mixing = mixing
        self.train_denoiser = train_denoiser
        self.diffusion_weight = diffusion_weight
        self.schedule = schedule
        self.timesteps = step_grid(grid, n_steps, schedule.n_timesteps, start)
        if n_steps:
            # Without steps these would wait for gradients that never come,
            # which is an error in distributed training.
            channels = mapped_tap.teacher_dim
            self.denoiser = denoiser(channels)
            self.noise_adapter = noise_adapter and noise_adapter(channels)
            self.projection = projection and projection(channels)

    def forward(
        self,
        student: Prediction,
        teacher: Prediction,
        labels: Tensor | None = None,
    ) -> TermOutput:
        """Distillation plus diffusion loss; ``labels`` are not used.

        Returns
        -------
        TermOutput
            Monitors: ``kd`` (denoised distance), ``plain`` (the distance
            without denoising: whether the student itself comes closer),
            ``diffusion`` and, with a noise adapter, the mean ``gamma``.
        """
        mapped, target, mask = self.mapped_tap(student, teacher)
        if not self.n_steps:
            plain = mean_squared_error(mapped, target, mask)
            return TermOutput(plain, {"kd": plain, "plain": plain})
        plain = mean_squared_error(mapped.detach(), target, mask)
        x_start, gamma = self._start(mapped, mask)
        refined = self._refine(x_start, mask)
        kd = mean_squared_error(refined, target, mask)
        diffusion = self.diffusion_loss(target, mask)
        monitors = {"kd": kd, "plain": plain, "diffusion": diffusion}
        if gamma is not None:
            monitors["gamma"] = gamma.mean()
        return TermOutput(kd + self.diffusion_weight * diffusion, monitors)

    def _start(self, mapped, mask):
        """Eq. (6): match the student's noise level to the first time step."""
        if self.noise_adapter is None:
            return mapped, None
        gamma = self.noise_adapter(mapped, mask).float()
        noise = torch.randn_like(mapped)
        return self.mixing(mapped, noise, gamma), gamma

    def _refine(self, x_start, mask):
        """Eq. (4) with DDIM's transitions, then the projection."""

        def predict_noise(x_t, timesteps):
            if self.train_denoiser:
                output = self.denoiser(x_t, timesteps, mask)
            else:
                frozen = {
                    n: p.detach() for n, p in self.denoiser.named_parameters()
                }
                output = functional_call(
                    self.denoiser, frozen, (x_t, timesteps, mask)
                )
            alpha_bar = self.schedule.alpha_bar_at(timesteps)
            return as_noise(self.prediction, output, x_t, alpha_bar)

        refined = denoise(x_start, predict_noise, self.schedule, self.timesteps)
        if self.projection is not None:
            refined = self.projection(refined, mask)
        return refined

    def diffusion_loss(self, target: Tensor, mask: Tensor | None) -> Tensor:
        """Eq. (5): error of what is predicted on noisy teacher features.

        Arguments
        ---------
        target : (B, T, C) or (B, D) torch.Tensor
            Teacher features, x_0.
        mask : (B, T) torch.Tensor of bool, or None

        Returns
        -------
        scalar torch.Tensor
        """
        timesteps = torch.randint(
            self.schedule.n_timesteps, target.shape[:1], device=target.device
        )
        noise = torch.randn_like(target)
        x_t = self.schedule.add_noise(target, noise, timesteps)
        alpha_bar = self.schedule.alpha_bar_at(timesteps)
        return mean_squared_error(
            self.denoiser(x_t, timesteps, mask).float(),
            wanted(self.prediction, target, noise, alpha_bar),
            mask,
        )


class FeatureProjection(nn.Module):
    """Pointwise linear layer and batch norm after the reverse process.

    Source: the student-side projection of the released DiffKD code; the paper
    of DenoKD does not mention one.

    Arguments
    ---------
    channels : int
        The teacher's, ``C`` or ``D``.
    norm : type
        Class of the normalisation, called with (B, C, T) and the mask.

    Example
    -------
    >>> projection = FeatureProjection(1536)
    >>> sum(p.numel() for p in projection.parameters())
    2363904
    """

    def __init__(self, channels: int, norm: type[nn.Module] = FrameBatchNorm):
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = norm(channels)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, C) frames or (B, D) embeddings, the same shape out."""
        x = self.linear(features)
        if x.ndim == 2:
            return self.norm(x.unsqueeze(2), None).squeeze(2)
        return self.norm(x.transpose(1, 2), mask).transpose(1, 2)
