import logging
import random

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.data.speaker_folders import (
    find_utterances,
    prepare_speaker_folders,
)
from speechbrain_denokd.data.trials import read_trials


def write(root, *names, rate=16000):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.zeros(1600), rate)


@pytest.fixture
def corpus(tmp_path):
    """Ten speakers with two sessions of two takes."""
    root = tmp_path / "corpus"
    for speaker in range(10):
        for take in ("mon/1.wav", "mon/2.flac", "tue/1.ogg", "tue/2.WAV"):
            write(root, f"s{speaker}/{take}")
    return root


def read_all(outputs, root):
    return {
        name: read_manifest(outputs[f"{name}.csv"], root)
        for name in ("train", "dev", "test")
    }


def test_laws_of_the_split(corpus, tmp_path):
    outputs = prepare_speaker_folders(
        corpus, tmp_path / "save", dev_share=0.3, test_share=0.2
    )
    rows = read_all(outputs, corpus)
    speakers = {
        name: {row.spk_id for row in part} for name, part in rows.items()
    }
    sizes = {name: len(part) for name, part in speakers.items()}
    assert sizes == {"train": 5, "dev": 3, "test": 2}
    assert len(set.union(*speakers.values())) == 10
    assert sum(map(len, rows.values())) == 40
    for name in ("dev", "test"):
        by_id = {row.id: row for row in rows[name]}
        trials = read_trials(outputs[f"trials_{name}.txt"])
        assert sum(trial.is_target for trial in trials) * 2 == len(trials)
        for is_target, enroll, test in trials:
            enroll, test = by_id[enroll], by_id[test]
            assert is_target == (enroll.spk_id == test.spk_id)
            assert not is_target or enroll.session != test.session


def test_law_seed_decides_and_global_state_does_not(corpus, tmp_path):
    texts = []
    for number, seed in enumerate((0, 0, 1)):
        random.seed(number)
        outputs = prepare_speaker_folders(
            corpus, tmp_path / f"save{number}", seed=seed
        )
        texts.append([path.read_text() for path in outputs.values()])
    assert texts[0] == texts[1] != texts[2]


def test_second_call_does_nothing(corpus, tmp_path):
    outputs = prepare_speaker_folders(corpus, tmp_path / "save")
    before = outputs["train.csv"].stat().st_mtime_ns
    prepare_speaker_folders(corpus, tmp_path / "save")
    assert outputs["train.csv"].stat().st_mtime_ns == before


def test_fact_names_and_sessions(tmp_path):
    write(tmp_path, "ann/a.b.wav", "ann lee/x y/deep/take 1.wav", "top.wav")
    write(tmp_path, "ann/.hidden.wav")
    rows = find_utterances(tmp_path)
    assert [(row.id, row.spk_id, row.session) for row in rows] == [
        ("ann--a.b", "ann", ""),
        ("ann_lee--x_y--deep--take_1", "ann lee", "x y"),
    ]
    assert rows[0].duration == 0.1


def test_two_files_with_one_id(tmp_path):
    write(tmp_path, "ann/a.wav", "ann/a.flac")
    with pytest.raises(ValueError, match=r"share an ID.*a\.flac and .*a\.wav"):
        find_utterances(tmp_path)


def test_wrong_rate(tmp_path):
    write(tmp_path, "ann/a.wav", rate=8000)
    with pytest.raises(ValueError, match="1 of 1 .* at 16000.*has 8000 Hz"):
        find_utterances(tmp_path)
    assert len(find_utterances(tmp_path, sample_rate=8000)) == 1


def test_aac_is_left_out_but_said(tmp_path, caplog):
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "b.m4a").touch()
    with pytest.raises(FileNotFoundError, match="No audio .* but 1 AAC files"):
        find_utterances(tmp_path)
    write(tmp_path, "ann/a.wav")
    with caplog.at_level(logging.WARNING):
        assert len(find_utterances(tmp_path)) == 1
    assert "1 AAC files" in caplog.text


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*data_folder"):
        find_utterances(tmp_path / "absent")


def test_too_few_speakers(tmp_path):
    write(tmp_path, *(f"s{n}/{take}.wav" for n in range(4) for take in "ab"))
    with pytest.raises(ValueError, match="4 speakers cannot be split into 2"):
        prepare_speaker_folders(tmp_path, tmp_path / "save")


def test_impossible_share(corpus, tmp_path):
    with pytest.raises(ValueError, match="test_share is 1.5"):
        prepare_speaker_folders(corpus, tmp_path / "save", test_share=1.5)
