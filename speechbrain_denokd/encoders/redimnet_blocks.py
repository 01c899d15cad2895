"""Blocks of ReDimNet, 2-D and 1-D (inside ``features -> EncoderOutput``).

Source: I. Yakovlev et al., "Reshape Dimensions Network for Speaker
Recognition", Interspeech 2024, in the reading of WeSpeaker's port, whose
parameter counts are ours.
Differs: each block knows which frames are padding and hides them from every
operation over time, so that an utterance in a padded batch is what it is
alone. What a block leaves in the padding means nothing.

Shapes: ``x`` is (B, C, F, T) in a 2-D block and (B, C, T) in a 1-D block;
``mask`` is bool, false in the padding: (B, 1, 1, T) and (B, 1, T).
"""

import torch.nn.functional as F
from torch import Tensor, nn

# Of the norms over channels and of the squeeze's batch norm.
NORM_EPS = 1e-6
# Depthwise kernels of the 1-D block, in frames, and its attention heads.
TIME_KERNELS = (7, 19, 31, 59)
N_HEADS = 4


def n_groups(channels: int, group_divisor: int) -> int:
    """Groups of a convolution with ``group_divisor`` channels in each.

    Arguments
    ---------
    channels : int
        Channels of the convolution.
    group_divisor : int
        Channels per group, 1 for a depthwise convolution; where it does not
        divide ``channels`` the groups are larger.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there are fewer channels than one group takes, or they cannot be
        shared equally.

    Example
    -------
    >>> n_groups(64, group_divisor=4), n_groups(12, group_divisor=8)
    (16, 1)
    """
    groups = channels // group_divisor
    if groups == 0 or channels % groups != 0:
        raise ValueError(
            f"group_divisor={group_divisor} does not split {channels} channels "
            "into equal groups; choose a divisor of the channels"
        )
    return groups


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels, dimension 1, of each frame.

    Arguments
    ---------
    channels : int
        Channels, ``C``.

    Example
    -------
    >>> import torch
    >>> x = ChannelNorm(8)(torch.randn(2, 8, 5, 20))
    >>> bool(x.mean(dim=1).abs().max() < 1e-5)
    True
    """

    def __init__(self, channels: int):
        super().__init__(channels, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ConvNeXtBlock(nn.Module):
    """Grouped convolution, batch norm, GELU, 1 x 1 convolution, residual.

    Arguments
    ---------
    channels : int
        Channels in and out.
    kernel_size : int
        Odd; in both directions of a 2-D block.
    group_divisor : int
        Channels per group of the convolution.
    n_dims : int
        2 for maps, 1 for sequences.

    Example
    -------
    >>> import torch
    >>> block = ConvNeXtBlock(channels=8, kernel_size=3, group_divisor=4)
    >>> x = torch.randn(2, 8, 6, 20)
    >>> block(x, torch.ones(2, 1, 1, 20, dtype=torch.bool)).shape
    torch.Size([2, 8, 6, 20])
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        group_divisor: int = 1,
        n_dims: int = 2,
    ):
        super().__init__()
        conv = nn.Conv2d if n_dims == 2 else nn.Conv1d
        norm = nn.BatchNorm2d if n_dims == 2 else nn.BatchNorm1d
        self.grouped = conv(
            channels,
            channels,
            kernel_size,
            padding=kernel_size // 2,
            groups=n_groups(channels, group_divisor),
        )
        self.norm = norm(channels)
        self.pointwise = conv(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x, mask -> the shape of x."""
        y = self.grouped(x * mask)
        return x + self.pointwise(F.gelu(self.norm(y)))


class FrequencyExcitation(nn.Module):
    """Frequency-wise squeeze and excitation: a gain for each mel bin.

    Arguments
    ---------
    n_mels : int
        Frequencies of the map, ``F``.
    bottleneck : int
        Width between the two linear layers.

    Example
    -------
    >>> import torch
    >>> excitation = FrequencyExcitation(n_mels=6, bottleneck=32)
    >>> x = torch.ones(1, 8, 6, 20)
    >>> gain = excitation(x, torch.ones(1, 1, 1, 20, dtype=torch.bool))
    >>> bool(((gain > 0) & (gain < 1)).all())
    True
    """

    def __init__(self, n_mels: int, bottleneck: int):
        super().__init__()
        self.squeeze = nn.Linear(n_mels, bottleneck)
        self.excite = nn.Linear(bottleneck, n_mels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, F, T), (B, 1, 1, T) -> (B, C, F, T)."""
        mask = mask[:, 0]
        level = (x.mean(dim=1) * mask).sum(dim=2) / mask.sum(dim=2)
        gain = self.excite(F.relu(self.squeeze(level))).sigmoid()
        return x * gain[:, None, :, None]


class ResidualBlock(nn.Module):
    """Two grouped 3 x 3 convolutions, each with a 1 x 1, and a residual.

    The first ReLU comes before its batch norm, as in the authors' code.

    Arguments
    ---------
    channels : int
        Channels in and out.
    group_divisor : int
        Channels per group of the 3 x 3 convolutions.
    excitation : FrequencyExcitation, optional
        Applied before the residual is added.

    Example
    -------
    >>> import torch
    >>> block = ResidualBlock(channels=8, group_divisor=1)
    >>> x = torch.randn(2, 8, 6, 20)
    >>> y = block(x, torch.ones(2, 1, 1, 20, dtype=torch.bool))
    >>> y.shape, bool((y >= 0).all())
    (torch.Size([2, 8, 6, 20]), True)
    """

    def __init__(
        self,
        channels: int,
        group_divisor: int,
        excitation: FrequencyExcitation | None = None,
    ):
        super().__init__()
        groups = n_groups(channels, group_divisor)
        self.conv1 = _separable_conv(channels, groups)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = _separable_conv(channels, groups)
        self.norm2 = nn.BatchNorm2d(channels)
        self.excitation = excitation

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, F, T), (B, 1, 1, T) -> (B, C, F, T)."""
        y = F.relu(self.conv1(x * mask))
        y = self.conv2(self.norm1(y) * mask)
        y = self.norm2(y)
        if self.excitation is not None:
            y = self.excitation(y, mask)
        return F.relu(x + y)


def _separable_conv(channels: int, groups: int) -> nn.Sequential:
    """3 x 3 in groups without a bias, which the 1 x 1 after it has."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False),
        nn.Conv2d(channels, channels, 1),
    )


def block_2d(
    kind: str, channels: int, n_mels: int, group_divisor: int
) -> nn.Module:
    """The 2-D block of that name.

    Arguments
    ---------
    kind : str
        "convnext", "resnet", or "resnet_fwse" with frequency excitation.
    channels, n_mels : int
        Channels and frequencies of the map.
    group_divisor : int
        Channels per group of the 3 x 3 convolutions.

    Returns
    -------
    torch.nn.Module
        ``(x (B, C, F, T), mask (B, 1, 1, T)) -> (B, C, F, T)``.

    Raises
    ------
    ValueError
        If there is no such block.

    Example
    -------
    >>> type(block_2d("convnext", 8, n_mels=6, group_divisor=1)).__name__
    'ConvNeXtBlock'
    """
    if kind == "convnext":
        return ConvNeXtBlock(channels, 3, group_divisor)
    if kind == "resnet":
        return ResidualBlock(channels, group_divisor)
    if kind == "resnet_fwse":
        excitation = FrequencyExcitation(
            n_mels, bottleneck=min(64, max(channels, 32))
        )
        return ResidualBlock(channels, group_divisor, excitation)
    raise ValueError(
        f"there is no 2-D block {kind!r}; choose 'convnext', 'resnet' or "
        "'resnet_fwse'"
    )


class TimeContextBlock(nn.Module):
    """The 1-D block: depthwise convolutions, then attention, at low width.

    Arguments
    ---------
    dim : int
        Channels in and out.
    hidden_dim : int
        Width inside, a multiple of the 4 attention heads.

    Raises
    ------
    ValueError
        If the heads cannot share ``hidden_dim`` equally.

    Example
    -------
    >>> import torch
    >>> block = TimeContextBlock(dim=48, hidden_dim=8)
    >>> x = torch.randn(2, 48, 20)
    >>> block(x, torch.ones(2, 1, 20, dtype=torch.bool)).shape
    torch.Size([2, 48, 20])
    """

    def __init__(self, dim: int, hidden_dim: int):
        super().__init__()
        if hidden_dim == 0 or hidden_dim % N_HEADS != 0:
            raise ValueError(
                f"hidden_dim={hidden_dim} of the 1-D block cannot be shared "
                f"by {N_HEADS} attention heads; make it a multiple of "
                f"{N_HEADS}"
            )
        self.reduce = nn.Sequential(
            nn.Conv1d(dim, hidden_dim, 1), ChannelNorm(hidden_dim)
        )
        self.convs = nn.ModuleList(
            ConvNeXtBlock(hidden_dim, kernel_size, n_dims=1)
            for kernel_size in TIME_KERNELS
        )
        self.attention = nn.TransformerEncoderLayer(
            hidden_dim,
            N_HEADS,
            dim_feedforward=hidden_dim,
            dropout=0.0,
            activation=_tanh_gelu,
            layer_norm_eps=NORM_EPS,
            batch_first=True,
        )
        self.expand = nn.Conv1d(hidden_dim, dim, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, dim, T), (B, 1, T) -> (B, dim, T)."""
        y = self.reduce(x)
        for conv in self.convs:
            y = conv(y, mask)
        y = self.attention(y.transpose(1, 2), src_key_padding_mask=~mask[:, 0])
        return x + self.expand(y.transpose(1, 2))


def _tanh_gelu(x: Tensor) -> Tensor:
    # A function, not nn.GELU("tanh"): the fast path of PyTorch's layer
    # would take that module for the exact GELU.
    return F.gelu(x, approximate="tanh")
