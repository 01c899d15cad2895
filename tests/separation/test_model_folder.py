"""The separator's folder: the same again, and nothing else is accepted."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from speechbrain_denokd.separation.identity import enrolled_from_folder
from speechbrain_denokd.separation.model import (
    SeparationModel,
    build_separator,
)
from speechbrain_denokd.separation.model_folder import (
    read_separator_folder,
    write_separator_folder,
)
from tests.separation.tiny import SIZES, tiny_model

TEACHER = "pretrained/sample_teacher"


@pytest.fixture
def folder(tmp_path):
    write_separator_folder(tmp_path / "model", tiny_model(), None)
    return tmp_path / "model"


def change(folder, **changes):
    path = folder / "separator.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | changes))


def change_size(folder, name, value):
    sizes = json.loads((folder / "separator.json").read_text())["separator"]
    change(folder, separator=sizes | {name: value})


def test_law_a_folder_loads_to_the_same_model(folder):
    model, loaded = tiny_model(), read_separator_folder(folder)
    assert not loaded.training
    wavs = torch.randn(1, 900)
    torch.testing.assert_close(
        loaded(wavs, torch.ones(1)).wavs, model(wavs, torch.ones(1)).wavs
    )


def test_law_the_encoder_travels_with_it(tmp_path):
    identity = enrolled_from_folder(TEACHER)
    model = SeparationModel(build_separator(identity, SIZES), identity).eval()
    write_separator_folder(tmp_path / "model", model, TEACHER)
    loaded = read_separator_folder(tmp_path / "model")
    inputs = torch.randn(1, 900), torch.ones(1), torch.randn(1, 2, 16000)
    torch.testing.assert_close(loaded(*inputs).wavs, model(*inputs).wavs)
    with pytest.raises(ValueError, match="speakers are enrolled: give the fol"):
        write_separator_folder(tmp_path / "other", model, None)


def test_law_an_older_folder_is_replaced_whole(folder):
    (folder / "left.over").touch()
    write_separator_folder(folder, tiny_model(), None)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model"]
    assert not (folder / "left.over").exists()


def test_an_encoder_that_is_missing_is_named(folder):
    change(folder, identity="enrolled")
    with pytest.raises(FileNotFoundError, match="no folder encoder"):
        read_separator_folder(folder)
    (folder / "encoder").mkdir()
    change(folder, identity="oracle")
    with pytest.raises(ValueError, match="'oracle'; it is one of: none, enro"):
        read_separator_folder(folder)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no separator.json"):
        read_separator_folder(TEACHER)


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("format", 2, "not of format 1"),
        ("sample_rate", 8000, "sample_rate is 8000"),
        ("separator", [1], "no mapping of sizes"),
        ("code", "import os", "code"),
    ],
)
def test_another_description_is_refused(folder, key, value, fault):
    change(folder, **{key: value})
    with pytest.raises(ValueError, match=fault):
        read_separator_folder(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lstm_dim", 10**9),
        ("lstm_dim", -1),
        ("lstm_dim", True),
        ("lstm_dim", "4"),
        ("dilations", 3),
        ("dilations", [1] * 1000),
        ("dilations", [0]),
        ("fusion", ["concat"]),
        ("power", "high"),
    ],
)
def test_sizes_that_no_separator_has_are_refused(folder, name, value):
    change_size(folder, name, value)
    with pytest.raises(ValueError, match=f"{name} is .* no separator has"):
        read_separator_folder(folder)


def test_an_unknown_size_is_named(folder):
    change_size(folder, "depth", 3)
    with pytest.raises(ValueError, match="'depth'"):
        read_separator_folder(folder)


def test_weights_that_do_not_fit_are_refused(folder):
    change_size(folder, "lstm_dim", 5)
    with pytest.raises(ValueError, match="does not fit separator.json"):
        read_separator_folder(folder)


def test_damaged_weights_are_refused(folder):
    path = folder / "separator.safetensors"
    weights = load_file(path)
    name = "network.lstm.weight_hh_l0"
    save_file(weights | {name: weights[name].half()}, path)
    with pytest.raises(ValueError, match=f"{name} as torch.float16"):
        read_separator_folder(folder)
    save_file(weights | {"more": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="1 tensors .*first: more"):
        read_separator_folder(folder)
    torch.save(weights, path)
    with pytest.raises(ValueError, match="no safetensors file"):
        read_separator_folder(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no .*separator.safetensors"):
        read_separator_folder(folder)


def test_a_damaged_description_is_refused(folder):
    path = folder / "separator.json"
    path.write_bytes(b"\xff{")
    with pytest.raises(ValueError, match="no JSON file"):
        read_separator_folder(folder)
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="200,000 bytes, more than"):
        read_separator_folder(folder)
