import pickle

import numpy as np
import pytest
import soundfile
from hyperpyyaml import load_hyperpyyaml

from speechbrain_denokd.data.augment import (
    AddNoise,
    Chain,
    OneOf,
    Reverberate,
    kaldi_augment,
    limit_peak,
)
from speechbrain_denokd.data.noise import NoiseFile, write_noise


@pytest.fixture
def store(tmp_path):
    """Function that writes samples and returns a NoiseFile."""

    def write(name, samples, kind="noise", rate=16000):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.asarray(samples), rate, subtype="FLOAT")
        return NoiseFile(name, len(samples) / rate, str(path), kind)

    return write


def speech(n_samples=8000, seed=0, level=0.01):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(n_samples)).astype(np.float32)


def measured_snr_db(clean, noisy):
    noise = noisy.astype(np.float64) - clean
    return 10 * np.log10(np.mean(clean.astype(float) ** 2) / np.mean(noise**2))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 7.5, 20.0])
@pytest.mark.parametrize("n_noise", [300, 8000, 30_000])
def test_fact_snr_is_the_one_asked_for(store, snr_db, n_noise):
    files = [store("n", speech(n_noise, seed=1, level=0.3))]
    add = AddNoise(files, snr_db=(snr_db, snr_db))
    wav = speech()
    noisy = add(wav, np.random.default_rng(0))
    assert noisy.dtype == np.float32 and noisy.size == wav.size
    assert measured_snr_db(wav, noisy) == pytest.approx(snr_db, abs=1e-2)


def test_fact_babble_mixes_at_equal_power_and_total_snr(store):
    # Two talkers of different level, orthogonal tones.
    steps = 2 * np.pi * np.arange(8000) / 8000
    tones = [np.sin(100 * steps), np.sin(300 * steps)]
    files = [
        store("loud", 0.9 * tones[0], "speech"),
        store("soft", 0.01 * tones[1], "speech"),
    ]
    add = AddNoise(files, "speech", snr_db=(10, 10), n_mixed=(2, 2))
    wav = speech()
    noisy = add(wav, np.random.default_rng(0))
    assert measured_snr_db(wav, noisy) == pytest.approx(10, abs=1e-2)
    spectrum = np.abs(np.fft.rfft(noisy - wav))
    assert spectrum[100] == pytest.approx(spectrum[300], rel=1e-3)


def test_law_snr_stays_in_its_range_and_fills_it(store):
    add = AddNoise([store("n", speech(500, 1))], snr_db=(5, 15))
    wav = speech(2000)
    measured = [
        measured_snr_db(wav, add(wav, np.random.default_rng(seed)))
        for seed in range(100)
    ]
    assert 4.99 < min(measured) < 6 and 14 < max(measured) < 15.01


def test_n_mixed_beyond_the_files_repeats_them(store):
    files = [store("n", speech(100, 1), "speech")]
    add = AddNoise(files, "speech", n_mixed=(3, 8), snr_db=(10, 10))
    noisy = add(speech(), np.random.default_rng(0))
    assert measured_snr_db(speech(), noisy) == pytest.approx(10, abs=1e-2)


def test_silence_on_either_side_changes_nothing(store):
    wav = speech(100)
    silent = AddNoise([store("n", np.zeros(50))])
    assert (silent(wav, np.random.default_rng(0)) == wav).all()
    noisy = AddNoise([store("m", np.ones(50))])
    zeros = np.zeros(100, dtype=np.float32)
    assert (noisy(zeros, np.random.default_rng(0)) == 0).all()
    room = Reverberate([store("r", [1.0, 0.5], "rir")])
    assert (room(zeros, np.random.default_rng(0)) == 0).all()


def test_fact_unit_impulse_is_identity(store):
    room = Reverberate([store("r", [1.0], "rir")])
    wav = speech()
    np.testing.assert_allclose(
        room(wav, np.random.default_rng(0)), wav, atol=1e-8
    )


@pytest.mark.parametrize("delay", [1, 200, 9000])
@pytest.mark.parametrize("gain", [0.02, -3.0])
def test_fact_delayed_impulse_stays_aligned(store, delay, gain):
    impulse = np.zeros(delay + 50)
    impulse[delay] = gain
    room = Reverberate([store("r", impulse, "rir")])
    wav = speech()
    np.testing.assert_allclose(
        room(wav, np.random.default_rng(0)), np.sign(gain) * wav, atol=1e-7
    )


def test_fact_echo_by_hand_and_energy_kept(store):
    # Direct path 1 at sample 1, echo 0.5 two samples later.
    room = Reverberate([store("r", [0.0, 1.0, 0.0, 0.5], "rir")])
    wav = np.array([0.4, 0.0, 0.0, -0.2], dtype=np.float32)
    expected = np.array([0.4, 0.0, 0.2, -0.2])
    expected *= np.sqrt(np.sum(wav**2) / np.sum(expected**2))
    result = room(wav, np.random.default_rng(0))
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert np.sum(result**2) == pytest.approx(np.sum(wav**2), rel=1e-5)


def test_first_channel_of_a_room_is_used(store):
    # The second microphone hears it one sample later: the mean smears.
    room = Reverberate([store("r", [[1.0, 0.0], [0.0, 1.0]], "rir")])
    wav = speech(100)
    result = room(wav, np.random.default_rng(0))
    np.testing.assert_allclose(result, wav, atol=1e-8)


def test_fact_peak_is_limited_and_snr_kept(store):
    add = AddNoise([store("n", speech(8000, 1))], snr_db=(0, 0))
    wav = speech(level=0.5)
    noisy = add(wav, np.random.default_rng(0))
    assert np.abs(noisy).max() == pytest.approx(1.0)
    # noisy = scale * (wav + noise); orthogonal parts give scale and SNR.
    scale = noisy @ wav / (wav @ wav)
    assert 0.3 < scale < 1
    assert limit_peak(np.array([0.5, -1.0])).tolist() == [0.5, -1.0]
    assert limit_peak(np.array([4.0, -1.0])).tolist() == [1.0, -0.25]


def test_fact_chain_is_ordered():
    chain = Chain([lambda wav, rng: wav + 1, lambda wav, rng: wav * 2])
    assert chain(np.zeros(1), np.random.default_rng(0)).tolist() == [2]


def test_law_one_of_follows_its_probabilities():
    choice = OneOf(
        [lambda wav, rng: wav + 1, lambda wav, rng: wav + 2],
        probs=[0.75, 0.25],
        prob=0.8,
    )
    rng = np.random.default_rng(0)
    results = [choice(np.zeros(1), rng)[0] for _ in range(4000)]
    shares = [results.count(value) / 4000 for value in (0, 1, 2)]
    # Three standard deviations are 0.024 at most.
    np.testing.assert_allclose(shares, [0.2, 0.6, 0.2], atol=0.024)


@pytest.fixture
def csv_files(store, tmp_path):
    """A CSV of two noises, music, four talkers and rooms; noise.csv apart."""
    files = [store(f"n{n}", speech(3000, n)) for n in range(2)]
    files += [store("m", speech(20_000, 5), "music")]
    files += [store(f"s{n}", speech(4000, 10 + n), "speech") for n in range(4)]
    rooms = [store("r", np.exp(-np.arange(400) / 80), "rir")]
    write_noise(tmp_path / "noise.csv", files, tmp_path)
    write_noise(tmp_path / "rir.csv", rooms, tmp_path)
    return tmp_path


def test_laws_of_the_usual_augmentation(csv_files):
    augment = kaldi_augment(
        csv_files / "noise.csv", csv_files / "rir.csv", csv_files, prob=1.0
    )
    assert len(augment.augmentations) == 5
    wav = speech()
    copy = wav.copy()
    other = pickle.loads(pickle.dumps(augment))
    results = []
    for seed in range(30):
        np.random.seed(seed)
        result = augment(wav, np.random.default_rng(seed))
        np.random.seed(seed + 1)
        again = other(wav, np.random.default_rng(seed))
        assert (result == again).all()
        assert (wav == copy).all()
        assert result.shape == wav.shape and result.dtype == np.float32
        assert np.abs(result).max() <= 1
        results.append(tuple(result[:3]))
    assert len(set(results)) > 20


@pytest.mark.parametrize(
    "noise, rir, n_choices", [("noise.csv", None, 3), (None, "rir.csv", 1)]
)
def test_fact_kinds_without_files_are_left_out(
    csv_files, noise, rir, n_choices
):
    augment = kaldi_augment(
        noise and csv_files / noise, rir and csv_files / rir, csv_files
    )
    assert len(augment.augmentations) == n_choices


def test_yaml_builds_it(csv_files):
    module = "speechbrain_denokd.data.augment"
    page = load_hyperpyyaml(
        f"""
        root: {csv_files}
        usual: !apply:{module}.kaldi_augment
            noise_csv: !ref <root>/noise.csv
            rir_csv: null
            data_root: !ref <root>
            prob: 0.5
        own: !new:{module}.AddNoise
            files: !apply:speechbrain_denokd.data.noise.read_noise
                path: !ref <root>/noise.csv
                data_root: !ref <root>
            kind: music
            snr_db: [5, 15]
        """
    )
    assert page["usual"].prob == 0.5
    assert [path.endswith("m.wav") for path in page["own"].paths] == [True]


def test_nothing_given(tmp_path):
    with pytest.raises(ValueError, match="neither noise_csv nor rir_csv"):
        kaldi_augment(None, None, tmp_path)
    (tmp_path / "n.csv").write_text("ID,duration,wav\n")
    with pytest.raises(ValueError, match="n.csv has no rows"):
        kaldi_augment(tmp_path / "n.csv", None, tmp_path)


def test_wrong_arguments(store):
    files = [store("n", np.ones(5))]
    with pytest.raises(ValueError, match="None of 1 files is of kind music"):
        AddNoise(files, "music")
    with pytest.raises(ValueError, match="of kind rir .there is: noise"):
        Reverberate(files)
    with pytest.raises(ValueError, match="snr_db is 15 to 0"):
        AddNoise(files, snr_db=(15, 0))
    with pytest.raises(ValueError, match="n_mixed is 0 to 1.*from 1"):
        AddNoise(files, n_mixed=(0, 1))
    with pytest.raises(ValueError, match="no augmentations"):
        OneOf([])
    with pytest.raises(ValueError, match="prob is 1.2"):
        OneOf(files, prob=1.2)
    with pytest.raises(ValueError, match="2 probs for 1 augmentations"):
        OneOf(files, probs=[0.5, 0.5])
    with pytest.raises(ValueError, match="sum to 0.9"):
        OneOf(files, probs=[0.9])
