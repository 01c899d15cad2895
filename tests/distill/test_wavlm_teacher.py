"""The paper's teacher: classes in the right rows, frozen, or one sentence."""

import pytest
import torch

from speechbrain_denokd.distill.wavlm_teacher import (
    class_manifests,
    teacher_from_unispeech,
)
from tests.encoders.unispeech_layout import (
    CENTRES,
    TINY_HEAD,
    random_checkpoint,
    tiny_config,
)

# Fields in which the tiny model differs from WavLM-large.
TINY = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "conv_dim": [32] * 7,
    "num_buckets": 32,
    "max_bucket_distance": 100,
}
# As they come in manifests: unsorted, and sorted as text, not by number.
SPEAKERS = ["id00900", "id00012", "id09279", "id00100"]
SORTED = ["id00012", "id00100", "id00900", "id09279"]


def write_manifest(path, speakers):
    rows = [f"u{i},1,{i}.wav,,,{name}\n" for i, name in enumerate(speakers)]
    header = "ID,duration,wav,start,stop,spk_id\n"
    path.write_text(header + "".join(rows))


@pytest.fixture
def model():
    return random_checkpoint(tiny_config(), TINY_HEAD, len(SPEAKERS))


@pytest.fixture
def load(tmp_path, model):
    """Load the tiny teacher before its manifests are written."""

    def load(manifests=("train.csv",)):
        torch.save(model, tmp_path / "finetune.pth")
        return teacher_from_unispeech(
            tmp_path / "finetune.pth",
            [tmp_path / name for name in manifests],
            TINY,
            TINY_HEAD._asdict(),
        )

    return load


def test_fact_each_speaker_gets_its_row(load, tmp_path, model):
    """Names are read when they are needed, not when the teacher is loaded."""
    teacher = load()
    write_manifest(tmp_path / "train.csv", SPEAKERS + SPEAKERS[:2])
    teacher.select_speakers(["id09279", "id00012"])
    rows = [SORTED.index("id09279"), SORTED.index("id00012")]
    assert torch.equal(teacher.classifier.weight, model["model"][CENTRES][rows])
    assert teacher.speakers == ("id09279", "id00012")


def test_fact_held_out_speakers_are_classes_too(load, tmp_path, model):
    names = class_manifests(tmp_path, "held_out")
    teacher = load([name.rsplit("/", 1)[1] for name in names])
    write_manifest(tmp_path / "train.csv", SPEAKERS[:3])
    write_manifest(tmp_path / "dev.csv", SPEAKERS[3:])
    teacher.select_speakers(sorted(SPEAKERS[:3]))
    centres = model["model"][CENTRES]
    assert torch.equal(teacher.classifier.weight, centres[[0, 2, 3]])


@pytest.mark.parametrize("validation", ["vox2_test", "O"])
def test_fact_other_validation_speakers_are_none(validation):
    assert class_manifests("m", validation) == ["m/train.csv"]


def test_fact_logits_are_32_cosines(load, tmp_path, model):
    teacher = load()
    wavs = 0.1 * torch.randn(2, 9000)
    prediction = teacher(wavs, torch.ones(2), torch.tensor([3, 1]))
    embedding = prediction.output.embedding
    centres = model["model"][CENTRES]
    cosines = torch.cosine_similarity(
        embedding[:, None, :], centres[None, :, :], dim=2
    )
    torch.testing.assert_close(
        prediction.logits, 32 * cosines, rtol=0, atol=1e-3
    )
    target = 32 * (cosines[0, 3].acos() + 0.2).cos()
    torch.testing.assert_close(
        prediction.margin_logits[0, 3], target, rtol=0, atol=1e-3
    )


def test_law_frozen_whatever_is_asked(load):
    teacher = load().train()
    assert not any(module.training for module in teacher.modules())
    assert not any(p.requires_grad for p in teacher.parameters())
    wavs = (0.1 * torch.randn(2, 8000)).requires_grad_()
    first, second = (teacher(wavs, torch.ones(2)) for _ in range(2))
    assert not first.output.embedding.requires_grad
    assert torch.equal(first.logits, second.logits)


def test_law_every_weight_comes_from_the_file(load):
    """Nothing is drawn: two loads agree whatever the seed."""
    torch.manual_seed(1)
    first = load().state_dict()
    torch.manual_seed(2)
    second = load().state_dict()
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_error_no_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.pth") as error:
        teacher_from_unispeech(tmp_path / "absent.pth", ["train.csv"])
    assert "wavlm_large_finetune.pth" in str(error.value)
    assert "--teacher_checkpoint=FILE" in str(error.value)


def test_error_another_number_of_speakers(load, tmp_path):
    write_manifest(tmp_path / "train.csv", SPEAKERS[:3])
    with pytest.raises(ValueError, match="3 speakers, but .* has 4 rows"):
        load().select_speakers(SPEAKERS[:3])


def test_error_no_manifest(load):
    with pytest.raises(FileNotFoundError, match="no manifest .*train.csv"):
        load().select_speakers(SPEAKERS)


def test_error_the_published_sizes_by_default(tmp_path, model):
    torch.save(model, tmp_path / "finetune.pth")
    with pytest.raises(ValueError, match=r"\(64,\) for \(1024,\)"):
        teacher_from_unispeech(tmp_path / "finetune.pth", ["train.csv"])
