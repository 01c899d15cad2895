"""Where a model comes from: a folder, or a name on the hub."""

from pathlib import Path

from huggingface_hub import snapshot_download


def local_folder(source: str | Path) -> Path:
    """The folder itself, or a copy of that on the hub.

    Arguments
    ---------
    source : str or Path
        Folder, or ``user/name``.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If it is neither a folder nor can be a name on the hub.

    Example
    -------
    >>> local_folder("pretrained/sample_teacher").name
    'sample_teacher'
    >>> local_folder("results/missing/model")
    Traceback (most recent call last):
        ...
    FileNotFoundError: no model folder at results/missing/model; ...
    """
    if Path(source).is_dir():
        return Path(source)
    name = str(source)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise FileNotFoundError(
            f"no model folder at {name}; give the folder that training wrote "
            "(results/.../model), or user/name of a model on the hub"
        )
    return Path(snapshot_download(name))
