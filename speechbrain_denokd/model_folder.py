"""The model folder: what training leaves for others to use.

It holds the student alone, in SpeechBrain's layout: ``EncoderClassifier`` and
``SpeakerRecognition`` load it by ``from_hparams(source=folder)``, offline.

==========================  ================================================
file                        content
==========================  ================================================
``hyperparams.yaml``        the encoder's YAML and the modules' names
``embedding_model.ckpt``    weights of the network; an ECAPA-TDNN's are
                            those of SpeechBrain's class
``classifier.ckpt``         class centres, one row for each training speaker
``label_encoder.ckpt``      names of those speakers
==========================  ================================================
"""

import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from ruamel.yaml import YAML
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import nn

_TEMPLATE = """\
# Inference only. Loads through SpeechBrain, with this package installed:
#   EncoderClassifier.from_hparams(source="this folder")
# Loading a YAML of this kind runs the classes it names: trust its source.
sample_rate: 16000
scale: {scale}
margin: {margin}
{encoder}
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: {embedding_dim}
    lin_neurons: {embedding_dim}
    out_neurons: {n_speakers}
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
mean_var_norm_emb: !new:speechbrain_denokd.inference.PassOn
modules:
    compute_features: !new:speechbrain_denokd.inference.PassOn
    mean_var_norm: !new:speechbrain_denokd.inference.PassOn
    embedding_model: !new:speechbrain_denokd.inference.EmbeddingModel
        encoder: !ref <encoder>
    mean_var_norm_emb: !ref <mean_var_norm_emb>
    classifier: !ref <classifier>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <encoder.network>
        classifier: !ref <classifier>
        label_encoder: !ref <label_encoder>
    custom_hooks:
        embedding_model: !name:speechbrain_denokd.inference.load_strict
        classifier: !name:speechbrain_denokd.inference.load_strict
"""


class LoadedModel(NamedTuple):
    """A model folder in memory.

    Attributes
    ----------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``.
    classifier : torch.nn.Module
        Class centres.
    speakers : list of str
        Names of the classes.
    scale, margin : float
        Of the loss it was trained with.
    """

    encoder: nn.Module
    classifier: nn.Module
    speakers: list[str]
    scale: float
    margin: float


def encoder_yaml(resolved: str, keys: Sequence[str]) -> str:
    """Cut an encoder out of an experiment's YAML, without augmentation.

    Arguments
    ---------
    resolved : str
        YAML text with every reference resolved.
    keys : sequence of str
        Where the encoder lies, from the top.

    Returns
    -------
    str
        ``encoder: ...``, self-contained.

    Example
    -------
    >>> page = "setup: {student: {encoder: !new:some.Class {a: 1}}}"
    >>> print(encoder_yaml(page, ["setup", "student", "encoder"]))
    encoder: !new:some.Class {a: 1}
    """
    yaml = YAML()
    node = yaml.load(resolved)
    for key in keys:
        node = node[key]
    _drop(node, "feature_augment")
    text = io.StringIO()
    yaml.dump({"encoder": node}, text)
    return text.getvalue().strip()


def _drop(node, key: str):
    """Take a key out of a mapping and of every mapping inside it."""
    if isinstance(node, Mapping):
        node.pop(key, None)
        for value in node.values():
            _drop(value, key)


def write_model_folder(
    folder: str | Path,
    encoder_text: str,
    encoder: nn.Module,
    classifier: Classifier,
    speakers: Sequence[str],
    scale: float,
    margin: float,
):
    """Write a folder that SpeechBrain loads; replaces an older one whole.

    Arguments
    ---------
    folder : str or Path
    encoder_text : str
        Of `encoder_yaml`.
    encoder : torch.nn.Module
        With its weights in ``encoder.network``.
    classifier : speechbrain Classifier
        One row of ``weight`` for each of ``speakers``, in their order; further
        rows are left out.
    speakers : sequence of str
    scale, margin : float
        Of the loss it was trained with.
    """
    folder = Path(folder)
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    text = _TEMPLATE.format(
        encoder=encoder_text,
        embedding_dim=encoder.embedding_dim,
        n_speakers=len(speakers),
        scale=scale,
        margin=margin,
    )
    (unfinished / "hyperparams.yaml").write_text(text, encoding="utf-8")
    torch.save(
        encoder.network.state_dict(), unfinished / "embedding_model.ckpt"
    )
    # Speed perturbation adds classes behind those of the speakers themselves.
    weight = classifier.weight.detach()[: len(speakers)].clone()
    torch.save({"weight": weight}, unfinished / "classifier.ckpt")
    labels = CategoricalEncoder()
    labels.update_from_iterable(speakers)
    labels.save(unfinished / "label_encoder.ckpt")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def read_model_folder(
    folder: str | Path, device: str = "cpu", trust: bool = False
) -> LoadedModel:
    """Load a folder as SpeechBrain's inference class does.

    Of a published folder nothing is run; of any other its YAML is, if all
    that it names is this package's own.

    Arguments
    ---------
    folder : str or Path
        Written by `write_model_folder` or `publish.publish`.
    device : str
        Where the model is put.
    trust : bool
        Run the YAML whatever it names, as SpeechBrain does.

    Returns
    -------
    LoadedModel
        In eval mode.

    Raises
    ------
    FileNotFoundError
        If the folder, or its ``hyperparams.yaml``, is not there.
    ValueError
        If weights do not fit, a published folder was changed, or the YAML
        would run anything else.
    """
    # Not above: a published folder is loaded as a `LoadedModel`.
    from speechbrain_denokd.publish.checksums import is_published
    from speechbrain_denokd.publish.hyperparams_scan import check_page
    from speechbrain_denokd.publish.safe_folder import read_published

    folder = Path(folder)
    if is_published(folder) and not trust:
        return read_published(folder, device).model
    if not (folder / "hyperparams.yaml").is_file():
        raise FileNotFoundError(
            f"no model folder at {folder}: it holds no hyperparams.yaml; give "
            "the folder that training wrote (results/.../model)"
        )
    if not trust:
        check_page(folder)
    try:
        model = EncoderClassifier.from_hparams(
            source=str(folder), run_opts={"device": device}
        )
    except KeyError as error:  # of CategoricalEncoder, about an empty file
        raise ValueError(
            f"{folder / 'label_encoder.ckpt'} cannot be read (no {error}); it "
            "may be truncated: copy the model folder again"
        ) from error
    labels = model.hparams.label_encoder
    n_classes = len(model.mods.classifier.weight)
    if len(labels) != n_classes:
        raise ValueError(
            f"{folder / 'label_encoder.ckpt'} names {len(labels)} speakers, "
            f"but classifier.ckpt has {n_classes}; it may be missing or "
            "truncated: copy the model folder again"
        )
    labels.expect_len(n_classes)
    return LoadedModel(
        encoder=model.mods.embedding_model.encoder,
        classifier=model.mods.classifier,
        speakers=[labels.ind2lab[i] for i in range(len(labels))],
        scale=model.hparams.scale,
        margin=model.hparams.margin,
    )
