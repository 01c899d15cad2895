import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.audio import (
    audio_blocks,
    change_rate,
    ffmpeg_command,
    load_audio,
    read_header,
)


def write(path, samples, rate=16000, **kwargs):
    soundfile.write(path, np.asarray(samples), rate, **kwargs)
    return path


def test_fact_stretch_and_values(tmp_path):
    path = write(tmp_path / "a.wav", np.arange(8) / 8)
    assert load_audio(path).tolist() == (np.arange(8) / 8).tolist()
    assert load_audio(path, 2, 5).tolist() == [0.25, 0.375, 0.5]
    assert load_audio(path).dtype == np.float32


def test_fact_channels_are_averaged_or_chosen(tmp_path):
    path = write(tmp_path / "a.wav", [[0.5, 0.25], [-0.5, 0.0]])
    assert load_audio(path).tolist() == [0.375, -0.25]
    assert load_audio(path, channel=1).tolist() == [0.25, 0.0]
    with pytest.raises(ValueError, match=r"has 2 channel\(s\).*channel 2"):
        load_audio(path, channel=2)


def test_law_resampling_keeps_a_tone():
    seconds = np.arange(44100) / 44100
    tone = np.sin(2 * np.pi * 440 * seconds).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    changed = change_rate(tone, 44100, 16000)
    assert changed.shape == expected.shape
    assert np.abs(changed - expected)[500:-500].max() < 2e-3


def test_wrong_rate_names_both_rates_and_resample_helps(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(80), 8000)
    with pytest.raises(ValueError, match="8000 Hz, but 16000 Hz.*resample"):
        load_audio(path)
    assert load_audio(path, resample=True).size == 160


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no audio file.*data_root"):
        load_audio(tmp_path / "a.wav")


def test_directory_is_no_audio_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no audio file"):
        read_header(tmp_path)


def test_corrupt_file(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"this is not audio at all")
    with pytest.raises(ValueError, match=r"a\.wav cannot be read as audio"):
        load_audio(path)


def test_file_of_no_bytes(tmp_path):
    path = tmp_path / "a.flac"
    path.touch()
    with pytest.raises(ValueError, match=r"a\.flac holds no samples"):
        load_audio(path)


def test_header_without_samples(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(0))
    with pytest.raises(ValueError, match="holds no samples"):
        load_audio(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_finite(tmp_path, bad):
    path = write(tmp_path / "a.wav", [0.0, bad, 0.0], subtype="FLOAT")
    with pytest.raises(ValueError, match=r"1 samples.*NaN or infinite \(of 3"):
        load_audio(path)
    assert load_audio(path, 2, 3).tolist() == [0.0]


def test_past_the_end(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(10))
    with pytest.raises(ValueError, match="10 samples, but stop is 11"):
        load_audio(path, 0, 11)


@pytest.mark.parametrize("start, stop", [(5, 5), (6, 5), (-1, 5), (10, None)])
def test_no_samples_between(tmp_path, start, stop):
    path = write(tmp_path / "a.wav", np.zeros(10))
    with pytest.raises(ValueError, match=f"between start {start} and stop"):
        load_audio(path, start, stop)


@pytest.mark.parametrize(
    "suffix, message", [("flac", "cannot be read"), ("mp3", "is truncated: 16")]
)
def test_truncated_file_is_not_returned_short(tmp_path, suffix, message):
    path = tmp_path / f"a.{suffix}"
    write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 16000))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"a\.{suffix} {message}"):
        load_audio(path)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_reference_blocks_are_the_whole_ten_seconds_at_a_time(tmp_path, rate):
    wav = np.random.default_rng(0).uniform(-0.5, 0.5, (23 * rate, 2))
    path = write(tmp_path / "a.wav", wav, rate, subtype="FLOAT")
    start, stop = rate // 3, 22 * rate + 1
    blocks = list(audio_blocks(path, start, stop, resample=True))
    # The filter keeps the last milliseconds for a block of their own.
    assert len(blocks) == (3 if rate == 16000 else 4)
    assert max(map(len, blocks)) <= 160_100
    mono = wav[start:stop].astype(np.float32).mean(axis=1)
    expected = change_rate(mono, rate, 16000)
    np.testing.assert_allclose(
        np.concatenate(blocks), expected, rtol=0, atol=1e-6
    )
    whole = load_audio(path, start, stop, resample=True)
    np.testing.assert_array_equal(whole, np.concatenate(blocks))


def test_samples_that_are_not_finite_are_found_in_later_blocks(tmp_path):
    wav = np.zeros(12 * 16000)
    wav[-1] = np.nan
    path = write(tmp_path / "a.wav", wav, subtype="FLOAT")
    with pytest.raises(ValueError, match="1 samples that are NaN"):
        load_audio(path)


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_rates_that_no_recording_has_are_not_converted(tmp_path, rate):
    path = write(tmp_path / "a.wav", np.full(100, 0.1), 16000)
    data = bytearray(path.read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"rate of {rate} Hz, which no reco"):
        load_audio(path, resample=True)


def test_a_wav_without_its_end_is_refused(tmp_path):
    path = write(tmp_path / "a.wav", np.full(16000, 0.1))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 4])
    message = r"a\.wav is truncated: .* 0\.8 s more than the 0\.2 s in it"
    for read in (read_header, load_audio):
        with pytest.raises(ValueError, match=message):
            read(path)
    # A few milliseconds are not worth a refusal.
    path.write_bytes(whole[:-320])
    assert load_audio(path).size == 15840


@pytest.mark.parametrize("size", [2**31 - 4096, 2**32 - 1])
def test_fact_a_wav_from_a_pipe_does_not_know_its_size(tmp_path, size):
    path = write(tmp_path / "a.wav", np.full(16000, 0.1))
    data = bytearray(path.read_bytes())
    data[40:44] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert load_audio(path).size == 16000


def test_m4a_gives_the_command(tmp_path):
    path = tmp_path / "a b.m4a"
    path.write_bytes(b"\x00\x00\x00\x20ftypM4A ")
    with pytest.raises(ValueError, match=r"AAC.*ffmpeg .*-i '.*a b\.m4a'"):
        load_audio(path)


def test_fact_ffmpeg_command():
    assert (
        ffmpeg_command("i.m4a", "o.wav")
        == (
            "ffmpeg -nostdin -v error -y -i i.m4a -ac 1 -ar 16000 "
            "-c:a pcm_s16le -f wav o.wav"
        ).split()
    )
