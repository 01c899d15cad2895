"""The plainest head: the mean of the last layer's frames, standardised.

For a pre-trained model that knows speakers already, such as a GE2E LSTM: what
it knows of thousands of speakers is kept as it is. Only a classifier is trained
on it, which distillation of class scores asks for.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput


class MeanHead(nn.Module):
    """Mean over time of the last layer, each channel standardised.

    Mean and variance of the channels are running statistics of the training
    data; there is nothing else to learn.

    Arguments
    ---------
    n_stages : int
        Layers of the pre-trained model.
    input_dim : int
        Channels of each layer, and size of the embedding.

    Example
    -------
    >>> import torch
    >>> head = MeanHead(n_stages=1, input_dim=2).eval()
    >>> frames = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    >>> head([frames], torch.tensor([2])).embedding.round(decimals=2)
    tensor([[2., 3.]])
    >>> sum(p.numel() for p in head.parameters())
    0
    """

    def __init__(self, n_stages: int, input_dim: int):
        super().__init__()
        self.n_stages = n_stages
        self.norm = nn.BatchNorm1d(input_dim, affine=False)

    @property
    def input_dim(self) -> int:
        """Channels of the layers."""
        return self.norm.num_features

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.input_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.input_dim

    def forward(
        self, stages: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Pool the last layer.

        Arguments
        ---------
        stages : sequence of n_stages (B, T, input_dim) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        EncoderOutput
            ``frames`` are the last layer's.
        """
        frames = stages[-1]
        mask = frame_mask(n_frames, frames.shape[1])[:, :, None]
        total = frames.masked_fill(~mask, 0).sum(dim=1)
        return EncoderOutput(
            stages=tuple(stages),
            frames=frames,
            embedding=self.norm(total / n_frames[:, None]),
            n_frames=n_frames,
        )
