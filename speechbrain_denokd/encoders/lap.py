"""Layer attentive pooling, LAP (the arrow ``stages -> EncoderOutput``).

Source: J. S. Kim et al., "Rethinking Leveraging Pre-Trained Multi-Layer
Representations for Speaker Verification", Interspeech 2025, with the sizes and
the pooling over time of the authors' code.
Differs: batch norms, statistics and attention see valid frames only.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.diffusion.norm import FrameBatchNorm, zero_padded
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput

VARIANCE_FLOOR = 1e-4


class Lap(nn.Module):
    """In each frame, the loudest layer of each channel after gating.

    Every head has a gate for each layer and frame, from the mean and the
    maximum of its channels; the maximum over the gated layers takes the place
    of a weighted sum. Attentive statistics pool over time. `SslHeadEncoder`
    makes an encoder of it.

    Arguments
    ---------
    n_stages : int
        Layers of the pre-trained model, ``L``, with the input of the first
        block; at least 2.
    input_dim : int
        Channels of each layer, a multiple of ``n_heads``.
    n_heads : int
        Heads of the gates.
    dim : int
        Channels of the frames, ``C``.
    embedding_dim : int
        Size of the embedding, ``D``.
    dropout : float
        Share of gates, and of frames in the pooling, left out in training.

    Raises
    ------
    ValueError
        If the heads cannot share ``input_dim`` equally.

    Example
    -------
    >>> head = Lap()  # with base+: 96.1 million, as in SSRFNet's Table 2
    >>> sum(p.numel() for p in head.parameters())
    1714480
    >>> output = head(torch.randn(13, 2, 20, 768), torch.tensor([20, 9]))
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 20, 512]), torch.Size([2, 192]))
    """

    def __init__(
        self,
        n_stages: int = 13,
        input_dim: int = 768,
        n_heads: int = 16,
        dim: int = 512,
        embedding_dim: int = 192,
        dropout: float = 0.1,
    ):
        super().__init__()
        if input_dim % n_heads != 0:
            raise ValueError(
                f"input_dim={input_dim} cannot be shared by {n_heads} heads; "
                "make it a multiple"
            )
        self.n_stages = n_stages
        self.input_norm = FrameBatchNorm(input_dim)
        self.input = nn.Linear(input_dim, input_dim)
        self.gates = _LayerGates(n_stages, n_heads, dropout)
        self.output = nn.Linear(input_dim, dim)
        self.output_norm = FrameBatchNorm(dim)
        self.pooling = _TimePooling(dim, dropout)
        self.linear = nn.Linear(2 * dim, embedding_dim)
        self.norm = nn.BatchNorm1d(embedding_dim)

    @property
    def input_dim(self) -> int:
        """Channels of the layers."""
        return self.input.in_features

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.output.out_features

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.linear.out_features

    def forward(
        self, stages: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Pool the layers of a pre-trained model.

        Arguments
        ---------
        stages : sequence of n_stages (B, T, input_dim) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        EncoderOutput
            ``stages`` hold one tensor, the maximum over the layers,
            ``frames`` are its narrow form before the pooling over time.

        Raises
        ------
        ValueError
            If the number of layers is not ``n_stages``.
        """
        if len(stages) != self.n_stages:
            raise ValueError(
                f"{len(stages)} layers given, but the head was built for "
                f"{self.n_stages}; build it with n_stages={len(stages)}"
            )
        mask = frame_mask(n_frames, stages[0].shape[1])
        loudest = self.gates(self.input(self._normalise(stages, mask)))
        frames = self.output(loudest).transpose(1, 2)
        frames = self.output_norm(frames, mask)
        embedding = self.norm(self.linear(self.pooling(frames, mask)))
        return EncoderOutput(
            (loudest,), frames.transpose(1, 2), embedding, n_frames
        )

    def _normalise(self, stages: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Layers -> (B, L, T, C), one norm for all."""
        layers = torch.stack(tuple(stages), dim=1)
        each = mask.repeat_interleave(self.n_stages, dim=0)
        normed = self.input_norm(layers.flatten(0, 1).transpose(1, 2), each)
        return normed.transpose(1, 2).unflatten(0, (-1, self.n_stages))


class _LayerGates(nn.Module):
    """(B, L, T, C) -> (B, T, C): the maximum over the gated layers."""

    def __init__(self, n_stages: int, n_heads: int, dropout: float):
        super().__init__()
        narrow = n_stages // 2
        self.n_heads = n_heads
        self.squeeze = nn.Parameter(torch.empty(n_heads, n_stages, narrow))
        self.squeeze_bias = nn.Parameter(torch.zeros(n_heads, narrow))
        self.excite = nn.Parameter(torch.empty(n_heads, narrow, n_stages))
        self.excite_bias = nn.Parameter(torch.zeros(n_heads, n_stages))
        for weight in (self.squeeze, self.excite):
            nn.init.xavier_uniform_(weight)
        self.dropout = nn.Dropout(dropout)

    def forward(self, layers: Tensor) -> Tensor:
        heads = layers.unflatten(-1, (self.n_heads, -1))
        gates = self.dropout(self.gates(heads))
        gated = heads * gates.permute(0, 3, 1, 2).unsqueeze(-1)
        return gated.amax(dim=1).flatten(2)

    def gates(self, heads: Tensor) -> Tensor:
        """(B, L, T, H, C / H) -> (B, T, H, L) in (0, 1)."""
        total = self._score(heads.mean(dim=-1)) + self._score(heads.amax(-1))
        return total.sigmoid()

    def _score(self, levels: Tensor) -> Tensor:
        """(B, L, T, H) -> (B, T, H, L)."""
        levels = levels.permute(0, 2, 3, 1)
        narrow = torch.einsum("bthl,hlk->bthk", levels, self.squeeze)
        narrow = F.relu(narrow + self.squeeze_bias)
        wide = torch.einsum("bthk,hkl->bthl", narrow, self.excite)
        return wide + self.excite_bias


class _TimePooling(nn.Module):
    """(B, C, T) -> (B, 2 C): means and deviations, weighted, normalised."""

    def __init__(self, dim: int, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.hidden = nn.Conv1d(3 * dim, dim // 2, 1)
        self.hidden_norm = FrameBatchNorm(dim // 2)
        self.score = nn.Conv1d(dim // 2, dim, 1)
        self.norm = nn.BatchNorm1d(2 * dim)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        frames = zero_padded(frames, mask)
        equal = (mask / mask.sum(dim=1, keepdim=True))[:, None]
        context = [part.expand_as(frames) for part in _moments(frames, equal)]
        hidden = F.relu(self.hidden(torch.cat([frames, *context], dim=1)))
        scores = self.score(self.hidden_norm(hidden, mask))
        ignored = ~self._heard(mask)[:, None]
        shares = scores.masked_fill(ignored, -torch.inf).softmax(dim=2)
        return self.norm(torch.cat(_moments(frames, shares), dim=1).squeeze(2))

    def _heard(self, mask: Tensor) -> Tensor:
        """Without the frames that training drops, but never without all."""
        if not self.training:
            return mask
        kept = mask & (
            torch.rand(mask.shape, device=mask.device) >= self.dropout
        )
        return torch.where(kept.any(dim=1, keepdim=True), kept, mask)


def _moments(frames: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and deviation over time, (B, C, 1) each."""
    mean = (shares * frames).sum(dim=2, keepdim=True)
    # pow, unlike a product, is taken in float32 under autocast.
    variance = (shares * (frames - mean).pow(2)).sum(dim=2, keepdim=True)
    return mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()
