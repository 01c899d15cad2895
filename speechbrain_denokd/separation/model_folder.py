"""The folder of a trained separator (``model -> files -> model``).

======================  =====================================================
file                    content
======================  =====================================================
``separator.json``      what tells it the speakers, and its sizes
``separator.safetensors``  its weights
``encoder/``            the model folder of the encoder, where it has one
======================  =====================================================

The first two hold no code. The encoder is read as every model folder is: what
it names must be this package's own (`read_model_folder`).
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from speechbrain_denokd.scoring.stored import check_keys
from speechbrain_denokd.separation.identity import (
    NoIdentity,
    enrolled_from_folder,
    mixture_from_folder,
)
from speechbrain_denokd.separation.model import SeparationModel
from speechbrain_denokd.separation.separator import Separator

CONFIG_FILE = "separator.json"
WEIGHTS_FILE = "separator.safetensors"
ENCODER_FOLDER = "encoder"
FORMAT = 1  # raise it when what the files mean changes
SAMPLE_RATE_HZ = 16_000

_LARGEST_CONFIG = 100_000  # bytes
_LARGEST_SIZE = 100_000  # of any layer
_MOST_LAYERS = 100
_KEYS = ("format", "sample_rate", "identity", "separator")


def write_separator_folder(
    folder: str | Path,
    model: SeparationModel,
    encoder_folder: str | Path | None,
):
    """Write a trained separator; replaces an older folder whole.

    Arguments
    ---------
    folder : str or Path
    model : SeparationModel
    encoder_folder : str or Path, optional
        Model folder that the encoder was read from; it is copied.

    Raises
    ------
    ValueError
        If the model has an encoder and no folder is given.

    Example
    -------
    >>> import tempfile
    >>> separator = Separator(None, channels=2, dilations=[1], lstm_dim=3)
    >>> folder = Path(tempfile.mkdtemp()) / "model"
    >>> model = SeparationModel(separator, NoIdentity())
    >>> write_separator_folder(folder, model, None)
    >>> sorted(path.name for path in folder.iterdir())
    ['separator.json', 'separator.safetensors']
    """
    folder = Path(folder)
    kind = model.identity.kind
    if kind != NoIdentity.kind and encoder_folder is None:
        raise ValueError(
            f"the separator's speakers are {kind}: give the folder of the "
            "encoder that embeds them"
        )
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    config = {
        "format": FORMAT,
        "sample_rate": SAMPLE_RATE_HZ,
        "identity": kind,
        "separator": model.separator.sizes,
    }
    (unfinished / CONFIG_FILE).write_text(
        json.dumps(config, indent=2) + "\n", encoding="utf-8"
    )
    weights = {
        name: value.detach().cpu().contiguous()
        for name, value in model.separator.state_dict().items()
    }
    save_file(weights, unfinished / WEIGHTS_FILE)
    if kind != NoIdentity.kind:
        shutil.copytree(encoder_folder, unfinished / ENCODER_FOLDER)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def read_separator_folder(
    folder: str | Path, device: str = "cpu"
) -> SeparationModel:
    """Load a trained separator; nothing but the encoder's YAML is run.

    Arguments
    ---------
    folder : str or Path
        Written by `write_separator_folder`.
    device : str
        Where the model is put.

    Returns
    -------
    SeparationModel
        In eval mode, without gradients.

    Raises
    ------
    FileNotFoundError
        If the folder or a file of it is missing.
    ValueError
        If a file is damaged, of another format, or does not fit the others.

    Example
    -------
    >>> read_separator_folder("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: no separator at nowhere: it holds no separator.json; \
give the folder that training wrote (results/upit/samples/1/model)
    """
    folder = Path(folder)
    config = _read_config(folder)
    sizes = config["separator"]
    # Before memory is taken for the weights: the file must hold as many.
    with torch.device("meta"):
        sized = _build(sizes, folder)
    weights = _read_weights(folder / WEIGHTS_FILE, sized)
    separator = _build(sizes, folder)
    separator.load_state_dict(weights)
    identity = _identity(config["identity"], folder)
    model = SeparationModel(separator, identity)
    return model.requires_grad_(False).eval().to(device)


def _identity(kind: str, folder: Path) -> torch.nn.Module:
    if kind == "none":
        return NoIdentity()
    encoder = folder / ENCODER_FOLDER
    if not encoder.is_dir():
        raise FileNotFoundError(
            f"{folder} has no folder {ENCODER_FOLDER}, which embeds the "
            "speakers; copy the model folder again"
        )
    read = {"enrolled": enrolled_from_folder, "mixture": mixture_from_folder}
    if kind not in read:
        raise ValueError(
            f"{folder / CONFIG_FILE}: identity is {kind!r}; it is one of: "
            f"none, {', '.join(read)}"
        )
    return read[kind](encoder)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"no separator at {folder}: it holds no {CONFIG_FILE}; give the "
            "folder that training wrote (results/upit/samples/1/model)"
        )
    if path.stat().st_size > _LARGEST_CONFIG:
        raise ValueError(
            f"{path} has {path.stat().st_size:,} bytes, more than the "
            f"{_LARGEST_CONFIG:,} that are read"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # of UTF-8 too
        raise ValueError(f"{path} is no JSON file ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not of format {FORMAT}, which this version reads; "
            "train the separator with this version"
        )
    check_keys(config, _KEYS, str(path))
    if config["sample_rate"] != SAMPLE_RATE_HZ:
        raise ValueError(
            f"{path}: sample_rate is {config['sample_rate']!r}; this version "
            f"reads separators of {SAMPLE_RATE_HZ} Hz"
        )
    return config


def _build(sizes: Any, folder: Path) -> Separator:
    path = folder / CONFIG_FILE
    if not isinstance(sizes, Mapping):
        raise ValueError(f"{path}: separator is no mapping of sizes")
    for name, value in sizes.items():
        if not _is_sane(name, value):
            raise ValueError(
                f"{path}: {name} is {value!r}, which no separator has"
            )
    try:
        return Separator(**sizes)
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from error


def _is_sane(name: str, value: Any) -> bool:
    """Whether a size can be built without harm; the rest is `Separator`'s."""
    if name == "fusion":
        return isinstance(value, str)
    if name in ("power", "embedding_dropout"):
        return type(value) in (int, float)
    if name == "embedding_dim" and value is None:
        return True
    values = value if name == "dilations" else [value]
    return (
        isinstance(values, list)
        and len(values) <= _MOST_LAYERS
        and all(type(v) is int and 0 < v <= _LARGEST_SIZE for v in values)
    )


def _read_weights(path: Path, sized: Separator) -> dict[str, torch.Tensor]:
    """Tensors by name, if names, shapes and types are the separator's."""
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}; copy the model folder again"
        )
    expected = {
        name: (tuple(value.shape), value.dtype)
        for name, value in sized.state_dict().items()
    }
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            found = {
                name: tuple(file.get_slice(name).get_shape())
                for name in file.keys()
            }
            wrong = sorted(
                name
                for name in set(found) | set(expected)
                if found.get(name) != expected.get(name, (None,))[0]
            )
            if wrong:
                raise ValueError(
                    f"{path} does not fit {CONFIG_FILE}: {len(wrong)} tensors "
                    f"are missing, unexpected or of another shape (first: "
                    f"{wrong[0]}); copy the model folder again"
                )
            weights = {name: file.get_tensor(name) for name in expected}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no safetensors file ({error}); copy the model folder "
            "again"
        ) from error
    for name, (_, dtype) in expected.items():
        if weights[name].dtype != dtype:
            raise ValueError(
                f"{path} holds {name} as {weights[name].dtype}, but it must "
                f"be {dtype}"
            )
    return weights
