"""One step of separation training: what is summed, and what dev says."""

import pytest
import speechbrain as sb
import torch

from speechbrain_denokd.brains.separation import SeparationBrain
from speechbrain_denokd.overlap.mixture_set import mixture_batch
from speechbrain_denokd.separation.identity import (
    NoIdentity,
    enrolled_from_folder,
)
from speechbrain_denokd.separation.losses import NegativeSiSdr, WeightedCosts
from speechbrain_denokd.separation.metrics import si_sdr
from speechbrain_denokd.separation.model import build_separator
from tests.separation.tiny import SIZES, tiny_separator


def brain_of(separator, identity, enroll_s=None):
    costs = WeightedCosts({"si_sdr": NegativeSiSdr()}, {"si_sdr": 0.5})
    brain = SeparationBrain(
        modules={"separator": separator, "identity": identity},
        hparams={"costs": costs, "enroll_s": enroll_s},
        run_opts={"device": "cpu"},
    )
    brain.on_stage_start(sb.Stage.TRAIN, 1)
    brain.on_stage_start(sb.Stage.VALID, 1)
    return brain


def batch_of(n_samples=(900, 600), n_enrolled=None):
    torch.manual_seed(0)
    items = []
    for k, length in enumerate(n_samples):
        sources = torch.randn(2, length)
        item = {"id": str(k), "sig": sources.sum(0), "sources": sources}
        if n_enrolled:
            item["enroll"] = torch.randn(2, n_enrolled)
        items.append(item)
    return mixture_batch(items)


def test_fact_training_takes_the_best_order_of_each_mixture():
    brain = brain_of(tiny_separator(), NoIdentity())
    batch = batch_of()
    separated = brain.compute_forward(batch, sb.Stage.TRAIN)
    loss = brain.compute_objectives(separated, batch, sb.Stage.TRAIN)
    expected = []
    for b, n in enumerate((900, 600)):
        outputs = separated.wavs[b, :, :n].detach()
        sources = batch.sources.data[b, :, :n]
        pairs = [[-si_sdr(o, s) for s in sources] for o in outputs]
        straight, crossed = (
            pairs[0][0] + pairs[1][1],
            pairs[0][1] + pairs[1][0],
        )
        expected.append(min(straight, crossed) / 2)
    wanted = 0.5 * sum(expected) / 2
    assert loss.item() == pytest.approx(wanted, abs=1e-3)
    logged = brain._sums["si_sdr"].item()
    assert logged == pytest.approx(wanted, abs=1e-3)


def test_law_the_order_of_the_sources_says_nothing_without_enrolment():
    brain, losses = brain_of(tiny_separator(), NoIdentity()), []
    for flip in (False, True):
        batch = batch_of()
        if flip:
            sources, lens = batch.sources
            batch.sources = type(batch.sources)(sources.flip(1), lens)
        separated = brain.compute_forward(batch, sb.Stage.TRAIN)
        losses.append(
            brain.compute_objectives(separated, batch, sb.Stage.TRAIN).item()
        )
    assert losses[0] == pytest.approx(losses[1])


def test_fact_enrolled_outputs_keep_their_order():
    identity = enrolled_from_folder("pretrained/sample_teacher")
    torch.manual_seed(0)
    brain = brain_of(build_separator(identity, SIZES), identity, 1.0)
    batch = batch_of(n_enrolled=16000)
    separated = brain.compute_forward(batch, sb.Stage.TRAIN)
    loss = brain.compute_objectives(separated, batch, sb.Stage.TRAIN)
    loss.backward()
    costs = [
        -si_sdr(separated.wavs[b, k, :n].detach(), batch.sources.data[b, k, :n])
        for b, n in enumerate((900, 600))
        for k in range(2)
    ]
    assert loss.item() == pytest.approx(0.5 * sum(costs) / 4, abs=1e-3)
    assert all(p.grad is None for p in brain.modules.identity.parameters())
    assert brain.modules.separator.network.lstm.weight_ih_l0.grad.any()


def test_fact_dev_is_what_separation_adds():
    """Masks of one half give the mixture back: nothing is added."""
    separator = tiny_separator()
    for parameter in separator.network.layers[-1].parameters():
        torch.nn.init.zeros_(parameter)
    brain, batch = brain_of(separator, NoIdentity()), batch_of()
    separated = brain.compute_forward(batch, sb.Stage.VALID)
    brain.compute_objectives(separated, batch, sb.Stage.VALID)
    value, shown = brain.development()
    assert value == pytest.approx(0, abs=1e-3)
    assert shown == {"SI_SDRi_dB": -value} and len(brain.dev_gains) == 4


def test_reference_dev_is_the_metrics_gain():
    brain, batch = brain_of(tiny_separator(), NoIdentity()), batch_of((900,))
    separated = brain.compute_forward(batch, sb.Stage.VALID)
    brain.compute_objectives(separated, batch, sb.Stage.VALID)
    mixture, sources = batch.sig.data[0], batch.sources.data[0]
    gains = [
        sum(
            si_sdr(separated.wavs[0, k].detach(), sources[j])
            - si_sdr(mixture, sources[j])
            for k, j in enumerate(order)
        )
        / 2
        for order in ((0, 1), (1, 0))
    ]
    assert -brain.development()[0] == pytest.approx(max(gains), abs=1e-3)
