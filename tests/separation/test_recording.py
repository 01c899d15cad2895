"""Whole recordings: windows, tracks that stay, files that are whole."""

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from speechbrain_denokd.separation.identity import (
    NoIdentity,
    enrolled_from_folder,
)
from speechbrain_denokd.separation.model import (
    SeparationModel,
    build_separator,
)
from speechbrain_denokd.separation.recording import (
    separate_file,
    separated_window,
    stitched,
)
from speechbrain_denokd.separation.separator import Separated
from tests.separation.tiny import SIZES, tiny_model

RATE = 16000
RNG = np.random.default_rng(0)


class Halves(nn.Module):
    """Splits by sign, and gives the two in another order at every call."""

    n_speakers = 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.n_calls = 0
        self.longest = 0

    def forward(self, wavs, lens, embeddings=None):
        self.n_calls += 1
        self.longest = max(self.longest, wavs.shape[1])
        both = torch.stack([wavs.clamp(min=0), wavs.clamp(max=0)], dim=1)
        return Separated(both.roll(self.n_calls, 1), *[wavs] * 4)


def halves():
    model = tiny_model()
    model.separator = Halves()
    return model


@pytest.fixture
def mixture(tmp_path):
    path = tmp_path / "two voices.wav"
    soundfile.write(path, 0.1 * RNG.standard_normal(5 * RATE), RATE)
    return path


def read(files):
    return np.stack(
        [soundfile.read(file, dtype="float32")[0] for file in files]
    )


def test_fact_a_short_recording_is_separated_as_it_is(mixture, tmp_path):
    model = tiny_model()
    files = separate_file(model, mixture, tmp_path / "new" / "folder")
    assert [f.name for f in files] == ["two voices_1.wav", "two voices_2.wav"]
    wav, _ = soundfile.read(mixture, dtype="float32")
    np.testing.assert_allclose(
        read(files), separated_window(model, wav, None), atol=1e-4
    )


def test_law_tracks_stay_and_memory_is_bounded(mixture, tmp_path):
    """The windows' order changes at every call; the tracks do not."""
    model = halves()
    files = separate_file(model, mixture, tmp_path, None, 1.0, 0.25)
    assert model.separator.n_calls == 7
    assert model.separator.longest == RATE
    wav, _ = soundfile.read(mixture, dtype="float32")
    found = read(files)
    if found[0].max() <= 0:
        found = found[::-1]
    np.testing.assert_allclose(found[0], wav.clip(0), atol=1e-4)
    np.testing.assert_allclose(found[1], wav.clip(None, 0), atol=1e-4)


def test_law_ordered_windows_are_left_in_their_order():
    tracks = RNG.standard_normal((2, 10)).astype(np.float32)
    windows = [tracks[:, :6], tracks[::-1, 4:]]
    kept = np.concatenate(list(stitched(windows, [0, 4], True)), axis=1)
    np.testing.assert_array_equal(kept[:, 6:], tracks[::-1, 6:])
    turned = np.concatenate(list(stitched(windows, [0, 4], False)), axis=1)
    np.testing.assert_allclose(turned, tracks, atol=1e-6)


def test_fact_windows_fade_into_each_other():
    one, two = np.ones((1, 4), np.float32), 3 * np.ones((1, 4), np.float32)
    found = np.concatenate(list(stitched([one, two], [0, 1], True)), axis=1)
    np.testing.assert_allclose(found, [[1, 1.5, 2, 2.5, 3]])


def test_fact_any_rate_and_channels(tmp_path):
    wav = 0.1 * RNG.standard_normal((8 * 8000, 2))
    soundfile.write(tmp_path / "a.flac", wav, 8000)
    files = separate_file(tiny_model(), tmp_path / "a.flac", tmp_path)
    for file in files:
        info = soundfile.info(file)
        assert (info.samplerate, info.channels) == (RATE, 1)
        assert info.frames == 8 * RATE


def test_fact_an_enrolled_speaker_is_one_file(mixture, tmp_path):
    torch.manual_seed(0)
    identity = enrolled_from_folder("pretrained/sample_teacher")
    model = SeparationModel(build_separator(identity, SIZES), identity).eval()
    found = []
    for name in ("test0000", "test0001"):
        [file] = separate_file(
            model,
            mixture,
            tmp_path / name,
            f"tests/samples/audio/{name}/s0_0.opus",
        )
        assert file.name == "two voices_target.wav"
        found.append(soundfile.read(file)[0])
    assert np.abs(found[0] - found[1]).max() > 1e-4
    with pytest.raises(ValueError, match="none is given: enroll one"):
        separate_file(model, mixture, tmp_path)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(ValueError, match="silent.wav is silent; .* enroll"):
        separate_file(model, mixture, tmp_path, tmp_path / "silent.wav")


def test_an_enrolled_speaker_nobody_asked_for_is_refused(mixture, tmp_path):
    assert isinstance(tiny_model().identity, NoIdentity)
    with pytest.raises(ValueError, match="knows no enrolment: leave a.wav out"):
        separate_file(tiny_model(), mixture, tmp_path, "a.wav")


def test_bad_recordings_leave_nothing_behind(tmp_path):
    output = tmp_path / "out"
    with pytest.raises(FileNotFoundError, match=r"nowhere\.wav"):
        separate_file(tiny_model(), tmp_path / "nowhere.wav", output)
    soundfile.write(tmp_path / "short.wav", np.ones(100), RATE)
    with pytest.raises(ValueError, match="lasts 0.006 s"):
        separate_file(tiny_model(), tmp_path / "short.wav", output)
    assert not output.exists()
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(ValueError, match="nobody to separate"):
        separate_file(tiny_model(), tmp_path / "silent.wav", output)
    assert not list(output.glob("*"))


def test_windows_that_do_not_advance_are_refused(mixture, tmp_path):
    with pytest.raises(ValueError, match="choose it from 0 and below"):
        separate_file(tiny_model(), mixture, tmp_path, None, 1.0, 1.0)
