"""The ``.onnx`` file: sizes, names, what it says of itself."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from speechbrain_denokd.export.onnx import (
    OPSET,
    read_metadata,
    save_model,
    write_onnx,
)
from speechbrain_denokd.export.runtime import OnnxEmbedder


def sizes(value):
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_param or dim.dim_value for dim in dims]


def test_fact_batch_and_time_are_free(ecapa):
    model = onnx.load(ecapa.path)
    found = {
        value.name: sizes(value)
        for value in (*model.graph.input, *model.graph.output)
    }
    assert found == {
        "wavs": ["batch", "samples"],
        "n_samples": ["batch"],
        "embedding": ["batch", 16],
    }
    assert {opset.domain: opset.version for opset in model.opset_import} == {
        "": OPSET
    }
    assert model.ir_version == 8


@pytest.mark.parametrize("name", ["ecapa", "redimnet"])
def test_law_a_recording_in_a_batch_is_what_it_is_alone(name, speech, request):
    model = OnnxEmbedder(request.getfixturevalue(name).path)
    wavs = [speech[0][:n] for n in (1600, 23_456, 8001, 40_000, 2222)]
    wavs += speech  # more than one batch
    together = model.embed(wavs)
    for row, wav in zip(together, wavs, strict=True):
        np.testing.assert_allclose(row, model.embed([wav])[0], atol=1e-5)


def test_fact_nothing_of_this_machine_is_in_the_file(ecapa):
    content = ecapa.path.read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in content
    assert b"site-packages" not in content


def test_fact_metadata_are_those_given_and_no_others(ecapa, tmp_path):
    model = onnx.load(ecapa.path)
    assert read_metadata(model)["calibration"]["scale"] == 8.0
    save_model(model, tmp_path / "again.onnx", {"a": [1, None], "b": "c"})
    properties = onnx.load(tmp_path / "again.onnx").metadata_props
    assert {p.key: json.loads(p.value) for p in properties} == {
        "a": [1, None],
        "b": "c",
    }


class Lookup(torch.nn.Module):
    """ONNX calls the inner value "embedding", too."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(5, 2)

    def forward(self, wavs, n_samples):
        return self.table(n_samples) + wavs.mean(1, keepdim=True)


def test_fact_a_value_inside_may_have_the_outputs_name(tmp_path):
    lookup = Lookup()
    size = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        lookup,
        (torch.ones(2, 3), torch.tensor([1, 2])),
        dynamic_shapes=({0: size, 1: size}, {0: size}),
    )
    write_onnx(program, tmp_path / "lookup.onnx", {"format": 1})
    run = OnnxEmbedder(tmp_path / "lookup.onnx").run
    wavs, n_samples = np.ones((1, 4), np.float32), np.array([3])
    expected = lookup.table.weight.detach().numpy()[[3]] + 1
    np.testing.assert_allclose(run(wavs, n_samples), expected, atol=1e-6)
