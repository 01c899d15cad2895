"""Label-level distillation: (student logits, teacher logits) -> scalar.

==================  ====================================================
variable            symbol (DenoKD, Eq. 8; Zhao et al.)
==================  ====================================================
student, teacher    log p^S, log p^T, from logits divided by tau
labels              y, the true speakers
temperature         tau
target_part         TCKD, the true speaker against all others
non_target_part     NCKD, the other speakers among themselves
==================  ====================================================

Everything here splits one divergence over a partition of the speakers into
groups g (the chain rule of the Kullback-Leibler divergence):

    KL(p^T || p^S) = KL(group masses) + sum_g p^T(g) KL(p^T | g || p^S | g)

Source: Hinton et al., "Distilling the knowledge in a neural network", 2015;
B. Zhao et al., "Decoupled knowledge distillation", CVPR 2022; D.-T. Truong et
al., "Emphasized non-target speaker knowledge in knowledge distillation for
automatic speaker verification", ICASSP 2024 (gamma 2, temperature 1); L. Xu et
al., "Improving knowledge distillation via head and tail categories", TCSVT
2023, which `head_tail` follows in spirit only, after DenoKD's description.
Differs: masses are computed from log-probabilities, never as 1 - p, so that no
term vanishes or overflows at scale 32 and thousands of speakers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _log_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Tempered log-softmax, in float32 even from half-precision logits."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return (logits / temperature).log_softmax(dim=-1)


def _both(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of student and teacher; the latter is a constant."""
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f"student logits {tuple(student_logits.shape)} and teacher logits "
            f"{tuple(teacher_logits.shape)} differ; train the student on the "
            "teacher's speakers"
        )
    _check_temperature(temperature)
    return (
        _log_probabilities(student_logits, temperature),
        _log_probabilities(teacher_logits.detach(), temperature),
    )


def _check_temperature(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0")


def _is_target(labels: Tensor, n_speakers: int) -> Tensor:
    """(B, n) mask, True at each sample's true speaker."""
    speakers = torch.arange(n_speakers, device=labels.device)
    return labels[:, None] == speakers


def _log_mass(log_p: Tensor, group: Tensor) -> Tensor:
    """Log-probability of a group of speakers, (B,)."""
    return log_p.masked_fill(~group, -torch.inf).logsumexp(dim=-1)


def _within(student: Tensor, teacher: Tensor, group: Tensor) -> Tensor:
    """KL divergence inside a group, renormalised to it, (B,)."""
    student = student - _log_mass(student, group)[:, None]
    teacher = teacher - _log_mass(teacher, group)[:, None]
    # Mask before the exponential: 0 * inf cannot arise, and outside the
    # group the student's log-ratio is finite and meets a zero weight.
    weight = teacher.masked_fill(~group, -torch.inf).exp()
    return (weight * (teacher - student)).sum(dim=-1)


def _between(student: Tensor, teacher: Tensor, groups: list[Tensor]) -> Tensor:
    """KL divergence of the group masses, (B,)."""
    pairs = [(_log_mass(teacher, g), _log_mass(student, g)) for g in groups]
    return sum(t.exp() * (t - s) for t, s in pairs)


def kl_divergence(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0
) -> Tensor:
    """Kullback-Leibler divergence of the two predictions (Eq. 8).

    Multiplied by tau^2 to keep the gradient's size (Hinton et al., Section 2).
    The teacher receives no gradient.

    Arguments
    ---------
    student_logits, teacher_logits : (B, n) torch.Tensor
        Scores of the ``n`` training speakers.
    temperature : float
        tau; the paper has 1.

    Returns
    -------
    () torch.Tensor
        Batch mean, in nats.

    Raises
    ------
    ValueError
        If the shapes differ or the temperature is not positive.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0]])
    >>> kl_divergence(student, teacher)
    tensor(0.8112)
    """
    student, teacher = _both(student_logits, teacher_logits, temperature)
    kl = (teacher.exp() * (teacher - student)).sum(dim=-1)
    return temperature**2 * kl.mean()


def decoupled(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Target and non-target parts of the divergence (Zhao et al., Eq. 5).

    Per sample KL = target part + (1 - p^T_y) * non-target part. Neither is
    multiplied by the squared temperature.

    Arguments
    ---------
    student_logits, teacher_logits : (B, n) torch.Tensor
        Scores of the ``n`` training speakers; at least two.
    labels : (B,) torch.Tensor of int64
        True speakers, 0 to ``n - 1``.
    temperature : float
        tau.

    Returns
    -------
    target_part, non_target_part : () torch.Tensor
        Batch means.

    Raises
    ------
    ValueError
        If the shapes differ, the temperature is not positive, or there is
        one speaker only.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0]])
    >>> decoupled(student, teacher, torch.tensor([0]))
    (tensor(0.7983), tensor(0.0826))
    """
    student, teacher = _both(student_logits, teacher_logits, temperature)
    n_speakers = student.shape[-1]
    if n_speakers < 2:
        raise ValueError(
            f"n_speakers={n_speakers} leaves no non-target speaker; "
            "the non-target part needs at least 2"
        )
    target = _is_target(labels, n_speakers)
    target_part = _between(student, teacher, [target, ~target])
    non_target_part = _within(student, teacher, ~target)
    return target_part.mean(), non_target_part.mean()


def head_tail(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    top_k: int,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Divergence over three groups: true speaker, head, tail.

    The head holds the ``top_k`` other speakers most likely to the teacher.
    Parts carry their teacher mass, so that they add up to the plain
    divergence. Inspired by Xu et al.; not their formula.

    Arguments
    ---------
    student_logits, teacher_logits : (B, n) torch.Tensor
        Scores of the ``n`` training speakers.
    labels : (B,) torch.Tensor of int64
        True speakers, 0 to ``n - 1``.
    top_k : int
        Speakers of the head, 1 to ``n - 2``.
    temperature : float
        tau.

    Returns
    -------
    between, head, tail : () torch.Tensor
        Batch means of KL(group masses), p^T(head) KL(within the head) and
        p^T(tail) KL(within the tail).

    Raises
    ------
    ValueError
        If the shapes differ, the temperature is not positive, or ``top_k``
        leaves head or tail empty.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0, -1.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0, 0.5]])
    >>> parts = head_tail(student, teacher, torch.tensor([0]), top_k=1)
    >>> torch.isclose(sum(parts), kl_divergence(student, teacher)).item()
    True
    """
    student, teacher = _both(student_logits, teacher_logits, temperature)
    n_speakers = student.shape[-1]
    if not 1 <= top_k <= n_speakers - 2:
        raise ValueError(
            f"top_k={top_k} of {n_speakers} speakers leaves head or tail "
            f"empty; choose 1..{n_speakers - 2}"
        )
    target = _is_target(labels, n_speakers)
    others = teacher.masked_fill(target, -torch.inf)
    head = torch.zeros_like(target).scatter(
        -1, others.topk(top_k).indices, True
    )
    tail = ~(target | head)
    between = _between(student, teacher, [target, head, tail])
    head_part, tail_part = (
        _log_mass(teacher, group).exp() * _within(student, teacher, group)
        for group in (head, tail)
    )
    return between.mean(), head_part.mean(), tail_part.mean()


class LabelKL(nn.Module):
    """Plain label distillation (DenoKD, Eq. 8; row 3 of its Table I).

    Arguments
    ---------
    temperature : float
        tau; the paper has 1.

    Raises
    ------
    ValueError
        If the temperature is not positive.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0]])
    >>> LabelKL(temperature=4.0)(student, teacher, torch.tensor([0]))
    tensor(0.8812)
    """

    def __init__(self, temperature: float = 1.0):
        super().__init__()
        _check_temperature(temperature)
        self.temperature = temperature

    def forward(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor
    ) -> Tensor:
        """Divergence of (B, n) logits; ``labels`` (B,) play no part in it."""
        return kl_divergence(student_logits, teacher_logits, self.temperature)


class DecoupledKD(nn.Module):
    """Target and non-target parts with weights of their own (Zhao et al.).

    Arguments
    ---------
    temperature : float
        tau; 4 in the source's code.
    alpha, beta : float
        Weights of the target and the non-target part; 1 and 8 there.

    Raises
    ------
    ValueError
        If the temperature is not positive.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0]])
    >>> DecoupledKD()(student, teacher, torch.tensor([0]))
    tensor(1.7901)
    """

    def __init__(
        self, temperature: float = 4.0, alpha: float = 1.0, beta: float = 8.0
    ):
        super().__init__()
        _check_temperature(temperature)
        self.temperature = temperature
        self.alpha = alpha
        self.beta = beta

    def forward(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor
    ) -> Tensor:
        """tau^2 (alpha TCKD + beta NCKD) of (B, n) logits, (B,) labels."""
        target_part, non_target_part = decoupled(
            student_logits, teacher_logits, labels, self.temperature
        )
        loss = self.alpha * target_part + self.beta * non_target_part
        return self.temperature**2 * loss


class NonTargetKD(nn.Module):
    """Emphasised non-target speakers: TCKD + gamma NCKD (Truong et al.).

    Arguments
    ---------
    gamma : float
        Weight of the non-target part; 2 in the source's code.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0]])
    >>> NonTargetKD()(student, teacher, torch.tensor([0]))
    tensor(0.9635)
    """

    def __init__(self, gamma: float = 2.0):
        super().__init__()
        self.gamma = gamma

    def forward(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor
    ) -> Tensor:
        """Weighted parts of (B, n) logits with (B,) labels."""
        target_part, non_target_part = decoupled(
            student_logits, teacher_logits, labels
        )
        return target_part + self.gamma * non_target_part


class GroupedKD(nn.Module):
    """True speaker, head and tail with weights of their own (`head_tail`).

    Arguments
    ---------
    top_k : int
        Speakers of the head.
    weights : sequence of three float
        Of the divergence between groups, within the head, within the tail;
        (1, 1, 1) is `LabelKL`.
    temperature : float
        tau.

    Raises
    ------
    ValueError
        If the temperature is not positive or there are not three weights.

    Example
    -------
    >>> teacher = torch.tensor([[3.0, 1.0, 0.0, -1.0]])
    >>> student = torch.tensor([[1.0, 2.0, 0.0, 0.5]])
    >>> GroupedKD(top_k=2)(student, teacher, torch.tensor([0]))
    tensor(0.9002)
    """

    def __init__(
        self,
        top_k: int = 100,
        weights: Sequence[float] = (1.0, 2.0, 1.0),
        temperature: float = 1.0,
    ):
        super().__init__()
        _check_temperature(temperature)
        if len(weights) != 3:
            raise ValueError(
                f"weights={list(weights)} has {len(weights)} entries; give 3: "
                "between groups, head, tail"
            )
        self.top_k = top_k
        self.weights = tuple(weights)
        self.temperature = temperature

    def forward(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor
    ) -> Tensor:
        """tau^2 times the weighted parts of (B, n) logits, (B,) labels."""
        sides = student_logits, teacher_logits
        parts = head_tail(*sides, labels, self.top_k, self.temperature)
        weighted = (w * p for w, p in zip(self.weights, parts, strict=True))
        return self.temperature**2 * sum(weighted)
