"""ResNet-18 with temporal average pooling (``spectrum -> embedding``).

Source: K. He et al., "Deep Residual Learning for Image Recognition", CVPR
2016, Table 1, with the first layer of speaker verification: 3 x 3 without
stride and pooling, on one input channel.
Differs: padding is invisible to every operation over time.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask

# Stride of each of the four stages, two blocks each.
STRIDES = (1, 2, 2, 2)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, and a residual.

    Arguments
    ---------
    in_channels, channels : int
        Of input and output, ``C``.
    stride : int
        Of the first convolution, in both directions.

    Example
    -------
    >>> import torch
    >>> block = BasicBlock(4, 8, stride=2)
    >>> image, n_frames = block(
    ...     torch.randn(2, 4, 9, 20), torch.tensor([20, 9])
    ... )
    >>> image.shape, n_frames.tolist()
    (torch.Size([2, 8, 5, 10]), [10, 5])
    """

    def __init__(self, in_channels: int, channels: int, stride: int):
        super().__init__()
        self.stride = stride
        self.conv1 = _conv(in_channels, channels, 3, stride)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, 3, 1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride > 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                _conv(in_channels, channels, 1, stride),
                nn.BatchNorm2d(channels),
            )

    def forward(self, image: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Run the block.

        Arguments
        ---------
        image : (B, C, F, T) torch.Tensor
            Zero in the padding.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.

        Returns
        -------
        image : (B, C', F', T') torch.Tensor
            Zero in the padding.
        n_frames : (B,) torch.Tensor of int64
        """
        # Frame t is centred on input frame t * stride: it is speech where
        # that one is.
        n_frames = (n_frames - 1) // self.stride + 1
        y = F.relu(self.norm1(self.conv1(image)))
        y = self.norm2(self.conv2(_without_padding(y, n_frames)))
        y = F.relu(y + self.shortcut(image))
        return _without_padding(y, n_frames), n_frames


class ResNet18(nn.Module):
    """A ResNet-18 whose pooling is the mean over time.

    The frequencies stay apart until the last linear layer.

    Arguments
    ---------
    n_bins : int
        Frequencies of the input, ``F``.
    channels : int
        Of the first stage; each further stage has twice as many. 64 is the
        image network's width, 32 the usual one for speakers.
    embedding_dim : int
        Size of the embedding, ``D``.

    Example
    -------
    >>> import torch
    >>> network = ResNet18(n_bins=24, channels=4, embedding_dim=8).eval()
    >>> network(torch.randn(2, 50, 24), torch.tensor([50, 31])).shape
    torch.Size([2, 8])
    """

    def __init__(
        self, n_bins: int = 257, channels: int = 32, embedding_dim: int = 256
    ):
        super().__init__()
        self.conv = _conv(1, channels, 3, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList()
        in_channels = channels
        for stage, stride in enumerate(STRIDES):
            width = channels * 2**stage
            self.blocks.append(BasicBlock(in_channels, width, stride))
            self.blocks.append(BasicBlock(width, width, 1))
            in_channels = width
            n_bins = (n_bins - 1) // stride + 1
        self.linear = nn.Linear(in_channels * n_bins, embedding_dim)

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.linear.out_features

    def forward(self, spectrum: Tensor, n_frames: Tensor) -> Tensor:
        """Embed spectra.

        Arguments
        ---------
        spectrum : (B, T, F) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        (B, D) torch.Tensor
        """
        image = _without_padding(spectrum.mT.unsqueeze(1), n_frames)
        image = F.relu(self.norm(self.conv(image)))
        image = _without_padding(image, n_frames)
        for block in self.blocks:
            image, n_frames = block(image, n_frames)
        mean = image.sum(dim=3) / n_frames[:, None, None]
        return self.linear(mean.flatten(1))


def _conv(in_channels: int, channels: int, kernel: int, stride: int):
    """A 2-D convolution whose bias the batch norm behind it would cancel."""
    return nn.Conv2d(
        in_channels, channels, kernel, stride, kernel // 2, bias=False
    )


def _without_padding(image: Tensor, n_frames: Tensor) -> Tensor:
    """(B, C, F, T) with zeros in the padding."""
    mask = frame_mask(n_frames, image.shape[3])[:, None, None]
    return image.masked_fill(~mask, 0)
