"""The experiment folder: which settings and which code a run had."""

import subprocess
from functools import partial
from pathlib import Path

from speechbrain_denokd.config import Page
from speechbrain_denokd.data.files import write_whole


def begin_record(folder: Path, page: Page):
    """Write the settings, or check that they are those of an earlier start.

    Arguments
    ---------
    folder : Path
        The experiment's; made where it does not exist.
    page : Page

    Raises
    ------
    ValueError
        If the folder holds a run with other settings.
    """
    record = folder / "hyperparams.yaml"
    if not record.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(record, page.resolved)
        return
    before = record.read_text(encoding="utf-8").splitlines()
    now = page.resolved.splitlines()
    if before != now:
        pairs = zip(before + [""], now + [""], strict=False)
        old, new = next(pair for pair in pairs if pair[0] != pair[1])
        raise ValueError(
            f"{folder} holds a run with other settings (there "
            f"{old.strip()!r}, now {new.strip()!r}); give this one another "
            "folder with --output_folder=DIR, or delete that one"
        )


def commit() -> str:
    """Commit of the code that ran, "unknown" outside a checkout.

    Example
    -------
    >>> commit() != ""
    True
    """
    git = partial(
        subprocess.run,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    try:
        said = git(["git", "describe", "--always", "--dirty"]).stdout
    except OSError:  # no git on this machine
        said = ""
    return said.strip() or "unknown"
