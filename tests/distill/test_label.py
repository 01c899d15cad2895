import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from speechbrain_denokd.distill.label import (
    DecoupledKD,
    GroupedKD,
    LabelKL,
    NonTargetKD,
    decoupled,
    head_tail,
    kl_divergence,
)

TEACHER = torch.tensor([[3.0, 1.0, 0.0]], dtype=torch.float64)
STUDENT = torch.tensor([[1.0, 2.0, 0.0]], dtype=torch.float64)
LABEL = torch.tensor([0])
LOSSES = [LabelKL(), DecoupledKD(), NonTargetKD(), GroupedKD(top_k=3)]
IDS = [type(loss).__name__ for loss in LOSSES]

seeds = st.integers(0, 10**6)
scales = st.sampled_from([0.1, 1.0, 5.0, 32.0])


def draw(seed, scale, batch=1, n_speakers=12):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, batch, n_speakers)
    logits = scale * torch.randn(
        shape, generator=generator, dtype=torch.float64
    )
    labels = torch.randint(n_speakers, (batch,), generator=generator)
    return *logits, labels


@pytest.mark.parametrize(
    "temperature, kl, target_part, non_target_part, p_target",
    [
        (1.0, 0.8111542145, 0.7982504497, 0.0826077449, 0.8437947345),
        (4.0, 0.0550736583, 0.0511328477, 0.0075934391, 0.4810242633),
    ],
)
def test_parts_have_their_golden_values(
    temperature, kl, target_part, non_target_part, p_target
):
    found = decoupled(STUDENT, TEACHER, LABEL, temperature)
    assert found[0].item() == pytest.approx(target_part, abs=1e-10)
    assert found[1].item() == pytest.approx(non_target_part, abs=1e-10)
    whole = kl_divergence(STUDENT, TEACHER, temperature).item()
    assert whole == pytest.approx(temperature**2 * kl, abs=1e-8)
    assert kl == pytest.approx(
        target_part + (1 - p_target) * non_target_part, abs=1e-9
    )


@pytest.mark.parametrize(
    "loss, expected",
    [
        (LabelKL(), 0.8111542145),
        (LabelKL(temperature=4.0), 0.88117853),
        (DecoupledKD(temperature=1.0), 1.45911241),
        (DecoupledKD(temperature=4.0), 1.79008576),
        (DecoupledKD(temperature=1.0, beta=2.0), 0.96346594),
        (DecoupledKD(temperature=4.0, beta=2.0), 1.06111561),
        (DecoupledKD(temperature=1.0, alpha=0.0, beta=1.0), 0.0826077449),
        (NonTargetKD(), 0.96346594),
        (NonTargetKD(gamma=8.0), 1.45911241),
    ],
)
def test_losses_have_their_golden_values(loss, expected):
    found = loss(STUDENT, TEACHER, LABEL).item()
    assert found == pytest.approx(expected, abs=6e-9)


def test_grouped_loss_by_hand():
    """Groups {0}, {1}, {2, 3}: singletons have no inner divergence."""
    teacher = torch.tensor([[3.0, 1.0, 0.0, -1.0]]).double()
    student = torch.tensor([[1.0, 2.0, 0.0, 0.5]]).double()
    p, q = teacher.softmax(-1)[0], student.softmax(-1)[0]
    masses = [(p[0], q[0]), (p[1], q[1]), (p[2:].sum(), q[2:].sum())]
    between = sum(a * (a / b).log() for a, b in masses)
    inner_p, inner_q = p[2:] / p[2:].sum(), q[2:] / q[2:].sum()
    tail = p[2:].sum() * (inner_p * (inner_p / inner_q).log()).sum()

    found = head_tail(student, teacher, LABEL, top_k=1)
    expected = between.item(), 0.0, tail.item()
    assert [x.item() for x in found] == pytest.approx(expected, abs=1e-12)
    loss = GroupedKD(top_k=1, weights=(1, 2, 3), temperature=1.0)
    total = loss(student, teacher, LABEL).item()
    assert total == pytest.approx((between + 3 * tail).item(), abs=1e-12)


def test_head_follows_the_teacher_not_the_student():
    teacher = torch.tensor([[9.0, 1.0, 5.0, 4.0, 0.0]]).double()
    student = torch.tensor([[9.0, 5.0, 1.0, 1.0, 5.0]]).double()
    _, head, tail = head_tail(student, teacher, LABEL, top_k=2)
    # Inside {2, 3} the student is flat, inside {1, 4} the teacher is not.
    p = teacher[0, 2:4].softmax(-1)
    mass = teacher.softmax(-1)[0, 2:4].sum()
    expected = mass * (p * (2 * p).log()).sum()
    assert head.item() == pytest.approx(expected.item(), abs=1e-12)
    p = teacher[0, [1, 4]].softmax(-1)
    mass = teacher.softmax(-1)[0, [1, 4]].sum()
    expected = mass * (p * (2 * p).log()).sum()
    assert tail.item() == pytest.approx(expected.item(), abs=1e-12)


@given(seeds, scales)
def test_kl_agrees_with_torch(seed, scale):
    student, teacher, _ = draw(seed, scale, batch=5)
    expected = F.kl_div(
        student.log_softmax(-1),
        teacher.log_softmax(-1),
        reduction="batchmean",
        log_target=True,
    )
    torch.testing.assert_close(kl_divergence(student, teacher), expected)


@given(seeds, scales, st.sampled_from([1.0, 4.0]))
def test_kl_is_target_part_plus_weighted_non_target_part(seed, scale, tau):
    student, teacher, labels = draw(seed, scale)
    target_part, non_target_part = decoupled(student, teacher, labels, tau)
    p_others = 1 - (teacher / tau).softmax(-1)[0, labels[0]]
    expected = kl_divergence(student, teacher, tau) / tau**2
    found = target_part + p_others * non_target_part
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-10)


@given(seeds, scales, st.integers(1, 10))
def test_groups_add_up_to_the_whole(seed, scale, top_k):
    student, teacher, labels = draw(seed, scale, batch=4)
    parts = head_tail(student, teacher, labels, top_k)
    expected = kl_divergence(student, teacher)
    torch.testing.assert_close(sum(parts), expected, atol=1e-12, rtol=1e-10)
    even = GroupedKD(top_k, weights=(1, 1, 1), temperature=4.0)
    found = even(student, teacher, labels)
    expected = LabelKL(temperature=4.0)(student, teacher, labels)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-10)


@given(seeds, st.floats(-30, 30), st.floats(-30, 30))
def test_non_target_part_ignores_the_target_logit(seed, a, b):
    student, teacher, labels = draw(seed, 2.0, batch=3)
    _, expected = decoupled(student, teacher, labels)
    rows = torch.arange(3)
    student[rows, labels] += a
    teacher[rows, labels] += b
    _, found = decoupled(student, teacher, labels)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)


@given(seeds)
def test_target_part_ignores_the_order_of_the_others(seed):
    student, teacher, _ = draw(seed, 2.0)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(seed))
    shuffled = student.clone()
    shuffled[:, 1:] = student[:, 1:][:, order]
    expected, _ = decoupled(student, teacher, LABEL)
    found, _ = decoupled(shuffled, teacher, LABEL)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
@settings(max_examples=20)
@given(seed=seeds, scale=scales)
def test_loss_is_a_divergence(loss, seed, scale):
    """Zero for equal logits, never negative, blind to constants."""
    student, teacher, labels = draw(seed, scale, batch=4)
    found = loss(student, teacher, labels)
    assert found > 0
    assert loss(teacher, teacher, labels).item() == pytest.approx(0, abs=1e-12)
    shifted = loss(student + 7, teacher - 3, labels)
    torch.testing.assert_close(shifted, found, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
def test_loss_is_the_mean_over_the_batch(loss):
    student, teacher, labels = draw(0, 3.0, batch=4)
    each = [
        loss(student[i : i + 1], teacher[i : i + 1], labels[i : i + 1])
        for i in range(4)
    ]
    found = loss(student, teacher, labels)
    torch.testing.assert_close(found, torch.stack(each).mean())


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
def test_gradient_goes_to_the_student_alone(loss):
    student, teacher, labels = draw(0, 3.0, batch=4)
    student.requires_grad_()
    teacher.requires_grad_()
    loss(student, teacher, labels).backward()
    assert teacher.grad is None
    assert torch.autograd.gradcheck(
        lambda logits: loss(logits, teacher.detach(), labels), student
    )


def extreme_logits(scale, n_speakers=5994):
    """Cosine logits: each side certain, of the right or of a wrong speaker."""
    torch.manual_seed(0)
    logits = scale * 0.1 * torch.randn(2, 4, n_speakers)
    labels = torch.tensor([0, 1, 2, n_speakers - 1])
    logits[:, torch.arange(4), labels] = scale * torch.tensor([1.0, 1, -1, 1])
    logits[0, 3, 7] = scale
    logits[1, :, 9] = -scale
    return *logits, labels


@pytest.mark.parametrize("scale", [32.0, 64.0, 120.0])
@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
def test_scaled_logits_stay_finite_and_accurate(loss, scale, dtype):
    student, teacher, labels = extreme_logits(scale)
    if dtype is not None:
        student, teacher = student.to(dtype), teacher.to(dtype)
    expected = loss(student.double(), teacher.double(), labels)
    student.requires_grad_()
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        found = loss(student, teacher, labels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    found.backward()
    assert student.grad.isfinite().all() and student.grad.any()


def test_certain_teacher_still_teaches_the_others():
    """In float32 1 - p would be 0 here, and the non-target part lost."""
    teacher = torch.tensor([[100.0, 1.0, 0.0]])
    student = torch.tensor([[100.0, 0.0, 1.0]])
    p = 1 / (1 + torch.tensor(-1.0).exp())  # softmax of (1, 0)
    expected = (2 * p - 1).item()  # sum of (p_T - p_S) log-ratio 1
    _, found = decoupled(student, teacher, LABEL)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_two_speakers_have_no_non_target_part():
    student, teacher, labels = draw(0, 5.0, batch=6, n_speakers=2)
    target_part, non_target_part = decoupled(student, teacher, labels)
    assert non_target_part.item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(target_part, kl_divergence(student, teacher))


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
def test_unequal_speaker_sets_are_refused(loss):
    message = r"student logits \(2, 5\) and teacher logits \(2, 6\) differ"
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(2, 5), torch.zeros(2, 6), torch.tensor([0, 1]))


@pytest.mark.parametrize("loss_class", [LabelKL, DecoupledKD, GroupedKD])
@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_positive(loss_class, temperature):
    with pytest.raises(ValueError, match=r"temperature=.* must be above 0"):
        loss_class(temperature=temperature)


@pytest.mark.parametrize("top_k", [0, 2])
def test_empty_groups_are_refused(top_k):
    message = rf"top_k={top_k} of 3 speakers .* choose 1\.\.1"
    with pytest.raises(ValueError, match=message):
        head_tail(STUDENT, TEACHER, LABEL, top_k)


def test_three_weights_are_needed():
    with pytest.raises(ValueError, match=r"weights=\[1, 2\] has 2 entries"):
        GroupedKD(weights=(1, 2))


def test_one_speaker_has_no_others():
    with pytest.raises(ValueError, match="n_speakers=1 leaves no non-target"):
        decoupled(torch.zeros(1, 1), torch.zeros(1, 1), LABEL)
