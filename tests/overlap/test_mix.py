import numpy as np
import pytest

from speechbrain_denokd.overlap.mix import (
    gains_without_clipping,
    mix,
    overlap_ratio,
    stagger,
)

TWICE_DB = 20 * np.log10(2)


def noises(*sizes, level=0.3):
    rng = np.random.default_rng(0)
    return [rng.uniform(-level, level, n).astype(np.float32) for n in sizes]


def test_fact_places_and_gains():
    first = np.array([0.25, 0.5, 0.25], np.float32)
    second = np.array([-0.125, 0.25], np.float32)
    mixed = mix([first, second], offsets=[0, 2], gains_db=[0.0, TWICE_DB])
    # 0.25  0.5  0.25
    #            -0.25  0.5
    assert mixed.sources.tolist() == [[0.25, 0.5, 0.25, 0], [0, 0, -0.25, 0.5]]
    assert mixed.mixture.tolist() == [0.25, 0.5, 0.0, 0.5]


def test_reference_float32_one_sample_at_a_time():
    """What any machine with IEEE arithmetic computes, bit for bit."""
    wavs, offsets = noises(50, 40, 30), [0, 7, 21]
    gains_db = [0.0, -3.1234, 7.5]
    mixed = mix(wavs, offsets, gains_db)
    for place in range(51):
        total = np.float32(0)
        for k, (wav, offset, gain_db) in enumerate(
            zip(wavs, offsets, gains_db, strict=True)
        ):
            if 0 <= place - offset < wav.size:
                gain = np.float32(10 ** (gain_db / 20))
                value = np.float32(wav[place - offset] * gain)
            else:
                value = np.float32(0)
            assert mixed.sources[k, place] == value
            total = np.float32(total + value)
        assert mixed.mixture[place] == total


def test_law_the_mixture_is_the_sum_of_its_sources():
    wavs = noises(900, 800, 700, 600)
    mixed = mix(wavs, [0, 10, 300, 299], [1.0, -2.0, 3.3, -0.1])
    total = np.zeros(1000, np.float32)
    for source in mixed.sources:
        total += source
    assert np.array_equal(mixed.mixture, total)


def test_law_no_clipping_and_levels_stay():
    wavs, offsets = noises(900, 900, level=0.9), [0, 100]
    wanted = [2.0, -1.5]
    gains_db = gains_without_clipping(wavs, offsets, wanted)
    peak = np.abs(mix(wavs, offsets, gains_db).mixture).max()
    assert 0.9999 < peak <= 1
    assert gains_db[0] - gains_db[1] == pytest.approx(3.5, abs=1e-9)
    again = gains_without_clipping(wavs, offsets, gains_db)
    assert np.array_equal(again, gains_db)


def test_fact_quiet_mixtures_keep_their_gains_to_four_decimals():
    gains_db = gains_without_clipping(noises(9, 9), [0, 0], [0, -1.234567])
    assert gains_db.tolist() == [0.0, -1.2346]


@pytest.mark.parametrize("n_sources", [2, 3, 4, 5])
@pytest.mark.parametrize("overlap", [0, 0.2, 0.5, 0.6, 0.85, 1])
def test_law_stagger_gives_the_overlap(n_sources, overlap):
    length, offsets = stagger(48000, n_sources, overlap)
    assert offsets[0] == 0 and offsets[-1] + length == 48000
    assert len(set(np.diff(offsets))) == 1
    found = overlap_ratio([length] * n_sources, offsets)
    assert found == pytest.approx(overlap, abs=n_sources / 48000)


def test_reference_overlap_by_counting():
    rng = np.random.default_rng(1)
    for _ in range(50):
        n_sources = int(rng.integers(2, 6))
        lengths = rng.integers(1, 40, n_sources)
        offsets = rng.integers(0, 60, n_sources)
        offsets[int(rng.integers(n_sources))] = 0
        present = np.zeros(100, int)
        for length, offset in zip(lengths, offsets, strict=True):
            present[offset : offset + length] += 1
        expected = (present >= 2).sum() / (lengths + offsets).max()
        assert overlap_ratio(lengths, offsets) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([np.ones(2)], [0, 0], [0.0]), "1 utterances, 2 offsets and 1 gains"),
        (([], [], []), "There are 0 utterances"),
        (([np.ones(2)], [-1], [0.0]), "An offset is -1"),
    ],
)
def test_what_cannot_be_mixed(arguments, message):
    with pytest.raises(ValueError, match=message):
        mix(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((100, 1, 0.5), "1 sources cannot be laid out over 100"),
        ((7, 4, 0.5), "4 sources cannot be laid out over 7"),
        ((100, 2, 1.1), "overlap is 1.1: choose a share"),
        ((100, 2, -0.1), "overlap is -0.1: choose a share"),
    ],
)
def test_what_cannot_be_staggered(arguments, message):
    with pytest.raises(ValueError, match=message):
        stagger(*arguments)
