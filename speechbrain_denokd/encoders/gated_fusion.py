"""Fusion by a gate, at the input (``frames, states -> EncoderOutput``).

Source: after the description of Y. Li et al., "Efficient Integrated Features
Based on Pre-trained Models for Speaker Verification", Interspeech 2024, in K.
Koo et al., "SSRFNet", 2026, Section 3.2: "fine-grained" attention joins
spectrogram and pre-trained model before a single backbone. Its code is not
public; the gate is our reading.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.fusion import ProjectionFusion
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.speaker_head import SpeakerHead


class Gate(nn.Module):
    """``x + g * y``, with a gate ``g = sigmoid(W [x; y])`` per channel.

    Arguments
    ---------
    dim : int
        Channels of both sequences.

    Example
    -------
    >>> gate = Gate(dim=8)
    >>> x = torch.randn(2, 8, 20)
    >>> bool((gate(x, torch.zeros(2, 8, 20)) == x).all())
    True
    """

    def __init__(self, dim: int):
        super().__init__()
        self.conv = nn.Conv1d(2 * dim, dim, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Add what the gate lets through.

        Arguments
        ---------
        x, y : (B, dim, T) torch.Tensor

        Returns
        -------
        (B, dim, T) torch.Tensor
        """
        return x + self.conv(torch.cat([x, y], dim=1)).sigmoid() * y


class InputGateFusion(nn.Module):
    """The baseline FGFM: one gate, then ReDimNet.

    All hidden states, weighted, projected, pass a gate into the spectrogram's
    frames. `FusionEncoder` makes an encoder of it:

    .. code-block:: yaml

      backbone: !new:speechbrain_denokd.encoders.gated_fusion.InputGateFusion
        n_states: 12
        state_dim: 1024
        trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk

    Arguments
    ---------
    n_states : int
        Hidden states, ``L``.
    state_dim : int
        Channels of each.
    trunk : ReDimNetTrunk
        One that injects no maps.
    embedding_dim : int
        Size of the embedding, ``D``.

    Example
    -------
    >>> network = InputGateFusion(
    ...     n_states=3, state_dim=16,
    ...     trunk=ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)]),
    ... )
    >>> output = network(
    ...     torch.randn(2, 20, 32), torch.randn(3, 2, 20, 16),
    ...     torch.tensor([20, 9]),
    ... )
    >>> output.frames.shape
    torch.Size([2, 20, 32])
    """

    def __init__(
        self,
        n_states: int,
        state_dim: int,
        trunk: ReDimNetTrunk,
        embedding_dim: int = 192,
    ):
        super().__init__()
        self.n_states = n_states
        self.state_dim = state_dim
        self.fusion = ProjectionFusion(n_states, state_dim, trunk.dim)
        self.gate = Gate(trunk.dim)
        self.trunk = trunk
        self.head = SpeakerHead(trunk.dim, embedding_dim)

    @property
    def dim(self) -> int:
        """Channels of the spectrogram's frames."""
        return self.trunk.dim

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.head.dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.head.embedding_dim

    def forward(
        self, frames: Tensor, states: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Join the two streams; arguments as for `SSRFNet`.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the trunk's stages, ``frames`` their
            learned mean with the joined input, before pooling.

        Raises
        ------
        ValueError
            If the number of states is not ``n_states``.
        """
        hints = self.fusion(states, n_frames).transpose(1, 2)
        joined = self.gate(frames.transpose(1, 2), hints).transpose(1, 2)
        stages, frames = self.trunk(joined, n_frames)
        return EncoderOutput(
            stages, frames, self.head(frames, n_frames), n_frames
        )
