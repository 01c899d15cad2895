import numpy as np
import pytest

from speechbrain_denokd.data.speed import SpeedPerturb


def test_fact_labels_and_lengths():
    wav = np.zeros(9900, dtype=np.float32)
    seen = {}
    perturb = SpeedPerturb(n_speakers=5994)
    for seed in range(40):
        result, label = perturb(wav, 17, np.random.default_rng(seed))
        seen[label] = result.size
        assert result.dtype == np.float32
    # 9900 / 0.9 and 9900 / 1.1.
    assert seen == {17: 9900, 17 + 5994: 11_000, 17 + 2 * 5994: 9000}
    assert perturb.n_classes == 17_982


def test_fact_pitch_rises_with_speed():
    tone = np.sin(2 * np.pi * 400 * np.arange(16_000) / 16_000)
    perturb = SpeedPerturb(n_speakers=1, factors=(1.1,))
    faster, _ = perturb(tone, 0, np.random.default_rng(0))
    expected = np.sin(2 * np.pi * 440 * np.arange(faster.size) / 16_000)
    assert np.abs(faster - expected)[200:-200].max() < 5e-3


def test_fact_speed_one_is_untouched():
    wav = np.arange(5.0)
    result, label = SpeedPerturb(3, (1.0,))(wav, 2, np.random.default_rng(0))
    assert result is wav and label == 2


def test_law_factors_are_equally_likely():
    perturb = SpeedPerturb(n_speakers=1)
    rng = np.random.default_rng(0)
    labels = [perturb(np.zeros(2), 0, rng)[1] for _ in range(3000)]
    np.testing.assert_allclose(np.bincount(labels) / 3000, 1 / 3, atol=0.027)


@pytest.mark.parametrize("label", [-1, 3])
def test_label_out_of_range(label):
    with pytest.raises(ValueError, match=f"Label {label} is not one of 3"):
        SpeedPerturb(3)(np.zeros(2), label, np.random.default_rng(0))


@pytest.mark.parametrize("factors", [(), (1.0, 0.0)])
def test_impossible_factors(factors):
    with pytest.raises(ValueError, match="at least one, all above 0"):
        SpeedPerturb(3, factors)
