"""The baseline "without projection" (``frames, states -> EncoderOutput``).

Source: K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and ReDimNet Fusion
Network for Speaker Verification", 2026, Section 3.2 and Table 1, after the
description: the paper says in words that the two are added element by element,
and its code for this row is not public.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechbrain_denokd.encoders.fusion import StateFusion
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.speaker_head import SpeakerHead


class SumFusion(nn.Module):
    """Weighted hidden states, added to the inputs of the first stages.

    Group ``i`` is added to what stage ``i`` reads, a learned mean of the
    spectrogram and the earlier stages; nothing brings the states into the
    spectrogram's space. `FusionEncoder` makes an encoder of it:

    .. code-block:: yaml

      backbone: !new:speechbrain_denokd.encoders.sum_fusion.SumFusion
        fusion: !new:speechbrain_denokd.encoders.fusion.StateFusion
          n_states: 12
          n_groups: 4
          width: 4
          input_dim: 1024
          project: false
        trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk

    Arguments
    ---------
    fusion : StateFusion
        One without projection, for the paper's row.
    trunk : ReDimNetTrunk
        One that injects no maps.
    embedding_dim : int
        Size of the embedding, ``D``.

    Raises
    ------
    ValueError
        If the groups do not fit the trunk.

    Example
    -------
    >>> import torch
    >>> network = SumFusion(
    ...     StateFusion(3, 2, width=2, input_dim=32, project=False),
    ...     ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)]),
    ... )
    >>> output = network(
    ...     torch.randn(2, 20, 32), torch.randn(3, 2, 20, 32),
    ...     torch.tensor([20, 9]),
    ... )
    >>> output.frames.shape
    torch.Size([2, 20, 32])
    """

    def __init__(
        self,
        fusion: StateFusion,
        trunk: ReDimNetTrunk,
        embedding_dim: int = 192,
    ):
        super().__init__()
        n_groups = len(fusion.windows)
        if fusion.output_dim != trunk.dim or n_groups > len(trunk.stages):
            raise ValueError(
                f"{n_groups} groups of {fusion.output_dim} channels cannot be "
                f"added to the inputs of {len(trunk.stages)} stages of "
                f"{trunk.dim}; give the fusion input_dim={trunk.dim}, and at "
                "most one group for each stage"
            )
        if trunk.n_maps != 0:
            raise ValueError(
                f"the trunk injects {trunk.n_maps} maps, but sums need none; "
                "build it with n_maps=0"
            )
        self.fusion = fusion
        self.trunk = trunk
        self.head = SpeakerHead(trunk.dim, embedding_dim)

    @property
    def n_states(self) -> int:
        """Hidden states, ``L``."""
        return self.fusion.n_states

    @property
    def state_dim(self) -> int:
        """Channels of each hidden state."""
        return self.fusion.input_dim

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
            learned mean with the spectrogram, before pooling.

        Raises
        ------
        ValueError
            If the number of states is not ``n_states``.
        """
        groups = self.fusion(states, n_frames)
        hints = [group.transpose(1, 2) for group in groups]
        hints += [None] * (len(self.trunk.stages) - len(hints))
        mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(1)
        layers = [frames.transpose(1, 2)]
        for i, hint in enumerate(hints):
            layers.append(self.trunk.run_stage(i, layers, mask, hint))
        frames = self.trunk.mixer(layers).transpose(1, 2)
        return EncoderOutput(
            stages=tuple(layer.transpose(1, 2) for layer in layers[1:]),
            frames=frames,
            embedding=self.head(frames, n_frames),
            n_frames=n_frames,
        )
