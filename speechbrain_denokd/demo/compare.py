"""What the page answers (the arrow ``two recordings -> answer``).

Nothing here knows of the page: text and a picture come out. What is wrong with
a recording is an answer too, because a page has nowhere to raise it.
"""

import io
import math
import re
from pathlib import Path
from typing import NamedTuple

from speechbrain_denokd.data.audio import read_header
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.inference.embedder import Verification, read_recording
from speechbrain_denokd.metrics import OperatingPoint
from speechbrain_denokd.plots.spectrogram import plot_spectrogram

SAME, DIFFERENT = "Same speaker", "Different speakers"
NO_DECISION, NO_ANSWER = "No decision", "No answer yet"

_LONGEST_S = 300.0  # more keeps the page waiting and adds nothing
# Advice for those who keep a manifest; a visitor of the page has none.
_MANIFEST_ADVICE = re.compile(r"(copy it|write the file) again or drop its row")
_MILLION = 1_000_000


class Answer(NamedTuple):
    """What is shown below the recordings.

    Attributes
    ----------
    verdict : str
        `SAME`, `DIFFERENT`, `NO_DECISION` or `NO_ANSWER`.
    note : str
        A sentence, or nothing; with `NO_ANSWER`, what is wrong.
    rows : tuple of (str, str, str)
        Name, value and meaning of each number.
    picture : bytes, optional
        PNG with the spectrograms of both.

    Example
    -------
    >>> Answer(NO_ANSWER, "Recording 1: hum.wav is silent").rows
    ()
    """

    verdict: str
    note: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    picture: bytes | None = None


def compare(
    model: SpeakerEmbedder,
    enroll: str | Path | None,
    test: str | Path | None,
    p_target: float | None = None,
) -> Answer:
    """Say whether two recordings are of one speaker, in words and a picture.

    Arguments
    ---------
    model : SpeakerEmbedder
    enroll, test : str or Path, optional
        Audio files of 0.1 s to 300 s; None is one that is still to be given.
    p_target : float, optional
        Prior of one speaker, at unit costs; by default that the model was
        calibrated for.

    Returns
    -------
    Answer
        Recordings that cannot be compared are no exception: the answer says
        which one, and why.

    Raises
    ------
    ValueError
        If ``p_target`` is not in (0, 1).

    Example
    -------
    >>> model = SpeakerEmbedder.from_hparams("pretrained/sample_teacher")
    >>> audio = "tests/samples/audio/test0000"
    >>> compare(model, f"{audio}/s0_0.opus", f"{audio}/s1_0.opus").verdict
    'Same speaker'
    >>> compare(model, f"{audio}/s0_0.opus", None).note
    'Recording 2: still missing; record or upload it, then press Compare.'
    """
    point = None
    if p_target is not None:
        point = OperatingPoint("page", p_target)
    wavs = {}
    for number, path in enumerate((enroll, test), start=1):
        try:
            wavs[_title(number, path)] = _read(path)
        except (ValueError, OSError) as error:
            return Answer(NO_ANSWER, _sentence(number, path, error))
    picture = io.BytesIO()
    plot_spectrogram(wavs, picture)
    answer = _in_words(model.verify_files(enroll, test, point))
    return answer._replace(picture=picture.getvalue())


def _title(number: int, path: str | Path | None) -> str:
    """Its number too: two recordings of a microphone are named alike."""
    return f"Recording {number}: {Path(path or 'missing').name}"


def _read(path: str | Path | None):
    """(S,) samples of a recording that the page can deal with."""
    if path is None:
        raise ValueError(
            "still missing; record or upload it, then press Compare"
        )
    if not Path(path).is_file():
        raise FileNotFoundError(
            "no longer there; record or upload it once more"
        )
    duration_s = read_header(path).duration
    if duration_s > _LONGEST_S:
        raise ValueError(
            f"{path} lasts {duration_s:.0f} s, but this page takes at most "
            f"{_LONGEST_S:.0f} s; cut it, or use `denokd verify`"
        )
    return read_recording(path).numpy()


def _sentence(number: int, path: str | Path | None, error: Exception) -> str:
    """What is wrong, without the folder that the page keeps uploads in."""
    text = str(error)
    if path is not None:
        text = text.replace(f"{Path(path).parent}/", "")
    text = _MANIFEST_ADVICE.sub("choose another file", text)
    return f"Recording {number}: {text.rstrip('.')}."


def _in_words(found: Verification) -> Answer:
    """The numbers with what they mean."""
    score = ("Score", f"{found.score:.3f}", "higher is more alike")
    if found.llr is None:
        return Answer(
            NO_DECISION,
            "This model is not calibrated: run `denokd calibrate MODEL` on "
            "development trials first.",
            (score,),
        )
    rows = (
        score,
        ("Log-likelihood ratio", f"{found.llr:+.2f}", _odds(found.llr)),
        (
            "Threshold",
            f"{found.threshold:+.2f}",
            f"from the prior: {_odds(found.threshold)}",
        ),
    )
    return Answer(SAME if found.same_speaker else DIFFERENT, rows=rows)


def _odds(llr: float) -> str:
    """Natural log-likelihood ratio, for those who do not think in them."""
    side = "one speaker" if llr > 0 else "two speakers"
    if abs(llr) >= math.log(_MILLION):
        return f"over a million to 1 for {side}"
    odds = math.exp(abs(llr))
    if odds < 1.05:
        return "even odds"
    # Two digits: more would claim what no calibration knows.
    rounded = float(f"{odds:.2g}")
    return f"{rounded:,.{0 if rounded >= 10 else 1}f} to 1 for {side}"
