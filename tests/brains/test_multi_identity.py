"""Training on mixtures: what is computed, watched, chosen."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import speechbrain as sb
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import nn

from speechbrain_denokd.brains.multi_identity import Heard, MultiIdentityBrain
from speechbrain_denokd.data.trials import Trial
from speechbrain_denokd.distill.clean_sources import CleanSourceTerm
from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.losses.margin import AamSoftmax
from speechbrain_denokd.losses.multi_identity import PitIdentityLoss
from speechbrain_denokd.losses.softmax import LinearClassifier
from speechbrain_denokd.overlap.mixture_set import mixture_batch
from tests.tiny import tiny_encoder

N_SPEAKERS = 4


class Copies(nn.Module):
    """Outputs that are all the same, or one for each half of the input."""

    def __init__(self, same):
        super().__init__()
        self.same = same
        self.linear = nn.Linear(N_SPEAKERS, 8)

    def forward(self, wavs, lens):
        halves = wavs.unflatten(1, (2, N_SPEAKERS))
        if self.same:
            halves = halves[:, :1].expand(-1, 2, -1)
        return MultiIdentityOutput(self.linear(halves), None, None, None)


def brain_of(head=None, collapse_from_epoch=1, **modules):
    torch.manual_seed(0)
    modules = {
        "student": Copies(same=False),
        "classifier": LinearClassifier(8, 8, N_SPEAKERS),
        **modules,
    }
    brain = MultiIdentityBrain(
        modules=modules,
        opt_class=lambda p: torch.optim.SGD(p, lr=1.0),
        hparams={
            "seed": 1,
            "n_batches": 4,
            "identity_loss": PitIdentityLoss(head),
            "lr_schedule": lambda epochs: 0.5,
            "margin_schedule": lambda epochs: epochs / 100,
            "w_clean": 2.0,
            "dev_set": SimpleNamespace(trials=[], mixtures=[]),
            "distance": "cosine",
            "collapse_from_epoch": collapse_from_epoch,
        },
        run_opts={"device": "cpu"},
    )
    brain.init_optimizers()
    brain.on_stage_start(sb.Stage.TRAIN, 1)
    brain.step = 1
    return brain


def batch_of(n=16, seed=0):
    """A "mixture" says who speaks: two one-hot rows, in random order."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(n):
        spoken = rng.permutation(N_SPEAKERS)[:2]
        wav = np.eye(N_SPEAKERS, dtype=np.float32)[spoken].ravel()
        labels = torch.tensor(rng.permutation(spoken))
        items.append(
            {
                "id": f"m{number}",
                "sig": torch.from_numpy(wav),
                "sources": torch.from_numpy(np.stack([wav, wav])),
                "label": labels,
                "genders": "f-m" if number % 2 else "f-f",
            }
        )
    return mixture_batch(items)


def train(brain, n_steps=60):
    for step in range(n_steps):
        batch = batch_of(seed=step)
        brain.step = step % 4 + 1
        brain.on_fit_batch_start(batch, True)
        heard = brain.compute_forward(batch, sb.Stage.TRAIN)
        loss = brain.compute_objectives(heard, batch, sb.Stage.TRAIN)
        loss.backward()
        brain.optimizers_step()


def test_reference_the_loss_is_the_paper_s():
    """Eq. (3) to (5) written out, on the classifier's own scores."""
    brain, batch = brain_of(), batch_of()
    heard = brain.compute_forward(batch, sb.Stage.TRAIN)
    loss = brain.compute_objectives(heard, batch, sb.Stage.TRAIN)
    scores, labels = heard.scores, batch.label.data

    def cross(k, j):
        return nn.functional.cross_entropy(
            scores[:, k], labels[:, j], reduction="none"
        )

    expected = torch.minimum(
        cross(0, 0) + cross(1, 1), cross(1, 0) + cross(0, 1)
    )
    torch.testing.assert_close(loss, expected.mean())
    rows = heard.output.embeddings[:, 1] @ brain.modules["classifier"].weight.T
    torch.testing.assert_close(scores[:, 1], rows)


def test_law_two_outputs_learn_two_speakers():
    brain = brain_of()
    train(brain)
    brain.on_stage_end(sb.Stage.TRAIN, None, 1)
    stats = brain.train_stats
    assert stats["same_choice"] < 0.2
    # Labels are in random order: no output has learnt a place in it.
    assert 0.4 < stats["swap_rate"] < 0.6
    assert {"same_gender_loss", "cross_gender_agreement"} <= set(stats)


def test_law_a_collapsed_network_is_told_of(caplog):
    """Outputs that cannot differ train on; the monitor says so."""
    brain = brain_of(student=Copies(same=True))
    train(brain)
    with caplog.at_level(logging.WARNING):
        brain.on_stage_end(sb.Stage.TRAIN, None, 1)
    assert brain.train_stats["agreement"] == pytest.approx(1, abs=1e-5)
    assert "epoch 1, all mixtures: the network looks collapsed" in caplog.text
    assert "the outputs agree: mean cosine 1.00" in caplog.text


@pytest.mark.parametrize(("same", "first"), [(False, 1), (True, 2)])
def test_law_nothing_is_told_of_a_sound_or_an_untrained_one(
    caplog, same, first
):
    brain = brain_of(student=Copies(same), collapse_from_epoch=first)
    train(brain)
    with caplog.at_level(logging.WARNING):
        brain.on_stage_end(sb.Stage.TRAIN, None, 1)
    assert "collapsed" not in caplog.text


def test_fact_the_margin_follows_its_schedule_and_a_softmax_has_none():
    head = AamSoftmax(scale=8.0)
    brain = brain_of(
        head, classifier=Classifier(8, lin_neurons=8, out_neurons=N_SPEAKERS)
    )
    brain.step = 3
    brain.on_fit_batch_start(batch_of(), True)
    assert head.margin == pytest.approx(0.005)  # half of the first epoch
    assert brain.settings_shown() == {"margin": head.margin}
    assert brain_of().settings_shown() == {}


def test_fact_the_teacher_hears_each_source_and_is_weighed():
    """w_clean times the term, under the assignment of the speaker loss."""
    teacher = SimpleTeacher(tiny_encoder())
    term = CleanSourceTerm(8, 16)
    brain = brain_of(teacher=teacher, clean_term=term)
    wavs = 0.1 * torch.randn(3, 2, 8000)
    batch = mixture_batch(
        [
            {
                "id": str(n),
                "sig": torch.eye(N_SPEAKERS)[[n, n + 1]].ravel(),
                "sources": wavs[n],
                "label": torch.tensor([n, n + 1]),
                "genders": "f-m",
            }
            for n in range(3)
        ]
    )
    heard = brain.compute_forward(batch, sb.Stage.TRAIN)
    with torch.no_grad():
        alone = teacher.encoder(wavs[1, 1][None], torch.ones(1)).embedding[0]
    torch.testing.assert_close(heard.clean[1, 1], alone, atol=1e-4, rtol=1e-4)
    total = brain.compute_objectives(heard, batch, sb.Stage.TRAIN)
    found = PitIdentityLoss()(heard.scores, batch.label.data)
    clean = term(heard.output.embeddings, heard.clean, found.assignment)
    torch.testing.assert_close(total, found.loss + 2.0 * clean)


class SimpleTeacher(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder.requires_grad_(False)


def test_fact_the_dev_measure_is_equation_6_s_eer():
    brain = brain_of()
    rows = {
        "ab": [[1.0, 0.0], [0.0, 1.0]],
        "ac": [[0.0, 2.0], [-1.0, 0.0]],
        "cd": [[-1.0, 0.1], [0.0, -1.0]],
    }
    brain.hparams.dev_set = SimpleNamespace(
        mixtures=list(rows),
        trials=[Trial(True, "ab", "ac"), Trial(False, "ab", "cd")],
    )
    brain.on_stage_start(sb.Stage.VALID, 1)
    output = MultiIdentityOutput(torch.tensor(list(rows.values())), *[None] * 3)
    brain.compute_objectives(
        Heard(output), SimpleNamespace(id=list(rows)), sb.Stage.VALID
    )
    assert brain.development() == (0.0, {"EER_percent": 0.0})
    first, second = brain.hparams.dev_set.trials
    brain.hparams.dev_set.trials = [
        Trial(False, *first[1:]),
        Trial(True, *second[1:]),
    ]
    assert brain.development()[0] == 1.0
