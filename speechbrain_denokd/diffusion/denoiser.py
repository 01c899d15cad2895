"""The noise predictors (arrow: noisy features, t -> noise).

==============  ========================================================
variable        paper symbol
==============  ========================================================
``x_t``         F_t^T or its student counterpart, noisy (Eq. 3 and 6)
``timesteps``   t, zero-based
return value    Phi_theta(x_t, t), an estimate of epsilon_t (Eq. 5)
==============  ========================================================

Source: DenoKD, Section III-B: two bottleneck blocks and a convolution for
frames; three stacked layers for embeddings. T. Huang et al., "Knowledge
diffusion for distillation", NeurIPS 2023, for reduction 4 and expansion 4.
Differs: the last layer is plain. The paper's text gives each stacked layer an
activation, but noise has both signs: behind a ReLU the best squared error is
0.5 per element, half of what predicting zero gives. A kernel-1 convolution of
an embedding is a linear layer, and written as one.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from speechbrain_denokd.diffusion.blocks import Bottleneck1d, SinusoidalTime
from speechbrain_denokd.diffusion.norm import FrameBatchNorm, zero_padded


class FrameDenoiser(nn.Module):
    """Predict the noise in frames: bottleneck blocks and a convolution.

    Arguments
    ---------
    channels : int
        Channels of the frames, ``C``.
    n_blocks : int
        Bottleneck blocks.
    reduction : int
        Inner width of a block is ``channels // reduction``.
    norm : callable
        Normalisation, ``norm(channels)``: see `diffusion.norm`.
    time : callable
        Time embedding, ``time(channels)``: see `diffusion.blocks`.

    Raises
    ------
    ValueError
        If ``reduction`` does not divide ``channels``.

    Example
    -------
    >>> import torch
    >>> denoiser = FrameDenoiser(channels=8)
    >>> denoiser(torch.randn(2, 5, 8), torch.tensor([0, 499])).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        channels: int,
        n_blocks: int = 2,
        reduction: int = 4,
        norm=FrameBatchNorm,
        time=SinusoidalTime,
    ):
        super().__init__()
        self.time = time(channels)
        self.blocks = nn.ModuleList(
            Bottleneck1d(channels, reduction, norm) for _ in range(n_blocks)
        )
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(
        self, x_t: Tensor, timesteps: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Predict the noise.

        Arguments
        ---------
        x_t : (B, T, C) torch.Tensor
            Noisy frames.
        timesteps : (B,) torch.Tensor of int64
            Zero-based step of each sample.
        mask : (B, T) torch.Tensor of bool, or None
            True at valid frames; None if all are.

        Returns
        -------
        (B, T, C) torch.Tensor
            Predicted noise, zero at padded frames.
        """
        x = zero_padded(x_t.transpose(1, 2), mask)
        x = x + self.time(timesteps)[:, :, None]
        for block in self.blocks:
            x = block(x, mask)
        return zero_padded(self.out(x), mask).transpose(1, 2)


class EmbeddingDenoiser(nn.Module):
    """Predict the noise in embeddings: three stacked layers.

    Arguments
    ---------
    channels : int
        Embedding size, ``D``.
    expansion : int
        The two hidden layers have ``expansion * channels`` units.
    norm : callable
        Normalisation, ``norm(channels)``: see `diffusion.norm`.
    time : callable
        Time embedding, ``time(channels)``: see `diffusion.blocks`.

    Example
    -------
    >>> import torch
    >>> denoiser = EmbeddingDenoiser(channels=8)
    >>> denoiser(torch.randn(2, 8), torch.tensor([0, 499])).shape
    torch.Size([2, 8])
    """

    def __init__(
        self,
        channels: int,
        expansion: int = 4,
        norm=FrameBatchNorm,
        time=SinusoidalTime,
    ):
        super().__init__()
        hidden = expansion * channels
        self.time = time(channels)
        self.first = nn.Linear(channels, hidden)
        self.norm_first = norm(hidden)
        self.second = nn.Linear(hidden, hidden)
        self.norm_second = norm(hidden)
        self.third = nn.Linear(hidden, channels)

    def forward(
        self, x_t: Tensor, timesteps: Tensor, mask: None = None
    ) -> Tensor:
        """Predict the noise.

        Arguments
        ---------
        x_t : (B, D) torch.Tensor
            Noisy embeddings.
        timesteps : (B,) torch.Tensor of int64
            Zero-based step of each sample.
        mask : None
            Embeddings have no padding; here so that both levels are called
            alike.

        Returns
        -------
        (B, D) torch.Tensor
            Predicted noise.
        """
        x = x_t + self.time(timesteps)
        x = F.relu(self.norm_first(self.first(x)))
        x = F.relu(self.norm_second(self.second(x)))
        return self.third(x)
