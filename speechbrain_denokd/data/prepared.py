"""Remember a finished corpus preparation, so that it is not done twice."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechbrain_denokd.data.files import write_whole

logger = logging.getLogger(__name__)


def begin_preparation(
    save_folder: str | Path,
    name: str,
    options: Mapping,
    outputs: Sequence[str],
) -> bool:
    """Decide whether a preparation has anything to do.

    Arguments
    ---------
    save_folder : str or Path
        Where the outputs go, with a marker file ``prepared_<name>.json``.
    name : str
        Of the preparation: several may share a folder.
    options : mapping
        Everything that shapes the outputs, as JSON values.
    outputs : sequence of str
        File names.

    Returns
    -------
    bool
        False when all outputs exist and were made with these options.

    Raises
    ------
    FileExistsError
        If an output exists that no preparation made: it is not overwritten.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> begin_preparation(folder, "tiny", {"seed": 0}, ["train.csv"])
    True
    >>> write_whole(folder / "train.csv", "ID")
    >>> finish_preparation(folder, "tiny", {"seed": 0})
    >>> begin_preparation(folder, "tiny", {"seed": 0}, ["train.csv"])
    False
    """
    folder = Path(save_folder)
    existing = [output for output in outputs if (folder / output).exists()]
    marker = _read_marker(_marker_path(folder, name))
    if marker is None and existing:
        raise FileExistsError(
            f"{folder / existing[0]} exists and was not made by a "
            "preparation: choose another save_folder or move the file away."
        )
    wanted = {"options": _as_json(options), "complete": True}
    if marker == wanted and len(existing) == len(outputs):
        logger.info("%s is prepared with these options: kept.", folder)
        return False
    if marker is not None and marker["options"] != wanted["options"]:
        logger.warning("%s was made with other options: rebuilt.", folder)
    # From here on the folder is marked as ours, but not complete.
    _write_marker(_marker_path(folder, name), options, complete=False)
    return True


def finish_preparation(
    save_folder: str | Path, name: str, options: Mapping
) -> None:
    """Record that all outputs are written.

    Arguments
    ---------
    save_folder : str or Path
        Where the outputs are.
    name : str
        As given to ``begin_preparation``.
    options : mapping
        As given to ``begin_preparation``.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> finish_preparation(folder, "tiny", {"seed": 1})
    >>> json.loads((folder / "prepared_tiny.json").read_text())["options"]
    {'seed': 1}
    """
    _write_marker(_marker_path(save_folder, name), options, complete=True)


def _marker_path(folder: str | Path, name: str) -> Path:
    """Where a preparation is recorded."""
    return Path(folder) / f"prepared_{name}.json"


def _write_marker(path: Path, options: Mapping, complete: bool) -> None:
    """Write the marker file."""
    content = {"options": _as_json(options), "complete": complete}
    write_whole(path, json.dumps(content, indent=2) + "\n")


def _read_marker(path: Path) -> dict | None:
    """Content of the marker file, None where there is none of ours."""
    if not path.is_file():
        return None
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    ours = isinstance(marker, dict) and {"options", "complete"} <= set(marker)
    return marker if ours else None


def _as_json(options: Mapping) -> dict:
    """Options as they read back from JSON (tuples become lists)."""
    return json.loads(json.dumps(dict(options), default=str, sort_keys=True))
