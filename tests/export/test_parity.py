"""The gate lets equal graphs through, and no others."""

import numpy as np
import onnx
import pytest

from speechbrain_denokd.export.parity import (
    check_parity,
    compare_embeddings,
    parity_batches,
)
from speechbrain_denokd.export.runtime import OnnxEmbedder


@pytest.fixture
def damaged(ecapa, tmp_path):
    """Write the model with one weight tensor changed; reads as `run`."""

    def damage(change):
        model = onnx.load(ecapa.path)
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        tensor = tensors["encoder.network.mfa.conv.conv.weight"]
        array = change(onnx.numpy_helper.to_array(tensor))
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        onnx.save_model(model, tmp_path / "damaged.onnx")
        return OnnxEmbedder(tmp_path / "damaged.onnx").run

    return damage


@pytest.mark.parametrize("name", ["ecapa", "redimnet"])
def test_law_graphs_agree_with_their_encoders(name, speech, request):
    encoder, path = request.getfixturevalue(name)
    parity = check_parity(encoder, OnnxEmbedder(path).run, speech)
    assert parity.n_recordings == 17
    assert parity.max_difference < 1e-5


def test_fact_a_changed_weight_is_refused(ecapa, damaged, speech):
    def change(array):
        array = array.copy()
        array[0] *= 1.05
        return array

    with pytest.raises(ValueError, match="does not agree with the model"):
        check_parity(ecapa.encoder, damaged(change), speech)
    check_parity(ecapa.encoder, damaged(lambda array: array), speech)


def test_fact_embeddings_that_are_no_numbers_are_refused(
    ecapa, damaged, speech
):
    def change(array):
        return np.full_like(array, np.nan)

    with pytest.raises(ValueError, match="differ by nan"):
        check_parity(ecapa.encoder, damaged(change), speech)


def test_fact_a_graph_that_hears_padding_is_refused(ecapa, speech):
    run = OnnxEmbedder(ecapa.path).run

    def deaf_to_lengths(wavs, n_samples):
        return run(wavs, np.full_like(n_samples, wavs.shape[1]))

    with pytest.raises(ValueError, match="does not agree"):
        check_parity(ecapa.encoder, deaf_to_lengths, speech)


def test_fact_differences_are_those_of_unit_vectors():
    found = compare_embeddings(
        np.array([[2.0, 0.0], [0.0, 5.0]]), np.array([[1.0, 0.0], [3.0, 4.0]])
    )
    assert found == (2, pytest.approx(0.6), pytest.approx(0.8))


def test_law_stretches_follow_each_other_in_the_recordings():
    recordings = [np.arange(50_000.0), 50_000 + np.arange(30_000.0)]
    batches = parity_batches(recordings, shortest=1600)
    *alone, pair, _, _ = batches
    joined = np.concatenate([*(batch[0] for batch in alone), *pair])
    np.testing.assert_array_equal(joined, np.arange(len(joined)) % 80_000)


def test_fact_the_shortest_stretch_is_long_enough_for_the_network():
    batches = parity_batches([np.ones(9)], shortest=20_000)
    assert min(len(wav) for batch in batches for wav in batch) == 20_000
    with pytest.raises(ValueError, match="no recordings"):
        parity_batches([], 1600)
