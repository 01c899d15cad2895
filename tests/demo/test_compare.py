"""What the page says, without a page and without a network."""

import io
import math

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from speechbrain_denokd.demo.compare import (
    DIFFERENT,
    NO_ANSWER,
    NO_DECISION,
    SAME,
    compare,
)
from speechbrain_denokd.inference.embedder import Verification
from speechbrain_denokd.metrics import bayes_threshold

RATE = 16_000


class Oracle:
    """A model that finds what it was told to."""

    def __init__(self, score=0.5, llr=None):
        self.score, self.llr = score, llr

    def verify_files(self, enroll, test, point=None):
        if self.llr is None:
            return Verification(self.score, None, None, None)
        threshold = bayes_threshold(point.p_target) if point else 0.0
        return Verification(
            self.score, self.llr, threshold, self.llr >= threshold
        )


@pytest.fixture
def recording(tmp_path):
    """Write noise of some length; the path."""

    def write(name="good.wav", duration_s=1.0, gain=0.1):
        noise = np.random.default_rng(0).normal(size=int(duration_s * RATE))
        soundfile.write(tmp_path / name, gain * noise, RATE)
        return str(tmp_path / name)

    return write


def refusal(enroll, test):
    """The sentence; nothing else is shown."""
    answer = compare(Oracle(llr=1.0), enroll, test)
    assert answer == (NO_ANSWER, answer.note, (), None)
    return answer.note


def test_fact_numbers_are_shown_with_what_they_mean(recording):
    path = recording()
    answer = compare(Oracle(0.7123, math.log(592)), path, path, 0.01)
    assert answer.verdict == SAME
    assert answer.rows == (
        ("Score", "0.712", "higher is more alike"),
        ("Log-likelihood ratio", "+6.38", "590 to 1 for one speaker"),
        ("Threshold", "+4.60", "from the prior: 99 to 1 for one speaker"),
    )


@pytest.mark.parametrize(
    ("llr", "meaning"),
    [
        (0.0, "even odds"),
        (-0.04, "even odds"),
        (math.log(2.13), "2.1 to 1 for one speaker"),
        (-math.log(2.13), "2.1 to 1 for two speakers"),
        (math.log(9.97), "10 to 1 for one speaker"),
        (-math.log(66_123), "66,000 to 1 for two speakers"),
        (math.log(2e6), "over a million to 1 for one speaker"),
        (-2000.0, "over a million to 1 for two speakers"),
    ],
)
def test_fact_odds_by_hand(recording, llr, meaning):
    path = recording()
    assert compare(Oracle(llr=llr), path, path).rows[1][2] == meaning


def test_fact_the_prior_decides_what_evidence_is_enough(recording):
    path, model = recording(), Oracle(llr=3.0)
    verdicts = [
        compare(model, path, path, p).verdict for p in (None, 0.5, 0.1, 0.01)
    ]
    assert verdicts == [SAME, SAME, SAME, DIFFERENT]


def test_fact_without_calibration_there_is_a_score_alone(recording):
    path = recording()
    answer = compare(Oracle(0.25), path, path)
    assert answer.verdict == NO_DECISION
    assert "denokd calibrate" in answer.note
    assert answer.rows == (("Score", "0.250", "higher is more alike"),)
    assert answer.picture is not None


def test_fact_the_picture_shows_both_recordings(recording):
    noise, hum = recording("noise.wav"), recording("hum.wav")
    time = np.arange(RATE) / RATE
    soundfile.write(hum, 0.5 * np.sin(2 * np.pi * 1000 * time), RATE)

    def brightness(enroll, test):
        """Of the middles of both panels."""
        answer = compare(Oracle(llr=1.0), enroll, test)
        pixels = imread(io.BytesIO(answer.picture))[100:-100, :, :3]
        tenth = pixels.shape[1] // 10
        left = pixels[:, 2 * tenth : 3 * tenth].mean()
        return left, pixels[:, 7 * tenth : 8 * tenth].mean()

    (full, line), (line_2, full_2) = (
        brightness(noise, hum),
        brightness(hum, noise),
    )
    # Noise fills its panel; a hum is a line on black.
    assert full > 2 * line_2 and full_2 > 2 * line


def test_fact_a_recording_that_is_not_there_yet(recording):
    sentence = "Recording {}: still missing; record or upload it, then press"
    assert refusal(None, recording()).startswith(sentence.format(1))
    assert refusal(recording(), None).startswith(sentence.format(2))


def test_fact_an_upload_that_was_deleted(recording, tmp_path):
    assert refusal(recording(), str(tmp_path / "old.wav")) == (
        "Recording 2: no longer there; record or upload it once more."
    )


def test_facts_of_recordings_that_say_nothing(recording):
    good = recording()
    assert refusal(recording("quiet.wav", gain=0), good) == (
        "Recording 1: quiet.wav is silent; there is no speaker to compare."
    )
    assert refusal(good, recording("click.wav", duration_s=0.05)) == (
        "Recording 2: click.wav lasts 0.050 s, but at least 0.1 s are needed "
        "to compare speakers; record more."
    )
    assert refusal(good, recording("talk.wav", duration_s=301)) == (
        "Recording 2: talk.wav lasts 301 s, but this page takes at most 300 "
        "s; cut it, or use `denokd verify`."
    )


@pytest.mark.parametrize("content", [b"this is a text", b"", b"RIFF" * 9])
def test_fact_what_is_no_audio_has_advice_for_a_visitor(
    recording, tmp_path, content
):
    (tmp_path / "notes.wav").write_bytes(content)
    found = refusal(recording(), str(tmp_path / "notes.wav"))
    assert found.startswith("Recording 2: notes.wav ")
    assert found.endswith(": choose another file.")
    assert "row" not in found


def test_fact_nan_has_advice_for_a_visitor(recording, tmp_path):
    soundfile.write(
        tmp_path / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT"
    )
    found = refusal(str(tmp_path / "nan.wav"), recording())
    assert "NaN" in found and found.endswith(": choose another file.")


def test_law_no_sentence_names_the_folder_of_uploads(recording, tmp_path):
    good = recording()
    (tmp_path / "call.m4a").write_bytes(b"0" * 100)
    (tmp_path / "notes.wav").write_bytes(b"text")
    bad = [recording("quiet.wav", gain=0), recording("short.wav", 0.01)]
    bad += [str(tmp_path / name) for name in ("call.m4a", "notes.wav", "no")]
    for path in bad:
        assert str(tmp_path) not in refusal(path, good)
    assert "ffmpeg" in refusal(str(tmp_path / "call.m4a"), good)


def test_a_prior_that_is_none_is_refused(recording):
    with pytest.raises(ValueError, match="p_target"):
        compare(Oracle(llr=1.0), recording(), recording(), 1.5)
