"""The files of a scoring system."""

import json

import numpy as np
import pytest

from speechbrain_denokd.scoring.system_folder import (
    arrays_below,
    is_in,
    read_system_folder,
    write_system_folder,
)

SETTINGS = {"norm": {"kind": "z", "top_n": None}, "name": "ß", "x": 0.1}
ARRAYS = {
    "matrix": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "number": np.array(0.1),
    "single": np.linspace(0, 1, 5, dtype=np.float32),
}


@pytest.fixture
def folder(tmp_path):
    write_system_folder(tmp_path / "model", SETTINGS, ARRAYS)
    return tmp_path / "model"


def test_law_what_is_read_is_what_was_written(folder):
    settings, arrays = read_system_folder(folder)
    assert settings == SETTINGS
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (
            array.dtype,
            array.shape,
        )
        assert np.array_equal(arrays[name], array)


def test_law_no_arrays_are_arrays_too(tmp_path):
    write_system_folder(tmp_path, SETTINGS, {})
    assert read_system_folder(tmp_path)[1] == {}


def test_only_two_files_are_left(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "scoring.json",
        "scoring.safetensors",
    ]


def test_a_half_system_does_not_pass_for_none(folder):
    assert is_in(folder)
    assert not is_in(folder.parent)
    (folder / "scoring.json").unlink()
    assert is_in(folder)
    with pytest.raises(FileNotFoundError, match="has no scoring.json"):
        read_system_folder(folder)


def test_every_changed_byte_of_the_arrays_is_noticed(folder):
    path = folder / "scoring.safetensors"
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="is damaged, or not of the same"):
            read_system_folder(folder)


def test_files_of_two_systems_are_noticed(folder, tmp_path):
    write_system_folder(tmp_path, SETTINGS, {"matrix": np.zeros(3)})
    (tmp_path / "scoring.json").replace(folder / "scoring.json")
    with pytest.raises(ValueError, match="is damaged, or not of the same"):
        read_system_folder(folder)


def test_a_write_that_fails_leaves_the_old_system(folder):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_system_folder(folder, {"x": float("nan")}, {})
    assert read_system_folder(folder)[0] == SETTINGS


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "no JSON file"),
        ("[1]", "holds no settings"),
        ("{}", "format None, but this version reads format 1"),
        ('{"format": 2}', "format 2, but"),
        ('{"format": 1}', "lacks arrays_sha256"),
    ],
)
def test_damaged_settings_are_refused(folder, text, match):
    (folder / "scoring.json").write_text(text)
    with pytest.raises(ValueError, match=match):
        read_system_folder(folder)


def test_arrays_that_are_none_are_refused(folder):
    path = folder / "scoring.safetensors"
    path.write_bytes(b"text")
    settings = json.loads((folder / "scoring.json").read_text())
    # printf text | sha256sum
    settings["arrays_sha256"] = (
        "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    )
    (folder / "scoring.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="no safetensors file"):
        read_system_folder(folder)


def test_arrays_of_no_part_are_refused():
    with pytest.raises(ValueError, match=r"1 arrays .* \(first: 'b.x'\)"):
        arrays_below("a.", {"a.x": np.ones(1), "b.x": np.ones(1)})
