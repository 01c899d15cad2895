"""The distilling brain: sums by name, a teacher that stays as it is."""

from types import SimpleNamespace

import pytest
import torch

from speechbrain_denokd.brains.distill import DistillBrain
from speechbrain_denokd.distill.distiller import Distiller
from speechbrain_denokd.distill.label import LabelKL
from speechbrain_denokd.distill.label_term import LabelTerm
from speechbrain_denokd.distill.prediction import Prediction, Predictions
from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.losses.margin import AamSoftmax


def _brain(weight=1.0, ramp=0):
    teacher = FrozenTeacher(torch.nn.BatchNorm1d(2))
    distiller = Distiller(
        {"label": LabelTerm(LabelKL())}, {"label": weight}, {"label": ramp}
    )
    brain = DistillBrain(
        modules={
            "student": torch.nn.Linear(1, 1),
            "teacher": teacher,
            "distiller": distiller,
        },
        opt_class=lambda p: torch.optim.SGD(p, lr=1.0),
        hparams={"aam": AamSoftmax(scale=1.0)},
        run_opts={"device": "cpu"},
    )
    brain.epoch = 1
    return brain


def _losses(brain):
    student = torch.tensor([[1.0, 2.0, 0.0]])
    teacher = torch.tensor([[3.0, 1.0, 0.0]])
    predictions = Predictions(
        Prediction(None, student, student), Prediction(None, teacher)
    )
    batch = SimpleNamespace(label=SimpleNamespace(data=torch.tensor([[0]])))
    return brain.compute_losses(predictions, batch)


def test_fact_losses_by_name():
    """KL of softmax([3, 1, 0]) from softmax([1, 2, 0]), and cross entropy."""
    losses, _ = _losses(_brain())
    assert losses["label"].item() == pytest.approx(0.8111542145, abs=1e-6)
    assert losses["speaker"].item() == pytest.approx(1.4076059644, abs=1e-6)


def test_fact_weight_and_ramp():
    """Weight 2 in epoch 1 of a ramp of 4: half the loss."""
    losses, _ = _losses(_brain(weight=2.0, ramp=4))
    assert losses["label"].item() == pytest.approx(0.8111542145 / 2, abs=1e-6)


def test_law_the_teacher_survives_an_epoch_start():
    """Brain.fit calls modules.train(): batch norms would move."""
    brain = _brain()
    brain.modules.train()
    teacher = brain.modules["teacher"]
    before = teacher.encoder.running_mean.clone()
    teacher.encoder(torch.randn(8, 2) + 3)
    assert torch.equal(teacher.encoder.running_mean, before)
    assert not teacher.encoder.training
