"""Teachers by hidden states (before the arrow ``teacher(wavs, lens)``).

Source: J. Heo et al., "One-Step Knowledge Distillation and Fine-Tuning in
Using Large Pre-Trained Self-Supervised Learning Models for Speaker
Verification" (OS-KDFT), Interspeech 2023, as SSRFNet trains with it.
Differs: the released code of SSRFNet gives WavLM-large the audio as it is; it
was trained on zero-mean, unit-variance audio, and hears such audio here.
"""

from speechbrain_denokd.distill.teacher import FrozenTeacher
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

    Such as a pre-trained model with a speaker head (pages ``ssl_*``). Its
    class head is left out: hidden states need no common speakers.

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
    return FrozenTeacher(encoder)
