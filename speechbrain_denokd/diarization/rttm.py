r"""Segments as an RTTM file (``segments -> rttm``).

A line is ``SPEAKER file 1 start duration <NA> <NA> speaker <NA> <NA>``, in
seconds.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition
Evaluation Plan", appendix A.
"""

from collections.abc import Iterable
from pathlib import Path

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.diarization.segments import Segment


def rttm_text(file_id: str, segments: Iterable[Segment]) -> str:
    r"""The lines of an RTTM file.

    Arguments
    ---------
    file_id : str
        Name of the recording.
    segments : iterable of Segment

    Returns
    -------
    str
        One line a segment; empty if nobody speaks.

    Raises
    ------
    ValueError
        If a name is empty or has white space, at which readers split.

    Example
    -------
    >>> rttm_text("call", [Segment(0.5, 2.0, "ann")])
    'SPEAKER call 1 0.500 1.500 <NA> <NA> ann <NA> <NA>\n'
    """
    lines = []
    for start_s, stop_s, speaker in segments:
        for name in (file_id, speaker):
            if name.split() != [name]:
                raise ValueError(
                    f"{name!r} cannot stand in an RTTM file, whose fields end "
                    "at white space; rename it"
                )
        # Both ends are rounded, so that neighbours still meet.
        start_ms, stop_ms = round(1000 * start_s), round(1000 * stop_s)
        lines.append(
            f"SPEAKER {file_id} 1 {start_ms / 1000:.3f} "
            f"{(stop_ms - start_ms) / 1000:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
        )
    return "".join(lines)


def write_rttm(
    path: str | Path, file_id: str, segments: Iterable[Segment]
) -> None:
    """Write an RTTM file, whole or not at all.

    Arguments
    ---------
    path : str or Path
        Its folder is made when missing.
    file_id : str
        Name of the recording.
    segments : iterable of Segment

    Raises
    ------
    ValueError
        As `rttm_text`.
    """
    write_whole(path, rttm_text(file_id, segments))
