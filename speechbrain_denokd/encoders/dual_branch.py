"""Two backbones side by side (``frames, hidden states -> EncoderOutput``).

Source: after the description of S. Peng et al., "Fine-tune Pre-Trained Models
with Multi-Level Feature Fusion for Speaker Verification", Interspeech 2024, in
K. Koo et al., "SSRFNet", 2026, Section 3.2: one branch for the spectrogram, one
for the pre-trained model, an attention module between them. Its code is not
public; the gates after each stage, both ways, and the common head are our
reading.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.fusion import ProjectionFusion
from speechbrain_denokd.encoders.gated_fusion import Gate
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.speaker_head import SpeakerHead


class DualBranch(nn.Module):
    """The dual-branch baseline: two ReDimNets that exchange after each stage.

    The second branch starts from all hidden states, weighted and projected.
    `FusionEncoder` makes an encoder of it:

    .. code-block:: yaml

      backbone: !new:speechbrain_denokd.encoders.dual_branch.DualBranch
        n_states: 12
        state_dim: 1024
        trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk
        ptm_trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk

    Arguments
    ---------
    n_states : int
        Hidden states, ``L``.
    state_dim : int
        Channels of each.
    trunk, ptm_trunk : ReDimNetTrunk
        Of the spectrogram and of the hidden states: equally wide, with as
        many stages, and without maps to inject.
    embedding_dim : int
        Size of the embedding, ``D``.

    Raises
    ------
    ValueError
        If the trunks differ in width or number of stages.

    Example
    -------
    >>> trunk, ptm_trunk = (
    ...     ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)])
    ...     for _ in range(2)
    ... )
    >>> network = DualBranch(3, 16, trunk, ptm_trunk)
    >>> output = network(
    ...     torch.randn(2, 20, 32), torch.randn(3, 2, 20, 16),
    ...     torch.tensor([20, 9]),
    ... )
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 20, 64]), torch.Size([2, 192]))
    """

    def __init__(
        self,
        n_states: int,
        state_dim: int,
        trunk: ReDimNetTrunk,
        ptm_trunk: ReDimNetTrunk,
        embedding_dim: int = 192,
    ):
        super().__init__()
        sizes = [(len(t.stages), t.dim) for t in (trunk, ptm_trunk)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"the spectrogram's branch has {sizes[0][0]} stages of "
                f"{sizes[0][1]} channels, the hidden states' {sizes[1][0]} of "
                f"{sizes[1][1]}; make them equal, so that they can exchange"
            )
        self.n_states = n_states
        self.state_dim = state_dim
        self.fusion = ProjectionFusion(n_states, state_dim, trunk.dim)
        self.trunk = trunk
        self.ptm_trunk = ptm_trunk
        self.gates, self.ptm_gates = (
            nn.ModuleList(Gate(trunk.dim) for _ in trunk.stages)
            for _ in range(2)
        )
        self.head = SpeakerHead(2 * trunk.dim, embedding_dim)

    @property
    def dim(self) -> int:
        """Channels of the spectrogram's frames."""
        return self.trunk.dim

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, those of both branches."""
        return self.head.dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.head.embedding_dim

    def forward(
        self, frames: Tensor, states: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Run both branches; arguments as for `SSRFNet`.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the stages after the exchange, those
            of both branches side by side, and so are the ``frames``.

        Raises
        ------
        ValueError
            If the number of states is not ``n_states``.
        """
        mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(1)
        layers = [frames.transpose(1, 2)]
        ptm_layers = [self.fusion(states, n_frames).transpose(1, 2)]
        gates = zip(self.gates, self.ptm_gates, strict=True)
        for i, (gate, ptm_gate) in enumerate(gates):
            x = self.trunk.run_stage(i, layers, mask)
            y = self.ptm_trunk.run_stage(i, ptm_layers, mask)
            layers.append(gate(x, y))
            ptm_layers.append(ptm_gate(y, x))
        frames = _side_by_side(
            self.trunk.mixer(layers), self.ptm_trunk.mixer(ptm_layers)
        )
        pairs = list(zip(layers, ptm_layers, strict=True))
        return EncoderOutput(
            stages=tuple(_side_by_side(*pair) for pair in pairs[1:]),
            frames=frames,
            embedding=self.head(frames, n_frames),
            n_frames=n_frames,
        )


def _side_by_side(x: Tensor, y: Tensor) -> Tensor:
    """Two (B, C, T) -> (B, T, 2 C)."""
    return torch.cat([x, y], dim=1).transpose(1, 2)
