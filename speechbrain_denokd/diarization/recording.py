"""A recording in, who spoke when out (``recording -> segments``)."""

from pathlib import Path
from typing import NamedTuple

from speechbrain_denokd.data.audio import audio_blocks
from speechbrain_denokd.diarization.clustering import cluster, score_windows
from speechbrain_denokd.diarization.segments import Segment, segments_of
from speechbrain_denokd.diarization.speech import (
    SpeechGate,
    frame_levels,
    speech_regions,
)
from speechbrain_denokd.diarization.windows import embed_windows, windows_of
from speechbrain_denokd.inference import SpeakerEmbedder

_SAMPLE_RATE_HZ = 16_000
_SHORTEST_WINDOW_S = 0.25  # less says next to nothing of a speaker


class Plan(NamedTuple):
    """How a recording is diarized.

    Attributes
    ----------
    window_s, hop_s : float
        Length of the windows that are embedded, and from one to the next.
    n_speakers : int, optional
        How many there are; by default the threshold decides.
    threshold : float
        Log-likelihood ratio above which groups of windows are of one speaker.
    method : str
        Of `clustering.METHODS`.
    gate : SpeechGate
        What counts as speech.

    Example
    -------
    >>> Plan(n_speakers=2).window_s
    1.5
    """

    window_s: float = 1.5
    hop_s: float = 0.75
    n_speakers: int | None = None
    threshold: float = 0.0
    method: str = "agglomerative"
    gate: SpeechGate = SpeechGate()


def diarize(
    embedder: SpeakerEmbedder,
    path: str | Path,
    plan: Plan | None = None,
    batch_size: int = 32,
) -> list[Segment]:
    """Say who spoke when.

    The file is read twice, in blocks, and windows are embedded in batches:
    an hour takes the memory of its 5,000 embeddings and of their scores.

    Arguments
    ---------
    embedder : SpeakerEmbedder
        Its scoring system compares the windows.
    path : str or Path
        Audio file of any rate; its channels are averaged.
    plan : Plan, optional
    batch_size : int

    Returns
    -------
    list of Segment
        Empty if nothing stands out from the silence.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file cannot be read, the plan does not fit the recording, or
        as `cluster` and `score_windows`.

    Example
    -------
    >>> from speechbrain_denokd.inference import SpeakerEmbedder
    >>> model = SpeakerEmbedder.from_hparams("pretrained/sample_teacher")
    >>> segments = diarize(model, "tests/samples/audio/test0000/s0_0.opus")
    >>> {segment.speaker for segment in segments}
    {'speaker_1'}
    """
    plan = Plan() if plan is None else plan
    _check(plan)
    window, hop = (
        round(seconds * _SAMPLE_RATE_HZ)
        for seconds in (plan.window_s, plan.hop_s)
    )
    regions = speech_regions(frame_levels(_blocks(path)), plan.gate)
    if not regions:
        return []
    windows = windows_of(regions, window, hop)
    embeddings = embed_windows(
        embedder.encode_batch, _blocks(path), windows, batch_size
    )
    labels = cluster(
        score_windows(embedder.scoring, embeddings),
        plan.n_speakers,
        plan.threshold,
        plan.method,
    )
    return segments_of(regions, windows, labels, _SAMPLE_RATE_HZ)


def _blocks(path: str | Path):
    return audio_blocks(path, sample_rate=_SAMPLE_RATE_HZ, resample=True)


def _check(plan: Plan) -> None:
    """Refuse a plan before anything is read."""
    if plan.window_s < _SHORTEST_WINDOW_S:
        raise ValueError(
            f"windows of {plan.window_s} s are too short to tell speakers "
            f"apart; take {_SHORTEST_WINDOW_S} s or more"
        )
    if not 0 < plan.hop_s <= plan.window_s:
        raise ValueError(
            f"a hop of {plan.hop_s} s does not fit windows of {plan.window_s} "
            "s; choose one above 0 and up to the window"
        )
    if plan.gate.shortest_s < _SHORTEST_WINDOW_S:
        raise ValueError(
            f"stretches of {plan.gate.shortest_s} s are too short to tell "
            f"speakers apart; take {_SHORTEST_WINDOW_S} s or more"
        )
