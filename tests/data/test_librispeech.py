import logging

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.librispeech import (
    N_SPEAKERS,
    find_librispeech,
    hold_out,
    prepare_librispeech,
    read_genders,
)
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.trials import read_trials

# Like the real file: comments, aligned columns, a name with a bar.
SPEAKERS = """\
; Some pipe(|) separated metadata about all LibriSpeech speakers
;ID  |SEX| SUBSET           |MINUTES| NAME
14   | F | train-clean-360  | 25.03 | Kristin LeMoine
19   | F | train-clean-100  | 25.19 | Kara Shallenberg
60   | M | train-clean-100  | 20.18 | Peter | Yearsley
84   | F | dev-clean        |  8.02 | Christie Nowak
116  | M | dev-other        |  8.06 | J Hall
121  | F | test-clean       |  8.11 | Nikolle Doolin
367  | M | test-other       |  8.13 | Kathryn Reader
"""
TREE = {
    "train-clean-100": ("19", "60"),
    "train-clean-360": ("14",),
    "dev-clean": ("84",),
    "dev-other": ("116",),
    "test-clean": ("121",),
    "test-other": ("367",),
}


@pytest.fixture
def corpus(tmp_path):
    """One or two speakers per part, two chapters of three utterances."""
    root = tmp_path / "corpus" / "LibriSpeech"
    for part, speakers in TREE.items():
        for speaker in speakers:
            for chapter in ("100", "200"):
                folder = root / part / speaker / chapter
                folder.mkdir(parents=True)
                (folder / f"{speaker}-{chapter}.trans.txt").touch()
                for n in range(3):
                    path = folder / f"{speaker}-{chapter}-{n:04d}.flac"
                    soundfile.write(path, np.zeros(1600 + n), 16000)
    (root / "SPEAKERS.TXT").write_text(SPEAKERS)
    return tmp_path / "corpus"


def test_fact_rows(corpus):
    (corpus / "LibriSpeech/dev-clean/84/100/._84-100-0000.flac").touch()
    [row, *rest] = find_librispeech(corpus, ["dev-clean"])
    path = corpus / "LibriSpeech/dev-clean/84/100/84-100-0000.flac"
    assert row == Utterance(
        "84-100-0000", 0.1, str(path), 0, 1600, "84", "100", "f"
    )
    assert [other.session for other in rest] == ["100"] * 2 + ["200"] * 3
    both = find_librispeech(corpus / "LibriSpeech", ["test-other", "dev-clean"])
    assert [other.spk_id for other in both] == ["367"] * 6 + ["84"] * 6
    assert both[0].gender == "m"


def test_fact_genders(corpus):
    genders = read_genders(corpus / "LibriSpeech" / "SPEAKERS.TXT")
    assert genders["60"] == "m" and genders["14"] == "f" and len(genders) == 7


def test_fact_the_papers_speakers():
    assert sum(N_SPEAKERS.values()) == 2338 + 146


def test_laws_of_the_outputs(corpus, tmp_path):
    outputs = prepare_librispeech(
        corpus,
        tmp_path / "save",
        train_parts=["train-clean-100", "train-clean-360"],
    )
    rows = {
        name: read_manifest(outputs[f"{name}.csv"], corpus)
        for name in ("train", "seen", "dev", "test")
    }
    speakers = {name: {r.spk_id for r in part} for name, part in rows.items()}
    assert speakers["train"] == speakers["seen"] == {"14", "19", "60"}
    assert speakers["dev"] == {"84", "116"}
    assert speakers["test"] == {"121", "367"}
    ids = {name: {row.id for row in part} for name, part in rows.items()}
    assert not ids["train"] & ids["seen"]
    assert len(ids["train"]) == 3 * 4 and len(ids["seen"]) == 3 * 2
    for name in ("seen", "dev", "test"):
        by_id = {row.id: row for row in rows[name]}
        trials = read_trials(outputs[f"trials_{name}.txt"])
        assert sum(t.is_target for t in trials) * 2 == len(trials) > 0
        for is_target, enroll, test in trials:
            enroll, test = by_id[enroll], by_id[test]
            assert is_target == (enroll.spk_id == test.spk_id)
            assert not is_target or enroll.session != test.session
    assert str(corpus) not in outputs["train.csv"].read_text()


def test_fact_the_paper_tests_on_all_four_parts(corpus, tmp_path):
    parts = ("dev-clean", "dev-other", "test-clean", "test-other")
    outputs = prepare_librispeech(
        corpus, tmp_path / "save", dev_parts=(), test_parts=parts
    )
    assert set(outputs) == {
        "train.csv",
        "seen.csv",
        "test.csv",
        "trials_seen.txt",
        "trials_test.txt",
    }
    rows = read_manifest(outputs["test.csv"], corpus)
    assert {row.spk_id for row in rows} == {"84", "116", "121", "367"}


def test_law_seed_decides_and_a_second_call_does_nothing(corpus, tmp_path):
    outputs = prepare_librispeech(corpus, tmp_path / "a")
    before = outputs["train.csv"].stat().st_mtime_ns
    prepare_librispeech(corpus, tmp_path / "a")
    assert outputs["train.csv"].stat().st_mtime_ns == before
    same = prepare_librispeech(corpus, tmp_path / "b", n_threads=1)
    other = prepare_librispeech(corpus, tmp_path / "c", seed=3)
    texts = [
        [path.read_text() for path in found.values()]
        for found in (outputs, same, other)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_law_chapters_take_turns_in_what_is_held_out():
    sizes = {"ann": (7, 2, 1), "bob": (20,), "cyd": (3,)}
    rows = [
        Utterance(f"{s}{c}-{n}", 1.0, "x", 0, 16000, s, str(c))
        for s, chapters in sizes.items()
        for c, size in enumerate(chapters)
        for n in range(size)
    ]
    train, seen = hold_out(rows, share=0.3, seed=1)
    assert sorted(map(id, train + seen)) == sorted(map(id, rows))
    held = {s: [r.session for r in seen if r.spk_id == s] for s in sizes}
    # 30 % of 10, of 20, and of 3: two at least.
    assert held == {"ann": ["0", "1", "2"], "bob": ["0"] * 6, "cyd": ["0"] * 2}


def test_missing_speakers_are_warned_of(corpus, caplog):
    with caplog.at_level(logging.WARNING):
        find_librispeech(corpus, ["dev-clean"])
    assert "dev-clean has 1 speakers here, LibriSpeech's has 40" in caplog.text


def test_a_speaker_of_unknown_gender(corpus):
    path = corpus / "LibriSpeech" / "SPEAKERS.TXT"
    path.write_text("\n".join(SPEAKERS.splitlines()[:-1]))
    with pytest.raises(ValueError, match=r"1 speakers .* \(first: 367\)"):
        find_librispeech(corpus, ["test-other", "dev-clean"])


def test_malformed_genders(tmp_path):
    path = tmp_path / "SPEAKERS.TXT"
    path.write_text("14 | F | x\n15 | X | x\n16\n\n | M | x\n")
    with pytest.raises(ValueError, match="3 line.*line 2: '15 .*line 5: ' "):
        read_genders(path)


def test_no_genders(corpus):
    (corpus / "LibriSpeech" / "SPEAKERS.TXT").unlink()
    with pytest.raises(FileNotFoundError, match="no .*SPEAKERS.TXT, which"):
        find_librispeech(corpus, ["dev-clean"])


def test_a_part_that_is_not_there(corpus):
    with pytest.raises(FileNotFoundError, match="No audio of train-other-500"):
        find_librispeech(corpus, ["dev-clean", "train-other-500"])


def test_no_corpus(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*data_folder"):
        find_librispeech(tmp_path / "absent", ["dev-clean"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_parts": ["dev-clean"]}, "dev-clean is named twice"),
        ({"test_parts": ["test"]}, "no part test: use train-clean-100"),
        ({"train_parts": ()}, "train_parts is empty"),
        ({"seen_share": 1}, "seen_share is 1: choose"),
        ({"seen_share": 0.99}, "2 speakers have too few .* 19 has 6"),
    ],
)
def test_impossible_options(corpus, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        prepare_librispeech(corpus, tmp_path / "save", **options)
