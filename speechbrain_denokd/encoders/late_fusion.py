"""Two encoders as one: their embeddings side by side (``wavs -> output``).

Encoders that learnt from different data, or hear different features, err on
different trials; the cosine of what this gives is the mean of their cosines,
which is the fusion of systems by equal weights. As a teacher it has one
embedding, one classifier and one frame-level tap, like any other.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.output import EncoderOutput


class LateFusion(nn.Module):
    """Concatenated embeddings of two encoders, each of length one.

    Arguments
    ---------
    first, second : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``, with their weights in ``network``.
        Frames are those of the first.
    freeze : bool
        Keep weights and evaluation mode, whatever ``train()`` says.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    >>> members = [
    ...     WavEncoder(
    ...         FbankFrontEnd(n_mels=n_mels),
    ...         EcapaTdnn(n_mels, lin_neurons=8, channels=[16] * 4 + [48]),
    ...     )
    ...     for n_mels in (24, 40)
    ... ]
    >>> fused = LateFusion(*members).eval()
    >>> output = fused(torch.randn(2, 8000), torch.tensor([1.0, 0.5]))
    >>> output.embedding.shape, output.embedding.norm(dim=1).round(decimals=3)
    (torch.Size([2, 16]), tensor([1., 1.], grad_fn=<RoundBackward1>))
    """

    def __init__(
        self, first: nn.Module, second: nn.Module, freeze: bool = False
    ):
        super().__init__()
        self.members = nn.ModuleList([first, second])
        self.freeze = freeze
        if freeze:
            self.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> "LateFusion":
        """Evaluation mode for good, if frozen."""
        return super().train(mode and not self.freeze)

    @property
    def network(self) -> nn.Module:
        """What a model folder stores the weights of: all of it."""
        return self

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.members[0].frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``: the sum of the members'."""
        return sum(member.embedding_dim for member in self.members)

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames of the frame-level tap."""
        return self.members[0].frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.members[0].first_frame_ms

    def forward(self, wavs: Tensor, lens: Tensor) -> EncoderOutput:
        """Encode a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms; what lies in the padding does not matter.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        EncoderOutput
            The first member's, but for the embedding, whose length is one.

        Raises
        ------
        ValueError
            If an utterance is too short for a member.
        """
        outputs = [member(wavs, lens) for member in self.members]
        units = [F.normalize(output.embedding, dim=1) for output in outputs]
        fused = torch.cat(units, dim=1) / len(units) ** 0.5
        return outputs[0]._replace(embedding=fused)
