"""Noises and rooms out of one table."""

import pytest

from speechbrain_denokd.data.noise import read_noise
from speechbrain_denokd.data.noise_table import convert_noise_table

TABLE = """\
id,path,kind,split,duration,licence
d1,noise/dog.ogg,noise,train,2.5,CC0
m1,music/tune.ogg,music,eval,9.0,CC0
b1,babble/crowd.ogg,babble,train,4.0,CC0
r1,rir/hall.flac,rir_real,train,0.5,CC0
r2,rir/box.flac,rir_sim,eval,0.5,CC0
"""


def test_fact_training_rows_by_kind_with_absolute_paths(tmp_path):
    (tmp_path / "table.csv").write_text(TABLE)
    for name in ("noise/dog.ogg", "babble/crowd.ogg", "rir/hall.flac"):
        file = tmp_path / "audio" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    counts = convert_noise_table(
        tmp_path / "table.csv", tmp_path / "audio", tmp_path / "out"
    )
    assert counts == (2, 1)
    noises = read_noise(tmp_path / "out" / "noise.csv", "")
    assert [(row.id, row.kind, row.duration) for row in noises] == [
        ("d1", "noise", 2.5),
        ("b1", "babble", 4.0),
    ]
    assert noises[0].wav == str(tmp_path / "audio" / "noise" / "dog.ogg")
    rooms = read_noise(tmp_path / "out" / "rir.csv", "", default_kind="rir")
    assert [(row.id, row.kind) for row in rooms] == [("r1", "rir")]


def test_error_missing_columns(tmp_path):
    (tmp_path / "table.csv").write_text("name,path\na,b\n")
    with pytest.raises(ValueError, match=r"lacks .*'duration', 'id', 'kind'"):
        convert_noise_table(tmp_path / "table.csv", tmp_path, tmp_path)
