"""A pre-trained model alone as an encoder (``wavs -> hidden states``).

It teaches by its hidden states; its embedding, their mean over time, is only
there because every encoder has one.
"""

from torch import Tensor, nn

from speechbrain_denokd.diffusion.noise_adapter import masked_mean
from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.output import EncoderOutput


class SslEncoder(nn.Module):
    """Hidden states of a pre-trained model, untouched.

    Arguments
    ---------
    ptm : torch.nn.Module
        A `SvMixer`, `WavLM` or `SslModel`.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.sv_mixer import SvMixer
    >>> from speechbrain_denokd.encoders.waveform_conv import WaveformConv
    >>> encoder = SslEncoder(
    ...     SvMixer(WaveformConv(16, conv_dim=8), n_layers=3, n_tokens=24)
    ... )
    >>> output = encoder(torch.randn(1, 16000), torch.ones(1))
    >>> len(output.states), output.embedding.shape, encoder.state_dim
    (3, torch.Size([1, 16]), 16)
    """

    def __init__(self, ptm: nn.Module):
        super().__init__()
        self.ptm = ptm

    @property
    def network(self) -> nn.Module:
        """What a model folder stores the weights of: all of it."""
        return self

    @property
    def state_dim(self) -> int:
        """Channels of the hidden states."""
        return self.ptm.hidden_dim

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, the last state."""
        return self.ptm.hidden_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.ptm.hidden_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames."""
        return self.ptm.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.ptm.first_frame_ms

    def forward(self, wavs: Tensor, lens: Tensor) -> EncoderOutput:
        """Encode a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        EncoderOutput
        """
        stages, n_frames = self.ptm(wavs, lens)
        last = stages[-1]
        mask = frame_mask(n_frames, last.shape[1])
        mean = masked_mean(last.transpose(1, 2), mask)
        return EncoderOutput((), last, mean, n_frames, tuple(stages[1:]))
