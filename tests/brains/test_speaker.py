"""One training step: what is clipped, scheduled, optimised and kept."""

from types import SimpleNamespace

import pytest
import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.brains.speaker import SpeakerBrain
from speechbrain_denokd.distill.prediction import Prediction, Predictions
from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.losses.margin import AamSoftmax
from tests.tiny_setup import CHANNELS


class _Scale(torch.nn.Module):
    """An "encoder" of one number, for hand-computed gradients."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))


def _brain(opt_class=None, **modules):
    modules = modules or {"student": _Scale(), "classifier": _Scale()}
    brain = SpeakerBrain(
        modules=modules,
        opt_class=opt_class or (lambda p: torch.optim.SGD(p, lr=1.0)),
        hparams={
            "seed": 5,
            "n_batches": 4,
            "aam": AamSoftmax(scale=2.0),
            "lr_schedule": lambda epochs: 10 + epochs,
            "margin_schedule": lambda epochs: epochs / 100,
        },
        run_opts={"device": "cpu", "max_grad_norm": 5.0},
    )
    brain.init_optimizers()
    brain._sums, brain._counts = {}, {}
    return brain


def _two_groups(parameters):
    first, second = parameters
    return torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)


def test_fact_all_parameter_groups_are_clipped_together():
    """Gradients (30, 40) have norm 50: a tenth of each is left at 5."""
    brain = _brain(_two_groups)
    student = brain.modules["student"].weight
    classifier = brain.modules["classifier"].weight
    student.grad, classifier.grad = torch.tensor([30.0]), torch.tensor([40.0])
    brain.optimizers_step()
    assert student.item() == pytest.approx(1 - 3.0, abs=1e-4)
    assert classifier.item() == pytest.approx(1 - 4.0, abs=1e-4)
    assert float(brain._sums["gradient_norm"]) == pytest.approx(50.0)


def test_fact_a_step_without_finite_gradient_is_left_out():
    brain = _brain()
    brain.skip_nonfinite_grads = True
    weight = brain.modules["student"].weight
    weight.grad = torch.tensor([float("nan")])
    brain.optimizers_step()
    assert weight.item() == 1.0
    assert weight.grad is None


def test_fact_schedules_follow_the_epochs_done():
    """Epoch 3, step 2 of 4: 2.25 epochs are done."""
    brain = _brain()
    brain.epoch, brain.step = 3, 2
    brain.on_fit_batch_start(None, True)
    (group,) = brain.optimizer.param_groups
    assert (group["lr"], group["epochs_done"]) == (12.25, 2.25)
    assert brain.hparams.aam.margin == pytest.approx(0.0225)


def test_law_random_state_depends_on_the_step_alone():
    brain = _brain()
    draws = {}
    for visit, (epoch, step) in enumerate([(1, 1), (1, 2), (2, 1), (1, 2)]):
        brain.epoch, brain.step = epoch, step
        brain.on_fit_batch_start(None, True)
        draws[visit] = torch.rand(1).item()
    assert draws[1] == draws[3]
    assert len({draws[0], draws[1], draws[2]}) == 3


def test_fact_frozen_parameters_are_not_optimised():
    frozen = _Scale().requires_grad_(False)
    brain = _brain(student=_Scale(), classifier=_Scale(), teacher=frozen)
    optimised = brain.optimizer.param_groups[0]["params"]
    assert len(optimised) == 2
    assert all(p is not frozen.weight for p in optimised)


def test_fact_speaker_loss():
    """Scale 2, no margin, cosines (1, 0): log(1 + e^-2) = 0.1269."""
    brain = _brain()
    logits = torch.tensor([[2.0, 0.0]])
    predictions = Predictions(Prediction(None, logits, logits))
    batch = SimpleNamespace(
        label=SimpleNamespace(data=torch.tensor([[0]])),
    )
    losses, monitors = brain.compute_losses(predictions, batch)
    assert losses["speaker"].item() == pytest.approx(0.126928, abs=1e-6)
    assert monitors == {}


def test_law_cosines_stay_float32_under_autocast():
    torch.manual_seed(0)
    network = EcapaTdnn(20, channels=CHANNELS, lin_neurons=8)
    brain = _brain(
        student=WavEncoder(FbankFrontEnd(n_mels=20), network),
        classifier=Classifier(8, lin_neurons=8, out_neurons=3),
    )
    brain.hparams.aam.margin = 0.0
    items = [
        {"id": str(i), "sig": torch.randn(8000), "label": torch.tensor([i])}
        for i in range(3)
    ]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        predictions = brain.compute_forward(PaddedBatch(items), sb.Stage.TRAIN)
    logits = predictions.student.logits
    assert logits.dtype == torch.float32
    # bfloat16 has 8 bits: nearly every float32 cosine falls between its steps.
    assert not torch.equal(logits, logits.bfloat16().float())
