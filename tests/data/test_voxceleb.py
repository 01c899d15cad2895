import logging
import os
import re
import subprocess

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.data.trials import read_trials
from speechbrain_denokd.data.voxceleb import prepare_voxceleb


def write_wav(path, n_samples=1600):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(n_samples), 16000, format="WAV")


@pytest.fixture
def corpus(tmp_path):
    """A tiny VoxCeleb: 2 test speakers, 4 of VoxCeleb2, and list O."""
    root = tmp_path / "vox"
    for speaker in ("id10270", "id10271"):
        for video in ("v1", "v2"):
            write_wav(root / "wav" / speaker / video / "00001.wav")
    for speaker in range(12, 16):
        for video in ("v1", "v2"):
            folder = root / "dev" / "aac" / f"id{speaker:05d}" / video
            write_wav(folder / "00001.wav", 1600 + speaker)
    target = "1 id10270/v1/00001.wav id10270/v2/00001.wav\n"
    nontarget = "0 id10270/v1/00001.wav id10271/v2/00001.wav\n"
    lines = [target] + [nontarget] * 37_610
    (root / "veri_test2.txt").write_text("".join(lines))
    return root


def prepare(corpus, **options):
    defaults = {"trial_lists": ["O"], "n_valid_speakers": 2}
    save = corpus.parent / "save"
    return prepare_voxceleb(corpus, save, **(defaults | options))


def to_m4a(corpus):
    """Rename VoxCeleb2's files to .m4a, as they are distributed."""
    wavs = sorted((corpus / "dev").rglob("*.wav"))
    for wav in wavs:
        wav.rename(wav.with_suffix(".m4a"))
    return wavs


def fake_ffmpeg(tmp_path, monkeypatch):
    """An ffmpeg that copies its third-last-named input to its output."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = '#!/bin/sh\nfor last; do :; done\ncp "$6" "$last"\n'
    (folder / "ffmpeg").write_text(script)
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_fact_manifests_of_a_tiny_tree(corpus):
    outputs = prepare(corpus)
    assert sorted(outputs) == [
        "dev.csv",
        "test_O.csv",
        "train.csv",
        "trials_dev.txt",
        "trials_test_O.txt",
    ]
    train = read_manifest(outputs["train.csv"], corpus)
    dev = read_manifest(outputs["dev.csv"], corpus)
    speakers = {row.spk_id for row in train}, {row.spk_id for row in dev}
    assert len(speakers[0]) == len(speakers[1]) == 2
    assert not speakers[0] & speakers[1]
    row = train[0]
    assert row.id == f"{row.spk_id}--{row.session}--00001"
    assert row.stop == 1600 + int(row.spk_id[2:])
    test = read_manifest(outputs["test_O.csv"], corpus)
    # id10271/v1 is in no trial.
    assert [row.id for row in test] == [
        "id10270--v1--00001",
        "id10270--v2--00001",
        "id10271--v2--00001",
    ]
    first = read_trials(outputs["trials_test_O.txt"])[0]
    assert first == (True, "id10270--v1--00001", "id10270--v2--00001")
    ids = {row.id for row in dev}
    for trial in read_trials(outputs["trials_dev.txt"]):
        assert {trial.enroll, trial.test} <= ids


def test_second_call_does_nothing_and_other_options_rebuild(corpus):
    outputs = prepare(corpus)
    before = {name: path.stat().st_mtime_ns for name, path in outputs.items()}
    assert prepare(corpus) == outputs
    after = {name: path.stat().st_mtime_ns for name, path in outputs.items()}
    assert after == before
    train = outputs["train.csv"].read_text()
    for seed in range(1, 20):
        prepare(corpus, seed=seed)
        if outputs["train.csv"].read_text() != train:
            return
    pytest.fail("no seed changed the held-out speakers")


def test_validation_on_o_keeps_every_training_speaker(corpus):
    outputs = prepare(corpus, validation="O", trial_lists=[])
    train = read_manifest(outputs["train.csv"], corpus)
    assert len({row.spk_id for row in train}) == 4
    assert "test_O.csv" not in outputs
    assert len(read_manifest(outputs["dev.csv"], corpus)) == 3
    assert len(read_trials(outputs["trials_dev.txt"])) == 37_611


def test_validation_on_voxceleb2_test(corpus):
    for speaker in ("id00017", "id00061"):
        for video in ("v1", "v2"):
            write_wav(corpus / "test/aac" / speaker / video / "00001.wav")
    outputs = prepare(corpus, validation="vox2_test")
    dev = read_manifest(outputs["dev.csv"], corpus)
    assert {row.spk_id for row in dev} == {"id00017", "id00061"}
    assert len(read_manifest(outputs["train.csv"], corpus)) == 8


def test_m4a_gives_count_and_command_that_converts(
    corpus, tmp_path, monkeypatch
):
    wavs = to_m4a(corpus)
    with pytest.raises(ValueError, match="^8 recordings are .m4a") as caught:
        prepare(corpus)
    fake_ffmpeg(tmp_path, monkeypatch)
    command = re.search(r"or run: (.*)$", str(caught.value)).group(1)
    subprocess.run(command, shell=True, check=True)
    assert all(wav.is_file() for wav in wavs)
    assert prepare(corpus)["train.csv"].is_file()


def test_m4a_is_converted_when_asked(corpus, tmp_path, monkeypatch):
    wavs = to_m4a(corpus)
    fake_ffmpeg(tmp_path, monkeypatch)
    outputs = prepare(corpus, convert_m4a=True)
    assert all(wav.is_file() for wav in wavs)
    rows = read_manifest(outputs["train.csv"], corpus)
    assert all(row.wav.endswith(".wav") for row in rows)


def test_test_speakers_in_training_are_said(corpus, caplog):
    write_wav(corpus / "wav/id10001/v1/00001.wav")
    write_wav(corpus / "wav/id10002/v1/00001.wav")
    target = "1 id10001/v1/00001.wav id10001/v1/00001.wav\n"
    nontarget = "0 id10001/v1/00001.wav id10270/v2/00001.wav\n"
    lines = [target] + [nontarget] * 579_817
    (corpus / "list_test_all2.txt").write_text("".join(lines))
    with caplog.at_level(logging.WARNING):
        prepare(
            corpus,
            train_parts=["vox2_dev", "vox1_dev"],
            trial_lists=["E"],
            validation="O",
        )
    assert "1 of the 2 speakers of Vox1-E are in training (id10001" in (
        caplog.text
    )
    assert "speakers of Vox1-O" not in caplog.text


def test_audio_absent_from_the_corpus_but_in_the_list(corpus):
    (corpus / "wav/id10271/v2/00001.wav").unlink()
    with pytest.raises(ValueError, match="1 of 3 names.*id10271/v2/00001.wav"):
        prepare(corpus)
    assert not (corpus.parent / "save" / "train.csv").exists()


def test_corrupt_audio_is_found_in_preparation(corpus):
    (corpus / "wav/id10271/v2/00001.wav").write_bytes(b"not audio")
    with pytest.raises(ValueError, match="1 of 11 audio files cannot be used"):
        prepare(corpus)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"validation": "E"}, "validation is E: use one of held_out"),
        ({"train_parts": ["vox3"]}, "train_parts is vox3: use one of vox1"),
        ({"trial_lists": ["X"]}, "trial_lists is X: use one of O, O-orig"),
        ({"n_valid_speakers": 4}, "n_valid_speakers is 4, but .* has 4"),
    ],
)
def test_unknown_options(corpus, options, message):
    with pytest.raises(ValueError, match=message):
        prepare(corpus, **options)


def test_missing_part(corpus):
    with pytest.raises(
        FileNotFoundError, match="No recordings of vox1_dev.*vox1_test, vox2"
    ):
        prepare(corpus, train_parts=["vox1_dev"])
