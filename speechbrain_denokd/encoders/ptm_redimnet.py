"""ReDimNet over hidden states alone (the arrow ``stages -> EncoderOutput``).

Source: K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and ReDimNet Fusion
Network for Speaker Verification", 2026, Section 4.1 and Table 1, row "PTM
only", after the description: the features of the pre-trained model take the
place of the spectrogram. The stem is our reading: SSRFNet's projection, over
all states.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechbrain_denokd.encoders.fusion import ProjectionFusion
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
from speechbrain_denokd.encoders.speaker_head import SpeakerHead


class PtmReDimNet(nn.Module):
    """The baseline "PTM only": weighted hidden states, then ReDimNet.

    `SslHeadEncoder` makes an encoder of it:

    .. code-block:: yaml

      head: !new:speechbrain_denokd.encoders.ptm_redimnet.PtmReDimNet
        n_stages: 13
        input_dim: 1024
        trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk

    Arguments
    ---------
    n_stages : int
        Layers of the pre-trained model, with the input of the first block,
        which is no hidden state and not used.
    input_dim : int
        Channels of each layer.
    trunk : ReDimNetTrunk
        One that injects no maps.
    embedding_dim : int
        Size of the embedding, ``D``.

    Example
    -------
    >>> import torch
    >>> head = PtmReDimNet(
    ...     n_stages=4, input_dim=16,
    ...     trunk=ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)]),
    ... )
    >>> output = head(torch.randn(4, 2, 20, 16), torch.tensor([20, 9]))
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([2, 20, 32]), torch.Size([2, 192]))
    """

    def __init__(
        self,
        n_stages: int,
        input_dim: int,
        trunk: ReDimNetTrunk,
        embedding_dim: int = 192,
    ):
        super().__init__()
        self.n_stages = n_stages
        self.input_dim = input_dim
        self.fusion = ProjectionFusion(n_stages - 1, input_dim, trunk.dim)
        self.trunk = trunk
        self.head = SpeakerHead(trunk.dim, embedding_dim)

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.head.dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.head.embedding_dim

    def forward(
        self, stages: Sequence[Tensor], n_frames: Tensor
    ) -> EncoderOutput:
        """Encode the hidden states.

        Arguments
        ---------
        stages : sequence of n_stages (B, T, input_dim) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the trunk's stages, ``frames`` their
            learned mean with the stem's output, before pooling.

        Raises
        ------
        ValueError
            If the number of layers is not ``n_stages``.
        """
        stem = self.fusion(stages[1:], n_frames)
        outputs, frames = self.trunk(stem, n_frames)
        return EncoderOutput(
            outputs, frames, self.head(frames, n_frames), n_frames
        )
