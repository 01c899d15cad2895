"""A teacher never learns, and speaks of the student's classes."""

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import nn

from speechbrain_denokd.distill.teacher import (
    FrozenTeacher,
    build_teacher,
    teacher_from_folder,
)
from speechbrain_denokd.losses.margin import AamSoftmax
from speechbrain_denokd.model_folder import write_model_folder
from tests.tiny import ENCODER_TEXT, tiny_encoder

SPEAKERS = ["ann", "bob", "eve"]
WAVS = torch.randn(4, 8000, generator=torch.Generator().manual_seed(0))
LENS = torch.tensor([1.0, 0.6, 0.8, 1.0])


@pytest.fixture
def teacher():
    encoder = tiny_encoder()
    head = Classifier(16, lin_neurons=16, out_neurons=3)
    return FrozenTeacher(encoder, head, SPEAKERS, scale=20.0, margin=0.3)


def test_law_it_stays_in_eval_mode_whoever_asks(teacher):
    modules = nn.ModuleDict({"teacher": teacher, "student": nn.BatchNorm1d(2)})
    modules.train()
    assert modules["student"].training
    assert not any(module.training for module in teacher.modules())
    weights = {k: v.clone() for k, v in teacher.state_dict().items()}
    first = teacher(WAVS, LENS)
    teacher(5 * torch.randn_like(WAVS), LENS)
    assert torch.equal(first.logits, teacher(WAVS, LENS).logits)
    for key, value in teacher.state_dict().items():
        assert torch.equal(value, weights[key]), key


def test_law_no_gradient_enters_or_passes(teacher):
    assert not any(p.requires_grad for p in teacher.parameters())
    wavs = WAVS.clone().requires_grad_()
    prediction = teacher(wavs, LENS, torch.tensor([0, 1, 2, 0]))
    output = prediction.output
    assert not any(
        tensor.requires_grad
        for tensor in (
            output.frames,
            output.embedding,
            prediction.logits,
            prediction.margin_logits,
        )
    )


def test_fact_logits_are_scaled_cosines_to_the_centres(teacher):
    labels = torch.tensor([2, 0, 1, 1])
    prediction = teacher(WAVS, LENS, labels)
    embedding = teacher.encoder(WAVS, LENS).embedding
    centres = nn.functional.normalize(teacher.classifier.weight, dim=1)
    cosines = nn.functional.normalize(embedding, dim=1) @ centres.T
    torch.testing.assert_close(prediction.logits, 20 * cosines)
    torch.testing.assert_close(
        prediction.margin_logits,
        AamSoftmax(20.0, 0.3).margin_logits(cosines, labels),
    )
    assert torch.equal(prediction.output.embedding, embedding)
    assert teacher(WAVS, LENS).margin_logits is None


def test_fact_selected_speakers_are_the_columns_in_order(teacher):
    before = teacher(WAVS, LENS).logits
    teacher.select_speakers(["eve", "ann"])
    assert teacher.speakers == ("eve", "ann")
    torch.testing.assert_close(teacher(WAVS, LENS).logits, before[:, [2, 0]])
    assert not any(p.requires_grad for p in teacher.parameters())
    # Once more, now among those that are left.
    teacher.select_speakers(["ann"])
    torch.testing.assert_close(teacher(WAVS, LENS).logits, before[:, [0]])


def test_unknown_speakers_are_counted_and_named(teacher):
    with pytest.raises(
        ValueError, match="2 of 3 training speakers .* 3 classes .first: 'joe'"
    ):
        teacher.select_speakers(["bob", "joe", "zoe"])
    assert teacher.speakers == tuple(SPEAKERS)


def test_a_teacher_without_head_has_no_logits():
    teacher = FrozenTeacher(tiny_encoder())
    assert teacher(WAVS, LENS, torch.zeros(4).long()).logits is None
    with pytest.raises(ValueError, match="teacher has no class head"):
        teacher.select_speakers(["ann"])


def test_names_and_classes_must_agree():
    head = Classifier(16, lin_neurons=16, out_neurons=3)
    with pytest.raises(ValueError, match="has 3 classes, but 2 speakers"):
        FrozenTeacher(tiny_encoder(), head, ["ann", "bob"])


def test_fact_sizes_and_times_are_the_encoders(teacher):
    assert (teacher.frame_dim, teacher.embedding_dim) == (48, 16)
    assert (teacher.frame_hop_ms, teacher.first_frame_ms) == (10, 0.0)


def test_reference_a_folder_gives_the_same_teacher(teacher, tmp_path):
    folder = tmp_path / "model"
    write_model_folder(
        folder,
        ENCODER_TEXT,
        teacher.encoder,
        teacher.classifier,
        SPEAKERS,
        scale=20.0,
        margin=0.3,
    )
    loaded = build_teacher(lambda: teacher_from_folder(str(folder)))
    assert loaded.speakers == tuple(SPEAKERS)
    labels = torch.tensor([2, 0, 1, 1])
    found, expected = loaded(WAVS, LENS, labels), teacher(WAVS, LENS, labels)
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(found.margin_logits, expected.margin_logits)
    assert not any(p.requires_grad for p in loaded.parameters())
    assert not any(module.training for module in loaded.modules())


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model folder at"):
        teacher_from_folder(str(tmp_path / "absent"))
