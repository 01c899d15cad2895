"""Collapse monitors: what they measure, and that they see a collapse."""

import math

import pytest
import torch

from speechbrain_denokd.encoders.mirnet import MirNet
from speechbrain_denokd.losses.collapse import (
    CollapseMonitor,
    agreement,
    same_choice,
)
from speechbrain_denokd.losses.multi_identity import PitIdentityLoss

N_BINS, N_CLASSES, N_FRAMES = 8, 5, 12
IDENTITY = torch.eye(4)


def _report(scores, labels, group="all", **kwargs):
    """The report on scores that are embeddings, too."""
    monitor = CollapseMonitor()
    found = PitIdentityLoss()(scores, labels)
    monitor.update(scores, scores, labels, found, **kwargs)
    return monitor.end_epoch()[group]


def test_fact_agreement_is_the_mean_over_pairs_whatever_their_length():
    embeddings = torch.tensor([[[2.0, 0.0], [0.0, 5.0], [-3.0, 0.0]]])
    assert agreement(embeddings).tolist() == pytest.approx([-1 / 3])


def test_fact_same_choice_counts_pairs():
    scores = IDENTITY[torch.tensor([[0, 1, 0], [2, 2, 2], [0, 1, 2]])]
    assert same_choice(scores).tolist() == pytest.approx([1 / 3, 1, 0])


def test_fact_perfect_outputs_are_no_collapse():
    labels = torch.tensor([[0, 1], [2, 3], [3, 1]])
    scores = 9 * IDENTITY[labels]
    swapped = torch.stack([scores[0].flip(0), *scores[1:]])
    report = _report(swapped, labels)
    assert report.signs == ()
    assert (report.n_mixtures, report.agreement, report.same_choice) == (
        3,
        0,
        0,
    )
    assert report.swap_rate == pytest.approx(1 / 3)
    assert math.isnan(report.change_rate)


def test_fact_an_output_that_does_not_learn_is_named():
    labels = torch.tensor([[0, 1], [2, 3], [3, 1]])
    scores = 9 * IDENTITY[labels]
    scores[:, 1] = 0
    report = _report(scores, labels)
    assert report.output_losses[1] == pytest.approx(math.log(4))
    (sign,) = report.signs
    assert sign.endswith("does not learn: losses from 0.00 to 1.39")


def test_fact_a_collapse_within_one_gender_shows_apart():
    """Each output takes one gender: mixed pairs hide it."""
    labels = torch.tensor([[0, 1], [1, 2], [2, 3], [0, 2], [1, 3]])
    scores = 9 * IDENTITY[labels]
    scores[3:, 1] = scores[3:, 0]
    same_gender = torch.tensor([False, False, False, True, True])
    monitor = CollapseMonitor()
    monitor.update(
        scores,
        scores,
        labels,
        PitIdentityLoss()(scores, labels),
        same_gender=same_gender,
    )
    reports = monitor.end_epoch()
    assert reports["all"].same_choice == pytest.approx(0.4)
    assert not reports["cross_gender"].is_collapsed
    assert [reports[g].n_mixtures for g in reports] == [5, 2, 3]
    assert reports["same_gender"].agreement == pytest.approx(1)
    assert len(reports["same_gender"].signs) >= 2


def test_fact_changes_follow_the_owner_not_the_place_of_its_label():
    monitor, loss = CollapseMonitor(), PitIdentityLoss()

    def epoch(labels, outputs, names):
        outputs = torch.tensor(outputs)
        scores, labels = 9 * IDENTITY[outputs], torch.tensor(labels)
        monitor.update(scores, scores, labels, loss(scores, labels), names)
        return monitor.end_epoch()["all"]

    first = epoch([[0, 1], [2, 3]], [[0, 1], [2, 3]], ["a", "b"])
    assert math.isnan(first.change_rate)
    # "a": labels the other way round, outputs as before. "b": outputs
    # exchanged. "c" is new.
    second = epoch(
        [[1, 0], [2, 3], [0, 3]], [[0, 1], [3, 2], [0, 3]], ["a", "b", "c"]
    )
    assert second.change_rate == pytest.approx(1 / 2)
    assert second.swap_rate == pytest.approx(2 / 3)
    third = epoch([[0, 1], [0, 3]], [[0, 1], [3, 0]], ["b", "c"])
    assert third.change_rate == 1


def test_law_batches_add_up():
    torch.manual_seed(0)
    scores, labels = torch.randn(9, 3, 6), torch.arange(27).view(9, 3) % 6
    monitor = CollapseMonitor()
    for part in (slice(0, 2), slice(2, 9)):
        found = PitIdentityLoss()(scores[part], labels[part])
        monitor.update(scores[part], scores[part], labels[part], found)
    whole, parts = _report(scores, labels), monitor.end_epoch()["all"]
    assert parts[:4] == pytest.approx(whole[:4])
    assert parts.output_losses == pytest.approx(whole.output_losses)


def _mixed_batch(spectra, generator):
    """Log spectra of two voices whose loudness changes from frame to frame."""
    keys = torch.rand(24, N_CLASSES, generator=generator)
    labels = keys.argsort(dim=1)[:, :2]
    levels = torch.rand(24, 2, N_FRAMES, 1, generator=generator) ** 2
    mixed = (levels * spectra[labels].unsqueeze(2)).sum(dim=1) + 0.02
    features = mixed.log()
    return features - features.mean(dim=1, keepdim=True), labels


def test_law_a_collapsed_network_is_detected_and_a_good_one_is_not():
    """The mirror test, on one trained MIRNet.

    The network learns to name two voices. Then its gates are shut to one
    value: both outputs hear the same, as in a collapse.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    spectra = torch.rand(N_CLASSES, N_BINS, generator=generator) ** 3
    network = MirNet(N_BINS, 2, "v1", [24] * 5, False, 4, 12)
    classifier, loss = torch.nn.Linear(12, N_CLASSES), PitIdentityLoss()
    parameters = [*network.parameters(), *classifier.parameters()]
    optimizer = torch.optim.Adam(parameters, 4e-3)
    n_frames, monitor = torch.full((24,), N_FRAMES), CollapseMonitor()

    def step():
        features, labels = _mixed_batch(spectra, generator)
        embeddings = network(features, n_frames).embeddings
        scores = classifier(embeddings)
        found = loss(scores, labels)
        monitor.update(embeddings, scores, labels, found)
        return found.loss

    for _ in range(60):
        optimizer.zero_grad()
        step().backward()
        optimizer.step()
    monitor.end_epoch()
    with torch.no_grad():
        for _ in range(5):
            step()
        good = monitor.end_epoch()["all"]
        for parameter in network.attention.scores[-1].parameters():
            parameter.zero_()
        for _ in range(5):
            step()
        collapsed = monitor.end_epoch()["all"]
    assert good.signs == ()
    assert sum(good.output_losses) < 0.75 * 2 * math.log(N_CLASSES)
    assert collapsed.agreement == pytest.approx(1, abs=1e-5)
    assert collapsed.same_choice == 1
    assert len(collapsed.signs) >= 2


def test_error_no_mixtures():
    with pytest.raises(ValueError, match="0 mixtures since the last report"):
        CollapseMonitor().end_epoch()


def test_error_names_for_other_mixtures():
    labels = torch.tensor([[0, 1]])
    with pytest.raises(ValueError, match="2 names for 1 mixtures"):
        _report(IDENTITY[labels], labels, names=["a", "b"])
