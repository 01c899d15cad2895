"""Gaussian noise on features: its level, and when it is heard."""

import pytest
import torch

from speechbrain_denokd.encoders.feature_noise import FeatureNoise
from speechbrain_denokd.encoders.spec_augment import SpecAugment
from tests.tiny import tiny_encoder


def test_law_each_utterance_has_a_level_of_its_own():
    torch.manual_seed(0)
    features = torch.randn(400, 60, 40)
    noise = FeatureNoise(0.1, 0.9)(features) - features
    levels = noise.std(dim=(1, 2))
    # Drawn evenly from 0.1 to 0.9.
    assert 0.08 < levels.min() < 0.12 and 0.88 < levels.max() < 0.93
    assert levels.mean().item() == pytest.approx(0.5, abs=0.04)
    assert levels.std().item() == pytest.approx(0.8 / 12**0.5, abs=0.02)
    # White, without a mean.
    assert abs(noise.mean()) < 2e-3
    pairs = (noise[:, 1:] * noise[:, :-1]).mean()
    assert abs(pairs) < 2e-3


def test_law_the_draw_follows_the_seed_and_the_input_stays():
    features = torch.ones(2, 30, 20)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(FeatureNoise()(features))
    assert torch.equal(features, torch.ones(2, 30, 20))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_law_only_training_hears_it():
    encoder = tiny_encoder()
    encoder.feature_augment = torch.nn.Sequential(
        FeatureNoise(0.5, 0.5), SpecAugment(max_frames=5, max_mels=3)
    )
    wavs, lens = 0.1 * torch.randn(2, 8000), torch.ones(2)
    quiet = [encoder(wavs, lens).embedding for _ in range(2)]
    assert torch.equal(*quiet)
    encoder.train()
    torch.manual_seed(0)
    one, two = (encoder(wavs, lens).embedding for _ in range(2))
    assert not torch.equal(one, two)


@pytest.mark.parametrize("levels", [(-0.1, 0.1), (0.2, 0.1)])
def test_error_levels(levels):
    with pytest.raises(ValueError, match="are no range of standard"):
        FeatureNoise(*levels)
