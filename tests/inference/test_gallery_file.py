"""The file of a gallery: what is read is what was written, or refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from speechbrain_denokd.inference.gallery_file import (
    GalleryFile,
    encoder_fingerprint,
    read_gallery_file,
    write_gallery_file,
)

ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)
RECORD = {
    "format": 1,
    "names": ["ann", "bob"],
    "counts": [1, 2],
    "model_sha256": "ab",
}


def damaged(path, rows=ROWS, **changes):
    header = {"gallery": json.dumps(RECORD | changes)}
    save_file({"embeddings": rows}, path, header)
    return path


def test_law_what_is_written_is_read(tmp_path):
    path = tmp_path / "people.safetensors"
    written = GalleryFile(["ann", "bob"], [1, 2], ROWS, "ab")
    write_gallery_file(path, written)
    found = read_gallery_file(path)
    assert found[:2] == written[:2] and found.model_sha256 == "ab"
    np.testing.assert_array_equal(found.embeddings, ROWS)
    assert [p.name for p in tmp_path.iterdir()] == ["people.safetensors"]


def test_fact_a_good_record_is_read(tmp_path):
    found = read_gallery_file(damaged(tmp_path / "a"))
    assert found.names == ["ann", "bob"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "of format 2"),
        ({"names": ["ann"]}, "do not belong together"),
        ({"names": ["ann", "ann"]}, "do not belong together"),
        ({"names": [1, 2]}, "do not belong together"),
        ({"names": 7}, "do not belong together"),
        ({"counts": [1, 1]}, "do not belong together"),
        ({"counts": [0, 3]}, "do not belong together"),
        ({"counts": [True, 2]}, "do not belong together"),
        ({"model_sha256": None}, "do not belong together"),
        ({"rows": np.full((3, 2), np.nan, np.float32)}, "do not belong"),
        ({"rows": ROWS.astype(np.float64)}, "do not belong"),
        ({"more": 1}, "unexpected"),
    ],
)
def test_fact_a_damaged_file_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        read_gallery_file(damaged(tmp_path / "a", **changes))


def test_fact_what_is_no_gallery_is_refused(tmp_path):
    path = tmp_path / "people.safetensors"
    save_file({"embeddings": ROWS}, path)
    with pytest.raises(ValueError, match="holds no gallery"):
        read_gallery_file(path)
    for header in ("{", "[1]"):
        save_file({"embeddings": ROWS}, path, {"gallery": header})
        with pytest.raises(ValueError, match="the header of"):
            read_gallery_file(path)
    whole = damaged(path).read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(ValueError, match="may be truncated"):
        read_gallery_file(path)


def test_fact_the_fingerprint_sees_weights_and_yaml_alone(tmp_path):
    names = ["hyperparams.yaml", "embedding_model.ckpt", "scoring.safetensors"]
    for name in names:
        (tmp_path / name).write_text(name)
    before = encoder_fingerprint(tmp_path)
    (tmp_path / "scoring.safetensors").write_text("calibrated")
    assert encoder_fingerprint(tmp_path) == before
    for name in names[:2]:
        (tmp_path / name).write_text("another")
        after = encoder_fingerprint(tmp_path)
        assert after != before
        before = after
    (tmp_path / "embedding_model.ckpt").unlink()
    with pytest.raises(FileNotFoundError, match="embedding_model.ckpt"):
        encoder_fingerprint(tmp_path)
