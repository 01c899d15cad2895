"""Regression of hidden states."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from speechbrain_denokd.distill.hidden_states import HiddenStateRegression
from speechbrain_denokd.distill.prediction import Prediction
from speechbrain_denokd.encoders.output import EncoderOutput


def prediction(states, n_frames):
    n_frames = torch.as_tensor(n_frames)
    return Prediction(EncoderOutput((), None, None, n_frames, tuple(states)))


def term_of(student_dim, teacher_dim, layers, **kwargs):
    return HiddenStateRegression(
        SimpleNamespace(state_dim=student_dim),
        SimpleNamespace(encoder=SimpleNamespace(state_dim=teacher_dim)),
        layers,
        **kwargs,
    )


def as_identity(term):
    for head in term.heads:
        nn.init.eye_(head.weight)
        nn.init.zeros_(head.bias)
    return term


def test_fact_both_parts_by_hand():
    term = as_identity(term_of(2, 2, [2], cosine_weight=3.0))
    student = prediction([torch.tensor([[[3.0, 4.0], [1.0, 0.0]]])], [2])
    target = torch.tensor([[[4.0, 3.0], [0.0, 1.0]]])
    teacher = prediction([torch.zeros_like(target), target], [2])
    output = term(student, teacher)
    l1 = (1 + 1 + 1 + 1) / 4
    cosine = sum(math.log(1 + math.exp(-c)) for c in (0.96, 0.0)) / 2
    assert output.monitors["l1"].item() == pytest.approx(l1)
    assert output.monitors["cosine"].item() == pytest.approx(cosine)
    assert output.loss.item() == pytest.approx(l1 + 3 * cosine)


def test_law_the_number_of_frames_is_no_weight():
    # The released code sums a part over frames.
    torch.manual_seed(0)
    term = term_of(4, 6, [1, 3])
    student = [torch.randn(2, 5, 4)]
    teacher = [torch.randn(2, 5, 6) for _ in range(3)]
    once = term(prediction(student, [5, 5]), prediction(teacher, [5, 5]))
    student, teacher = (
        [torch.cat([s, s], dim=1) for s in states]
        for states in (student, teacher)
    )
    twice = term(prediction(student, [10, 10]), prediction(teacher, [10, 10]))
    torch.testing.assert_close(once.loss, twice.loss)


def test_law_padding_is_not_regressed():
    torch.manual_seed(0)
    term = term_of(4, 4, [1])
    student, teacher = torch.randn(2, 6, 4), torch.randn(2, 6, 4)
    lengths = [6, 3]
    before = term(
        prediction([student], lengths), prediction([teacher], lengths)
    ).loss
    student[1, 3:], teacher[1, 3:] = math.nan, 1e6
    after = term(
        prediction([student], lengths), prediction([teacher], lengths)
    ).loss
    torch.testing.assert_close(before, after)


def test_fact_one_frame_more_is_cut_two_are_refused():
    term = as_identity(term_of(2, 2, [1]))
    states = torch.randn(1, 7, 2)
    alike = term(prediction([states[:, :6]], [6]), prediction([states], [7]))
    assert alike.monitors["l1"].item() == 0
    with pytest.raises(ValueError, match="5 frames and the teacher 7"):
        term(prediction([states[:, :5]], [5]), prediction([states], [7]))


def test_law_every_head_and_the_student_learn():
    term = term_of(3, 3, [1, 2])
    state = torch.randn(1, 4, 3, requires_grad=True)
    teacher = [torch.randn(1, 4, 3) for _ in range(2)]
    term(prediction([state], [4]), prediction(teacher, [4])).loss.backward()
    assert state.grad.abs().sum() > 0
    for head in term.heads:
        assert head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("layers", [[], [0, 3]])
def test_fact_layers_are_counted_from_one(layers):
    with pytest.raises(ValueError, match="must name teacher layers from 1 on"):
        term_of(2, 2, layers)


def test_error_a_recorded_teacher_has_no_hidden_states():
    with pytest.raises(ValueError, match="train with --crop_pool=null"):
        term_of(2, 2, [1])(
            prediction([torch.randn(1, 4, 2)], [4]), prediction([], [4])
        )


def test_fact_a_missing_layer_is_named():
    states = [torch.randn(1, 4, 2)]
    with pytest.raises(ValueError, match="1 hidden states, but layer 8"):
        term_of(2, 2, [8])(prediction(states, [4]), prediction(states, [4]))
