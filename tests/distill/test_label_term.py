"""Which logits a label-level loss compares."""

import pytest
import torch

from speechbrain_denokd.distill.label import LabelKL
from speechbrain_denokd.distill.label_term import LabelTerm
from speechbrain_denokd.distill.prediction import Prediction

LABELS = torch.tensor([1])


def network(plain, margin):
    return Prediction(
        None, torch.tensor([[plain, 0.0]]), torch.tensor([[margin, 0.0]])
    )


STUDENT, TEACHER = network(1.0, 2.0), network(3.0, 4.0)


@pytest.mark.parametrize(
    ("margin", "student", "teacher"),
    [("none", 1.0, 3.0), ("student", 2.0, 3.0), ("both", 2.0, 4.0)],
)
def test_fact_the_mode_names_the_side_with_the_margin(margin, student, teacher):
    seen = []

    def loss(*args):
        seen.extend(args)
        return torch.tensor(5.0)

    output = LabelTerm(loss, margin)(STUDENT, TEACHER, LABELS)
    assert [seen[0][0, 0].item(), seen[1][0, 0].item()] == [student, teacher]
    assert seen[2] is LABELS
    assert output == (torch.tensor(5.0), {})


def test_law_only_the_student_gets_a_gradient():
    student = torch.randn(3, 4, requires_grad=True)
    teacher = torch.randn(3, 4, requires_grad=True)
    # A loss that would send a gradient to both.
    term = LabelTerm(lambda student, teacher, labels: (student * teacher).sum())
    output = term(
        Prediction(None, student),
        Prediction(None, teacher),
        torch.tensor([0, 1, 2]),
    )
    output.loss.backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="margin='teacher'; use one of"):
        LabelTerm(LabelKL(), "teacher")


@pytest.mark.parametrize(
    ("margin", "student", "teacher", "side"),
    [
        ("none", Prediction(None), TEACHER, "student"),
        ("none", STUDENT, Prediction(None), "teacher"),
        ("student", STUDENT._replace(margin_logits=None), TEACHER, "student"),
        ("both", STUDENT, TEACHER._replace(margin_logits=None), "teacher"),
    ],
)
def test_a_side_without_scores_is_named(margin, student, teacher, side):
    with pytest.raises(ValueError, match=f"the {side} has no class scores"):
        LabelTerm(LabelKL(), margin)(student, teacher, LABELS)
