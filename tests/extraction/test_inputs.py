"""Sources of recordings: what is listed, under which IDs."""

import pytest

from speechbrain_denokd.extraction.inputs import (
    Item,
    items_fingerprint,
    read_items,
)


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_fact_a_folder_is_listed_to_its_bottom_and_sorted(tmp_path):
    touch(
        tmp_path,
        "b/2.wav",
        "b/10.FLAC",
        "a/x/1.opus",
        "c.m4a",
        "a/notes.txt",
        "a/.1.wav",
        "folder.wav/3.mp3",
    )
    assert [item.id for item in read_items(tmp_path)] == [
        "c.m4a",
        "a/x/1.opus",
        "b/10.FLAC",
        "b/2.wav",
        "folder.wav/3.mp3",
    ]
    assert read_items(tmp_path)[1].path == str(tmp_path / "a/x/1.opus")


def test_fact_a_manifest_gives_ids_and_stretches(tmp_path):
    path = written(
        tmp_path / "a.csv",
        "ID,duration,wav,start,stop,spk_id\n"
        "u1,1.0,{data_root}/a.wav,8000,24000,ann\n"
        "u2,1.0,/elsewhere/b.wav,,,ben\n",
    )
    assert read_items(path, "corpus") == [
        Item("u1", "corpus/a.wav", 8000, 24000),
        Item("u2", "/elsewhere/b.wav", 0, None),
    ]


def test_fact_a_scp_names_and_a_list_does_not(tmp_path):
    scp = written(tmp_path / "wav.scp", "u1  my take.wav\n\nu2\t/b.wav\n")
    assert read_items(scp, "root") == [
        Item("u1", "root/my take.wav"),
        Item("u2", "/b.wav"),
    ]
    plain = written(tmp_path / "list.txt", "\ufeffmy take.wav\n /b.wav \n")
    assert read_items(plain, "root") == [
        Item("my take.wav", "root/my take.wav"),
        Item("/b.wav", "/b.wav"),
    ]


def test_fact_one_file_is_a_source(tmp_path):
    touch(tmp_path, "a.wav")
    assert read_items(tmp_path / "a.wav") == [
        Item("a.wav", str(tmp_path / "a.wav"))
    ]


def test_ids_that_come_twice_are_counted_and_named(tmp_path):
    path = written(tmp_path / "wav.scp", "u1 a\nu2 b\nu1 c\nu1 d\n")
    with pytest.raises(ValueError, match=r"2 IDs come again: 'u1'; 'u1'; .*"):
        read_items(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("wav.scp", "u1 a.wav\nu2\n", "1 of 2 lines .*line 2 has no path"),
        ("wav.scp", "u1 sox a.wav |\n", "line 1 is a command"),
        ("list.txt", "\n\n", "lists no recordings"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        read_items(written(tmp_path / name, text))


def test_other_things_are_no_source(tmp_path):
    with pytest.raises(ValueError, match="lists no recordings"):
        read_items(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder, manifest or list"):
        read_items(tmp_path / "nowhere")
    (tmp_path / "list.bin").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ValueError, match="not a text file"):
        read_items(tmp_path / "list.bin")


def test_law_the_fingerprint_sees_every_field_and_the_order():
    items = [Item("u1", "a"), Item("u2", "b", 0, 9)]
    others = [
        items[::-1],
        items[:1],
        [Item("u1", "b"), items[1]],
        [items[0], Item("u2", "b", 1, 9)],
        [items[0], Item("u2", "b", 0, None)],
    ]
    hashes = [items_fingerprint(other) for other in (items, *others)]
    assert len(set(hashes)) == len(hashes)
    assert items_fingerprint(list(items)) == hashes[0]
