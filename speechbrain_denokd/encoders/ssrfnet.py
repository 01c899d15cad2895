"""SSRFNet's network (``frames, hidden states -> EncoderOutput``).

==============  =========================================================
variable        paper symbol
==============  =========================================================
``frames``      S, the spectrogram behind its stem
``states``      E_1 ... E_L, hidden states of the pre-trained model
``maps``        P_1 ... P_N
``stages``      F_1 ... F_6
==============  =========================================================

Source: K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and ReDimNet Fusion
Network for Speaker Verification", 2026, Section 2, with the sizes of the
authors' code.
Differs: where the text has stage i read either P_1 ... P_i or P_1 ... P_(i-1),
it is the former, as in the code. The code adds Gaussian noise to the
spectrogram in training: a ``feature_augment`` of `FusionEncoder`.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechbrain_denokd.encoders.fusion import StateFusion
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.speaker_head import SpeakerHead


class SSRFNet(nn.Module):
    """Groups of hidden states, injected into a ReDimNet stage by stage.

    In the paper's sizes 3 s take 4.0 billion multiply-accumulates, 3.1 of them
    in the four projections, beside those of the pre-trained model.
    `FusionEncoder` makes an encoder of it, and shows the YAML.

    Arguments
    ---------
    fusion : StateFusion
        Hidden states to maps as wide as the trunk.
    trunk : ReDimNetTrunk
        Any with one map per group.
    embedding_dim : int
        Size of the embedding, ``D``.

    Raises
    ------
    ValueError
        If the fusion's maps do not fit the trunk.

    Example
    -------
    >>> import torch
    >>> with torch.device("meta"):
    ...     fusion, trunk = StateFusion(12, 4, 4, 1024), ReDimNetTrunk(n_maps=4)
    ...     network = SSRFNet(fusion, trunk)
    >>> sum(p.numel() for p in network.parameters())
    25073296
    >>> network = SSRFNet(
    ...     StateFusion(3, 2, width=2, input_dim=16, output_dim=32),
    ...     ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)], n_maps=2),
    ... )
    >>> output = network(
    ...     torch.randn(2, 20, 32), torch.randn(3, 2, 20, 16),
    ...     torch.tensor([20, 9]),
    ... )
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 20, 32]), torch.Size([2, 192]))
    """

    def __init__(
        self,
        fusion: StateFusion,
        trunk: ReDimNetTrunk,
        embedding_dim: int = 192,
    ):
        super().__init__()
        given = (len(fusion.windows), fusion.output_dim)
        expected = (trunk.n_maps, trunk.dim)
        if given != expected:
            raise ValueError(
                f"the fusion makes {given[0]} maps of {given[1]} channels, but "
                f"the trunk takes {expected[0]} of {expected[1]}; build them "
                f"with n_maps={given[0]} and output_dim={expected[1]}"
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
        """Join the two streams.

        Arguments
        ---------
        frames : (B, T, C) torch.Tensor
            Of the spectrogram; finite, whatever lies in the padding.
        states : sequence of L (B, T, C') torch.Tensor
            Of the pre-trained model.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the trunk's stages, ``frames`` their
            learned mean with the maps and the spectrogram, before pooling.

        Raises
        ------
        ValueError
            If the number of states is not ``n_states``.
        """
        maps = self.fusion(states, n_frames)
        stages, frames = self.trunk(frames, n_frames, maps)
        return EncoderOutput(
            stages, frames, self.head(frames, n_frames), n_frames
        )
