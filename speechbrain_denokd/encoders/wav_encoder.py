"""Front end + network: waveforms in, `EncoderOutput` out.

With the front end inside, a filterbank student, a WavLM teacher and a fusion
network look alike to the training code, and an exported graph takes audio.
"""

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask, valid_samples
from speechbrain_denokd.encoders.output import EncoderOutput


class WavEncoder(nn.Module):
    """An encoder made of a feature front end and a frame-level network.

    Arguments
    ---------
    front_end : torch.nn.Module
        ``(wavs (B, S), n_samples (B,)) -> features (B, T, F), n_frames (B,)``.
    network : torch.nn.Module
        ``(features, n_frames) -> EncoderOutput``.
    feature_augment : torch.nn.Module, optional
        ``features -> features`` in training only (SpecAugment); a teacher that
        hears the same waveform does not see it.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> encoder = WavEncoder(
    ...     FbankFrontEnd(n_mels=24),
    ...     EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ... )
    >>> output = encoder(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> output.embedding.shape, output.n_frames.tolist()
    (torch.Size([2, 16]), [101, 51])
    """

    def __init__(
        self,
        front_end: nn.Module,
        network: nn.Module,
        feature_augment: nn.Module | None = None,
    ):
        super().__init__()
        self.front_end = front_end
        self.network = network
        self.feature_augment = feature_augment

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.network.frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.network.embedding_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames of the frame-level tap."""
        return self.front_end.hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame: SpeechBrain's STFT is centred."""
        return 0.0

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

        Raises
        ------
        ValueError
            If an utterance is shorter than the network's context.
        """
        n_samples = valid_samples(lens, wavs.shape[1])
        wavs = wavs * frame_mask(n_samples, wavs.shape[1])
        features, n_frames = self.front_end(wavs, n_samples)
        self._check_length(n_samples, n_frames)
        if self.training and self.feature_augment is not None:
            features = self.feature_augment(features)
        return self.network(features, n_frames)

    def _check_length(self, n_samples: Tensor, n_frames: Tensor):
        if torch.compiler.is_exporting():
            return  # a graph cannot raise: whoever runs it checks the length
        shortest = int(n_frames.min())
        if shortest < self.network.min_frames:
            needed = (self.network.min_frames - 1) * self.front_end.hop_samples
            raise ValueError(
                f"an utterance of {int(n_samples.min())} samples gives "
                f"{shortest} frames, but the network needs at least "
                f"{self.network.min_frames}; pass {needed} samples or more "
                "(repeat the recording if it is shorter)"
            )
