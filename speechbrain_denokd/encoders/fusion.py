"""Projection-based fusion: groups of hidden states become auxiliary inputs.

Arrow: stages of a pre-trained model -> one feature map per backbone stage.

===============  ========================================================
variable         paper symbol
===============  ========================================================
``n_states``     L, hidden states E_1 ... E_L
``n_groups``     N, groups, one for each of the first N backbone stages
``width``        K, states of a group
``mix.weights``  w, before the softmax
return value     P_1 ... P_N
===============  ========================================================

Source: K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and ReDimNet Fusion
Network for Speaker Verification", 2026, Section 2.3, Eq. 1-3, with the
windows and the weights of the authors' code.
Differs from the text: it spreads the starts over [1, L - K] and sums from the
state after the start, which never uses E_1; and its weights are not normalised.
"""

from collections.abc import Sequence
from fractions import Fraction

from torch import Tensor, nn

from speechbrain_denokd.diffusion.norm import zero_padded
from speechbrain_denokd.encoders.layer_aggregation import LayerAggregation
from speechbrain_denokd.encoders.masks import frame_mask

KERNEL = 5
NORM_EPS = 1e-6


def state_windows(
    n_states: int,
    n_groups: int,
    width: int,
    spacing: str | Sequence[int] = "even",
) -> list[range]:
    """Overlapping windows over the hidden states of a model.

    Arguments
    ---------
    n_states : int
        Hidden states, ``L``.
    n_groups : int
        Windows, ``N``.
    width : int
        States of a window, ``K``.
    spacing : str or sequence of int
        ``even``: from the first state to the last, starts rounded to the
        nearest (to the even one in the middle). Or the zero-based starts.

    Returns
    -------
    list of range
        Zero-based states of each window.

    Raises
    ------
    ValueError
        If a window does not fit, or a state is in none.

    Example
    -------
    >>> [list(window) for window in state_windows(12, 4, 4)]
    [[0, 1, 2, 3], [3, 4, 5, 6], [5, 6, 7, 8], [8, 9, 10, 11]]
    >>> state_windows(12, 4, 4, spacing=[1, 3, 6, 8])
    Traceback (most recent call last):
    ...
    ValueError: states [0] of 12 are in none of the windows that start at \
[1, 3, 6, 8] and hold 4; widen them, or choose other starts
    """
    if not (1 <= width <= n_states and n_groups >= 1):
        raise ValueError(
            f"{n_groups} windows of {width} among {n_states} states: there "
            "must be a window, and it must hold from 1 to all states"
        )
    if spacing == "even":
        steps = max(1, n_groups - 1)
        starts = [
            round(Fraction(i * (n_states - width), steps))
            for i in range(n_groups)
        ]
    else:
        starts = list(spacing)
    if len(starts) != n_groups:
        raise ValueError(
            f"spacing gives {len(starts)} starts for {n_groups} windows; give "
            "one start for each"
        )
    if min(starts) < 0 or max(starts) + width > n_states:
        raise ValueError(
            f"windows of {width} that start at {starts} do not fit in "
            f"{n_states} states; choose starts from 0 to {n_states - width}"
        )
    windows = [range(start, start + width) for start in starts]
    unused = sorted(set(range(n_states)).difference(*windows))
    if unused:
        raise ValueError(
            f"states {unused} of {n_states} are in none of the windows that "
            f"start at {starts} and hold {width}; widen them, or choose other "
            "starts"
        )
    return windows


class ProjectionFusion(nn.Module):
    """One group of hidden states to one feature map.

    A weighted sum over the states, with weights of its own for each channel,
    then a convolution over time and a layer norm over channels. The weights
    are a softmax over the states and start equal.

    Arguments
    ---------
    width : int
        States, ``K``.
    input_dim : int
        Channels of each state, ``C``.
    output_dim : int
        Channels of the feature map; of no effect without ``project``.
    project : bool
        False leaves the weighted sum as it is: the paper's row "without
        projection".

    Example
    -------
    >>> import torch
    >>> fusion = ProjectionFusion(4, input_dim=1024, output_dim=1024)
    >>> [sum(p.numel() for p in m.parameters()) for m in (fusion.conv, fusion)]
    [5243904, 5250048]
    >>> states = [torch.randn(2, 20, 1024) for _ in range(4)]
    >>> fusion(states, torch.tensor([20, 12])).shape
    torch.Size([2, 20, 1024])
    """

    def __init__(
        self, width: int, input_dim: int, output_dim: int, project: bool = True
    ):
        super().__init__()
        self.project = project
        self.mix = LayerAggregation(width, input_dim)
        if project:
            self.conv = nn.Conv1d(
                input_dim, output_dim, KERNEL, padding=KERNEL // 2
            )
            self.norm = nn.LayerNorm(output_dim, eps=NORM_EPS)

    def forward(self, states: Sequence[Tensor], n_frames: Tensor) -> Tensor:
        """Fuse the states of a group.

        Arguments
        ---------
        states : sequence of K (B, T, C) torch.Tensor
        n_frames : (B,) torch.Tensor of int64
            Valid frames.

        Returns
        -------
        (B, T, output_dim) torch.Tensor
            Zero in the padding.

        Raises
        ------
        ValueError
            If the number of states is not ``width``.
        """
        mixed = self.mix([state.transpose(1, 2) for state in states])
        mask = frame_mask(n_frames, mixed.shape[2])
        # Zeros beyond the end are what an utterance alone would see.
        mixed = zero_padded(mixed, mask)
        if not self.project:
            return mixed.transpose(1, 2)
        fused = self.norm(self.conv(mixed).transpose(1, 2))
        return fused.masked_fill(~mask[:, :, None], 0)


class StateFusion(nn.Module):
    """Every group of hidden states to its feature map.

    Arguments
    ---------
    n_states : int
        Hidden states, ``L``.
    n_groups : int
        Groups, ``N``.
    width : int
        States of a group, ``K``.
    input_dim : int
        Channels of each state.
    output_dim : int, optional
        Channels of each feature map; by default those of the states.
    project : bool
        As for `ProjectionFusion`.
    spacing : str or sequence of int
        As for `state_windows`.

    Raises
    ------
    ValueError
        If the windows do not fit, or other channels are asked for without
        ``project``.

    Example
    -------
    >>> import torch
    >>> fusion = StateFusion(n_states=12, n_groups=4, width=4, input_dim=16)
    >>> states = [torch.randn(2, 20, 16) for _ in range(12)]
    >>> maps = fusion(states, torch.tensor([20, 12]))
    >>> len(maps), maps[0].shape
    (4, torch.Size([2, 20, 16]))
    """

    def __init__(
        self,
        n_states: int,
        n_groups: int,
        width: int,
        input_dim: int,
        output_dim: int | None = None,
        project: bool = True,
        spacing: str | Sequence[int] = "even",
    ):
        super().__init__()
        output_dim = input_dim if output_dim is None else output_dim
        if not project and output_dim != input_dim:
            raise ValueError(
                f"states of {input_dim} channels cannot become maps of "
                f"{output_dim} without a projection; set project=True or make "
                "them equal"
            )
        self.n_states = n_states
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.windows = state_windows(n_states, n_groups, width, spacing)
        self.groups = nn.ModuleList(
            ProjectionFusion(width, input_dim, output_dim, project)
            for _ in self.windows
        )

    def forward(
        self, states: Sequence[Tensor], n_frames: Tensor
    ) -> tuple[Tensor, ...]:
        """Fuse all groups.

        Arguments
        ---------
        states : sequence of L (B, T, C) torch.Tensor
            Outputs of the blocks: ``stages[1:]`` of a pre-trained model.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.

        Returns
        -------
        tuple of N (B, T, output_dim) torch.Tensor

        Raises
        ------
        ValueError
            If the number of states is not ``n_states``.
        """
        if len(states) != self.n_states:
            raise ValueError(
                f"{len(states)} hidden states given, {self.n_states} "
                "expected; the first of a model's stages is the input of its "
                "blocks and does not count: pass stages[1:]"
            )
        return tuple(
            group([states[i] for i in window], n_frames)
            for group, window in zip(self.groups, self.windows, strict=True)
        )
