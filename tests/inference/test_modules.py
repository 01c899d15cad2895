"""What SpeechBrain's inference classes call."""

import pytest
import torch
from torch import nn

from speechbrain_denokd.inference import EmbeddingModel, PassOn, load_strict
from tests.tiny import tiny_encoder


def test_fact_pass_on_hands_on_the_same_tensor():
    x = torch.randn(2, 3)
    assert PassOn()(x) is x
    assert PassOn()(x, torch.ones(2)) is x


def test_fact_embeddings_are_the_encoders_with_a_middle_axis():
    encoder = tiny_encoder()
    wavs, lens = torch.randn(3, 9000), torch.tensor([1.0, 0.5, 0.8])
    expected = encoder(wavs, lens).embedding
    found = EmbeddingModel(encoder)(wavs, lens)
    assert torch.equal(found, expected[:, None])
    whole = encoder(wavs, torch.ones(3)).embedding
    assert torch.equal(EmbeddingModel(encoder)(wavs), whole[:, None])


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    path = tmp_path / "embedding_model.ckpt"
    torch.save(module.state_dict(), path)
    return module, str(path)


def fresh():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_fact_weights_and_statistics_arrive(saved):
    module, path = saved
    other = fresh()
    load_strict(other, path)
    for key, value in module.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


def test_missing_and_unexpected_keys_are_counted(saved):
    module, path = saved
    weights = module.state_dict()
    weights["2.extra"] = weights.pop("0.weight")
    del weights["1.bias"]
    torch.save(weights, path)
    with pytest.raises(
        ValueError,
        match=r"does not fit Sequential: 2 keys missing \(first: \['0.weight'"
        r"\]\), 1 unexpected \(first: \['2.extra'\]\)",
    ):
        load_strict(fresh(), path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("0.bias"), "1 keys missing .*0.bias.*0 unexpected"),
        (lambda w: w.update(x=torch.ones(1)), "0 keys missing .*'x'"),
    ],
)
def test_one_key_too_many_or_too_few_is_enough(saved, change, message):
    module, path = saved
    weights = module.state_dict()
    change(weights)
    torch.save(weights, path)
    with pytest.raises(ValueError, match=message):
        load_strict(fresh(), path)


def test_other_shapes_are_named(saved):
    _, path = saved
    wider = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))
    with pytest.raises(
        ValueError,
        match=r"holds 0.weight of shape \(3, 2\), but .* is \(4, 2\)",
    ):
        load_strict(wider, path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_truncated_files_say_so(saved, kept):
    module, path = saved
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(
            data[: kept if isinstance(kept, int) else int(kept * len(data))]
        )
    target = fresh()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    with pytest.raises(
        ValueError, match="cannot be read as weights .*truncated"
    ):
        load_strict(target, path)
    for key, value in target.state_dict().items():
        assert torch.equal(value, before[key])


class Payload:
    """Unpickling this would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_law_no_code_is_run(saved, tmp_path):
    _, path = saved
    torch.save({"weight": Payload(str(tmp_path / "ran"))}, path)
    with pytest.raises(ValueError, match="cannot be read as weights"):
        load_strict(fresh(), path)
    assert not (tmp_path / "ran").exists()
