"""What is kept of an export, and what never begins."""

import importlib.util

import pytest

from speechbrain_denokd.export.run import Wish, write_gated
from speechbrain_denokd.export.runtime import OnnxEmbedder
from tests.tiny import tiny_encoder


def test_fact_a_graph_of_another_model_leaves_no_file(ecapa, speech, tmp_path):
    path = tmp_path / "model.onnx"
    content = ecapa.path.read_bytes()

    def gated(encoder):
        return write_gated(
            path,
            lambda target: target.write_bytes(content),
            lambda target: OnnxEmbedder(target).run,
            encoder,
            speech,
        )

    with pytest.raises(ValueError, match="nothing was kept"):
        gated(tiny_encoder(seed=1))
    assert list(tmp_path.iterdir()) == []
    path.write_text("older")
    with pytest.raises(ValueError, match="nothing was kept"):
        gated(tiny_encoder(seed=1))
    assert path.read_text() == "older"
    assert gated(ecapa.encoder).min_cosine > 0.99999
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish("tflite"), "no format 'tflite'; use onnx, pt2, torchscript"),
        (Wish("onnx", "int4"), "no int8 of kind 'int4'"),
        (Wish("torchscript", "dynamic"), "is for ONNX"),
    ],
)
def test_fact_wishes_that_cannot_be_met(wish, message):
    with pytest.raises(ValueError, match=message):
        wish.check()


def test_fact_missing_packages_are_named_with_the_extra(monkeypatch):
    find = importlib.util.find_spec
    missing = {"onnxscript", "onnxruntime"}
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in missing else find(name),
    )
    with pytest.raises(ValueError, match=r"onnxruntime, onnxscript, .*\[onnx"):
        Wish("onnx").check()
    Wish("pt2").check()
