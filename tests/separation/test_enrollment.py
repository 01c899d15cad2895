"""Enrolled speech: of the mixture's speakers, never what is mixed."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.overlap.crops import OverlapCrops
from speechbrain_denokd.overlap.draw import draw_mixtures
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.separation.enrollment import (
    EnrolledCrops,
    EnrolledMixtures,
    Enrollment,
)

LABELS = {name: k for k, name in enumerate(("ann", "bob", "eve"))}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Three utterances of each speaker, each of one value of its own."""
    folder, rows = tmp_path_factory.mktemp("rows"), []
    for speaker, label in LABELS.items():
        for k in range(3):
            path = folder / f"{speaker}{k}.wav"
            value = (1 + 3 * label + k) / 32
            soundfile.write(path, np.full(1600, value), 16000)
            rows.append(
                Utterance(f"{speaker}{k}", 0.1, str(path), 0, 1600, speaker)
            )
    return rows


def utterance(value):
    """(speaker, number) that a constant stretch is of."""
    return divmod(round(32 * float(value)) - 1, 3)


@pytest.mark.parametrize("n_mixtures", [None, 40])
def test_law_enrolled_are_others_of_the_same_speakers(rows, n_mixtures):
    crops = EnrolledCrops(
        rows, LABELS, 0.05, 1, enroll_s=0.2, n_mixtures=n_mixtures
    )
    numbers = set()
    for index in range(len(crops)):
        item = crops[1, index]
        assert item["enroll"].shape == (2, 3200)
        mixed = item["id"].split("+")
        for k, wav in enumerate(item["enroll"]):
            assert (wav == wav[0]).all()
            label, number = utterance(wav[0])
            assert label == item["label"][k]
            assert rows[3 * label + number].id != mixed[k]
            numbers.add((label, number))
    assert len(numbers) > 5  # and not always the same


def test_law_the_mixtures_are_those_without_enrolment(rows):
    enrolled = EnrolledCrops(rows, LABELS, 0.05, 1, enroll_s=0.1)
    plain = OverlapCrops(rows, LABELS, 0.05, 1)
    for item, other in zip(
        (enrolled[2, 3], enrolled[2, 4]),
        (plain[2, 3], plain[2, 4]),
        strict=True,
    ):
        assert item["id"] == other["id"]
        assert torch.equal(item["sources"], other["sources"])
    assert torch.equal(enrolled[2, 3]["enroll"], enrolled[2, 3]["enroll"])


def test_law_fixed_mixtures_enroll_others_and_the_same_again(rows):
    shape = MixtureShape(duration_s=0.1, overlaps=(1.0,))
    drawn = draw_mixtures(rows, 12, shape)
    enrolled = EnrolledMixtures(drawn, rows, enroll_s=0.05)
    plain = MixtureSet(drawn, rows)
    for index, mixture in enumerate(drawn):
        item = enrolled[index]
        assert torch.equal(item["sig"], plain[index]["sig"])
        assert torch.equal(item["enroll"], enrolled[index]["enroll"])
        for source, wav in zip(mixture.sources, item["enroll"], strict=True):
            label, number = utterance(wav[0])
            assert LABELS[source.spk_id] == label
            assert source.utterance != rows[3 * label + number].id


def test_fact_another_session_is_preferred():
    rows = [
        Utterance(f"u{k}", 0.1, "none.wav", 0, 1600, "ann", session)
        for k, session in enumerate("aab")
    ]
    pool = Enrollment(rows, 1.0)._pool
    rng = np.random.default_rng(0)
    drawn = {pool.utterance("ann", rng, besides=rows[0]).id for _ in range(20)}
    assert drawn == {"u2"}


def test_a_speaker_of_one_utterance_is_refused(rows):
    with pytest.raises(ValueError, match="1 of 2 speakers .*first: bob"):
        EnrolledCrops(rows[:4], LABELS, 0.05, 1, enroll_s=0.1)


def test_law_the_enrolled_speak_at_the_speed_that_is_mixed(tmp_path):
    """Each speaker hums one tone: at another speed it is another tone."""
    rows, tones = [], {"ann": 500, "bob": 800}
    time = np.arange(16_000) / 16_000
    for name, tone in tones.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * tone * time), 16_000)
        for k in range(2):
            rows.append(Utterance(f"{name}{k}", 1, str(path), 0, 16_000, name))
    speeds = SpeedPerturb(2, (1.0, 0.8, 1.25))
    crops = EnrolledCrops(
        rows, {"ann": 0, "bob": 1}, 0.5, 1, 0.5, speed_perturb=speeds
    )
    heard = set()
    for index in range(4):
        for epoch in range(5):
            item = crops[epoch, index]
            for k, label in enumerate(item["label"].tolist()):
                speed = (1.0, 0.8, 1.25)[label // 2]
                expected = round(list(tones.values())[label % 2] * speed)
                for wav in (item["sources"][k], item["enroll"][k]):
                    # Half a second: bins of 2 Hz.
                    peak = 2 * int(torch.fft.rfft(wav).abs().argmax())
                    assert abs(peak - expected) <= 2
                heard.add(label)
    assert heard == set(range(6))
