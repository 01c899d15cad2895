"""Which model embeds: its identity, and what it is loaded as."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from speechbrain_denokd import bfloat16
from speechbrain_denokd.extraction.model import find_model
from speechbrain_denokd.scoring.fingerprints import folder_fingerprint


@pytest.fixture
def folder(exported):
    return exported.folder


@pytest.fixture
def graph(exported):
    return exported.graph


def test_fact_identities_by_hand(folder, graph):
    sha256 = folder_fingerprint(folder)
    assert find_model(folder, precision="bf16").identity == {
        "model_sha256": sha256,
        "precision": "bf16",
    }
    assert find_model(graph).identity == {
        "model_sha256": hashlib.sha256(Path(graph).read_bytes()).hexdigest(),
        "exported_from": sha256,
        "precision": "float32",
    }


def test_fact_emulated_bfloat16_is_warned_of(folder, monkeypatch, caplog):
    """Embedding in it takes ten times as long as without the option."""
    monkeypatch.setattr(bfloat16, "_cpu_has_bfloat16", lambda: False)
    find_model(folder)
    assert caplog.text == ""
    find_model(folder, precision="bf16")
    assert "slower than --precision=fp32" in caplog.text


def test_reference_folder_and_graph_embed_alike(folder, graph):
    rng = np.random.default_rng(0)
    wavs = [
        rng.standard_normal(n).astype(np.float32) / 10
        for n in (1600, 9000, 33333)
    ]
    one, two = find_model(folder).load(), find_model(graph).load()
    np.testing.assert_allclose(one(wavs), two(wavs), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("folder", {"precision": "fp64"}, "no precision 'fp64'"),
        ("graph", {"device": "cuda"}, "on the CPU, not on device 'cuda'"),
        ("graph", {"precision": "bf16"}, "exported with, so 'bf16' cannot"),
        ("nowhere.onnx", {}, "there is no model nowhere.onnx"),
        ("nowhere", {}, "no model folder at nowhere"),
    ],
)
def test_what_cannot_be_had_is_said(request, model, settings, message):
    if not model.startswith("nowhere"):
        model = request.getfixturevalue(model)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        find_model(model, **settings)


def test_law_a_folder_is_loaded_only_when_its_model_is_needed(
    folder, monkeypatch
):
    def never(*args):
        raise AssertionError

    monkeypatch.setattr(
        "speechbrain_denokd.extraction.model.read_model_folder", never
    )
    found = find_model(folder)
    with pytest.raises(AssertionError):
        found.load()


def test_fact_threads_that_call_do_not_share_cores(graph, monkeypatch):
    from speechbrain_denokd.export import runtime

    given = []
    init = runtime.OnnxEmbedder.__init__

    def watched(self, path, n_threads):
        given.append(n_threads)
        init(self, path, n_threads)

    monkeypatch.setattr(runtime.OnnxEmbedder, "__init__", watched)
    monkeypatch.setattr(
        "speechbrain_denokd.extraction.model.default_threads", lambda: 2
    )
    find_model(graph, n_threads=2)
    find_model(graph, n_threads=1)
    assert given == [1, 2]
