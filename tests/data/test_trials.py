import pytest

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.data.trials import (
    Trial,
    match_names,
    parse_trials,
    read_trials,
    resolve_trials,
    speakers_in_training,
    trials_text,
    write_trials,
)


def utterance(name, wav):
    return Utterance(name, 1.0, wav, 0, 16000, "s")


def write(tmp_path, text):
    path = tmp_path / "trials.txt"
    path.write_text(text)
    return path


def test_fact_both_ways_to_label(tmp_path):
    path = write(tmp_path, "1 a b\n\n0 a c\ntarget  c\td\nnontarget b c\n")
    assert read_trials(path) == [
        Trial(True, "a", "b"),
        Trial(False, "a", "c"),
        Trial(True, "c", "d"),
        Trial(False, "b", "c"),
    ]


def test_law_written_is_read(tmp_path):
    trials = [Trial(True, "a", "b"), Trial(False, "a", "c")]
    write_trials(tmp_path / "t.txt", trials)
    assert read_trials(tmp_path / "t.txt") == trials


def test_malformed_lines_are_counted_and_five_named(tmp_path):
    lines = ["1 a b", "a b", "2 a b", "a b target", *["x"] * 4]
    path = write(tmp_path, "\n".join(lines))
    with pytest.raises(ValueError, match=r"7 line\(s\) are not") as caught:
        read_trials(path)
    text = str(caught.value)
    assert "line 2: 2 words, not 3; line 3: unknown label '2'" in text
    assert "line 4: unknown label 'a'" in text
    assert "and 2 more" in text and "line 7" not in text


@pytest.mark.parametrize(
    "text, counts",
    [
        ("1 a b\n", "1 target and 0 nontarget"),
        ("0 a b\n0 a c\n", "0 target and 2 nontarget"),
        ("", "0 target and 0 nontarget"),
    ],
)
def test_a_class_without_trials(tmp_path, text, counts):
    with pytest.raises(ValueError, match=counts):
        read_trials(write(tmp_path, text))


@pytest.mark.parametrize("read", [read_trials, parse_trials])
def test_missing_list(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="no trial list"):
        read(tmp_path / "absent.txt")


def test_fact_what_is_well_formed_can_be_parsed(tmp_path):
    path = write(tmp_path, "1 a b\n1 a\n\n2 a b\ntarget b c\n")
    assert parse_trials(path) == (
        [Trial(True, "a", "b"), Trial(True, "b", "c")],
        ["line 2: 2 words, not 3", "line 4: unknown label '2'"],
    )


def test_fact_text_of_trials():
    trials = iter([Trial(True, "a", "b"), Trial(False, "c", "d")])
    assert trials_text(trials) == "1 a b\n0 c d\n"


def test_names_with_spaces_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="'a b' cannot stand in a trial"):
        write_trials(tmp_path / "t.txt", [Trial(True, "a b", "c")])
    assert not (tmp_path / "t.txt").exists()


def test_fact_every_way_to_name_an_utterance():
    rows = [
        utterance("u1", "/corpus/vox1/test/wav/id10270/v/00001.flac"),
        utterance("u2", "/corpus/vox1/test/wav/id10271/v/00001.flac"),
    ]
    for name in (
        "u1",
        "/corpus/vox1/test/wav/id10270/v/00001.flac",
        "vox1/test/wav/id10270/v/00001.flac",
        "id10270/v/00001.wav",
        "id10270/v/00001",
    ):
        resolved = resolve_trials([Trial(True, name, "u2")], rows, "/corpus")
        assert resolved == [Trial(True, "u1", "u2")]


@pytest.mark.parametrize("root", ["/corpus", "/corpus/", "//corpus/."])
def test_fact_paths_are_compared_by_their_parts(root):
    rows = [utterance("u1", f"{root}/wav//a/./1.wav")]
    assert match_names(["wav/a/1.wav"], rows, root) == {"wav/a/1.wav": ["u1"]}
    # An absolute name is not the end of another path.
    assert match_names(["/wav/a/1.wav"], rows, root) == {"/wav/a/1.wav": []}


def test_fact_a_path_below_the_corpus_folder_wins_over_one_elsewhere():
    rows = [utterance("u1", "/corpus/a/1.wav"), utterance("u2", "/old/a/1.wav")]
    assert match_names(["a/1.wav"], rows) == {"a/1.wav": ["u1", "u2"]}
    assert match_names(["a/1.wav"], rows, "/corpus") == {"a/1.wav": ["u1"]}


def test_fact_a_name_fits_none_one_or_several_rows():
    rows = [utterance("u2", "/c/y/1.wav"), utterance("u1", "/c/x/1.wav")]
    assert match_names(["1.wav", "y/1", "z/1", "1.wav"], rows) == {
        "1.wav": ["u1", "u2"],
        "y/1": ["u2"],
        "z/1": [],
    }


def test_names_with_dots_keep_them():
    rows = [utterance("u1", "/c/a.b.wav"), utterance("u2", "/c/a.c.wav")]
    trial = Trial(False, "a.b.wav", "a.c")
    assert resolve_trials([trial], rows) == [Trial(False, "u1", "u2")]


def test_all_missing_and_ambiguous_names_in_one_error():
    rows = [utterance("u1", "/c/x/1.wav"), utterance("u2", "/c/y/1.wav")]
    trials = [Trial(True, "1.wav", "u1")]
    trials += [Trial(False, "u1", f"z/{n}.wav") for n in range(6)]
    with pytest.raises(ValueError, match="7 of 8 names") as caught:
        resolve_trials(trials, rows)
    text = str(caught.value)
    assert "1.wav may be u1 or u2; z/0.wav is not in the manifest" in text
    assert "and 2 more" in text


def test_fact_speakers_in_training():
    assert speakers_in_training(["b", "a", "b"], {"b", "d"}) == ["b"]
    assert speakers_in_training(["a"], ["d"]) == []
