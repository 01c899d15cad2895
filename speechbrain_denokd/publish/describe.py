"""What a model folder is, without running it (``folder -> facts``)."""

from pathlib import Path
from typing import Any

from speechbrain.dataio.encoder import CategoricalEncoder

from speechbrain_denokd.publish.checksums import (
    LIST_FILE,
    check_files,
    is_published,
)
from speechbrain_denokd.publish.config import class_tree, size_encoder
from speechbrain_denokd.publish.publish import describe_page
from speechbrain_denokd.publish.record import RECORD_FILE, read_record
from speechbrain_denokd.publish.safe_folder import read_config, read_labels
from speechbrain_denokd.scoring.fingerprints import (
    file_sha256,
    folder_fingerprint,
)
from speechbrain_denokd.scoring.run import scoring_of


def describe_folder(folder: str | Path) -> dict[str, Any]:
    """Say what a model folder holds; no weights are loaded, no YAML is run.

    Arguments
    ---------
    folder : str or Path
        Published or not.

    Returns
    -------
    dict
        ``folder``, ``is_published``, ``problem`` (None, or why the folder is
        not to be loaded), ``sha256`` of ``sha256.txt``, or of the files of a
        folder without one, and, if there is no problem, ``classes`` (lines),
        ``n_parameters``, ``embedding_dim``, ``sample_rate_hz``,
        ``n_speakers``, ``scoring`` and ``metrics`` (None if nothing was
        measured).

    Raises
    ------
    FileNotFoundError
        If it is no model folder.

    Example
    -------
    >>> found = describe_folder("pretrained/sample_teacher")
    >>> found["embedding_dim"], found["n_speakers"], found["problem"]
    (128, 64, None)
    """
    folder = Path(folder)
    published = is_published(folder)
    if not published and not (folder / "hyperparams.yaml").is_file():
        raise FileNotFoundError(
            f"no model folder at {folder}: it holds neither sha256.txt nor "
            "hyperparams.yaml"
        )
    found = {
        "folder": str(folder),
        "is_published": published,
        "problem": None,
        # That of the list stands for all files.
        "sha256": file_sha256(folder / LIST_FILE)
        if published
        else folder_fingerprint(folder),
    }
    try:
        if published:
            check_files(folder)
        return found | _content(folder, published)
    except (ValueError, OSError) as error:
        return found | {"problem": str(error)}


def _content(folder: Path, published: bool) -> dict[str, Any]:
    config = read_config(folder) if published else describe_page(folder)
    encoder = size_encoder(config["encoder"])
    record = folder / RECORD_FILE
    return {
        "classes": class_tree(config["encoder"]),
        "n_parameters": sum(p.numel() for p in encoder.parameters()),
        "embedding_dim": encoder.embedding_dim,
        "sample_rate_hz": config["sample_rate"],
        "n_speakers": len(
            read_labels(folder) if published else _labels(folder)
        ),
        "scoring": scoring_of(folder).describe(),
        "metrics": read_record(record) if record.is_file() else None,
    }


def _labels(folder: Path) -> CategoricalEncoder:
    """SpeechBrain's list of names: Python literals, which run nothing."""
    labels = CategoricalEncoder()
    labels.load(folder / "label_encoder.ckpt")
    return labels
