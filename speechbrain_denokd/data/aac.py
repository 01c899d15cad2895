"""Convert AAC recordings (VoxCeleb2) to WAV: .m4a -> .wav beside it."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from speechbrain_denokd.data.audio import ffmpeg_command
from speechbrain_denokd.data.files import first_offenders, threaded_map


def convert_aac(
    paths: Sequence[str | Path],
    n_threads: int = 8,
    description: str | None = "Converting AAC to WAV",
) -> list[Path]:
    """Convert AAC files to 16 kHz mono WAV files of the same name.

    An interrupted conversion goes on where it stopped: files that have a WAV
    beside them are skipped, and a WAV gets its name only when it is whole.
    The AAC files stay.

    Arguments
    ---------
    paths : sequence of str or Path
        AAC files.
    n_threads : int
        Files converted at a time.
    description : str, optional
        Label of the progress bar; None hides it.

    Returns
    -------
    list of Path
        One WAV file per input.

    Raises
    ------
    FileNotFoundError
        If the program ffmpeg is not on the PATH.
    RuntimeError
        If ffmpeg fails on files: the first five, and the count. All others
        are converted.

    Example
    -------
    >>> convert_aac([], description=None)
    []
    """
    sources = [Path(path) for path in paths]
    targets = [path.with_suffix(".wav") for path in sources]
    todo = [
        (source, target)
        for source, target in zip(sources, targets, strict=True)
        if not target.exists()
    ]
    if todo and shutil.which("ffmpeg") is None:
        raise FileNotFoundError(
            f"{len(todo)} AAC files need the program ffmpeg, which is not on "
            "the PATH: install it (apt install ffmpeg, conda install ffmpeg)."
        )
    description = description if todo else None
    errors = threaded_map(_convert, todo, n_threads, description)
    failed = [error for error in errors if error]
    if failed:
        raise RuntimeError(
            f"ffmpeg failed on {len(failed)} of {len(todo)} files: "
            f"{first_offenders(failed)}. Copy these files again and repeat; "
            "what is converted is kept."
        )
    return targets


def _convert(pair: tuple[Path, Path]) -> str | None:
    """Convert one file; a clause that says why when it fails."""
    source, target = pair
    partial = target.with_name(target.name + ".partial")
    done = subprocess.run(
        ffmpeg_command(source, partial), capture_output=True, text=True
    )
    if done.returncode:
        partial.unlink(missing_ok=True)
        reason = done.stderr.strip().splitlines() or [
            f"exit code {done.returncode}"
        ]
        return f"{source} ({reason[-1]})"
    os.replace(partial, target)
    return None
