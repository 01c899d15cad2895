"""Lengths of a corpus's files: paths -> headers, or one error for all."""

from collections.abc import Sequence
from pathlib import Path

from speechbrain_denokd.data.audio import AudioHeader, read_header
from speechbrain_denokd.data.files import first_offenders, threaded_map


def read_headers(
    paths: Sequence[str | Path],
    sample_rate: int = 16000,
    n_threads: int = 8,
    description: str | None = None,
) -> list[AudioHeader]:
    """Read the headers of many files that must share a sample rate.

    Arguments
    ---------
    paths : sequence of str or Path
        Audio files.
    sample_rate : int
        Rate that all must have, in Hz.
    n_threads : int
        Threads that read.
    description : str, optional
        Label of a progress bar; without it there is no bar.

    Returns
    -------
    list of AudioHeader
        One per path.

    Raises
    ------
    ValueError
        If files are missing, unreadable, empty or of another rate: one error
        that names the first five and counts them all.

    Example
    -------
    >>> import tempfile, numpy, soundfile
    >>> path = Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(path, numpy.zeros(8000), 16000)
    >>> [header.duration for header in read_headers([path])]
    [0.5]
    """
    headers = threaded_map(header_or_error, paths, n_threads, description)
    problems = []
    for path, header in zip(paths, headers, strict=True):
        if isinstance(header, Exception):
            problems.append(str(header).rstrip("."))
        elif header.sample_rate != sample_rate:
            problems.append(f"{path} has {header.sample_rate} Hz")
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(paths)} audio files cannot be used at "
            f"{sample_rate} Hz: {first_offenders(problems)}. Repair, convert "
            "or move these files away."
        )
    return headers


def header_or_error(path: str | Path) -> AudioHeader | Exception:
    """Header of a file, or the error that says why there is none.

    Arguments
    ---------
    path : str or Path
        Audio file.

    Returns
    -------
    AudioHeader or Exception

    Example
    -------
    >>> type(header_or_error("nowhere.wav")).__name__
    'FileNotFoundError'
    """
    try:
        return read_header(path)
    except (ValueError, OSError) as error:
        return error
