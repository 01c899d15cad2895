"""DenoKD's term: gradients, random numbers and padding."""

import pytest
import torch

from speechbrain_denokd.diffusion.denoiser import FrameDenoiser
from speechbrain_denokd.diffusion.noise_adapter import FrameNoiseAdapter
from speechbrain_denokd.diffusion.schedule import NoiseSchedule
from speechbrain_denokd.distill.denoised import DenoisedMatch
from speechbrain_denokd.distill.match import MappedTap
from tests.distill.denoised_parts import (
    N_FRAMES,
    PARTS,
    T_DIM,
    build,
    features,
    groups,
    receivers,
    run,
)
from tests.tiny import taps, tiny_encoder

# -- gradients --------------------------------------------------------


@pytest.mark.parametrize("tap", PARTS)
@pytest.mark.parametrize("train_denoiser", [True, False])
@pytest.mark.parametrize("adapter", [True, False])
@pytest.mark.parametrize("projection", [True, False])
def test_fact_who_receives_the_distillation_gradient(
    tap, train_denoiser, adapter, projection
):
    changes = {} if adapter else {"noise_adapter": None}
    if not projection:
        changes["projection"] = None
    term = build(
        tap, train_denoiser=train_denoiser, diffusion_weight=0.0, **changes
    )
    student, teacher = features(tap)
    run(term, tap, student, teacher).loss.backward()
    expected = {"student", "linear"}
    expected |= {"denoiser"} if train_denoiser else set()
    expected |= {"noise_adapter"} if adapter else set()
    expected |= {"projection"} if projection else set()
    assert receivers(term, student, teacher) == expected
    assert teacher.grad is None


@pytest.mark.parametrize("tap", PARTS)
@pytest.mark.parametrize("train_denoiser", [True, False])
def test_fact_the_diffusion_gradient_reaches_the_denoiser_alone(
    tap, train_denoiser
):
    """What the weight of the diffusion loss changes, and what it does not."""
    gradients = []
    for weight in (0.0, 1.0):
        term = build(
            tap, train_denoiser=train_denoiser, diffusion_weight=weight
        )
        student, teacher = features(tap)
        run(term, tap, student, teacher).loss.backward()
        gradients.append(
            {
                name: [None if t.grad is None else t.grad for t in tensors]
                for name, tensors in groups(term, student, teacher).items()
            }
        )
    without, with_diffusion = gradients
    for name in without:
        pairs = zip(without[name], with_diffusion[name], strict=True)
        same = all(
            (a is None and b is None) or torch.equal(a, b) for a, b in pairs
        )
        assert same == (name != "denoiser"), name


def test_fact_diffusion_loss_alone():
    term = build()
    student, teacher = features()
    target = teacher * 1
    mask = torch.arange(9) < torch.tensor(N_FRAMES)[:, None]
    term.diffusion_loss(target.detach(), mask).backward()
    assert receivers(term, student, teacher) == {"denoiser"}


def test_law_a_frozen_denoiser_changes_neither_loss_nor_student():
    found = []
    for train_denoiser in (True, False):
        term = build(train_denoiser=train_denoiser)
        student, teacher = features()
        output = run(term, "frames", student, teacher)
        output.loss.backward()
        found.append((output.loss.detach(), student.grad))
    torch.testing.assert_close(found[0], found[1])


def test_law_frozen_for_one_loss_is_still_trained_by_the_other():
    term = build(train_denoiser=False)
    before = [p.detach().clone() for p in term.denoiser.parameters()]
    optimizer = torch.optim.SGD(term.parameters(), lr=0.1)
    student, teacher = features()
    run(term, "frames", student, teacher).loss.backward()
    assert all(p.grad is not None for p in term.denoiser.parameters())
    optimizer.step()
    after = term.denoiser.parameters()
    assert any(
        not torch.equal(a, b) for a, b in zip(before, after, strict=True)
    )


@pytest.mark.parametrize("tap", PARTS)
def test_law_every_weight_takes_part(tap):
    """A parameter without gradient is an error in distributed training."""
    term = build(tap)
    run(term, tap, *features(tap)).loss.backward()
    assert [n for n, p in term.named_parameters() if p.grad is None] == []
    none = build(tap, n_steps=0)
    run(none, tap, *features(tap)).loss.backward()
    assert [n for n, p in none.named_parameters() if p.grad is None] == []


# -- randomness -------------------------------------------------------


@pytest.mark.parametrize("tap", PARTS)
def test_law_the_seed_decides(tap):
    losses = [
        run(build(tap), tap, *features(tap), seed=seed).loss.item()
        for seed in (7, 7, 8)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_law_the_term_leaves_the_student_alone():
    """Embeddings are bit-identical with and without the term."""
    encoder = tiny_encoder()
    wavs, lens = torch.randn(3, 8000), torch.tensor([1.0, 0.7, 0.9])
    before = encoder(wavs, lens)
    weights = {k: v.clone() for k, v in encoder.state_dict().items()}
    term = DenoisedMatch(
        MappedTap(48, T_DIM, "frames"),
        FrameDenoiser,
        FrameNoiseAdapter,
        NoiseSchedule("linear"),
    )
    teacher = taps(
        frames=torch.randn(3, before.frames.shape[1], T_DIM),
        n_frames=before.n_frames,
    )
    term(taps(before.frames, before.embedding, before.n_frames), teacher)
    after = encoder(wavs, lens)
    assert torch.equal(before.embedding, after.embedding)
    assert torch.equal(before.frames, after.frames)
    assert not [
        k for k, v in encoder.state_dict().items() if not v.equal(weights[k])
    ]


# -- padding ----------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_steps", [0, 1, 5])
@pytest.mark.parametrize("train_denoiser", [True, False])
def test_law_padded_frames_change_nothing(training, n_steps, train_denoiser):
    mask = torch.arange(9) < torch.tensor(N_FRAMES)[:, None]
    found = []
    for junk in (0.0, 1.0, 1e4):
        term = build(n_steps=n_steps, train_denoiser=train_denoiser)
        run(term, "frames", *features(seed=5))  # statistics for eval mode
        term.train(training)
        student, teacher = features()
        with torch.no_grad():
            student[~mask] = junk * torch.randn_like(student[~mask])
            teacher[~mask] = junk * torch.randn_like(teacher[~mask])
        output = run(term, "frames", student, teacher)
        output.loss.backward()
        assert not student.grad[~mask].any()
        weights = [p.grad for p in term.parameters()]
        statistics = list(term.state_dict().values())
        found.append(
            (output.loss, output.monitors, student.grad, weights, statistics)
        )
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-5, atol=1e-6)
