"""Direct matches: squared error and cosine."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from speechbrain_denokd.distill.align import FrameAlignment
from speechbrain_denokd.distill.match import (
    CosineMatch,
    MappedTap,
    SquaredErrorMatch,
    cosine_between,
    map_tap,
    mean_squared_error,
)
from tests.tiny import taps

FBANK = SimpleNamespace(
    frame_dim=6, embedding_dim=3, frame_hop_ms=10, first_frame_ms=0.0
)
WAVLM = SimpleNamespace(
    frame_dim=4, embedding_dim=5, frame_hop_ms=20, first_frame_ms=12.5
)


def test_fact_squared_error_by_hand():
    x = torch.tensor([[[1.0, 2.0], [5.0, 5.0]]])
    target = torch.tensor([[[0.0, 4.0], [0.0, 0.0]]])
    assert mean_squared_error(x, target, None).item() == 55 / 4
    mask = torch.tensor([[True, False]])
    assert mean_squared_error(x, target, mask).item() == 5 / 2


def test_reference_masked_error_is_that_of_the_cut_utterances():
    torch.manual_seed(0)
    x, target = torch.randn(2, 3, 9, 4)
    n_frames = [9, 1, 4]
    mask = torch.arange(9) < torch.tensor(n_frames)[:, None]
    cut = np.concatenate(
        [
            (a[:n] - b[:n]).square().numpy().ravel()
            for a, b, n in zip(x, target, n_frames, strict=True)
        ]
    )
    found = mean_squared_error(x, target, mask).item()
    assert found == pytest.approx(cut.mean(), rel=1e-6)


@pytest.mark.parametrize("junk", [torch.inf, torch.nan])
def test_law_padding_may_hold_anything(junk):
    x = torch.randn(1, 3, 2, requires_grad=True)
    target = torch.randn(1, 3, 2)
    target[0, 2] = junk
    mask = torch.tensor([[True, True, False]])
    loss = mean_squared_error(x, target, mask)
    expected = (x[0, :2] - target[0, :2]).square().mean()
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert torch.isfinite(x.grad).all()
    assert not x.grad[0, 2].any()


@pytest.mark.parametrize("tap", ["frames", "embedding"])
def test_reference_squared_error_in_numpy(tap):
    """Mapped, aligned, standardised, compared: once more without torch."""
    torch.manual_seed(0)
    student = taps(torch.randn(2, 101, 6), torch.randn(2, 3), [101, 52])
    teacher = taps(
        3 + 5 * torch.randn(2, 49, 4), 3 + 5 * torch.randn(2, 5), [49, 25]
    )
    term = SquaredErrorMatch(map_tap(FBANK, WAVLM, tap))
    loss = term(student, teacher).loss.item()

    if tap == "frames":
        pairs = [
            (
                student.output.frames[b, 1 : 2 * n : 2].numpy(),
                teacher.output.frames[b, :n].numpy(),
            )
            for b, n in enumerate([49, 25])
        ]
        x, y = (np.concatenate(side) for side in zip(*pairs, strict=True))
    else:
        x = student.output.embedding.numpy()
        y = teacher.output.embedding.numpy()
    linear = term.mapped_tap.linear
    mapped = x @ linear.weight.detach().numpy().T
    mapped = mapped + linear.bias.detach().numpy()
    target = (y - y.mean(axis=0)) / np.sqrt(y.var(axis=0) + 1e-5)
    assert loss == pytest.approx(((mapped - target) ** 2).mean(), rel=1e-5)


def test_fact_without_standardisation_the_target_is_the_teacher():
    embedding = 7 + torch.randn(4, 5)
    _, target, mask = map_tap(FBANK, WAVLM, "embedding", standardize=False)(
        taps(embedding=torch.randn(4, 3)), taps(embedding=embedding)
    )
    assert torch.equal(target, embedding)
    assert mask is None


@pytest.mark.parametrize("standardize", [True, False])
def test_law_the_teacher_gets_no_gradient(standardize):
    student = torch.randn(4, 7, 6, requires_grad=True)
    teacher = torch.randn(4, 7, 4, requires_grad=True)
    term = SquaredErrorMatch(MappedTap(6, 4, "frames", standardize=standardize))
    term(taps(student), taps(teacher)).loss.backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0
    assert term.mapped_tap.linear.weight.grad.abs().sum() > 0


def test_fact_targets_are_float32_and_so_is_the_loss():
    student, teacher = torch.randn(2, 8, 3), torch.randn(8, 5).half()
    term = SquaredErrorMatch(map_tap(FBANK, WAVLM, "embedding"))
    with torch.autocast("cpu", torch.bfloat16):
        mapped, target, _ = term.mapped_tap(
            taps(embedding=student[0]), taps(embedding=teacher)
        )
    assert mapped.dtype == target.dtype == torch.float32


def test_fact_sizes_and_times_come_from_the_encoders():
    frames = map_tap(FBANK, WAVLM, "frames")
    assert frames.alignment == FrameAlignment(10, 20, 0.0, 12.5)
    assert frames.linear.weight.shape == (4, 6)
    assert frames.teacher_dim == 4
    embedding = map_tap(FBANK, WAVLM, "embedding")
    assert embedding.alignment is None
    assert embedding.linear.weight.shape == (5, 3)
    assert embedding.teacher_dim == 5


@pytest.mark.parametrize(
    "build",
    [
        lambda: map_tap(FBANK, WAVLM, "logits"),
        lambda: MappedTap(3, 3, "logits"),
    ],
)
def test_unknown_tap_is_refused(build):
    with pytest.raises(ValueError, match="tap='logits' is not a tap"):
        build()


def test_fact_cosine_by_hand():
    """Angles 0, 90 and 180 degrees: distances 0, 1 and 2."""
    student = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    teacher = torch.tensor([[5.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])
    term = CosineMatch(2, 2)
    assert not list(term.parameters())
    loss = term(taps(embedding=student), taps(embedding=teacher)).loss
    assert loss.item() == pytest.approx(1.0, abs=1e-6)


def test_law_cosine_ignores_lengths_and_spares_the_teacher():
    torch.manual_seed(0)
    student = torch.randn(4, 3, requires_grad=True)
    teacher = torch.randn(4, 5, requires_grad=True)
    term = cosine_between(FBANK, WAVLM)
    loss = term(taps(embedding=student), taps(embedding=teacher)).loss
    longer = term(taps(embedding=student), taps(embedding=9 * teacher)).loss
    torch.testing.assert_close(loss, longer)
    loss.backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0
    assert term.linear.weight.shape == (5, 3)
