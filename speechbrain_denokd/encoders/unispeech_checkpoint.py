"""Load the published WavLM + ECAPA-TDNN speaker-verification checkpoint.

Sits before the arrow ``wavs -> WavLMEcapa``: a file in, weights in place. The
layout is that of UniSpeech's ``wavlm_large_finetune.pth``: a mapping with
``model`` (711 tensors for WavLM-large) and ``best_valid_eer``. WavLM carries
fairseq's names and is renamed to transformers'; the head keeps its names; the
classifier's centres are returned for label distillation.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa

WAVLM_PREFIX = "feature_extract.model."
CLASS_PREFIX = "loss_calculator."
CLASS_KEY = "loss_calculator.projection.weight"
N_SHOWN = 3

# (fairseq's name, transformers' name); the first full match counts.
_CONV = r"feature_extractor\.conv_layers\.(\d+)"
_LAYER = r"encoder\.layers\.(\d+)"
_TENSOR = r"(weight|bias)"
WAVLM_NAMES = (
    (
        rf"{_CONV}\.0\.{_TENSOR}",
        r"feature_extractor.conv_layers.\1.conv.\2",
    ),
    # 2.1 is the layer norm of large models, 2 the group norm of base ones.
    (
        rf"{_CONV}\.2(?:\.1)?\.{_TENSOR}",
        r"feature_extractor.conv_layers.\1.layer_norm.\2",
    ),
    (rf"layer_norm\.{_TENSOR}", r"feature_projection.layer_norm.\1"),
    (rf"post_extract_proj\.{_TENSOR}", r"feature_projection.projection.\1"),
    (r"mask_emb", r"masked_spec_embed"),
    (
        r"encoder\.pos_conv\.0\.weight_g",
        r"encoder.pos_conv_embed.conv.parametrizations.weight.original0",
    ),
    (
        r"encoder\.pos_conv\.0\.weight_v",
        r"encoder.pos_conv_embed.conv.parametrizations.weight.original1",
    ),
    (r"encoder\.pos_conv\.0\.bias", r"encoder.pos_conv_embed.conv.bias"),
    (
        rf"{_LAYER}\.self_attn\.([qkv]|out)_proj\.{_TENSOR}",
        r"encoder.layers.\1.attention.\2_proj.\3",
    ),
    (
        rf"{_LAYER}\.self_attn\.grep_linear\.{_TENSOR}",
        r"encoder.layers.\1.attention.gru_rel_pos_linear.\2",
    ),
    (
        rf"{_LAYER}\.self_attn\.grep_a",
        r"encoder.layers.\1.attention.gru_rel_pos_const",
    ),
    (
        rf"{_LAYER}\.self_attn\.relative_attention_bias\.weight",
        r"encoder.layers.\1.attention.rel_attn_embed.weight",
    ),
    (
        rf"{_LAYER}\.self_attn_layer_norm\.{_TENSOR}",
        r"encoder.layers.\1.layer_norm.\2",
    ),
    (
        rf"{_LAYER}\.final_layer_norm\.{_TENSOR}",
        r"encoder.layers.\1.final_layer_norm.\2",
    ),
    (
        rf"{_LAYER}\.fc1\.{_TENSOR}",
        r"encoder.layers.\1.feed_forward.intermediate_dense.\2",
    ),
    (
        rf"{_LAYER}\.fc2\.{_TENSOR}",
        r"encoder.layers.\1.feed_forward.output_dense.\2",
    ),
    (rf"encoder\.layer_norm\.{_TENSOR}", r"encoder.layer_norm.\1"),
)


class UniSpeechWeights(NamedTuple):
    """The checkpoint's tensors, sorted by where they go.

    Attributes
    ----------
    wavlm : dict
        State of ``transformers.WavLMModel``.
    head : dict
        State of `WavLMEcapaHead`.
    class_weight : (n_classes, D) torch.Tensor or None
        Centres of the speakers in the order of `sort_speakers`; None if the
        file has none.

    Example
    -------
    >>> weights = convert_unispeech({
    ...     "feature_extract.model.mask_emb": torch.zeros(4),
    ...     "feature_weight": torch.zeros(25),
    ... })
    >>> list(weights.wavlm), list(weights.head)
    (['masked_spec_embed'], ['feature_weight'])
    """

    wavlm: dict[str, Tensor]
    head: dict[str, Tensor]
    class_weight: Tensor | None


def wavlm_name(name: str) -> str:
    """Name in transformers of one of fairseq's WavLM tensors.

    Arguments
    ---------
    name : str
        Name below ``feature_extract.model.``.

    Returns
    -------
    str
        The new name; an unknown name is returned with its prefix, which no
        model has, so that `load_unispeech` reports it as it is in the file.

    Example
    -------
    >>> wavlm_name("encoder.layers.3.self_attn.grep_a")
    'encoder.layers.3.attention.gru_rel_pos_const'
    >>> wavlm_name("final_proj.weight")
    'feature_extract.model.final_proj.weight'
    """
    for pattern, replacement in WAVLM_NAMES:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(replacement)
    return WAVLM_PREFIX + name


def convert_unispeech(model: Mapping[str, Tensor]) -> UniSpeechWeights:
    """Sort and rename the tensors of a checkpoint's ``model``.

    Arguments
    ---------
    model : mapping of str to torch.Tensor
        The published layout.

    Returns
    -------
    UniSpeechWeights

    Example
    -------
    >>> centres = {"loss_calculator.projection.weight": torch.zeros(7, 4)}
    >>> convert_unispeech(centres).class_weight.shape
    torch.Size([7, 4])
    """
    wavlm, head = {}, {}
    for name, tensor in model.items():
        if name.startswith(WAVLM_PREFIX):
            wavlm[wavlm_name(name.removeprefix(WAVLM_PREFIX))] = tensor
        elif not name.startswith(CLASS_PREFIX):
            head[name] = tensor
    return UniSpeechWeights(wavlm, head, model.get(CLASS_KEY))


def read_unispeech(path: str | Path) -> UniSpeechWeights:
    """Read a published checkpoint; nothing in the file is executed.

    Arguments
    ---------
    path : str or Path
        Such as ``wavlm_large_finetune.pth``.

    Returns
    -------
    UniSpeechWeights
        On the CPU.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is truncated, corrupt, or not of the published layout.

    Example
    -------
    >>> read_unispeech("nowhere.pth")
    Traceback (most recent call last):
    ...
    FileNotFoundError: no checkpoint 'nowhere.pth': give the path of \
UniSpeech's wavlm_large_finetune.pth
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint '{path}': give the path of UniSpeech's "
            "wavlm_large_finetune.pth"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    # Broken bytes surface as whatever the unpickler trips over.
    except Exception as error:
        raise ValueError(
            f"the checkpoint '{path}' ({path.stat().st_size} bytes) cannot be "
            "read, it is truncated, corrupt or holds more than tensors: "
            "download it again"
        ) from error
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or not all(
        isinstance(tensor, Tensor) for tensor in model.values()
    ):
        raise ValueError(
            f"the checkpoint '{path}' has no 'model' with tensors, so it is "
            "not UniSpeech's: give wavlm_large_finetune.pth"
        )
    return convert_unispeech(model)


def load_unispeech(encoder: WavLMEcapa, path: str | Path) -> Tensor:
    """Fill a teacher from a published checkpoint, all of it or nothing.

    Arguments
    ---------
    encoder : WavLMEcapa
        Teacher of the checkpoint's sizes; changed in place.
    path : str or Path
        Such as ``wavlm_large_finetune.pth``.

    Returns
    -------
    (n_classes, D) torch.Tensor
        Centre of each training speaker, in the order of `sort_speakers`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or a tensor is missing, unexpected or of another
        shape; the encoder is then unchanged.

    Example
    -------
    >>> from tempfile import TemporaryDirectory
    >>> from speechbrain_denokd.encoders.wavlm import WavLM
    >>> from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapaHead
    >>> from speechbrain_denokd.encoders.wavlm_folder import (
    ...     save_random_wavlm, wavlm_large_config,
    ... )
    >>> config = wavlm_large_config(
    ...     hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...     intermediate_size=32, conv_dim=[8] * 7,
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     teacher = WavLMEcapa(
    ...         WavLM(save_random_wavlm(config, folder)),
    ...         WavLMEcapaHead(3, 16, channels=16, frame_dim=48),
    ...     )
    ...     torch.save({"model": {}}, f"{folder}/empty.pth")
    ...     try:
    ...         load_unispeech(teacher, f"{folder}/empty.pth")
    ...     except ValueError as error:
    ...         print(str(error).split("encoder: ")[1][:28])
    293 missing (masked_spec_emb
    """
    weights = read_unispeech(path)
    _check_fit(encoder, weights, path)
    encoder.wavlm.model.load_state_dict(weights.wavlm, strict=True)
    encoder.head.load_state_dict(weights.head, strict=True)
    return weights.class_weight.float()


def _check_fit(
    encoder: WavLMEcapa, weights: UniSpeechWeights, path: str | Path
) -> None:
    expected = {
        **encoder.wavlm.model.state_dict(),
        **encoder.head.state_dict(),
    }
    given = {**weights.wavlm, **weights.head}
    missing = [name for name in expected if name not in given]
    if weights.class_weight is None:
        missing.append(CLASS_KEY)
    unexpected = [name for name in given if name not in expected]
    reshaped = [
        f"{name} {tuple(given[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in given and given[name].shape != tensor.shape
    ]
    if weights.class_weight is not None:
        shape = tuple(weights.class_weight.shape)
        if shape[1:] != (encoder.embedding_dim,):
            wanted = f"(n_classes, {encoder.embedding_dim})"
            reshaped.append(f"{CLASS_KEY} {shape} for {wanted}")
    if missing or unexpected or reshaped:
        raise ValueError(
            f"the checkpoint '{path}' does not fit the encoder: "
            f"{_count('missing', missing)}, "
            f"{_count('unexpected', unexpected)}, "
            f"{_count('of another shape', reshaped)}; build the encoder with "
            "the checkpoint's sizes"
        )


def _count(what: str, names: list[str]) -> str:
    if not names:
        return f"0 {what}"
    shown = ", ".join(names[:N_SHOWN])
    more = ", ..." if len(names) > N_SHOWN else ""
    return f"{len(names)} {what} ({shown}{more})"


def sort_speakers(speaker_ids: Iterable[str], n_classes: int) -> list[str]:
    """Speakers in the order of the checkpoint's class centres.

    Row ``i`` of the class centres belongs to the ``i``-th identity of
    VoxCeleb2's development set in lexicographic order.

    Arguments
    ---------
    speaker_ids : iterable of str
        Identities such as ``id00012``; an identity may occur more than once.
    n_classes : int
        Rows of the class centres.

    Returns
    -------
    list of n_classes str

    Raises
    ------
    ValueError
        If an identity is not a non-empty string, or their number is not
        ``n_classes``.

    Example
    -------
    >>> sort_speakers(["id00015", "id00012", "id00015"], n_classes=2)
    ['id00012', 'id00015']
    """
    speaker_ids = set(speaker_ids)
    for speaker in speaker_ids:
        if not isinstance(speaker, str) or not speaker:
            raise ValueError(
                f"speaker {speaker!r} is not an identity such as 'id00012': "
                "give VoxCeleb2's identities as strings"
            )
    if len(speaker_ids) != n_classes:
        raise ValueError(
            f"{len(speaker_ids)} speakers, but the teacher's class head has "
            f"{n_classes} rows: give every speaker of VoxCeleb2 dev, and no "
            "other, or leave the label term out"
        )
    return sorted(speaker_ids)
