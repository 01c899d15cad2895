"""Each ailment, in a list that is healthy otherwise."""

import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trial_doctor import examine_files, examine_trials
from speechbrain_denokd.data.trials import Trial, parse_trials


def utterance(name, wav=None, session=""):
    wav = wav or f"/corpus/{name[0]}/{name}.wav"
    return Utterance(name, 2.0, wav, 0, 32000, name[0], session)


ROWS = [
    utterance(name, session=session)
    for name, session in [
        ("a1", "x"),
        ("a2", "y"),
        ("a3", "x"),
        ("b1", "x"),
        ("b2", "y"),
        ("c1", "x"),
    ]
]
HEALTHY = [
    Trial(True, "a1", "a2"),
    Trial(True, "b1", "b2"),
    Trial(False, "a1", "b1"),
    Trial(False, "a2", "c1"),
]


def examine(trials, rows=ROWS, **settings):
    settings.setdefault("check_audio", False)
    return examine_trials(trials, rows, **settings)


def ailments(report):
    """Name, number and text of everything that is no fact."""
    return {
        found.name: (found.severity, found.values.get("count", 0), found.text)
        for found in report.findings
        if found.severity != "fact"
    }


def test_fact_a_healthy_list():
    report = examine(HEALTHY, train_speakers=["d"], other=HEALTHY[::-1])
    assert ailments(report) == {}
    assert not report.has_errors
    assert report.values("compared_with_the_other_list") == {
        "n_common": 4,
        "n_here": 0,
        "n_there": 0,
    }


@pytest.mark.parametrize(
    "more, name, severity, text",
    [
        (
            [Trial(True, "a2", "a2")],
            "same_utterance",
            "error",
            "1 of 5 trials. An utterance meets itself: a2 a2.",
        ),
        (
            [Trial(True, "a2", "b2"), Trial(False, "a3", "a2")],
            "contradicted_labels",
            "error",
            "2 of 6 trials. Their labels contradict the speakers in the "
            "manifest: target a2 b2 of a and b; nontarget a3 a2 of a and a.",
        ),
        (
            [Trial(True, "a1", "nobody"), Trial(False, "z/nobody", "nobody")],
            "unknown_names",
            "error",
            "2 of 7 names. They fit no row of the manifest: nobody; z/nobody.",
        ),
        (
            [Trial(True, "a1", "a3")],
            "same_session",
            "warning",
            "1 of 3 target trials of known sessions. Both sides share the "
            "session, so room and microphone too: a1 a3.",
        ),
        (
            [Trial(True, "a1", "a/a2.wav"), Trial(True, "a1", "a2")],
            "repeated_trials",
            "warning",
            "2 of 6 trials. They repeat an earlier trial: a1 a2; a1 a2.",
        ),
        (
            [Trial(False, "c1", "a2")],
            "swapped_trials",
            "warning",
            "1 of 4 pairs. They are listed in both orders, so a symmetric "
            "score counts twice: a2 c1.",
        ),
    ],
)
def test_fact_an_ailment_is_the_only_one(more, name, severity, text):
    found = ailments(examine([*HEALTHY, *more]))
    assert list(found) == [name]
    assert found[name][0] == severity and found[name][2] == text


@pytest.mark.parametrize("pair", [("a1", "b1"), ("b1", "a1")])
def test_fact_a_pair_with_both_labels(pair):
    found = ailments(examine([*HEALTHY, Trial(True, *pair)]))
    severity, count, text = found["conflicting_labels"]
    assert (severity, count) == ("error", 1)
    assert text.endswith("listed with both labels: a1 b1.")
    kind = "repeated_trials" if pair == ("a1", "b1") else "swapped_trials"
    assert set(found) == {"conflicting_labels", "contradicted_labels", kind}


def test_fact_two_rows_of_one_file():
    rows = [*ROWS, utterance("a4", wav=ROWS[0].wav)]
    found = ailments(examine([*HEALTHY, Trial(True, "a1", "a4")], rows))
    assert list(found) == ["same_file"]
    assert found["same_file"][:2] == ("warning", 1)
    # The file's name is either of its rows.
    trial = Trial(True, "a/a1.wav", "a2")
    found = ailments(examine([*HEALTHY, trial], rows))
    assert list(found) == ["ambiguous_names"]
    assert found["ambiguous_names"][:2] == ("error", 1)


def test_fact_speakers_seen_in_training_are_named():
    rows = [*ROWS, utterance("d1")]  # d takes no part in a trial
    report = examine(HEALTHY, rows, train_speakers=["d", "c", "a", "z"])
    assert ailments(report) == {
        "training_speakers": (
            "warning",
            2,
            "2 of 3 speakers. The system was trained on them, so its error "
            "rates look too good: a; c.",
        )
    }


def test_fact_missing_files_are_counted_once(tmp_path):
    rows = [
        utterance("a1", wav=str(tmp_path / "here.wav")),
        utterance("a2", wav=str(tmp_path / "gone.wav")),
        utterance("b1", wav=str(tmp_path / "gone.wav")),
        utterance("b2", wav=str(tmp_path / "unused.wav")),
    ]
    (tmp_path / "here.wav").touch()
    trials = [Trial(True, "a1", "a2"), Trial(False, "a1", "b1")]
    found = ailments(examine(trials, rows, check_audio=True))
    severity, count, text = found["missing_audio"]
    assert (severity, count) == ("error", 1)
    assert text == f"1 of 2 files. They are not on disk: {rows[1].wav}."


def test_fact_more_files_than_a_block(tmp_path):
    rows = [utterance(f"a{i}", str(tmp_path / f"{i}")) for i in range(1203)]
    trials = [Trial(True, "a0", row.id) for row in rows]
    report = examine(trials, rows, check_audio=True)
    assert report.values("missing_audio") == {"count": 1203, "of": 1203}


def test_fact_malformed_lines_count_among_the_lines(tmp_path):
    path = tmp_path / "trials.txt"
    path.write_text("1 a1 a2\na1 a2\n0 a1 b1\n1 a b c\n")
    trials, problems = parse_trials(path)
    found = ailments(examine(trials, malformed=problems))
    assert found == {
        "malformed_lines": (
            "error",
            2,
            "2 of 4 lines. They are not 'label enroll test': line 2: 2 words, "
            "not 3; line 4: 4 words, not 3.",
        )
    }


@pytest.mark.parametrize(
    "trials, text",
    [
        (HEALTHY[:2], "2 target and 0 nontarget trials"),
        (HEALTHY[2:], "0 target and 2 nontarget trials"),
        ([], "0 target and 0 nontarget trials"),
    ],
)
def test_fact_a_class_without_trials_is_an_error(trials, text):
    [error] = examine(trials).of("error")
    assert error.name == "one_class" and error.text.startswith(text)


def test_fact_comparison_with_another_list():
    other = [
        Trial(True, "a/a2.wav", "a1"),  # the same, by another name, swapped
        Trial(False, "b1", "b2"),  # another label
        Trial(True, "a2", "a3"),  # only there
        Trial(True, "nobody", "a1"),  # only there, in no manifest
    ]
    report = examine(HEALTHY, other=other)
    assert report.values("compared_with_the_other_list") == {
        "n_common": 2,
        "n_here": 2,
        "n_there": 2,
    }
    found = ailments(report)
    assert list(found) == ["labels_unlike_the_other_list"]
    severity, count, text = found["labels_unlike_the_other_list"]
    assert (severity, count) == ("warning", 1)
    assert text == "1 of 2 common pairs. Their labels differ: b1 b2."


def test_fact_the_page_names_what_was_found():
    report = examine([*HEALTHY, Trial(True, "a2", "a2")])
    page = report.as_markdown()
    assert "Errors: 1. Warnings: 0." in page
    assert "- **same utterance**: 1 of 5 trials." in page
    assert "5: 3 target, 2 nontarget" in page


def test_fact_the_bundled_list_is_healthy():
    root = "tests/samples"
    report = examine_files(
        f"{root}/trials_test.txt", f"{root}/test.csv", root, f"{root}/train.csv"
    )
    assert ailments(report) == {}
    assert report.values("trials") == {"n_targets": 360, "n_nontargets": 1440}


def test_fact_ill_files_are_read(tmp_path):
    lines = ["ID,duration,wav,start,stop,spk_id", "a1,1,{data_root}/a.wav,,,a"]
    (tmp_path / "test.csv").write_text("\n".join(lines))
    (tmp_path / "trials.txt").write_text("1 a.wav a1\na1\n")
    (tmp_path / "other.txt").write_text("0 a1 a1\n1 a1\n")
    report = examine_files(
        tmp_path / "trials.txt",
        tmp_path / "test.csv",
        tmp_path,
        tmp_path / "test.csv",
        tmp_path / "other.txt",
    )
    assert {name: found[:2] for name, found in ailments(report).items()} == {
        "malformed_lines": ("error", 1),
        "one_class": ("error", 0),
        "missing_audio": ("error", 1),
        "same_utterance": ("error", 1),
        "training_speakers": ("warning", 1),
        "labels_unlike_the_other_list": ("warning", 1),
    }


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no trial list"):
        examine_files(tmp_path / "absent", "tests/samples/test.csv", tmp_path)
