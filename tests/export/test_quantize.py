"""Graphs with 8-bit weights."""

import numpy as np
import onnx
import pytest

from speechbrain_denokd.export.onnx import read_metadata
from speechbrain_denokd.export.parity import compare_embeddings
from speechbrain_denokd.export.quantize import (
    KINDS,
    quantize,
    store_weights_in_8_bits,
)
from speechbrain_denokd.export.runtime import OnnxEmbedder

BASIS = "encoder.front_end.fbank.compute_STFT.basis"


@pytest.mark.parametrize("name", ["ecapa", "redimnet"])
@pytest.mark.parametrize("kind", KINDS)
def test_fact_small_graphs_are_near_and_say_what_they_are(
    name, kind, speech, tmp_path, request
):
    source = request.getfixturevalue(name).path
    target = tmp_path / "small.onnx"
    quantize(source, target, kind, speech if kind == "static" else ())
    model = OnnxEmbedder(target)
    pairs = [one.embed(speech) for one in (OnnxEmbedder(source), model)]
    # Eight bits do change something, but not what a recording sounds like.
    assert 0.97 < compare_embeddings(*pairs).min_cosine < 0.9999999
    expected = read_metadata(onnx.load(source))
    expected["precision"] = f"int8 {kind}"
    assert model.metadata == expected


@pytest.mark.parametrize("kind", KINDS)
def test_fact_the_front_end_keeps_its_floats(ecapa, kind, speech, tmp_path):
    quantize(ecapa.path, tmp_path / "small.onnx", kind, speech[:2])
    model = onnx.load(tmp_path / "small.onnx")
    types = {t.name: t.data_type for t in model.graph.initializer}
    assert types[BASIS] == onnx.TensorProto.FLOAT
    eight_bits = onnx.TensorProto.INT8, onnx.TensorProto.UINT8
    assert set(eight_bits) & set(types.values())
    assert (tmp_path / "small.onnx").stat().st_size < ecapa.path.stat().st_size


def test_law_a_stored_weight_is_off_by_half_a_step_of_its_channel():
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.uniform(-3, 3, (32, 1, 1))
    weight = (scales * rng.standard_normal((32, 4, 3))).astype(np.float32)
    weight[5] = 0
    graph = onnx.parser.parse_graph(
        "toy (float[N, 4, T] x) => (float[N, 32, U] y) { y = Conv(x, w) }"
    )
    graph.initializer.extend([onnx.numpy_helper.from_array(weight, "w")])
    store_weights_in_8_bits(graph, set())
    assert [node.op_type for node in graph.node] == ["DequantizeLinear", "Conv"]
    parts = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in graph.initializer
    }
    restored = parts["w.int8"] * parts["w.scale"][:, None, None]
    step = np.abs(weight).max(axis=(1, 2), keepdims=True) / 127
    assert parts["w.int8"].dtype == np.int8
    assert (np.abs(restored - weight) <= 0.5001 * step).all()


@pytest.mark.parametrize(
    ("kind", "message"),
    [("int4", "no int8 of kind 'int4'"), ("static", "there is none")],
)
def test_fact_what_cannot_be_done_is_refused(ecapa, kind, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        quantize(ecapa.path, tmp_path / "small.onnx", kind)
