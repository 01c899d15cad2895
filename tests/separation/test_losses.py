"""Costs: golden SI-SDR, magnitudes by hand, assignments."""

from itertools import permutations

import numpy as np
import pytest
import torch

from speechbrain_denokd.separation.losses import (
    MagnitudeMse,
    NegativeSiSdr,
    WeightedCosts,
    assigned_cost,
)
from speechbrain_denokd.separation.metrics import si_sdr
from speechbrain_denokd.separation.separator import Separated
from speechbrain_denokd.separation.spectrum import Spectrum
from tests.separation.tiny import tiny_separator


def separated(wavs):
    return Separated(wavs, *[torch.zeros(1)] * 4)


def test_fact_golden_si_sdr():
    source = torch.tensor([1.0, -1, 1, -1] * 50)
    noise = torch.tensor([1.0, 1, -1, -1] * 50)
    found = (0.5 * source + 0.1 * noise)[None, None]
    costs = NegativeSiSdr()(
        separated(found), source[None, None], torch.tensor([200])
    )
    assert -costs.item() == pytest.approx(13.979, abs=1e-3)


def test_reference_the_metric_on_valid_samples_alone():
    torch.manual_seed(0)
    wavs, sources = torch.randn(2, 2, 300) + 0.3, torch.randn(2, 2, 300)
    costs = NegativeSiSdr()(separated(wavs), sources, torch.tensor([300, 200]))
    for b, n_samples in enumerate((300, 200)):
        for k in range(2):
            for j in range(2):
                expected = -si_sdr(
                    wavs[b, k, :n_samples], sources[b, j, :n_samples]
                )
                assert costs[b, k, j] == pytest.approx(expected, abs=1e-3)


def test_law_scale_says_nothing_and_silence_is_finite():
    torch.manual_seed(0)
    wavs, sources = torch.randn(1, 2, 300), torch.randn(1, 2, 300)
    n_samples = torch.tensor([300])
    loss = NegativeSiSdr()
    torch.testing.assert_close(
        loss(separated(9 * wavs), 0.1 * sources, n_samples),
        loss(separated(wavs), sources, n_samples),
        atol=1e-3,
        rtol=1e-4,
    )
    sources[0, 1] = 0
    wavs.requires_grad_()
    costs = loss(separated(wavs), sources, n_samples)
    costs.sum().backward()
    assert costs.isfinite().all() and wavs.grad.isfinite().all()


@pytest.mark.parametrize("power", [1.0, 0.3])
def test_reference_magnitudes_of_the_source_cost_nothing(power):
    """Masks that are what the sources have of the mixture, at any level."""
    spectrum = Spectrum(64, 64, 32)
    sources, n_samples = 0.1 * torch.rand(2, 2, 500), torch.tensor([500, 300])
    sources[1, :, 300:] = 0
    level = torch.tensor([0.2, 3.0])
    mixture = sources.sum(1) / level[:, None]
    spectra, n_frames = spectrum(mixture, n_samples)
    alone = torch.stack(
        [spectrum(s / level[:, None], n_samples)[0] for s in sources.unbind(1)],
        dim=1,
    ).abs()
    magnitudes = spectra.abs().clamp(min=1e-9)
    masks = alone / magnitudes[:, None]
    found = Separated(sources, masks, magnitudes, level, n_frames)
    costs = MagnitudeMse(spectrum, power)(found, sources, n_samples)
    assert costs.diagonal(dim1=1, dim2=2).max() < 1e-4
    expected = (alone[1, 0, :10] ** power - alone[1, 1, :10] ** power).square()
    assert costs[1, 0, 1] == pytest.approx(expected.mean().item(), rel=1e-2)


def test_law_the_gradient_is_finite_at_a_shut_mask():
    separator = tiny_separator()
    torch.nn.init.constant_(separator.network.layers[-1].bias, -200.0)
    wavs, n_samples = torch.randn(1, 500), torch.tensor([500])
    found = separator(wavs, torch.ones(1))
    loss = MagnitudeMse(separator.spectrum, 0.3)
    loss(found, torch.randn(1, 2, 500), n_samples).sum().backward()
    for parameter in separator.parameters():
        assert parameter.grad.isfinite().all()


def test_fact_the_order_is_given_or_found():
    costs = torch.tensor([[[1.0, 2.0], [3.0, 0.5]], [[5.0, 1.0], [1.0, 5.0]]])
    cost, assignment = assigned_cost(costs, permute=False)
    assert (cost.tolist(), assignment.tolist()) == (
        [0.75, 5.0],
        [[0, 1], [0, 1]],
    )
    cost, assignment = assigned_cost(costs, permute=True)
    assert (cost.tolist(), assignment.tolist()) == (
        [0.75, 1.0],
        [[0, 1], [1, 0]],
    )


def test_reference_brute_force_over_permutations():
    rng = np.random.default_rng(0)
    costs = torch.from_numpy(rng.normal(size=(5, 3, 3)))
    cost, _ = assigned_cost(costs, permute=True)
    for found, matrix in zip(cost.tolist(), costs.numpy(), strict=True):
        best = min(
            np.mean([matrix[k, j] for k, j in enumerate(order)])
            for order in permutations(range(3))
        )
        assert found == pytest.approx(best)


def test_fact_costs_are_weighed_and_left_out():
    spectrum, n_samples = Spectrum(64, 64, 32), torch.tensor([400])
    sources = torch.randn(1, 2, 400)
    found = tiny_separator()(sources.sum(1), torch.ones(1))
    terms = {"magnitude": MagnitudeMse(spectrum), "si_sdr": NegativeSiSdr()}
    both = WeightedCosts(terms, {"magnitude": 2.0, "si_sdr": 0.5})
    named = both(found, sources, n_samples)
    for name, weight in (("magnitude", 2.0), ("si_sdr", 0.5)):
        alone = terms[name](found, sources, n_samples)
        torch.testing.assert_close(named[name], weight * alone)
    one = WeightedCosts(terms, {"magnitude": 0, "si_sdr": 1})
    assert list(one(found, sources, n_samples)) == ["si_sdr"]


def test_wrong_weights_and_powers_are_refused():
    with pytest.raises(ValueError, match="terms are a, but weights are of b"):
        WeightedCosts({"a": NegativeSiSdr()}, {"b": 1})
    for weight in (0, -1):
        with pytest.raises(ValueError, match="one must be above"):
            WeightedCosts({"a": NegativeSiSdr()}, {"a": weight})
    with pytest.raises(ValueError, match="power is 0"):
        MagnitudeMse(Spectrum(64, 64, 32), power=0)
