import logging

import pytest

from speechbrain_denokd.data.voxceleb_files import (
    find_recordings,
    warn_if_incomplete,
)


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_fact_parts_of_the_usual_layouts(tmp_path):
    touch(
        tmp_path,
        "voxceleb1/dev/wav/id10001/v-1/00001.wav",
        "voxceleb1/dev/wav/id11251/v-1/00001.wav",
        "voxceleb1/test/wav/id10270/v_1/00002.wav",
        "wav/id10309/v1/00001.flac",
        "latest/vox2/dev/aac/id00012/v1/00001.m4a",
        "vox2_test/aac/id00017/v1/00001.m4a",
        "vox2/dev/mp4/id00012/v1/00001.mp4",
        "wav/id10309/v1/00001.txt",
    )
    assert {row.id: row.part for row in find_recordings(tmp_path)} == {
        "id10001--v-1--00001": "vox1_dev",
        "id11251--v-1--00001": "vox1_dev",
        "id10270--v_1--00002": "vox1_test",
        "id10309--v1--00001": "vox1_test",
        "id00012--v1--00001": "vox2_dev",
        "id00017--v1--00001": "vox2_test",
    }


def test_wav_counts_before_aac(tmp_path):
    touch(
        tmp_path,
        "dev/aac/id00012/v/00001.m4a",
        "dev/aac/id00012/v/00002.m4a",
        "dev/wav/id00012/v/00001.wav",
    )
    rows = find_recordings(tmp_path)
    assert [row.is_aac for row in rows] == [False, True]
    assert rows[0].wav.endswith("dev/wav/id00012/v/00001.wav")
    assert (rows[0].spk_id, rows[0].session) == ("id00012", "v")


def test_two_copies(tmp_path):
    touch(tmp_path, "a/id00012/v/1.wav", "b/id00012/v/1.wav")
    with pytest.raises(ValueError, match="1 utterances lie in two places.*b/"):
        find_recordings(tmp_path)


def test_no_corpus(tmp_path):
    with pytest.raises(FileNotFoundError, match="No VoxCeleb speaker folder"):
        find_recordings(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder .*data_folder"):
        find_recordings(tmp_path / "absent")


def test_incomplete_parts_are_said(tmp_path, caplog):
    touch(tmp_path, "wav/id10270/v/1.wav")
    with caplog.at_level(logging.WARNING):
        warn_if_incomplete(find_recordings(tmp_path), ["vox1_test"])
    assert "vox1_test has 1 speakers here, VoxCeleb's has 40" in caplog.text
