"""Weights, ramps and names of distillation terms."""

import pytest
import torch
from torch import nn

from speechbrain_denokd.distill.distiller import Distiller
from speechbrain_denokd.distill.label import LabelKL
from speechbrain_denokd.distill.label_term import LabelTerm
from speechbrain_denokd.distill.prediction import TermOutput


class Constant(nn.Module):
    """A term of one trainable number, which it also reports."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, student, teacher, labels):
        return TermOutput(self.value * 1, {"value": self.value * 1})


@pytest.fixture
def distiller():
    return Distiller(
        {"frame": Constant(3.0), "label": Constant(5.0)},
        {"frame": 2.0, "label": 0.5},
        {"label": 4},
    )


def test_fact_losses_are_weighted_and_monitors_are_not(distiller):
    losses, monitors = distiller(None, None, None, epoch=9)
    assert {n: v.item() for n, v in losses.items()} == {
        "frame": 6.0,
        "label": 2.5,
    }
    assert {n: v.item() for n, v in monitors.items()} == {
        "frame/value": 3.0,
        "label/value": 5.0,
    }
    assert not any(value.requires_grad for value in monitors.values())


@pytest.mark.parametrize(
    ("epoch", "frame", "label"),
    [(1, 2.0, 0.125), (2, 2.0, 0.25), (4, 2.0, 0.5), (70, 2.0, 0.5)],
)
def test_fact_a_ramp_is_linear_from_epoch_one(distiller, epoch, frame, label):
    assert distiller.weight("frame", epoch) == frame
    assert distiller.weight("label", epoch) == label


def test_fact_a_ramp_of_no_epochs_is_no_ramp():
    distiller = Distiller({"a": Constant(1.0)}, {"a": 3.0}, {"a": 0})
    assert distiller.weight("a", 1) == 3.0


def test_law_the_gradient_of_a_term_is_its_weight(distiller):
    losses, _ = distiller(None, None, None, epoch=2)
    sum(losses.values()).backward()
    gradients = [term.value.grad.item() for term in distiller.terms.values()]
    assert gradients == [2.0, 0.25]


def test_fact_label_terms_need_the_students_classes():
    term = LabelTerm(LabelKL())
    assert Distiller({"a": term}, {"a": 0.0}).needs_labels
    assert not Distiller({"a": Constant(1.0)}, {"a": 1.0}).needs_labels


def test_names_must_agree():
    with pytest.raises(ValueError, match=r"terms \['a'\] and weights \['b'\]"):
        Distiller({"a": Constant(1.0)}, {"b": 1.0})
    with pytest.raises(ValueError, match=r"names \['b'\], which is no term"):
        Distiller({"a": Constant(1.0)}, {"a": 1.0}, {"b": 20})
