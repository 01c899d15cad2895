"""Pre-trained model and speaker head: waveforms in, `EncoderOutput` out."""

from torch import Tensor, nn

from speechbrain_denokd.encoders.output import EncoderOutput


class SslHeadEncoder(nn.Module):
    """An encoder of a pre-trained model's layers.

    In YAML:

    .. code-block:: yaml

      encoder: !new:speechbrain_denokd.encoders.ssl_head_encoder.SslHeadEncoder
        ptm: !new:speechbrain_denokd.encoders.wavlm.WavLM
          source: microsoft/wavlm-base-plus
          freeze: false
        head: !new:speechbrain_denokd.encoders.mhfa.Mhfa
          n_heads: 64

    Arguments
    ---------
    ptm : torch.nn.Module
        A `WavLM`, `SslModel`, `TransformerStudent` or `SvMixer`.
    head : torch.nn.Module
        ``(stages, n_frames) -> EncoderOutput``: a `Mhfa`, `CaMhfa`, `Lap`,
        `PtmReDimNet` or `WavLMEcapaHead`.

    Raises
    ------
    ValueError
        If the head was built for another number of layers or channels.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.mhfa import Mhfa
    >>> from speechbrain_denokd.encoders.sv_mixer import SvMixer
    >>> from speechbrain_denokd.encoders.waveform_conv import WaveformConv
    >>> encoder = SslHeadEncoder(
    ...     SvMixer(WaveformConv(16, conv_dim=8), n_layers=2, n_tokens=24),
    ...     Mhfa(3, 16, n_heads=4, dim=8, embedding_dim=12),
    ... )
    >>> output = encoder(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> output.embedding.shape, output.n_frames.tolist()
    (torch.Size([2, 12]), [49, 24])
    """

    def __init__(self, ptm: nn.Module, head: nn.Module):
        super().__init__()
        given = (ptm.n_stages, ptm.hidden_dim)
        expected = (head.n_stages, head.input_dim)
        if given != expected:
            raise ValueError(
                f"the pre-trained model gives {given[0]} layers of {given[1]} "
                f"channels, but the head expects {expected[0]} of "
                f"{expected[1]}; build it with n_stages={given[0]}, "
                f"input_dim={given[1]}"
            )
        self.ptm = ptm
        self.head = head

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
        """Channels of the frame-level tap, ``C``."""
        return self.head.frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.head.embedding_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames of the frame-level tap."""
        return self.ptm.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.ptm.first_frame_ms

    @property
    def min_samples(self) -> int:
        """Samples of the shortest possible utterance."""
        return self.ptm.min_samples

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
            If an utterance is shorter than ``min_samples``.
        """
        stages, n_frames = self.ptm(wavs, lens)
        return self.head(stages, n_frames)._replace(states=tuple(stages[1:]))
