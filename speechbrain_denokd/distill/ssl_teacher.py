"""Teachers by hidden states (before the arrow ``teacher(wavs, lens)``).

Source: J. Heo et al., "One-Step Knowledge Distillation and Fine-Tuning in
Using Large Pre-Trained Self-Supervised Learning Models for Speaker
Verification" (OS-KDFT), Interspeech 2023, as SSRFNet trains with it.
Differs: the released code of SSRFNet gives WavLM-large the audio as it is; it
was trained on zero-mean, unit-variance audio, and hears such audio here.
"""

import torch
from torch import Tensor, nn

from speechbrain_denokd.distill.align import FrameAlignment
from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.ssl_encoder import SslEncoder
from speechbrain_denokd.encoders.ssl_model import SslModel
from speechbrain_denokd.model_folder import read_model_folder


def ssl_teacher_from_source(source: str) -> FrozenTeacher:
    """A pre-trained wav2vec 2.0, HuBERT or WavLM of transformers.

    Arguments
    ---------
    source : str
        Local folder, or a hub id such as ``microsoft/wavlm-large``.

    Returns
    -------
    FrozenTeacher
        Without class head.

    Raises
    ------
    FileNotFoundError, ValueError
        As `speechbrain_denokd.encoders.ssl_model.SslModel`.

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
    ...     teacher = ssl_teacher_from_source(save_random_wavlm(config, folder))
    >>> teacher.encoder.state_dim
    16
    """
    return FrozenTeacher(SslEncoder(SslModel(source)))


def ssl_teacher_from_folder(folder: str) -> FrozenTeacher:
    """A model folder of this project whose encoder has hidden states.

    Such as a pre-trained model with a speaker head (pages ``ssl_*`` and
    ``ge2e_*``). Its class head is left out: hidden states need no common
    speakers. States of another clock are given on WavLM's frames.

    Arguments
    ---------
    folder : str
        Model folder.

    Returns
    -------
    FrozenTeacher
        Without class head.

    Raises
    ------
    FileNotFoundError
        If there is no model folder.
    ValueError
        If the encoder has no hidden states.

    Example
    -------
    >>> ssl_teacher_from_folder("pretrained/sample_teacher")
    Traceback (most recent call last):
    ...
    ValueError: the model in pretrained/sample_teacher is a WavEncoder, which \
has no hidden states to teach; give one of a page ssl_* or ssrfnet
    """
    encoder = read_model_folder(folder).encoder
    if not hasattr(encoder, "state_dim"):
        raise ValueError(
            f"the model in {folder} is a {type(encoder).__name__}, which has "
            "no hidden states to teach; give one of a page ssl_* or ssrfnet"
        )
    clock = (StatesOnWavLMClock.frame_hop_ms, StatesOnWavLMClock.first_frame_ms)
    if (encoder.frame_hop_ms, encoder.first_frame_ms) != clock:
        encoder = StatesOnWavLMClock(encoder)
    return FrozenTeacher(encoder)


def stage_teacher_from_folder(folder: str) -> FrozenTeacher:
    """A teacher without pre-trained model: its stages are its hidden states.

    For corpora without a pre-trained model, such as the bundled one.

    Arguments
    ---------
    folder : str
        Model folder of any encoder with stages of one width.

    Returns
    -------
    FrozenTeacher
        Without class head.

    Raises
    ------
    FileNotFoundError
        If there is no model folder.
    ValueError
        As `StagesAsStates`.

    Example
    -------
    >>> teacher = stage_teacher_from_folder("pretrained/sample_teacher")
    >>> states = teacher(torch.randn(1, 16000), torch.ones(1)).output.states
    >>> len(states), states[0].shape
    (4, torch.Size([1, 50, 160]))
    """
    return FrozenTeacher(StagesAsStates(read_model_folder(folder).encoder))


class StatesOnWavLMClock(nn.Module):
    """An encoder whose hidden states are given on WavLM's frames.

    SV-Mixer and the transformer student have that clock; a GE2E LSTM has its
    own.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput`` with hidden states on the grid of its
        frames.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ge2e import Ge2eLstm
    >>> from speechbrain_denokd.encoders.mean_head import MeanHead
    >>> from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
    >>> ge2e = Ge2eLstm(n_layers=2, hidden_dim=8, stride=1)
    >>> encoder = StatesOnWavLMClock(SslHeadEncoder(ge2e, MeanHead(3, 8)))
    >>> output = encoder(torch.randn(2, 16000), torch.ones(2))
    >>> encoder.state_dim, output.states[0].shape
    (8, torch.Size([2, 50, 8]))
    """

    # See `distill.align`.
    frame_hop_ms = 20.0
    first_frame_ms = 12.5

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.alignment = FrameAlignment(
            encoder.frame_hop_ms,
            self.frame_hop_ms,
            encoder.first_frame_ms,
            self.first_frame_ms,
        )
        self.state_dim = self._state_dim()

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.encoder.frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.encoder.embedding_dim

    def forward(self, wavs: Tensor, lens: Tensor) -> EncoderOutput:
        """Encode, and pick the frames nearest to WavLM's.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor

        Returns
        -------
        EncoderOutput
            All of it on the new frames.
        """
        output = self.encoder(wavs, lens)
        picked = self.alignment.finer_indices(output.frames.shape[1])
        picked = picked[picked < output.frames.shape[1]].to(wavs.device)
        states = tuple(state[:, picked] for state in self._states(output))
        return output._replace(
            stages=states,
            frames=output.frames[:, picked],
            n_frames=(picked[None] < output.n_frames[:, None]).sum(dim=1),
            states=states,
        )

    def _states(self, output: EncoderOutput) -> tuple[Tensor, ...]:
        return output.states

    def _state_dim(self) -> int:
        return self.encoder.state_dim


class StagesAsStates(StatesOnWavLMClock):
    """An encoder whose stages, on WavLM's frames, are given as hidden states.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput`` with stages on the grid of its
        frames, all of one width.

    Raises
    ------
    ValueError
        If the stages have several widths.

    Example
    -------
    >>> teacher = stage_teacher_from_folder("pretrained/sample_teacher")
    >>> teacher.encoder.state_dim, teacher.encoder.frame_hop_ms
    (160, 20.0)
    """

    def _states(self, output: EncoderOutput) -> tuple[Tensor, ...]:
        return output.stages

    def _state_dim(self) -> int:
        with torch.no_grad():
            probe = self.encoder.eval()(torch.zeros(1, 16000), torch.ones(1))
        widths = {stage.shape[2] for stage in probe.stages}
        if len(widths) != 1:
            raise ValueError(
                f"the stages have {sorted(widths)} channels; hidden states "
                "are of one width: choose another encoder as the teacher"
            )
        return widths.pop()
