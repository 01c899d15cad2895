"""What an exported file says of itself (``model folder -> metadata``).

A calibration goes along where a score is the cosine of two embeddings, after
a mean is subtracted or not: that a run-time can do with numpy alone.
"""

from pathlib import Path
from typing import Any

from torch import nn

from speechbrain_denokd.export.graph import SAMPLE_RATE_HZ, min_samples
from speechbrain_denokd.metrics import bayes_threshold
from speechbrain_denokd.scoring.fingerprints import folder_fingerprint
from speechbrain_denokd.scoring.run import scoring_of
from speechbrain_denokd.scoring.system import ScoringSystem

FORMAT = 1  # raise it when what the metadata means changes
_CHAINS = (["LengthNorm"], ["Centre", "LengthNorm"], [])


def describe_model(folder: str | Path, encoder: nn.Module) -> dict[str, Any]:
    """Metadata of a model folder's graph.

    Arguments
    ---------
    folder : str or Path
        Model folder, with or without a scoring system.
    encoder : torch.nn.Module
        That of the folder.

    Returns
    -------
    dict
        ``format``, ``sample_rate_hz``, ``embedding_dim``, ``min_samples``,
        ``model_sha256``, ``precision``, and ``calibration``: what
        `calibration_of` returns.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, or its scoring system is damaged.

    Example
    -------
    >>> from speechbrain_denokd.model_folder import read_model_folder
    >>> folder = "pretrained/sample_teacher"
    >>> about = describe_model(folder, read_model_folder(folder).encoder)
    >>> about["embedding_dim"], about["min_samples"]
    (128, 1600)
    """
    return {
        "format": FORMAT,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "embedding_dim": encoder.embedding_dim,
        "min_samples": min_samples(encoder),
        "model_sha256": folder_fingerprint(folder),
        "precision": "float32",
        "calibration": calibration_of(scoring_of(folder)),
    }


def calibration_of(system: ScoringSystem) -> dict[str, Any] | None:
    """Calibrated cosine scoring in five values.

    Arguments
    ---------
    system : ScoringSystem

    Returns
    -------
    dict or None
        ``mean`` (D numbers, or None) to subtract from embeddings before the
        cosine, ``scale`` and ``offset`` from cosine to log-likelihood ratio,
        ``prior`` of a target trial, and the ``threshold`` of the ratio that
        follows from it. None if the system is not calibrated, or is more
        than a calibrated cosine.

    Example
    -------
    >>> from speechbrain_denokd.scoring.backend import cosine_backend
    >>> from speechbrain_denokd.scoring.calibration import Calibration
    >>> found = calibration_of(ScoringSystem(
    ...     cosine_backend(centre=False), calibration=Calibration(10.0, -4.0)
    ... ))
    >>> found["scale"], found["threshold"], found["mean"]
    (10.0, 0.0, None)
    """
    calibration = system.calibration
    kinds = system.describe()["backend"]
    chain = [part["kind"] for part in kinds["transforms"]]
    is_cosine = chain in _CHAINS and kinds["scorer"]["kind"] == "Cosine"
    if calibration is None or not is_cosine:
        return None
    if system.norm.kind != "none" or calibration.quality_names:
        return None
    mean = system.backend.arrays().get("transforms.0.mean")
    return {
        "mean": None if mean is None else mean.tolist(),
        "scale": calibration.scale,
        "offset": calibration.offset,
        "prior": calibration.prior,
        "threshold": bayes_threshold(calibration.prior, 1.0, 1.0),
    }
