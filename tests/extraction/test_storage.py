"""Embeddings on disk and back."""

import importlib
import zipfile

import kaldiio
import numpy as np
import pyarrow.parquet
import pytest

from speechbrain_denokd.extraction.storage import (
    SUFFIXES,
    Embeddings,
    check_output,
    read_embeddings,
    write_embeddings,
)

IDS = ["b/1.wav", "ä/2.wav", "c"]
VECTORS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)


def blocks():
    yield Embeddings(IDS[:2], VECTORS[:2])
    yield Embeddings([], np.zeros((0, 0), np.float32))
    yield Embeddings(IDS[2:], VECTORS[2:])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_law_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"new/a{suffix}"
    write_embeddings(path, blocks)
    found = read_embeddings(path)
    assert found.ids == IDS
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert not list(tmp_path.glob("**/*partial*"))


def test_reference_other_tools_read_the_files(tmp_path):
    for suffix in SUFFIXES:
        write_embeddings(tmp_path / f"a{suffix}", blocks)
    with np.load(tmp_path / "a.npz") as arrays:
        assert sorted(arrays) == ["embeddings", "ids"]
        assert arrays["ids"].tolist() == IDS
        np.testing.assert_array_equal(arrays["embeddings"], VECTORS)
    scp = kaldiio.load_scp(str(tmp_path / "a.scp"))
    assert list(scp) == IDS
    np.testing.assert_array_equal(scp[IDS[1]], VECTORS[1])
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table["id"].to_pylist() == IDS
    assert table["embedding"].to_pylist() == VECTORS.tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_law_an_older_file_stands_until_the_new_one_is_whole(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_embeddings(path, blocks)

    def failing():
        yield next(blocks())
        raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"):
        write_embeddings(path, failing)
    assert read_embeddings(path).ids == IDS


def test_fact_more_than_four_gigabytes_would_fit(tmp_path):
    path = tmp_path / "a.npz"
    write_embeddings(path, blocks)
    with zipfile.ZipFile(path) as archive:
        # Version 4.5 of the format is the first with 64-bit sizes.
        assert {info.extract_version for info in archive.infolist()} == {45}


def test_outputs_that_could_not_be_written(monkeypatch):
    with pytest.raises(ValueError, match=r"a\.csv: .* \.npz, \.ark, \.parq"):
        check_output("a.csv", [])
    with pytest.raises(ValueError, match="2 IDs have white space.*'a b'; ''"):
        check_output("a.ark", ["a", "a b", ""])
    check_output("a.npz", ["a b"])

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    for suffix, library in ((".ark", "kaldiio"), (".parquet", "pyarrow")):
        with pytest.raises(ValueError, match=f"pip install {library}"):
            check_output(f"a{suffix}", [])
    check_output("a.npz", [])


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no embeddings at .*a\.npz"):
        read_embeddings(tmp_path / "a.npz")
