"""WavLM: waveforms in, every layer's output and the valid frames out.

Source: S. Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training for
Full Stack Speech Processing", IEEE JSTSP 2022, through SpeechBrain's wrapper
of transformers' ``WavLMModel``.
Differs from SpeechBrain's wrapper:

- the last of the layers is the encoder's output, after the final layer norm of
  pre-norm models, as the published layer weights expect it; transformers 5
  returns the last block's output before that norm;
- a frozen model stays in evaluation mode when the training loop calls
  ``train()``; no layer is ever dropped or masked;
- waveforms are normalised over their valid samples, so that the padding of a
  batch changes nothing;
- half-precision checkpoints are computed in single precision;
- a missing folder is one error, not a series of requests to the hub.
"""

from math import prod
from pathlib import Path

import torch
import torch.nn.functional as F
from speechbrain.integrations.huggingface import wavlm as speechbrain_wavlm
from torch import Tensor

from speechbrain_denokd.encoders.masks import frame_mask, valid_samples
from speechbrain_denokd.encoders.output import HiddenStates
from speechbrain_denokd.encoders.wavlm_folder import check_source

# As transformers' Wav2Vec2FeatureExtractor; added to the variance.
WAV_EPS = 1e-7


class WavLM(speechbrain_wavlm.WavLM):
    """SpeechBrain's WavLM with exact layers, masks and modes.

    Models whose convolutional extractor normalises over time (``group`` norm:
    base and base+) hear utterances of unequal length one by one, because the
    padding would enter that norm; with ``layer`` norm (large) a batch is run
    at once.

    Arguments
    ---------
    source : str or Path
        Local folder with ``config.json``, ``preprocessor_config.json`` and
        weights, or a hub id such as ``microsoft/wavlm-large``.
    save_path : str or Path
        Cache of downloads; not used for a local folder.
    freeze : bool
        Keep weights and evaluation mode, whatever ``train()`` says.
    freeze_feature_extractor : bool
        Keep the convolutional extractor's weights when ``freeze`` is False.

    Raises
    ------
    FileNotFoundError
        If ``source`` is a folder that does not exist or is not complete.

    Example
    -------
    >>> from tempfile import TemporaryDirectory
    >>> from speechbrain_denokd.encoders.wavlm_folder import (
    ...     save_random_wavlm, wavlm_large_config,
    ... )
    >>> config = wavlm_large_config(
    ...     hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...     intermediate_size=32, conv_dim=[8] * 7,
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     wavlm = WavLM(save_random_wavlm(config, folder))
    >>> output = wavlm(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> len(output.stages), output.stages[-1].shape, output.n_frames.tolist()
    (3, torch.Size([2, 49, 16]), [49, 24])
    """

    # `UnfilledWavLM` gets its weights from elsewhere.
    needs_weights = True

    def __init__(
        self,
        source: str | Path,
        save_path: str | Path = "pretrained_models",
        freeze: bool = True,
        freeze_feature_extractor: bool = False,
    ):
        check_source(str(source), self.needs_weights)
        super().__init__(
            str(source),
            str(save_path),
            freeze=freeze,
            freeze_feature_extractor=freeze_feature_extractor,
            output_all_hiddens=True,
        )
        self.model.float()
        if freeze_feature_extractor:
            # Frozen parameters alone would not stop transformers from
            # recording a graph from the waveform on.
            self.model.freeze_feature_encoder()
        self.train(not freeze)

    def override_config(self, config):
        """Drop no layers: their number and order carry the layer weights.

        Arguments
        ---------
        config : transformers.WavLMConfig

        Returns
        -------
        transformers.WavLMConfig

        Example
        -------
        >>> from transformers import WavLMConfig
        >>> WavLM.override_config(None, WavLMConfig(layerdrop=0.1)).layerdrop
        0.0
        """
        config.layerdrop = 0.0
        return config

    def train(self, mode: bool = True):
        """Training mode, unless frozen.

        Arguments
        ---------
        mode : bool

        Returns
        -------
        WavLM
            Itself, as ``torch.nn.Module.train`` does.
        """
        return super().train(mode and not self.freeze)

    @property
    def n_stages(self) -> int:
        """Tensors in ``stages``: blocks + 1."""
        return self.config.num_hidden_layers + 1

    @property
    def hidden_dim(self) -> int:
        """Channels of each stage, ``C``."""
        return self.config.hidden_size

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames."""
        hop = prod(self.config.conv_stride)
        return 1000 * hop / self.feature_extractor.sampling_rate

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame: nothing is padded before it."""
        rate = self.feature_extractor.sampling_rate
        return 1000 * self.min_samples / 2 / rate

    @property
    def min_samples(self) -> int:
        """Samples that one frame hears: the shortest possible utterance."""
        samples = 1
        for kernel, stride in zip(
            reversed(self.config.conv_kernel),
            reversed(self.config.conv_stride),
            strict=True,
        ):
            samples = (samples - 1) * stride + kernel
        return samples

    def count_frames(self, n_samples: Tensor) -> Tensor:
        """Frames that the convolutions make of a number of samples.

        Arguments
        ---------
        n_samples : (B,) torch.Tensor of int64
            Valid samples.

        Returns
        -------
        (B,) torch.Tensor of int64
            ``floor((n_samples - 400) / 320) + 1`` for the published models;
            0 or less if there is not a single frame.
        """
        for kernel, stride in zip(
            self.config.conv_kernel, self.config.conv_stride, strict=True
        ):
            n_samples = (n_samples - kernel) // stride + 1
        return n_samples

    def forward(self, wavs: Tensor, lens: Tensor) -> HiddenStates:
        """Every layer of every utterance; without gradient if frozen.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms; what lies in the padding does not matter.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        HiddenStates

        Raises
        ------
        ValueError
            If an utterance is too short for one frame.
        """
        return super().forward(wavs, lens)

    def extract_features(self, wav: Tensor, wav_lens: Tensor) -> HiddenStates:
        """`forward` with gradient: the hook that SpeechBrain's class calls.

        Arguments
        ---------
        wav : (B, S) torch.Tensor
        wav_lens : (B,) torch.Tensor

        Returns
        -------
        HiddenStates
        """
        length = wav.shape[1]
        n_samples = valid_samples(wav_lens, length)
        # A graph cannot raise, and has one path: that of padded batches.
        exporting = torch.compiler.is_exporting()
        shortest = 0 if exporting else int(n_samples.min())
        if not exporting and shortest < self.min_samples:
            raise ValueError(
                f"an utterance of {shortest} samples is too short for WavLM, "
                f"which needs at least {self.min_samples}; repeat or drop it"
            )
        wav = wav.float()
        if self.normalize_wav:
            wav = standardise(wav, n_samples, WAV_EPS)
        mask = frame_mask(n_samples, length)
        if shortest == length:
            stages = self._stages(wav, None)
        elif self.config.feat_extract_norm == "group":
            stages = self._stages_one_by_one(wav, n_samples)
        else:
            stages = self._stages(wav.masked_fill(~mask, 0), mask)
        return HiddenStates(stages, self.count_frames(n_samples))

    def _stages(self, wavs: Tensor, mask: Tensor | None) -> tuple[Tensor, ...]:
        output = self.model(
            wavs, attention_mask=mask, output_hidden_states=True
        )
        return (*output.hidden_states[:-1], output.last_hidden_state)

    def _stages_one_by_one(
        self, wavs: Tensor, n_samples: Tensor
    ) -> tuple[Tensor, ...]:
        """Stages of each utterance alone, padded with zeros to the batch's."""
        length = int(self.count_frames(torch.tensor(wavs.shape[1])))
        rows = []
        for wav, n in zip(wavs, n_samples.tolist(), strict=True):
            stages = self._stages(wav[None, :n], None)
            missing = length - stages[0].shape[1]
            rows.append([F.pad(stage, (0, 0, 0, missing)) for stage in stages])
        return tuple(torch.cat(layer) for layer in zip(*rows, strict=True))


def standardise(x: Tensor, n_valid: Tensor, eps: float) -> Tensor:
    """Zero mean and unit variance over the valid part of time.

    Arguments
    ---------
    x : (B, T) or (B, T, C) torch.Tensor
        Padded batch.
    n_valid : (B,) torch.Tensor of int64
        Valid steps of each row, at least 1.
    eps : float
        Added to the (population) variance.

    Returns
    -------
    torch.Tensor of the shape of ``x``
        Zero in the padding.

    Example
    -------
    >>> x = torch.tensor([[1.0, 3.0, 99.0]])
    >>> standardise(x, torch.tensor([2]), eps=0.0).tolist()
    [[-1.0, 1.0, 0.0]]
    """
    padding = ~frame_mask(n_valid, x.shape[1])
    count = n_valid[:, None]
    if x.dim() == 3:
        padding, count = padding[:, :, None], count[:, :, None]
    mean = x.masked_fill(padding, 0).sum(1, keepdim=True) / count
    centred = (x - mean).masked_fill(padding, 0)
    variance = centred.square().sum(1, keepdim=True) / count
    return centred / (variance + eps).sqrt()
