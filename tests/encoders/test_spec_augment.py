"""SpecAugment: what is dropped, and that the draw can be repeated."""

import torch

from speechbrain_denokd.encoders.spec_augment import SpecAugment


def test_law_whole_frames_and_whole_bins_are_dropped():
    torch.manual_seed(0)
    features = torch.rand(4, 60, 30) + 1
    dropped = SpecAugment(max_frames=10, max_mels=6)(features)
    is_dropped = dropped == 0
    frames = is_dropped.all(dim=2)
    bins = is_dropped.all(dim=1)
    assert (1 <= frames.sum(dim=1)).all() and (frames.sum(dim=1) <= 10).all()
    assert (1 <= bins.sum(dim=1)).all() and (bins.sum(dim=1) <= 6).all()
    # Nothing else is touched.
    expected = frames[:, :, None] | bins[:, None, :]
    assert torch.equal(is_dropped, expected)
    assert torch.equal(dropped[~is_dropped], features[~is_dropped])


def test_law_the_draw_follows_the_seed():
    features = torch.ones(2, 40, 20)
    augment = SpecAugment()
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(augment(features))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
