"""The PIT speaker loss: brute force, order laws, margins, gradients."""

from itertools import permutations

import pytest
import torch
import torch.nn.functional as F

from speechbrain_denokd.losses.inter_top_k import InterTopK
from speechbrain_denokd.losses.margin import AamSoftmax
from speechbrain_denokd.losses.multi_identity import (
    PitIdentityLoss,
    pairwise_losses,
)

HEADS = [None, AamSoftmax(30.0, 0.2), InterTopK(30.0, 0.2, 3, 0.1)]


def _mixtures(n_speakers, n_mixtures=7, n_classes=11, seed=0):
    """Scores in (-1, 1), and labels that differ within a mixture."""
    generator = torch.Generator().manual_seed(seed)
    shape = (n_mixtures, n_speakers, n_classes)
    scores = torch.rand(shape, generator=generator) * 2 - 1
    keys = torch.rand(n_mixtures, n_classes, generator=generator)
    return scores, keys.argsort(dim=1)[:, :n_speakers]


def _loss_of(head, row, label):
    """One output, one label: the single-speaker loss of the toolkit."""
    row, label = row[None], torch.tensor([label])
    return F.cross_entropy(row, label) if head is None else head(row, label)


def _brute_force(head, scores, labels):
    """Best total of each mixture, one permutation at a time."""
    best = []
    for rows, given in zip(scores, labels.tolist(), strict=True):
        cells = [
            {label: _loss_of(head, row, label) for label in given}
            for row in rows
        ]
        totals = [
            sum(cell[label] for cell, label in zip(cells, order, strict=True))
            for order in permutations(given)
        ]
        best.append(min(totals))
    return torch.stack(best)


@pytest.mark.parametrize("n_speakers", [2, 3, 4, 5])
@pytest.mark.parametrize("head", HEADS, ids=["softmax", "aam", "top_k"])
def test_reference_brute_force_of_values_and_gradients(head, n_speakers):
    scores, labels = _mixtures(n_speakers)
    expected_scores = scores.clone().requires_grad_()
    expected = _brute_force(head, expected_scores, labels)
    expected.mean().backward()
    scores.requires_grad_()
    found = PitIdentityLoss(head)(scores, labels)
    found.loss.backward()
    torch.testing.assert_close(found.loss, expected.mean())
    torch.testing.assert_close(found.output_losses.sum(dim=1), expected)
    torch.testing.assert_close(scores.grad, expected_scores.grad)


def test_fact_a_cell_has_the_margin_of_its_own_label():
    cosines, labels = torch.tensor([[[0.5, 0.1], [0.2, 0.4]]]), [[0, 1]]
    head = AamSoftmax(scale=1.0, margin=0.2)
    found = pairwise_losses(cosines, torch.tensor(labels), head)
    # cos(60 degrees + 0.2) = 0.31798060: only where label 0 is wanted.
    first = F.cross_entropy(torch.tensor([[0.3179806, 0.1]]), torch.tensor([0]))
    torch.testing.assert_close(found[0, 0, 0], first)
    for k in (0, 1):
        for j in (0, 1):
            expected = head(cosines[0, k][None], torch.tensor([j]))
            torch.testing.assert_close(found[0, k, j], expected)


@pytest.mark.parametrize("n_speakers", [2, 3, 5])
@pytest.mark.parametrize("head", HEADS[:2], ids=["softmax", "aam"])
def test_law_order_of_labels_and_of_outputs_does_not_matter(head, n_speakers):
    scores, labels = _mixtures(n_speakers)
    order = torch.arange(n_speakers).roll(1)
    loss = PitIdentityLoss(head)
    base = loss(scores, labels)
    owners = labels.gather(1, base.assignment)

    relabelled = loss(scores, labels[:, order])
    torch.testing.assert_close(relabelled.loss, base.loss)
    same = labels[:, order].gather(1, relabelled.assignment)
    assert torch.equal(same, owners)

    moved = loss(scores[:, order], labels)
    torch.testing.assert_close(moved.loss, base.loss)
    assert torch.equal(labels.gather(1, moved.assignment), owners[:, order])


def test_law_each_mixture_has_a_permutation_of_its_own():
    scores, labels = _mixtures(3)
    together = PitIdentityLoss()(scores, labels)
    alone = [
        PitIdentityLoss()(scores[i : i + 1], labels[i : i + 1])
        for i in range(len(labels))
    ]
    torch.testing.assert_close(
        together.loss, torch.stack([found.loss for found in alone]).mean()
    )
    rows = {tuple(found.assignment[0].tolist()) for found in alone}
    assert len(rows) > 1  # so one permutation for all would be another loss


def test_fact_gradients_come_from_the_chosen_cells_alone():
    scores, labels = _mixtures(2, n_mixtures=1)
    scores.requires_grad_()
    found = PitIdentityLoss()(scores, labels)
    found.loss.backward()
    # The gradient of a cross entropy: softmax minus the label it is about.
    given = labels.gather(1, found.assignment)
    expected = scores.detach().softmax(dim=2) - F.one_hot(given, 11)
    torch.testing.assert_close(scores.grad, expected)


@pytest.mark.parametrize("n_speakers", [2, 4])
@pytest.mark.parametrize("head", HEADS, ids=["softmax", "aam", "top_k"])
def test_law_ties_and_repeated_speakers_have_finite_gradients(head, n_speakers):
    equal = torch.full((2, n_speakers, 5), 0.3, requires_grad=True)
    labels = torch.tensor([[0, 1, 2, 3], [4, 4, 4, 4]])[:, :n_speakers]
    found = PitIdentityLoss(head)(equal, labels)
    found.loss.backward()
    assert torch.isfinite(equal.grad).all()
    for row in found.assignment.tolist():
        assert sorted(row) == list(range(n_speakers))
    # A speaker twice: every output is asked for that speaker.
    single = _loss_of(head, equal[1, 0].detach(), 4)
    torch.testing.assert_close(
        found.output_losses[1], single.expand(n_speakers)
    )


def test_fact_an_untrained_shared_classifier_costs_k_log_n():
    labels = torch.tensor([[0, 1, 2], [9, 4, 7]])
    found = PitIdentityLoss()(torch.zeros(2, 3, 10), labels)
    torch.testing.assert_close(found.loss, 3 * torch.tensor(10.0).log())


def test_law_float32_inside_autocast():
    scores, labels = _mixtures(2)
    head = AamSoftmax(30.0, 0.2)
    expected = PitIdentityLoss(head)(scores.bfloat16().float(), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = PitIdentityLoss(head)(scores.bfloat16(), labels)
    torch.testing.assert_close(found.loss, expected.loss)


def test_error_labels_and_outputs_of_different_numbers():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 2\).*one label"):
        PitIdentityLoss()(torch.zeros(2, 3, 5), torch.zeros(2, 2).long())
