"""An encoder as JSON (``hyperparams.yaml -> config -> encoder``).

``{"class": "WavEncoder", "arguments": {"front_end": {...}, ...}}``. Classes
are short names of `publish.classes`, arguments are checked, and the size is
known before memory is taken.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from speechbrain_denokd.publish.budget import Budget
from speechbrain_denokd.publish.classes import CLASSES, PART, Allowed

_DEEPEST = 8
_KEYS = {"class", "arguments"}


def config_of_yaml(node: Any, place: str = "encoder") -> dict[str, Any]:
    """Describe the encoder of a ``hyperparams.yaml``; nothing is run.

    Arguments
    ---------
    node : ruamel.yaml node
        What ``ruamel.yaml.YAML().load`` gives below the page's ``encoder``.
    place : str
        Where it lies, for messages.

    Returns
    -------
    dict
        Checked by `check_config`.

    Raises
    ------
    ValueError
        If a class or an argument is not among `CLASSES`.

    Example
    -------
    >>> from ruamel.yaml import YAML
    >>> tag = "!new:speechbrain_denokd.encoders.fbank.FbankFrontEnd"
    >>> config_of_yaml(YAML().load(f"a: {tag} {{n_mels: 24}}")["a"])
    {'class': 'FbankFrontEnd', 'arguments': {'n_mels': 24}}
    """
    config = _plain(node, place)
    check_config(config, place)
    return config


def check_config(config: Any, place: str = "encoder") -> None:
    """Refuse classes, arguments and values that are not allowed.

    Arguments
    ---------
    config : any JSON value
    place : str
        Where it lies, for messages.

    Raises
    ------
    ValueError
        Naming the place, what is there, and what may be.

    Example
    -------
    >>> check_config({"class": "system", "arguments": {"command": "ls"}})
    Traceback (most recent call last):
    ...
    ValueError: encoder: unknown class 'system'; ...
    """
    if place.count(".") >= _DEEPEST:
        raise ValueError(f"{place} lies deeper than {_DEEPEST} classes")
    if not isinstance(config, dict) or set(config) != _KEYS:
        raise ValueError(
            f"{place}: {_short(config)} is no description of a class; it must "
            'be {"class": ..., "arguments": ...}'
        )
    allowed = _allowed(config["class"], place)
    if not isinstance(config["arguments"], dict):
        raise ValueError(f"{place}: the arguments must be given by name")
    for name, value in config["arguments"].items():
        kind = allowed.arguments.get(name)
        if kind is None:
            raise ValueError(
                f"{place}: unknown argument {name!r} of {config['class']}; "
                f"known are {', '.join(allowed.arguments)}"
            )
        if not kind.holds(value):
            raise ValueError(
                f"{place}.{name} is {_short(value)}; it must be {kind.phrase}"
            )
        if kind is PART:
            check_config(value, f"{place}.{name}")


def build_encoder(config: Mapping[str, Any]) -> nn.Module:
    """Build an encoder; its size is checked before it takes memory.

    Arguments
    ---------
    config : mapping
        As `config_of_yaml` returns it.

    Returns
    -------
    torch.nn.Module
        With random weights.

    Raises
    ------
    ValueError
        As `check_config`, or if the sizes do not fit each other, or are
        beyond a `Budget`.

    Example
    -------
    >>> mels = {"class": "FbankFrontEnd", "arguments": {"n_mels": 60}}
    >>> network = {"class": "redimnet", "arguments": {"size": "B0"}}
    >>> parts = {"front_end": mels, "network": network}
    >>> build_encoder({"class": "WavEncoder", "arguments": parts}).embedding_dim
    192
    """
    size_encoder(config)
    return _build(config)


def size_encoder(config: Mapping[str, Any]) -> nn.Module:
    """Build an encoder on the meta device: names and shapes, no memory.

    Arguments
    ---------
    config : mapping
        As `config_of_yaml` returns it.

    Returns
    -------
    torch.nn.Module
        Good for its ``state_dict`` and properties only.

    Raises
    ------
    ValueError
        As `build_encoder`.

    Example
    -------
    >>> mels = {"class": "FbankFrontEnd", "arguments": {"n_mels": 60}}
    >>> network = {"class": "redimnet", "arguments": {"size": "B0"}}
    >>> parts = {"front_end": mels, "network": network}
    >>> encoder = size_encoder({"class": "WavEncoder", "arguments": parts})
    >>> sum(p.numel() for p in encoder.parameters())
    1001850
    """
    check_config(config)
    try:
        with torch.device("meta"), Budget():
            encoder = _build(config)
    except Exception as error:  # classes refuse sizes in many ways
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"no encoder can be built as described: {reason}"
        ) from error
    if not hasattr(encoder, "network") or not hasattr(encoder, "embedding_dim"):
        raise ValueError(
            f"{config['class']} with these parts is no encoder of waveforms"
        )
    return encoder


def class_tree(config: Mapping[str, Any], indent: int = 0) -> list[str]:
    """Lines that show classes, their parts and their numbers.

    Example
    -------
    >>> front_end = {"class": "FbankFrontEnd", "arguments": {"n_mels": 24}}
    >>> class_tree({"class": "WavEncoder", "arguments": {
    ...     "front_end": front_end
    ... }})
    ['WavEncoder', '  front_end: FbankFrontEnd (n_mels 24)']
    """
    parts, values = {}, []
    for name, value in config["arguments"].items():
        if isinstance(value, dict):
            parts[name] = value
        else:
            values.append(f"{name} {value}")
    lines = [config["class"] + (f" ({', '.join(values)})" if values else "")]
    margin = " " * (indent + 2)
    for name, part in parts.items():
        first, *others = class_tree(part, indent + 2)
        lines += [f"{margin}{name}: {first}", *others]
    return lines


def _build(config: Mapping[str, Any]) -> Any:
    """Call what a checked description names."""
    tag = CLASSES[config["class"]].tag
    module, name = tag.split(":")[1].rsplit(".", 1)
    arguments = {
        key: _build(value) if isinstance(value, dict) else value
        for key, value in config["arguments"].items()
    }
    return getattr(importlib.import_module(module), name)(**arguments)


def _allowed(name: Any, place: str) -> Allowed:
    if not isinstance(name, str) or name not in CLASSES:
        raise ValueError(
            f"{place}: unknown class {_short(name)}; this version builds "
            f"{', '.join(CLASSES)}"
        )
    return CLASSES[name]


def _plain(node: Any, place: str) -> Any:
    """JSON values of ruamel's nodes, a tagged one as a class."""
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag is not None:
        named = {allowed.tag: name for name, allowed in CLASSES.items()}
        if not isinstance(node, Mapping):
            raise ValueError(
                f"{place}: {tag} must be followed by arguments by name"
            )
        arguments = {k: _plain(v, f"{place}.{k}") for k, v in node.items()}
        return {"class": named.get(tag, tag), "arguments": arguments}
    if isinstance(node, Mapping):
        return {k: _plain(v, f"{place}.{k}") for k, v in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_plain(value, place) for value in node]
    for kind in (bool, int, float, str):  # of ruamel's own subclasses
        if isinstance(node, kind):
            return kind(node)
    return node


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
