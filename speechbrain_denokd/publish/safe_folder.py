"""A published folder in memory, without trust (``folder -> encoder``).

Read are ``sha256.txt``, ``config.json``, ``labels.json``,
``model.safetensors`` and the scoring system's two files. None of them can hold
code. ``hyperparams.yaml`` and the ``.ckpt`` files are for SpeechBrain: here
they are hashed, and never parsed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import Tensor, nn

from speechbrain_denokd.model_folder import LoadedModel
from speechbrain_denokd.publish.budget import MOST_VALUES
from speechbrain_denokd.publish.checksums import check_files
from speechbrain_denokd.publish.config import (
    build_encoder,
    check_config,
    size_encoder,
)
from speechbrain_denokd.scoring.run import scoring_of
from speechbrain_denokd.scoring.stored import check_keys
from speechbrain_denokd.scoring.system import ScoringSystem

CONFIG_FILE = "config.json"
LABELS_FILE = "labels.json"
WEIGHTS_FILE = "model.safetensors"
NETWORK, CENTRES = "embedding_model.", "classifier.weight"
FORMAT = 1  # raise it when what the files mean changes
SAMPLE_RATE_HZ = 16_000

_LARGEST_CONFIG, _LARGEST_LABELS = 1_000_000, 64_000_000  # bytes


class Published(NamedTuple):
    """A published folder in memory.

    Attributes
    ----------
    model : LoadedModel
        In eval mode, without gradients.
    scoring : ScoringSystem
        Plain cosine where the folder has none.
    config : dict
        Of `read_config`.
    """

    model: LoadedModel
    scoring: ScoringSystem
    config: dict[str, Any]


def read_published(folder: str | Path, device: str = "cpu") -> Published:
    """Load a published folder; nothing that it holds is run.

    Arguments
    ---------
    folder : str or Path
        Made by `publish.publish`.
    device : str
        Where the model is put.

    Returns
    -------
    Published

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is unlisted, damaged or a pickle, the description is not
        allowed, or weights do not fit it to the last key and shape.
    """
    folder = Path(folder)
    listed = check_files(folder)
    for name in (CONFIG_FILE, LABELS_FILE, WEIGHTS_FILE):
        if name not in listed:
            raise FileNotFoundError(
                f"{folder} has no {name}, which a published folder needs; "
                "download it again"
            )
    config = read_config(folder)
    speakers = read_labels(folder)
    # Before memory is taken for the encoder or for its weights.
    sized = size_encoder(config["encoder"])
    weights = _read_weights(folder / WEIGHTS_FILE, sized, len(speakers))
    encoder = build_encoder(config["encoder"])
    dim = encoder.embedding_dim
    classifier = Classifier(dim, lin_neurons=dim, out_neurons=len(speakers))
    classifier.load_state_dict({"weight": weights.pop(CENTRES)})
    encoder.network.load_state_dict(
        {name.removeprefix(NETWORK): value for name, value in weights.items()}
    )
    for module in (encoder, classifier):
        module.requires_grad_(False).eval().to(device)
    scale, margin = config["scale"], config["margin"]
    return Published(
        LoadedModel(encoder, classifier, speakers, scale, margin),
        scoring_of(folder),
        config,
    )


def read_config(folder: str | Path) -> dict[str, Any]:
    """Read and check a published folder's description.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    dict
        ``sample_rate``, ``scale`` and ``margin`` of the loss, and
        ``encoder``: see `publish.config`.

    Raises
    ------
    FileNotFoundError
        If there is no ``config.json``.
    ValueError
        If it is damaged, or describes what is not allowed.
    """
    path = Path(folder) / CONFIG_FILE
    config = _read_json(path, _LARGEST_CONFIG)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not of format {FORMAT}, which this version reads; "
            "publish the model with this version"
        )
    del config["format"]
    names = ("sample_rate", "scale", "margin", "encoder")
    check_keys(config, names, str(path))
    if config["sample_rate"] != SAMPLE_RATE_HZ:
        raise ValueError(
            f"{path}: sample_rate is {config['sample_rate']!r}; this version "
            f"reads models of {SAMPLE_RATE_HZ} Hz"
        )
    for name in ("scale", "margin"):
        if type(config[name]) not in (int, float):
            raise ValueError(f"{path}: {name} is no number")
    try:
        check_config(config["encoder"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return config


def read_labels(folder: str | Path) -> list[str]:
    """Names of a published folder's classes, in the order of their centres.

    Raises
    ------
    FileNotFoundError
        If there is no ``labels.json``.
    ValueError
        If it is no list of different names.
    """
    path = Path(folder) / LABELS_FILE
    labels = _read_json(path, _LARGEST_LABELS)
    if not isinstance(labels, list) or not labels:
        raise ValueError(f"{path} is no list of names; download it again")
    if not all(isinstance(label, str) for label in labels):
        raise ValueError(f"{path} holds more than names; download it again")
    if len(set(labels)) < len(labels):
        raise ValueError(f"{path} names a speaker twice; publish it again")
    return labels


def _read_json(path: Path, largest: int) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}; download the folder again"
        )
    if path.stat().st_size > largest:
        raise ValueError(
            f"{path} has {path.stat().st_size:,} bytes, more than the "
            f"{largest:,} that are read"
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # of UTF-8 too
        raise ValueError(f"{path} is no JSON file ({error})") from error


def _read_weights(
    path: Path, sized: nn.Module, n_speakers: int
) -> dict[str, Tensor]:
    """Tensors by name, if names, shapes and types are those of the module."""
    if n_speakers * sized.embedding_dim > MOST_VALUES:
        raise ValueError(
            f"{n_speakers:,} speakers of {sized.embedding_dim:,} values each "
            f"are more than the {MOST_VALUES:,} values that are read"
        )
    expected = {
        NETWORK + name: (tuple(value.shape), value.dtype)
        for name, value in sized.network.state_dict().items()
    }
    expected[CENTRES] = (n_speakers, sized.embedding_dim), torch.float32
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            _check_names(path, file.keys(), expected)
            for name, (shape, _) in expected.items():
                found = tuple(file.get_slice(name).get_shape())
                if found != shape:
                    raise ValueError(
                        f"{path} holds {name} of shape {found}, but "
                        f"{CONFIG_FILE} makes it {shape}"
                    )
            weights = {name: file.get_tensor(name) for name in expected}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no safetensors file ({error}); pickles are not read, "
            "whatever their name"
        ) from error
    for name, (_, dtype) in expected.items():
        if weights[name].dtype != dtype:
            raise ValueError(
                f"{path} holds {name} as {weights[name].dtype}, but it must "
                f"be {dtype}"
            )
    return weights


def _check_names(path: Path, found, expected: Mapping[str, Any]) -> None:
    missing = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    if missing or extra:
        raise ValueError(
            f"{path} does not fit {CONFIG_FILE}: {len(missing)} keys missing "
            f"(first: {missing[:1]}), {len(extra)} unexpected (first: "
            f"{extra[:1]})"
        )
