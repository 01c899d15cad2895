import pytest
import torch

from speechbrain_denokd.distill.clean_sources import (
    CleanSourceTerm,
    from_the_start,
    hear_sources,
)
from tests.tiny import tiny_encoder


def test_fact_by_hand():
    """Outputs at 0 and 60 degrees of their sources: (0 + 1/2) / 2."""
    outputs = torch.tensor([[[2.0, 0.0], [0.5, 3**0.5 / 2]]])
    clean = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])
    clean[0, 1], clean[0, 0] = outputs[0, 0] * 7, torch.tensor([1.0, 0.0])
    loss = CleanSourceTerm(2, 2)(outputs, clean, torch.tensor([[1, 0]]))
    torch.testing.assert_close(loss, torch.tensor(0.25))


def test_law_each_mixture_has_its_own_assignment():
    term, outputs = CleanSourceTerm(5, 5), torch.randn(3, 2, 5)
    clean = outputs.clone()
    clean[1] = outputs[1].flip(0)
    straight = torch.tensor([[0, 1]] * 3)
    mixed = torch.tensor([[0, 1], [1, 0], [0, 1]])
    assert term(outputs, clean, mixed).abs() < 1e-6
    assert term(outputs, clean, straight) > 0.01


def test_law_no_gradient_to_the_teacher_side_is_needed_and_the_map_learns():
    term = CleanSourceTerm(4, 6)
    outputs = torch.randn(2, 2, 4, requires_grad=True)
    term(outputs, torch.randn(2, 2, 6), torch.tensor([[0, 1]] * 2)).backward()
    assert outputs.grad.abs().sum() > 0
    assert term.map.weight.grad.abs().sum() > 0


def test_fact_what_surrounds_a_source_is_taken_away():
    wavs = torch.tensor([[0.0, 0, 1, 0, 2, 0], [3.0, 0, 0, 0, 0, 0]])
    moved, lens = from_the_start(wavs)
    assert moved.tolist() == [[1, 0, 2], [3, 0, 0]]
    assert lens.tolist() == pytest.approx([1, 1 / 3])


def test_fact_silence_is_as_long_as_it_was():
    moved, lens = from_the_start(torch.tensor([[0.0, 0, 0], [0, 5, 0]]))
    assert moved.tolist() == [[0, 0, 0], [5, 0, 0]]
    assert lens.tolist() == pytest.approx([1, 1 / 3])


def test_law_where_a_source_is_in_its_mixture_does_not_matter():
    encoder, alone = tiny_encoder(), 0.1 * torch.randn(2, 6000)
    sources = torch.zeros(1, 2, 10_000)
    sources[0, 0, :6000], sources[0, 1, 4000:] = alone
    expected = encoder(alone, torch.ones(2)).embedding
    found = hear_sources(encoder, sources)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    # With the silence around it, it is another.
    heard = encoder(sources[0], torch.ones(2)).embedding
    assert torch.cosine_similarity(heard, expected).max() < 0.999
