"""Embeddings side by side score as the mean of what the members score."""

import torch
import torch.nn.functional as F

from speechbrain_denokd.encoders.late_fusion import LateFusion
from tests.tiny import tiny_encoder

WAVS = torch.randn(3, 8000, generator=torch.Generator().manual_seed(0))
LENS = torch.tensor([1.0, 0.7, 0.5])


def test_law_its_cosine_is_the_mean_of_the_members():
    members = [tiny_encoder(seed=1).eval(), tiny_encoder(seed=2).eval()]
    fused = LateFusion(*members).eval()(WAVS, LENS).embedding
    alone = [F.normalize(m(WAVS, LENS).embedding, dim=1) for m in members]
    mean = sum(unit @ unit.T for unit in alone) / 2
    torch.testing.assert_close(fused @ fused.T, mean)


def test_fact_frames_are_those_of_the_first_member():
    first, second = tiny_encoder(seed=1).eval(), tiny_encoder(seed=2).eval()
    output = LateFusion(first, second).eval()(WAVS, LENS)
    expected = first(WAVS, LENS)
    assert torch.equal(output.frames, expected.frames)
    assert torch.equal(output.n_frames, expected.n_frames)


def test_law_frozen_members_stay_as_they_are():
    fused = LateFusion(
        tiny_encoder(seed=1), tiny_encoder(seed=2), freeze=True
    ).train()
    before = {k: v.clone() for k, v in fused.state_dict().items()}
    output = fused(WAVS, LENS)
    assert not output.embedding.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in fused.state_dict().items())


def test_law_members_learn_unless_frozen():
    fused = LateFusion(tiny_encoder(seed=1), tiny_encoder(seed=2)).train()
    fused(WAVS, LENS).embedding[:, 0].sum().backward()
    gradients = [p.grad for p in fused.members[0].parameters()]
    assert any(g is not None and g.abs().sum() > 0 for g in gradients)
