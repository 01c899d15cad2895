"""One softmax weight per layer."""

import pytest
import torch

from speechbrain_denokd.encoders.layer_mix import LayerMix


def test_fact_mixture_by_hand():
    mix = LayerMix(3)
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([1.0, 2.0, 5.0]).log())
    layers = [torch.full((1, 2, 2), value) for value in (8.0, 16.0, 80.0)]
    torch.testing.assert_close(mix(layers), torch.full((1, 2, 2), 55.0))


def test_law_weights_sum_to_one():
    mix = LayerMix(5)
    torch.nn.init.normal_(mix.weights)
    ones = [torch.ones(1, 2, 3)] * 5
    torch.testing.assert_close(mix(ones), ones[0])


def test_error_number_of_layers():
    with pytest.raises(
        ValueError, match="2 layers given.*weighs 3.*n_stages=2"
    ):
        LayerMix(3)([torch.zeros(1, 2, 2)] * 2)
