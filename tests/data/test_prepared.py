import pytest

from speechbrain_denokd.data.prepared import (
    begin_preparation,
    finish_preparation,
)


def test_fact_life_of_a_preparation(tmp_path, caplog):
    options, outputs = {"parts": ("a", "b"), "seed": 0}, ["train.csv"]
    assert begin_preparation(tmp_path, "a", options, outputs)
    (tmp_path / "train.csv").write_text("half")
    # Killed before the end: everything is done again.
    assert begin_preparation(tmp_path, "a", options, outputs)
    finish_preparation(tmp_path, "a", options)
    assert not begin_preparation(tmp_path, "a", options, outputs)
    # A lost output, then another option, make it run again.
    (tmp_path / "train.csv").unlink()
    assert begin_preparation(tmp_path, "a", options, outputs)
    finish_preparation(tmp_path, "a", options)
    assert begin_preparation(tmp_path, "a", options | {"seed": 1}, outputs)
    assert "made with other options" in caplog.text


def test_foreign_files_are_not_overwritten(tmp_path):
    (tmp_path / "train.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="train.csv exists.*save_folder"):
        begin_preparation(tmp_path, "a", {}, ["train.csv"])


def test_two_preparations_share_a_folder(tmp_path):
    for name in ("a", "b"):
        assert begin_preparation(tmp_path, name, {"of": name}, [f"{name}.csv"])
        (tmp_path / f"{name}.csv").write_text("ID")
        finish_preparation(tmp_path, name, {"of": name})
    for name in ("a", "b"):
        assert not begin_preparation(
            tmp_path, name, {"of": name}, [f"{name}.csv"]
        )
