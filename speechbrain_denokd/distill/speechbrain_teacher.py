"""Any ECAPA-TDNN of SpeechBrain's as a teacher: a folder or hub id -> frozen.

Sits before the arrow ``teacher(wavs, lens)``. The layout is that of
``speechbrain/spkrec-ecapa-voxceleb``: ``compute_features``, ``mean_var_norm``,
``embedding_model``, ``classifier`` and ``label_encoder``.
Differs from SpeechBrain's own loading: weights that lack a key are an error,
not a warning; in padded batches the padding is invisible (`EcapaTdnn`).
"""

import json
from pathlib import Path

import torch
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from torch import nn

from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.encoders.wavlm_folder import is_hub_id

# Published pages name the hub as the place of their weights, and SpeechBrain
# would go on with random weights where a file lacks some.
_OVERRIDES = """\
pretrained_path: {source}
pretrainer:
    custom_hooks:
        embedding_model: !name:speechbrain_denokd.inference.load_strict
        classifier: !name:speechbrain_denokd.inference.load_strict
"""
# Embeddings of the same audio, relative to the largest entry.
_TOLERANCE = 1e-3


def teacher_from_speechbrain(
    source: str, scale: float = 30.0, margin: float = 0.2
) -> FrozenTeacher:
    """Load an ``EncoderClassifier`` with an ECAPA-TDNN as a teacher.

    Loading a YAML of this kind runs the classes it names: trust its source.

    Arguments
    ---------
    source : str
        Local folder, or a hub id such as speechbrain/spkrec-ecapa-voxceleb.
    scale, margin : float
        Of the loss it was trained with; those of SpeechBrain's VoxCeleb
        recipe by default.

    Returns
    -------
    FrozenTeacher
        On the CPU; its classes have the names of the label encoder.

    Raises
    ------
    FileNotFoundError
        If the folder, or its ``hyperparams.yaml``, is not there.
    ValueError
        If the embedding model is no ECAPA-TDNN, its features are others than
        mean-normalised log-mel filterbanks, or weights do not fit.

    Example
    -------
    >>> try:
    ...     teacher_from_speechbrain("./nowhere")
    ... except FileNotFoundError as error:
    ...     print(str(error).split(":")[0])
    no model folder './nowhere'
    """
    _check_source(source)
    model = EncoderClassifier.from_hparams(
        source=source,
        overrides=_OVERRIDES.format(source=json.dumps(source)),
        overrides_must_match=False,
        run_opts={"device": "cpu"},
    )
    network, features = model.mods.embedding_model, model.mods.compute_features
    for part, wanted in ((network, ECAPA_TDNN), (features, Fbank)):
        if not isinstance(part, wanted):
            raise ValueError(
                f"{source} has a {type(part).__name__} where an ECAPA-TDNN "
                f"has a {wanted.__name__}; give a model of the kind of "
                "speechbrain/spkrec-ecapa-voxceleb"
            )
    encoder = WavEncoder(_front_end(features), _with_taps(network)).eval()
    _check_same_embedding(encoder, model, source)
    labels = model.hparams.label_encoder.ind2lab
    return FrozenTeacher(
        encoder,
        model.mods.classifier,
        [str(labels[i]) for i in range(len(labels))],
        scale,
        margin,
    )


def _check_source(source: str):
    """SpeechBrain would ask the hub for a mistyped path, five times."""
    if is_hub_id(source):
        return
    if not Path(source).is_dir():
        raise FileNotFoundError(
            f"no model folder '{source}': give an existing folder, or a hub "
            "id such as speechbrain/spkrec-ecapa-voxceleb"
        )
    if not (Path(source) / "hyperparams.yaml").is_file():
        raise FileNotFoundError(
            f"the model folder '{source}' holds no hyperparams.yaml: copy the "
            "whole folder of the model"
        )


def _front_end(features: Fbank) -> FbankFrontEnd:
    """Our front end with the sizes of SpeechBrain's."""
    stft = features.compute_STFT
    to_ms = 1000 / stft.sample_rate
    return FbankFrontEnd(
        n_mels=features.compute_fbanks.n_mels,
        sample_rate=stft.sample_rate,
        window_ms=stft.win_length * to_ms,
        hop_ms=stft.hop_length * to_ms,
    )


def _with_taps(network: ECAPA_TDNN) -> EcapaTdnn:
    """The same modules behind our forward, which adds no state to them."""
    ours = EcapaTdnn.__new__(EcapaTdnn)
    nn.Module.__init__(ours)
    ours.__dict__.update(network.__dict__)
    return ours


@torch.no_grad()
def _check_same_embedding(
    encoder: WavEncoder, model: EncoderClassifier, source: str
):
    """Compare embeddings of a second of noise: any difference shows there."""
    generator = torch.Generator().manual_seed(0)
    n_samples = encoder.front_end.sample_rate
    wavs = 0.1 * torch.randn(1, n_samples, generator=generator)
    ours = encoder(wavs, torch.ones(1)).embedding
    theirs = model.encode_batch(wavs).squeeze(1)
    error = float((ours - theirs).abs().max() / theirs.abs().max())
    # Not ">": a comparison with NaN must fail too.
    if not error <= _TOLERANCE:
        raise ValueError(
            f"{source} embeds the same audio differently here (by {error:.2g} "
            f"of the largest entry, {_TOLERANCE} allowed): its features are "
            "not log-mel filterbanks with the mean of each utterance removed; "
            "give another model"
        )
