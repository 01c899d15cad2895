"""A recorded teacher says what the teacher says."""

import pytest
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.data.crop_pool import CropPool, draw_pool
from speechbrain_denokd.data.dataset import TrainingCrops
from speechbrain_denokd.distill.recorded import (
    RecordedTeacher,
    record_teacher,
    recording_of,
)
from speechbrain_denokd.distill.teacher import FrozenTeacher
from tests.tiny import tiny_encoder, voice_rows


@pytest.fixture
def pool(tmp_path):
    labels = {"s0": 0, "s1": 1, "s2": 2}
    crops = TrainingCrops(voice_rows(tmp_path), labels, 0.2, seed=1)
    draw_pool(crops, 2, tmp_path / "pool", progress=False)
    return CropPool(tmp_path / "pool", crops, seed=1)


@pytest.fixture
def teacher():
    torch.manual_seed(3)
    head = Classifier(16, lin_neurons=16, out_neurons=3)
    return FrozenTeacher(tiny_encoder(), head, ["ann", "bob", "eve"])


def test_law_it_says_what_the_teacher_says(pool, teacher):
    folder = record_teacher(teacher, pool, progress=False)
    recorded = RecordedTeacher(teacher, folder).train()
    batch = PaddedBatch([pool[epoch, 1] for epoch in (1, 2, 5)])
    labels = batch.label.data.squeeze(1)
    said, again = teacher.hear(batch, labels), recorded.hear(batch, labels)
    for name in ("logits", "margin_logits"):
        torch.testing.assert_close(getattr(again, name), getattr(said, name))
    torch.testing.assert_close(again.output.embedding, said.output.embedding)
    # Half precision: ten bits behind the first.
    torch.testing.assert_close(
        again.output.frames, said.output.frames, rtol=2**-10, atol=1e-6
    )
    assert torch.equal(again.output.n_frames, said.output.n_frames)
    assert not any(p.requires_grad for p in recorded.parameters())
    assert not any(module.training for module in recorded.teacher.modules())


def test_law_another_teacher_has_another_recording(pool, teacher):
    first = record_teacher(teacher, pool, progress=False)
    written = (first / "frames.npy").stat().st_mtime_ns
    assert record_teacher(teacher, pool, progress=False) == first
    assert (first / "frames.npy").stat().st_mtime_ns == written
    with torch.no_grad():
        next(teacher.encoder.parameters()).mul_(2)
    assert recording_of(teacher, pool.folder) != first


def test_error_frames_beyond_half_precision(pool, teacher, monkeypatch):
    encode = teacher.encoder.forward

    def loud(*args):
        output = encode(*args)
        return output._replace(frames=1e6 * output.frames)

    monkeypatch.setattr(teacher.encoder, "forward", loud)
    with pytest.raises(ValueError, match="--crop_pool=null"):
        record_teacher(teacher, pool, progress=False)
    assert not recording_of(teacher, pool.folder).exists()


def test_error_nothing_recorded(pool, teacher):
    with pytest.raises(FileNotFoundError, match="no arrays in"):
        RecordedTeacher(teacher, recording_of(teacher, pool.folder))
