"""Spectrogram and pre-trained model: waveforms in, `EncoderOutput` out.

The waveform takes two ways to frames of one rate, and a backbone joins them:

    wavs -> front_end -> stem -> frames (B, T, C)
    wavs -> ptm -> hidden states E_1 ... E_L (B, T, C')
    frames, hidden states -> backbone -> EncoderOutput
"""

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask, valid_samples
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.spectrogram_stem import STRIDE, align_streams


class FusionEncoder(nn.Module):
    """An encoder of a spectrogram and of a pre-trained model's hidden states.

    In YAML, SSRFNet in the sizes of its paper:

    .. code-block:: yaml

      encoder: !new:speechbrain_denokd.encoders.fusion_encoder.FusionEncoder
        ptm: !new:speechbrain_denokd.encoders.sv_mixer.SvMixer
          front_end: !new:speechbrain_denokd.encoders.waveform_conv.WaveformConv
        front_end: !new:speechbrain_denokd.encoders.fbank.FbankFrontEnd
        stem: !new:speechbrain_denokd.encoders.spectrogram_stem.SpectrogramStem
        backbone: !new:speechbrain_denokd.encoders.ssrfnet.SSRFNet
          fusion: !new:speechbrain_denokd.encoders.fusion.StateFusion
            n_states: 12
            n_groups: 4
            width: 4
            input_dim: 1024
          trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk
            n_maps: 4

    Arguments
    ---------
    ptm : torch.nn.Module
        A `SvMixer`, `WavLM` or `SslModel`, whose ``stages[1:]`` are the
        hidden states.
    front_end : FbankFrontEnd
        Its hop is half that of ``ptm``.
    stem : SpectrogramStem
        Brings the mel frames to the rate of ``ptm``.
    backbone : torch.nn.Module
        ``(frames, states, n_frames) -> EncoderOutput``: a `SSRFNet`,
        `SumFusion`, `InputGateFusion` or `DualBranch`.
    feature_augment : torch.nn.Module, optional
        ``features -> features`` in training only, of the mel frames.

    Raises
    ------
    ValueError
        If the backbone was built for other hidden states or another stem, or
        the frame rates do not meet.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> from speechbrain_denokd.encoders.fusion import StateFusion
    >>> from speechbrain_denokd.encoders.redimnet_trunk import ReDimNetTrunk
    >>> from speechbrain_denokd.encoders.spectrogram_stem import (
    ...     SpectrogramStem,
    ... )
    >>> from speechbrain_denokd.encoders.ssrfnet import SSRFNet
    >>> from speechbrain_denokd.encoders.sv_mixer import SvMixer
    >>> from speechbrain_denokd.encoders.waveform_conv import WaveformConv
    >>> encoder = FusionEncoder(
    ...     SvMixer(WaveformConv(16, conv_dim=8), n_layers=3, n_tokens=24),
    ...     FbankFrontEnd(n_mels=24),
    ...     SpectrogramStem(24, channels=32),
    ...     SSRFNet(
    ...         StateFusion(3, 2, width=2, input_dim=16, output_dim=32),
    ...         ReDimNetTrunk(8, 4, [(1, 1, 1, None), (2, 1, 1, 8)], n_maps=2),
    ...         embedding_dim=16,
    ...     ),
    ... )
    >>> output = encoder(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> output.frames.shape, output.n_frames.tolist(), encoder.frame_hop_ms
    (torch.Size([2, 49, 32]), [49, 24], 20.0)
    """

    def __init__(
        self,
        ptm: nn.Module,
        front_end: nn.Module,
        stem: nn.Module,
        backbone: nn.Module,
        feature_augment: nn.Module | None = None,
    ):
        super().__init__()
        given = (ptm.n_stages - 1, ptm.hidden_dim, stem.conv.out_channels)
        expected = (backbone.n_states, backbone.state_dim, backbone.dim)
        if given != expected:
            raise ValueError(
                f"the pre-trained model gives {given[0]} hidden states of "
                f"{given[1]} channels and the stem frames of {given[2]}, but "
                f"the backbone expects {expected[0]} of {expected[1]}, and "
                f"frames of {expected[2]}; build them with the same sizes"
            )
        if STRIDE * front_end.hop_ms != ptm.frame_hop_ms:
            raise ValueError(
                f"the stem makes a frame each {STRIDE * front_end.hop_ms} ms, "
                f"but the pre-trained model each {ptm.frame_hop_ms} ms; set "
                f"hop_ms={ptm.frame_hop_ms / STRIDE} of the front end"
            )
        self.ptm = ptm
        self.front_end = front_end
        self.stem = stem
        self.backbone = backbone
        self.feature_augment = feature_augment

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
        return self.backbone.frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.backbone.embedding_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames of the frame-level tap."""
        return self.ptm.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame, of the pre-trained model.

        The spectrogram's lies 7.5 ms later.
        """
        return self.ptm.first_frame_ms

    @property
    def min_samples(self) -> int:
        """Samples of the shortest possible utterance."""
        hop = self.front_end.hop_samples
        return max(self.ptm.min_samples, hop * (self.stem.min_frames - 1))

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
        frames, states, n_frames = self.streams(wavs, lens)
        output = self.backbone(frames, states, n_frames)
        return output._replace(states=tuple(states))

    def streams(
        self, wavs: Tensor, lens: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        """What the backbone joins, for losses on the hidden states.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor
            As for `forward`, whose result is that of ``backbone`` for these.

        Returns
        -------
        frames : (B, T, C) torch.Tensor
            Of the spectrogram.
        states : tuple of L (B, T, C') torch.Tensor
            Of the pre-trained model, without the input of its blocks.
        n_frames : (B,) torch.Tensor of int64
            Valid frames of both.
        """
        n_samples = valid_samples(lens, wavs.shape[1])
        exporting = torch.compiler.is_exporting()  # a graph cannot raise
        shortest = 0 if exporting else int(n_samples.min())
        if not exporting and shortest < self.min_samples:
            raise ValueError(
                f"an utterance of {shortest} samples is too short: the "
                f"encoder needs at least {self.min_samples}; repeat or drop it"
            )
        wavs = wavs.masked_fill(~frame_mask(n_samples, wavs.shape[1]), 0)
        features, n_mel_frames = self.front_end(wavs, n_samples)
        if self.training and self.feature_augment is not None:
            features = self.feature_augment(features)
        frames, n_frames = self.stem(features, n_mel_frames)
        stages, n_state_frames = self.ptm(wavs, lens)
        return align_streams(frames, n_frames, stages[1:], n_state_frames)
