"""wav2vec 2.0's convolutional front end (arrow ``wavs -> frames``).

Seven convolutions turn 16 kHz audio into one frame each 20 ms, then a layer
norm and a linear map give it the width of the blocks that follow.
Source: A. Baevski et al., "wav2vec 2.0", NeurIPS 2020, Section 2, through
transformers' ``Wav2Vec2FeatureEncoder`` and ``Wav2Vec2FeatureProjection``.
Differs from transformers:

- the group norm of the first convolution counts valid samples only, so that a
  padded batch is exact and need not be run utterance by utterance;
- waveforms are normalised over their valid samples;
- convolutions start from He's normal distribution, as in transformers' whole
  models: PyTorch's default lets the signal shrink below the eps of the layer
  norm that follows (variance 2e-7 against 1e-5).
"""

from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel, Wav2Vec2Config
from transformers.models.wav2vec2.modeling_wav2vec2 import (
    Wav2Vec2FeatureEncoder,
    Wav2Vec2FeatureProjection,
)

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.encoders.wavlm import WAV_EPS, standardise
from speechbrain_denokd.encoders.wavlm_folder import check_source

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
# Samples from one frame to the next, and samples that one frame hears.
HOP_SAMPLES = prod(STRIDES)
FRAME_SAMPLES = 400


class WaveformConv(nn.Module):
    """Waveforms to frames, 20 ms apart at 16 kHz.

    Arguments
    ---------
    hidden_dim : int
        Channels of the frames, ``C``.
    conv_dim : int
        Channels of the convolutions.
    norm : str
        ``group``: norm over time after the first convolution (wav2vec 2.0,
        HuBERT and WavLM base); ``layer``: norm over channels after each (the
        large models).
    conv_bias : bool
        Whether the convolutions have biases (wav2vec2-large-lv60, XLS-R).
    normalise_wavs : bool
        Make each waveform zero-mean and of unit variance.
    dropout : float
        After the linear map.
    sample_rate : int
        In Hz.

    Example
    -------
    >>> import torch
    >>> front_end = WaveformConv(hidden_dim=1024)
    >>> n_parameters = [
    ...     sum(p.numel() for p in part.parameters())
    ...     for part in (front_end.convolutions, front_end.projection)
    ... ]
    >>> n_parameters
    [4200448, 526336]
    >>> frames, n_frames = front_end(
    ...     torch.randn(2, 16000), torch.tensor([16000, 8000])
    ... )
    >>> frames.shape, n_frames.tolist()
    (torch.Size([2, 49, 1024]), [49, 24])
    """

    def __init__(
        self,
        hidden_dim: int = 1024,
        conv_dim: int = 512,
        norm: str = "group",
        conv_bias: bool = False,
        normalise_wavs: bool = True,
        dropout: float = 0.1,
        sample_rate: int = 16000,
    ):
        super().__init__()
        self.config = Wav2Vec2Config(
            hidden_size=hidden_dim,
            conv_dim=(conv_dim,) * len(KERNELS),
            conv_kernel=KERNELS,
            conv_stride=STRIDES,
            conv_bias=conv_bias,
            feat_extract_norm=norm,
            feat_proj_dropout=dropout,
        )
        self.normalise_wavs = normalise_wavs
        self.sample_rate = sample_rate
        self.convolutions = Wav2Vec2FeatureEncoder(self.config)
        self.projection = Wav2Vec2FeatureProjection(self.config)
        for layer in self.convolutions.conv_layers:
            nn.init.kaiming_normal_(layer.conv.weight)

    @property
    def hidden_dim(self) -> int:
        """Channels of the frames, ``C``."""
        return self.config.hidden_size

    @property
    def hop_samples(self) -> int:
        """Samples from one frame to the next."""
        return HOP_SAMPLES

    @property
    def hop_ms(self) -> float:
        """Time between two frames."""
        return 1000 * HOP_SAMPLES / self.sample_rate

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame: nothing is padded before it."""
        return 1000 * FRAME_SAMPLES / 2 / self.sample_rate

    @property
    def min_samples(self) -> int:
        """Samples that one frame hears: the shortest possible utterance."""
        return FRAME_SAMPLES

    def count_frames(self, n_samples: Tensor) -> Tensor:
        """Frames made of a number of samples.

        Arguments
        ---------
        n_samples : (B,) torch.Tensor of int64

        Returns
        -------
        (B,) torch.Tensor of int64
            0 or less if there is not a single frame.
        """
        return (n_samples - FRAME_SAMPLES) // HOP_SAMPLES + 1

    def forward(self, wavs: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Frames of a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms; what lies in the padding does not matter.
        n_samples : (B,) torch.Tensor of int64
            Valid samples per utterance.

        Returns
        -------
        frames : (B, T, C) torch.Tensor
        n_frames : (B,) torch.Tensor of int64
            Valid frames per utterance; later frames mean nothing.

        Raises
        ------
        ValueError
            If an utterance is too short for one frame.
        """
        # A graph cannot raise, and has one path: that of padded batches.
        exporting = torch.compiler.is_exporting()
        shortest = 0 if exporting else int(n_samples.min())
        if not exporting and shortest < FRAME_SAMPLES:
            raise ValueError(
                f"an utterance of {shortest} samples is too short for the "
                f"convolutions, which need at least {FRAME_SAMPLES}; repeat "
                "or drop it"
            )
        padded = shortest < wavs.shape[1]
        if self.normalise_wavs:
            wavs = standardise(wavs.float(), n_samples, WAV_EPS)
        elif padded:
            wavs = wavs.masked_fill(~frame_mask(n_samples, wavs.shape[1]), 0)
        x = self._convolve(wavs[:, None], n_samples if padded else None)
        frames, _ = self.projection(x.transpose(1, 2))
        return frames, self.count_frames(n_samples)

    def _convolve(self, x: Tensor, n_samples: Tensor | None) -> Tensor:
        """(B, 1, S) -> (B, conv_dim, T); None: every sample is valid.

        No convolution pads: valid frames hear valid samples only, and the
        group norm is the one place where padding could enter.
        """
        first, *others = self.convolutions.conv_layers
        if n_samples is None or self.config.feat_extract_norm != "group":
            x = first(x)
        else:
            n_steps = (n_samples - KERNELS[0]) // STRIDES[0] + 1
            x = _masked_group_norm(first.layer_norm, first.conv(x), n_steps)
            x = first.activation(x)
        for layer in others:
            x = layer(x)
        return x


def _masked_group_norm(norm: nn.GroupNorm, x: Tensor, n_steps: Tensor):
    """A group norm of one channel per group, over valid steps of time."""
    normed = standardise(x.float().transpose(1, 2), n_steps, norm.eps)
    return (normed * norm.weight + norm.bias).transpose(1, 2)


def copy_front_end(
    front_end: WaveformConv,
    source: nn.Module | str | Path,
    projection: bool = True,
) -> None:
    """Start a front end from the weights of a pre-trained model's.

    Arguments
    ---------
    front_end : WaveformConv
        Changed in place. Build it with the ``norm`` and ``conv_bias`` of the
        source, and with ``normalise_wavs`` as the source expects waveforms.
    source : torch.nn.Module, str or Path
        A ``WavLM``, a transformers model of the kinds wav2vec 2.0, HuBERT or
        WavLM, its local folder, or its hub id.
    projection : bool
        Whether to copy the layer norm and linear map behind the convolutions.

    Raises
    ------
    FileNotFoundError
        If ``source`` is a folder that does not exist or is not complete.
    ValueError
        If the source's layers are of another kind or size.

    Example
    -------
    >>> from transformers import HubertConfig, HubertModel
    >>> teacher = HubertModel(
    ...     HubertConfig(
    ...         hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
    ...         intermediate_size=16, conv_dim=[8] * 7,
    ...     )
    ... )
    >>> front_end = WaveformConv(hidden_dim=16, conv_dim=8)
    >>> copy_front_end(front_end, teacher)
    """
    if isinstance(source, nn.Module):
        model = getattr(source, "model", source)
    else:
        check_source(str(source))
        model = AutoModel.from_pretrained(str(source))
    _check_same_kind(front_end.config, model.config, projection)
    front_end.convolutions.load_state_dict(model.feature_extractor.state_dict())
    if projection:
        front_end.projection.load_state_dict(
            model.feature_projection.state_dict()
        )


def _check_same_kind(config, source, projection: bool) -> None:
    fields = {
        "feat_extract_norm": "norm",
        "conv_bias": "conv_bias",
        "conv_dim": "conv_dim",
        "conv_kernel": "kernels",
        "conv_stride": "strides",
    }
    if projection:
        fields["hidden_size"] = "hidden_dim (or pass projection=False)"
    for field, argument in fields.items():
        ours, theirs = getattr(config, field), getattr(source, field)
        if field in ("conv_dim", "conv_kernel", "conv_stride"):
            ours, theirs = tuple(ours), tuple(theirs)
        if ours != theirs:
            raise ValueError(
                f"the source's front end has {field}={theirs!r}, but this one "
                f"was built with {ours!r}; make them equal through {argument}"
            )
