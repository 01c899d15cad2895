"""An exported graph as extraction's function."""

import builtins
import sys

import numpy as np
import pytest

from speechbrain_denokd.extraction.graph import Graph, is_graph


@pytest.fixture
def graph(exported):
    return Graph(exported.graph, 1)


def test_facts_what_counts_as_a_graph(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    found = [
        is_graph(name)
        for name in ("a.onnx", "A.ONNX", "a.pt2", tmp_path / "folder.onnx")
    ]
    assert found == [True, True, False, False]


def test_law_no_recording_affects_another(graph):
    rng = np.random.default_rng(0)
    wavs = [
        rng.standard_normal(n).astype(np.float32) / 10
        for n in (2000, 30000, 16000)
    ]
    together = graph(wavs)
    for wav, row in zip(wavs, together, strict=True):
        np.testing.assert_array_equal(graph([wav])[0], row)


def test_what_is_too_short_is_refused(graph):
    with pytest.raises(ValueError, match="1599 samples, but at least 1600"):
        graph([np.ones(9000, np.float32), np.ones(1599, np.float32)])


def test_damaged_files_and_foreign_graphs_are_named(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ValueError, match="a.onnx cannot be read as a graph"):
        Graph(path, 1)
    onnx = pytest.importorskip("onnx")
    foreign = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]> '
        "toy (float[N] x) => (float[N] y) { y = Relu(x) }"
    )
    onnx.save_model(foreign, path)
    with pytest.raises(ValueError, match="a.onnx is of format None"):
        Graph(path, 1)


def test_a_missing_package_is_named(monkeypatch):
    """As if onnxruntime were not installed."""
    imported = builtins.__import__

    def without(name, *args):
        if name == "onnxruntime":
            raise ImportError(name)
        return imported(name, *args)

    monkeypatch.delitem(
        sys.modules, "speechbrain_denokd.export.runtime", raising=False
    )
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"needs onnxruntime: run .*\[onnx\]"):
        Graph("a.onnx", 1)
