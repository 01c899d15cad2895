"""Weighted mean of layers: its start, its size, its extremes."""

import pytest
import torch

from speechbrain_denokd.encoders.layer_aggregation import LayerAggregation


def _layers(n_layers=3, dim=6):
    return list(torch.randn(n_layers, 2, dim, 5))


def test_fact_mean_at_the_start_and_one_weight_per_layer_and_channel():
    aggregation, layers = LayerAggregation(3, 6), _layers()
    torch.testing.assert_close(
        aggregation(layers), torch.stack(layers).mean(dim=0)
    )
    assert sum(p.numel() for p in aggregation.parameters()) == 3 * 6


def test_reference_softmax_over_the_layers_of_each_channel():
    aggregation, layers = LayerAggregation(3, 6), _layers()
    torch.nn.init.normal_(aggregation.weights)
    shares = aggregation.weights[0].exp()
    shares = shares / shares.sum(dim=0)
    expected = torch.einsum("ncx,nbct->bct", shares, torch.stack(layers))
    torch.testing.assert_close(aggregation(layers), expected)


def test_law_one_hot_weights_pick_a_layer_for_each_channel():
    aggregation, layers = LayerAggregation(3, 6), _layers()
    picked = [2, 0, 1, 1, 0, 2]
    with torch.no_grad():
        for channel, layer in enumerate(picked):
            aggregation.weights[0, layer, channel] = 200.0
    mixed = aggregation(layers)
    for channel, layer in enumerate(picked):
        torch.testing.assert_close(mixed[:, channel], layers[layer][:, channel])


def test_law_layers_and_weights_may_be_permuted_together():
    one, other, layers = (
        LayerAggregation(3, 6),
        LayerAggregation(3, 6),
        _layers(),
    )
    torch.nn.init.normal_(one.weights)
    order = [2, 0, 1]
    with torch.no_grad():
        other.weights.copy_(one.weights[:, order])
    torch.testing.assert_close(other([layers[i] for i in order]), one(layers))


def test_fact_a_single_layer_passes_without_a_parameter():
    aggregation, layers = LayerAggregation(1, 6), _layers(1)
    assert list(aggregation.parameters()) == []
    assert aggregation(layers) is layers[0]


def test_error_wrong_number_of_layers():
    with pytest.raises(ValueError, match="got 2 layers.*for 3"):
        LayerAggregation(3, 6)(_layers(2))
