"""Training masks: the best order, before an encoder that does not learn."""

import speechbrain as sb
import torch

from speechbrain_denokd.brains.speaker_masks import SpeakerMaskBrain
from speechbrain_denokd.encoders.speaker_masks import SpeakerMaskedEncoder
from speechbrain_denokd.losses.mask_cross_entropy import mask_costs
from speechbrain_denokd.overlap.mixture_set import mixture_batch
from tests.tiny import tiny_encoder


def _brain():
    torch.manual_seed(0)
    brain = SpeakerMaskBrain(
        modules={
            "student": SpeakerMaskedEncoder(tiny_encoder(), 2, hidden_dim=8),
        },
        opt_class=lambda p: torch.optim.Adam(p, lr=0.003),
        hparams={
            "seed": 1,
            "n_batches": 4,
            "lr_schedule": lambda epochs: 0.003,
        },
        run_opts={"device": "cpu"},
    )
    brain.init_optimizers()
    brain.on_stage_start(sb.Stage.TRAIN, 1)
    brain.step = 1
    return brain


def _batch(n=4, seed=0):
    """Two tones, one of which begins late."""
    generator = torch.Generator().manual_seed(seed)
    time, items = torch.arange(8000) / 16000, []
    for number in range(n):
        pitches = 200 + 2000 * torch.rand(2, generator=generator)
        sources = 0.1 * torch.sin(6.2832 * pitches[:, None] * time)
        sources[1, :3000] = 0
        items.append(
            {"id": f"m{number}", "sig": sources.sum(0), "sources": sources}
        )
    return mixture_batch(items)


def _step(brain, batch):
    output = brain.compute_forward(batch, sb.Stage.TRAIN)
    return output, brain.compute_objectives(output, batch, sb.Stage.TRAIN)


def test_reference_the_costs_of_either_order_written_out():
    brain, batch = _brain(), _batch()
    masked, loss = _step(brain, batch)
    sources = batch.sources.data
    levels = torch.stack(
        [
            brain.modules["student"].levels(sources[:, k], torch.ones(4))[0]
            for k in range(2)
        ],
        dim=1,
    )
    total = mask_costs(*masked, levels)
    straight = total[:, 0, 0] + total[:, 1, 1]
    crossed = total[:, 0, 1] + total[:, 1, 0]
    torch.testing.assert_close(
        loss, torch.minimum(straight, crossed).mean(), rtol=1e-4, atol=1e-5
    )


def test_law_the_order_of_the_sources_does_not_matter():
    brain, batch = _brain(), _batch()
    _, loss = _step(brain, batch)
    batch.sources.data[:] = batch.sources.data.flip(1)
    torch.testing.assert_close(_step(brain, batch)[1], loss)


def test_law_it_learns_from_sources_alone():
    """There are no labels in the batch, and no classifier."""
    brain = _brain()
    first = _step(brain, _batch())[1].item()
    for step in range(30):
        brain.step = step % 4 + 1
        batch = _batch(seed=step % 4)
        brain.on_fit_batch_start(batch, True)
        _step(brain, batch)[1].backward()
        brain.optimizers_step()
    assert _step(brain, _batch())[1].item() < 0.9 * first


def test_fact_the_checkpoint_is_chosen_by_the_mean_over_all_dev_mixtures():
    brain, batches = _brain(), [_batch(3), _batch(1, seed=7)]
    brain.on_stage_start(sb.Stage.VALID, 1)
    expected = []
    for batch in batches:
        with torch.no_grad():
            _, loss = _step(brain, batch)
            masked = brain.compute_forward(batch, sb.Stage.VALID)
            kept = brain.compute_objectives(masked, batch, sb.Stage.VALID)
        assert kept == 0
        expected += [float(loss)] * len(batch.id)
    value, shown = brain.development()
    assert brain.measure == "mask" and shown == {"mask": value}
    torch.testing.assert_close(value, sum(expected) / 4)
