"""Several identities from any encoder (``frames -> K embeddings``).

The second way to what MIRNet does: an encoder of single speakers, trained or
not, gives the frames, and one pooling per speaker weighs them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.encoders.pooling import VARIANCE_FLOOR


class SpeakerWeightedEncoder(nn.Module):
    """One attention over time and one linear map per speaker.

    Each speaker's attention is a softmax over the frames of the inner
    encoder; the mean and the standard deviation of the frames with these
    weights go through the speaker's own linear map. Where all talk at once no
    weighing of frames can tell them apart: the maps then read other channels.
    The inner encoder's embedding, which describes the whole mixture, is the
    attention's context, so that nothing of the encoder is computed in vain.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``: a `WavEncoder` around an
        `EcapaTdnn` or a `ReDimNet`, or any other of the toolkit.
    n_speakers : int
        Speakers in a mixture, ``K``.
    embedding_dim : int
        Size of each embedding, ``D``.
    bottleneck : int
        Width of the attention.

    Raises
    ------
    ValueError
        If there are fewer than two speakers.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    >>> encoder = SpeakerWeightedEncoder(
    ...     WavEncoder(
    ...         FbankFrontEnd(n_mels=24),
    ...         EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ...     ),
    ...     n_speakers=3,
    ...     embedding_dim=8,
    ... )
    >>> output = encoder(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> output.embeddings.shape, output.attention.shape
    (torch.Size([2, 3, 8]), torch.Size([2, 3, 101]))
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_speakers: int = 2,
        embedding_dim: int = 192,
        bottleneck: int = 128,
    ):
        super().__init__()
        if n_speakers < 2:
            raise ValueError(
                f"n_speakers={n_speakers}, but a mixture has 2 or more; use "
                "the encoder alone for one speaker"
            )
        self.encoder = encoder
        self.n_speakers = n_speakers
        self.embedding_dim = embedding_dim
        self.frame = nn.Linear(encoder.frame_dim, bottleneck)
        self.context = nn.Linear(encoder.embedding_dim, bottleneck, bias=False)
        # A bias would be the same for all frames, and cancel in the softmax.
        self.score = nn.Linear(bottleneck, n_speakers, bias=False)
        self.norm = nn.BatchNorm1d(2 * encoder.frame_dim)
        self.linears = nn.ModuleList(
            nn.Linear(2 * encoder.frame_dim, embedding_dim)
            for _ in range(n_speakers)
        )

    @property
    def network(self) -> nn.Module:
        """What a model folder stores the weights of: all of it."""
        return self

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.encoder.frame_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames."""
        return self.encoder.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.encoder.first_frame_ms

    def forward(self, wavs: Tensor, lens: Tensor) -> MultiIdentityOutput:
        """Identities of a padded batch of mixtures.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        MultiIdentityOutput
            ``attention`` sums to one over the valid frames; ``frames`` are
            those of the inner encoder.
        """
        inner = self.encoder(wavs, lens)
        attention = self.attend(inner.frames, inner.embedding, inner.n_frames)
        pooled = weighted_statistics(inner.frames, attention, inner.n_frames)
        # One norm for all speakers: they are exchangeable.
        pooled = self.norm(pooled.flatten(0, 1)).unflatten(0, pooled.shape[:2])
        embeddings = torch.stack(
            [
                linear(pooled[:, speaker])
                for speaker, linear in enumerate(self.linears)
            ],
            dim=1,
        )
        return MultiIdentityOutput(
            embeddings, attention, inner.frames, inner.n_frames
        )

    def attend(
        self, frames: Tensor, embedding: Tensor, n_frames: Tensor
    ) -> Tensor:
        """How much each output listens to each frame.

        Arguments
        ---------
        frames : (B, T, C) torch.Tensor
            What lies in the padding does not matter.
        embedding : (B, D') torch.Tensor
            Of the mixture, by the inner encoder; its scale does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames, at least 1.

        Returns
        -------
        (B, K, T) torch.Tensor
            Sums to one over the valid frames, zero in the padding.
        """
        mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(2)
        frames = frames.masked_fill(~mask, 0)
        # Embeddings of some hundreds would saturate the tanh.
        context = self.context(F.layer_norm(embedding, embedding.shape[1:]))
        hidden = torch.tanh(self.frame(frames) + context.unsqueeze(1))
        scores = self.score(hidden).masked_fill(~mask, -torch.inf)
        return scores.softmax(dim=1).transpose(1, 2)


def weighted_statistics(
    frames: Tensor, weights: Tensor, n_frames: Tensor
) -> Tensor:
    """Mean and standard deviation of frames, once for each row of weights.

    Arguments
    ---------
    frames : (B, T, C) torch.Tensor
        What lies in the padding does not matter.
    weights : (B, K, T) torch.Tensor
        Sum to one over time, zero in the padding.
    n_frames : (B,) torch.Tensor of int64
        Valid frames, at least 1.

    Returns
    -------
    (B, K, 2 C) torch.Tensor
        Weighted means, then weighted standard deviations.

    Example
    -------
    >>> frames = torch.tensor([[[0.0], [4.0]]])
    >>> weights = torch.tensor([[[0.5, 0.5], [0.75, 0.25]]])
    >>> weighted_statistics(frames, weights, torch.tensor([2])).shape
    torch.Size([1, 2, 2])
    >>> weighted_statistics(frames, weights, torch.tensor([2]))[0, 0].tolist()
    [2.0, 2.0]
    """
    mask = frame_mask(n_frames, frames.shape[1]).unsqueeze(2)
    frames = frames.masked_fill(~mask, 0)
    mean = weights @ frames
    # pow, unlike a product, is taken in float32 under autocast.
    deviation = (frames.unsqueeze(1) - mean.unsqueeze(2)).pow(2)
    variance = (weights.unsqueeze(3) * deviation).sum(dim=2)
    return torch.cat([mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], dim=2)
