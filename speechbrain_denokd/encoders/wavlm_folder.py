"""Folders that `WavLM` loads: check one, or make one without a download.

Sits before the arrow ``wavs -> WavLM``: it answers where the weights are.
"""

import re
from pathlib import Path

import torch
from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
CONFIG_FILES = ("config.json", "preprocessor_config.json")
WEIGHT_SUFFIXES = (".safetensors", ".bin")


def is_hub_id(source: str) -> bool:
    """Whether a source names a model on the hub rather than a folder.

    ``owner/name`` is a hub id, unless ``owner`` is a folder here: then it is a
    mistyped path.

    Arguments
    ---------
    source : str
        Hub id or local folder.

    Returns
    -------
    bool

    Example
    -------
    >>> is_hub_id("microsoft/wavlm-large"), is_hub_id("/models/wavlm")
    (True, False)
    """
    if Path(source).is_dir() or not HUB_ID.fullmatch(source):
        return False
    return not Path(source.split("/")[0]).is_dir()


def check_source(source: str, needs_weights: bool = True) -> None:
    """Refuse a wrong path before anything asks the network for it.

    Everything that is no hub id must be an existing folder.

    Arguments
    ---------
    source : str
        Hub id or local folder.
    needs_weights : bool
        Whether the folder must hold weights beside the configuration.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist, or lacks the configuration, the
        preprocessor's configuration or the weights.

    Example
    -------
    >>> check_source("microsoft/wavlm-large")
    >>> check_source("./wavlm-large")
    Traceback (most recent call last):
    ...
    FileNotFoundError: no model folder './wavlm-large': give an existing \
folder, or a hub id such as microsoft/wavlm-large
    """
    if is_hub_id(source):
        return
    folder = Path(source)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no model folder '{source}': give an existing folder, or a hub "
            "id such as microsoft/wavlm-large"
        )
    missing = [name for name in CONFIG_FILES if not (folder / name).is_file()]
    has_weights = any(
        file.suffix in WEIGHT_SUFFIXES for file in folder.iterdir()
    )
    if needs_weights and not has_weights:
        missing.append("weights (*.safetensors or *.bin)")
    if missing:
        raise FileNotFoundError(
            f"the model folder '{source}' lacks {', '.join(missing)}: copy "
            "the whole folder of the model"
        )


def wavlm_large_config(**changes) -> WavLMConfig:
    """The architecture of WavLM-large.

    Source: S. Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training
    for Full Stack Speech Processing", IEEE JSTSP 2022, Section V-A.

    Arguments
    ---------
    **changes
        Fields of ``transformers.WavLMConfig`` to replace, for small relatives
        of the same kind.

    Returns
    -------
    transformers.WavLMConfig

    Example
    -------
    >>> with torch.device("meta"):
    ...     model = WavLMModel(wavlm_large_config())
    >>> sum(parameter.numel() for parameter in model.parameters())
    315453120
    """
    large = {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "activation_dropout": 0.0,
        "feat_proj_dropout": 0.1,
    }
    return WavLMConfig(**{**large, **changes})


def save_random_wavlm(
    config: WavLMConfig,
    folder: str | Path,
    normalise: bool = True,
    seed: int = 0,
) -> str:
    """Write a model folder with random weights, as the hub would serve it.

    Arguments
    ---------
    config : transformers.WavLMConfig
        Architecture.
    folder : str or Path
        Where to write; made if need be.
    normalise : bool
        Whether the model expects zero-mean, unit-variance waveforms: WavLM-
        large does, base and base+ do not.
    seed : int
        Seed of the weights; the global generator is left as it was.

    Returns
    -------
    str
        The folder, ready for ``WavLM(folder)``.

    Example
    -------
    >>> from tempfile import TemporaryDirectory
    >>> config = wavlm_large_config(
    ...     hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...     intermediate_size=32, conv_dim=[8] * 7,
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     check_source(save_random_wavlm(config, folder))
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = WavLMModel(config)
    model.save_pretrained(folder)
    return save_wavlm_config(config, folder, normalise)


def save_wavlm_config(
    config: WavLMConfig, folder: str | Path, normalise: bool = True
) -> str:
    """Write a model folder without weights.

    Arguments
    ---------
    config : transformers.WavLMConfig
    folder : str or Path
    normalise : bool
        As for `save_random_wavlm`.

    Returns
    -------
    str
        The folder.

    Example
    -------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = save_wavlm_config(wavlm_large_config(), folder)
    ...     sorted(file.name for file in Path(path).iterdir())
    ['config.json', 'preprocessor_config.json']
    """
    config.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(
        do_normalize=normalise, return_attention_mask=True
    ).save_pretrained(folder)
    return str(folder)
