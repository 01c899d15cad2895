import torch

from speechbrain_denokd.distill.clean_sources import CleanSourceTerm


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
