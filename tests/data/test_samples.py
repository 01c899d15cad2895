"""The bundled corpus keeps its promises; its generator is reproducible."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.samples import main, write_corpus
from speechbrain_denokd.data.samples_plan import Split

CORPUS = Path(__file__).parents[1] / "samples"
SPLITS = ("train", "dev", "test")


def rows_of(name, folder=CORPUS):
    with open(folder / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def path_of(row, folder=CORPUS):
    return Path(row["wav"].replace("{data_root}", str(folder)))


def trials_of(name):
    lines = (CORPUS / f"trials_{name}.txt").read_text().splitlines()
    return [tuple(line.split()) for line in lines]


def test_bundled_corpus_fits_in_git():
    sizes = [path.stat().st_size for path in CORPUS.rglob("*")]
    assert sum(sizes) <= 8_000_000


def test_splits_have_their_voices_and_share_none():
    voices = [{row["spk_id"] for row in rows_of(name)} for name in SPLITS]
    assert [len(names) for names in voices] == [64, 16, 24]
    assert len(set.union(*voices)) == 104


@pytest.mark.parametrize(
    "name, n_sessions, n_utterances, shortest, longest",
    [
        ("train", 4, 8, 2.5, 4.0),
        ("dev", 6, 6, 3.5, 5.0),
        ("test", 6, 6, 4.5, 6.0),
    ],
)
def test_every_voice_has_its_sessions_and_utterances(
    name, n_sessions, n_utterances, shortest, longest
):
    rows = rows_of(name)
    utterances = Counter(row["spk_id"] for row in rows)
    sessions = {(row["spk_id"], row["session"]) for row in rows}
    assert set(utterances.values()) == {n_utterances}
    assert set(Counter(who for who, _ in sessions).values()) == {n_sessions}
    seconds = [float(row["duration"]) for row in rows]
    assert shortest <= min(seconds) and max(seconds) <= longest


@pytest.mark.parametrize("name", SPLITS)
def test_files_have_the_stated_length_and_carry_sound(name):
    for row in rows_of(name):
        wave, rate_hz = soundfile.read(path_of(row))
        assert rate_hz == 16000
        assert row["start"] == "0" and int(row["stop"]) == len(wave)
        assert float(row["duration"]) == len(wave) / 16000
        level_db = 10 * np.log10(np.mean(wave**2))
        assert -45 < level_db < -10, row["ID"]


@pytest.mark.parametrize(
    "name, kinds",
    [
        ("noise", {"noise": 9, "music": 5, "babble": 5}),
        ("rir", {"rir": 12}),
    ],
)
def test_augmentation_lists_name_real_files(name, kinds):
    rows = rows_of(name)
    assert Counter(row["kind"] for row in rows) == kinds
    for row in rows:
        info = soundfile.info(path_of(row))
        assert info.samplerate == 16000
        assert info.frames == float(row["duration"]) * 16000


def test_every_audio_file_is_listed():
    listed = {path_of(row) for name in SPLITS for row in rows_of(name)}
    listed |= {
        path_of(row) for name in ("noise", "rir") for row in rows_of(name)
    }
    found = {*CORPUS.rglob("*.opus"), *CORPUS.rglob("*.flac")}
    assert found == listed


# 15 pairs of 6 sessions per voice; four nontargets for each.
@pytest.mark.parametrize(
    "name, n_targets", [("dev", 16 * 15), ("test", 24 * 15)]
)
def test_trials_are_hard_and_counted(name, n_targets):
    rows = {
        row["wav"].removeprefix("{data_root}/"): row for row in rows_of(name)
    }
    trials = trials_of(name)
    labels = Counter(label for label, _, _ in trials)
    assert labels == {"1": n_targets, "0": 4 * n_targets}
    assert len({frozenset(pair) for _, *pair in trials}) == len(trials)
    for label, enroll, test in trials:
        one, two = rows[enroll], rows[test]
        assert (one["spk_id"] == two["spk_id"]) == (label == "1")
        assert one["session"] != two["session"]
        assert one["gender"] == two["gender"]


def make(folder, n_speakers, n_utterances, n_jobs=1):
    split = Split("train", n_speakers, 2, n_utterances, (1.0, 1.5))
    write_corpus(folder, [split], seed=5, n_jobs=n_jobs)
    return {
        row["ID"]: soundfile.read(path_of(row, folder))[0]
        for row in rows_of("train", folder)
    }


def test_bigger_corpus_contains_the_smaller_one(tmp_path):
    pytest.importorskip("espeakng_loader")
    small = make(tmp_path / "small", n_speakers=2, n_utterances=1)
    big = make(tmp_path / "big", n_speakers=3, n_utterances=2, n_jobs=2)
    assert len(small) == 4 and len(big) == 12
    for name, wave in small.items():
        assert np.array_equal(wave, big[name])


def test_sessions_and_voices_differ(tmp_path):
    pytest.importorskip("espeakng_loader")
    waves = list(make(tmp_path, n_speakers=2, n_utterances=2).values())
    for n, one in enumerate(waves):
        for two in waves[:n]:
            length = min(len(one), len(two))
            likeness = np.corrcoef(one[:length], two[:length])[0, 1]
            assert abs(likeness) < 0.5


def test_bundled_train_utterance_is_what_the_generator_makes(tmp_path):
    pytest.importorskip("espeakng_loader")
    options = "--n_train 1 --n_dev 0 --n_test 0 --train_sessions 1"
    main(["--output", str(tmp_path), *options.split()])
    for row in rows_of("train", tmp_path):
        made, _ = soundfile.read(path_of(row, tmp_path))
        kept, _ = soundfile.read(CORPUS / row["wav"].split("/", 1)[1])
        # Another machine's arithmetic may round otherwise, and Opus with it.
        assert np.corrcoef(made, kept)[0, 1] > 0.9


def test_folder_with_files_is_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="not empty"):
        write_corpus(tmp_path, [], seed=5)
