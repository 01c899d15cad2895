"""Odd and damaged audio through extraction and verification."""

import collections

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.extraction import (
    Effort,
    Job,
    Share,
    read_embeddings,
    run_job,
)
from speechbrain_denokd.inference import SpeakerEmbedder
from tests.extraction.damaged import BAD, GOOD, damaged_files
from tests.tiny_setup import write_teacher


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("fuzz") / "model")


def check(model, folder, n_files):
    """Each file is embedded or named; the good ones are, the bad ones not."""
    paths = damaged_files(folder / "audio", n_files)
    job = Job(str(model), str(folder / "audio"), str(folder / "a.npz"))
    report = run_job(job, Effort(5.0, 2), Share())
    found = read_embeddings(job.output)
    skipped = {one.id: one.reason for one in report.skipped}
    assert not set(found.ids) & set(skipped)
    assert set(found.ids) | set(skipped) == {path.name for path in paths}
    assert np.isfinite(found.vectors).all()
    for name, reason in skipped.items():
        assert name in reason, reason
    kinds = {kind.__name__[1:] for kind in GOOD}
    assert not [name for name in skipped if name.split("-")[0] in kinds]
    kinds = {kind.__name__[1:] for kind in BAD}
    assert not [name for name in found.ids if name.split("-")[0] in kinds]
    return paths, skipped


def check_verify(model, paths, skipped):
    """The same files are refused by verify, with one sentence."""
    embedder = SpeakerEmbedder.from_hparams(model, run_opts={"device": "cpu"})
    good = next(path for path in paths if path.name.startswith("eight_bits"))
    answers = collections.Counter()
    for path in paths:
        try:
            answer = embedder.verify_files(good, path)
            assert -1.001 <= answer.score <= 1.001
            refused = False
        except (ValueError, OSError):
            refused = True
        assert refused == (path.name in skipped), path.name
        answers[refused] += 1
    assert min(answers.values()) > len(paths) // 5


def test_fact_every_damaged_file_is_embedded_or_named(model, tmp_path):
    check_verify(model, *check(model, tmp_path, 65))


@pytest.mark.slow
def test_fact_five_hundred_damaged_files(model, tmp_path):
    check_verify(model, *check(model, tmp_path, 500))


def test_fact_an_hour_of_silence_is_named(model, tmp_path):
    path = tmp_path / "audio/hour.flac"
    path.parent.mkdir()
    with soundfile.SoundFile(path, "w", 16000, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * 16000, np.int16))
    job = Job(str(model), str(path.parent), str(tmp_path / "a.npz"))
    report = run_job(job, Effort(5.0, 2), Share())
    assert report.n_embedded == 0
    assert "hour.flac is silent" in report.skipped[0].reason
    embedder = SpeakerEmbedder.from_hparams(model, run_opts={"device": "cpu"})
    with pytest.raises(ValueError, match="hour.flac is silent"):
        embedder.verify_files(path, path)
