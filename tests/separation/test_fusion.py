"""Fusions: hand-computed values, and how they begin."""

import pytest
import torch

from speechbrain_denokd.separation.fusion import (
    AddFusion,
    ConcatFusion,
    FilmFusion,
    MultiplyFusion,
    build_fusion,
)


def test_law_film_begins_as_identity_and_learns():
    fusion, frames = FilmFusion(3, 2), torch.randn(4, 5, 3)
    embedding = torch.randn(4, 2)
    torch.testing.assert_close(fusion(frames, embedding), frames)
    fusion(frames, embedding).square().sum().backward()
    for layer in (fusion.scale, fusion.shift):
        assert layer.weight.grad.abs().min() > 0


def test_law_adding_with_zero_weights_is_identity():
    fusion, frames = AddFusion(3, 2), torch.randn(4, 5, 3)
    for parameter in fusion.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.equal(fusion(frames, torch.randn(4, 2)), frames)


def test_fact_each_fusion_by_hand():
    frames, embedding = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[3.0]])
    assert ConcatFusion(2, 1)(frames, embedding).tolist() == [[[1, 2, 3]]]
    add, multiply, film = (
        AddFusion(2, 1),
        MultiplyFusion(2, 1),
        FilmFusion(2, 1),
    )
    with torch.no_grad():
        for layer in (add.shift, film.shift):
            layer.weight[:, 0] = torch.tensor([1.0, -1.0])
            layer.bias.fill_(0.5)
        for layer in (multiply.scale, film.scale):
            layer.weight[:, 0] = torch.tensor([2.0, 0.0])
            layer.bias.fill_(1.0)
    assert add(frames, embedding).tolist() == [[[4.5, -0.5]]]
    assert multiply(frames, embedding).tolist() == [[[7.0, 2.0]]]
    # 1 * (1 + 7) + 3.5, 2 * (1 + 1) - 2.5
    assert film(frames, embedding).tolist() == [[[11.5, 1.5]]]


@pytest.mark.parametrize(
    ("name", "output_dim"),
    [("concat", 6), ("add", 4), ("multiply", 4), ("film", 4)],
)
def test_law_every_row_has_its_own_speaker(name, output_dim):
    torch.manual_seed(0)
    fusion = build_fusion(name, 4, 2)
    assert fusion.output_dim == output_dim
    for parameter in fusion.parameters():
        torch.nn.init.normal_(parameter)
    frames, embedding = torch.randn(3, 5, 4), torch.randn(3, 2)
    fused = fusion(frames, embedding)
    assert fused.shape[2] == output_dim
    alone = fusion(frames[1:2], embedding[1:2])
    torch.testing.assert_close(fused[1:2], alone)
    assert not torch.allclose(fusion(frames, embedding.flip(0))[0], fused[0])


def test_unknown_fusion_lists_those_there_are():
    with pytest.raises(ValueError, match="'gate'; use one of: concat, add"):
        build_fusion("gate", 4, 2)
