"""Similarities are matched, whatever the spaces look like."""

import pytest
import torch

from speechbrain_denokd.distill.prediction import Prediction
from speechbrain_denokd.distill.similarity import (
    SimilarityMatch,
    cosine_matrix,
)
from speechbrain_denokd.encoders.output import EncoderOutput


def network(embedding):
    n = len(embedding)
    return Prediction(
        EncoderOutput((), torch.zeros(n, 1, 1), embedding, torch.ones(n).long())
    )


def loss(student, teacher):
    return SimilarityMatch()(network(student), network(teacher)).loss


def test_fact_by_hand():
    """Cosines 0, 0.6, 0.8 against 1, 0, 0: each pair counts twice in six."""
    student = torch.tensor([[1.0, 0.0], [0.0, 5.0], [3.0, 4.0]])
    teacher = torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 7.0]])
    expected = (1 + 0.36 + 0.64) / 3
    assert loss(student, teacher).item() == pytest.approx(expected)


def test_law_rotations_sizes_and_lengths_do_not_matter():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(6, 4, generator=generator)
    turn = torch.linalg.qr(torch.randn(9, 9, generator=generator))[0][:, :4]
    scale = torch.rand(6, 1, generator=generator) + 0.5
    assert loss(student, scale * (student @ turn.T)).item() < 1e-12
    assert loss(student, torch.randn(6, 9, generator=generator)) > 0.01


def test_law_the_student_learns_and_the_teacher_does_not():
    generator = torch.Generator().manual_seed(1)
    student = torch.randn(5, 3, generator=generator, requires_grad=True)
    teacher = torch.randn(5, 2, generator=generator, requires_grad=True)
    before = loss(student, teacher)
    before.backward()
    assert teacher.grad is None
    with torch.no_grad():
        assert loss(student - 0.1 * student.grad, teacher) < before


def test_law_half_precision_does_not_round_the_cosines():
    embeddings = torch.randn(4, 8, generator=torch.Generator().manual_seed(2))
    with torch.autocast("cpu", torch.bfloat16):
        inside = cosine_matrix(embeddings)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, cosine_matrix(embeddings))


def test_error_a_batch_without_pairs():
    with pytest.raises(ValueError, match="a batch of 1 has no pairs"):
        loss(torch.ones(1, 2), torch.ones(1, 3))
