"""The run-time that products take along: numpy and onnxruntime, no more."""

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import soundfile

from speechbrain_denokd.export import runtime
from speechbrain_denokd.export.onnx import read_metadata, save_model
from speechbrain_denokd.export.runtime import OnnxEmbedder, read_wav
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.calibration import Calibration
from speechbrain_denokd.scoring.system import ScoringSystem

# Packages that a product has not.
BLOCKER = """\
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        allowed = sys.stdlib_module_names | {"numpy", "onnxruntime"}
        allowed |= {"denokd_runtime", "google", "flatbuffers"}
        if name.partition(".")[0] not in allowed:
            raise ImportError("a product has no " + name)
sys.meta_path.insert(0, Blocker())
import denokd_runtime
sys.exit(denokd_runtime.main(sys.argv[1:]))
"""


@pytest.fixture
def model(ecapa):
    return OnnxEmbedder(ecapa.path, n_threads=1)


def without_calibration(ecapa, path):
    bare = onnx.load(ecapa.path)
    save_model(bare, path, read_metadata(bare) | {"calibration": None})
    return path


def test_fact_a_copy_needs_numpy_and_onnxruntime_alone(
    ecapa, model, speech, tmp_path
):
    shutil.copyfile(runtime.__file__, tmp_path / "denokd_runtime.py")
    paths = [str(tmp_path / f"{name}.wav") for name in "ab"]
    for path, wav in zip(paths, speech, strict=False):
        soundfile.write(path, wav, 16000, subtype="FLOAT")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKER, str(ecapa.path), *paths],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    one, two = model.embed(speech[:2])
    assert found["score"] == pytest.approx(model.score(one, two), abs=1e-5)
    assert found["llr"] == pytest.approx(8 * found["score"] - 2)
    assert found["same_speaker"] == (found["llr"] >= 0)


def test_reference_scores_are_those_of_the_scoring_system(model):
    rng = np.random.default_rng(0)
    enroll, test = rng.normal(size=(2, 5, 16))
    backend = cosine_backend().fit(np.array([[1.1], [-0.9]]) * np.ones(16))
    system = ScoringSystem(backend, calibration=Calibration(8.0, -2.0))
    scored = system.score_pairs(enroll, test)
    np.testing.assert_allclose(model.score(enroll, test), scored.raw)
    np.testing.assert_allclose(model.llr(enroll, test), scored.llr)
    for costs in ({"p_target": 0.01}, {"p_target": 0.3, "c_miss": 5.0}):
        expected = system.calibration.decide(scored.raw, **costs)
        found = model.same_speaker(enroll, test, **costs)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "subtype", ["PCM_16", "PCM_32", "FLOAT", "DOUBLE", "stereo", "extensible"]
)
def test_reference_files_are_read_as_libsndfile_reads_them(subtype, tmp_path):
    path = tmp_path / "a.wav"
    rng = np.random.default_rng(0)
    shape = (777, 2) if subtype == "stereo" else 777
    wav = rng.uniform(-1, 1, shape)
    kwargs = {"subtype": "PCM_16" if subtype.islower() else subtype}
    if subtype == "extensible":
        kwargs["format"] = "WAVEX"
    soundfile.write(path, wav, 16000, **kwargs)
    expected, _ = soundfile.read(path, always_2d=True)
    np.testing.assert_allclose(
        read_wav(path), expected.mean(axis=1), rtol=0, atol=1e-7
    )


def test_fact_a_chunk_of_odd_length_is_stepped_over(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, [0.5, -0.5], 16000)
    content = path.read_bytes()
    note = b"note" + (3).to_bytes(4, "little") + b"abc\0"
    path.write_bytes(content[:12] + note + content[12:])
    assert read_wav(path).tolist() == [0.5, -0.5]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: soundfile.write(p, [0.1] * 9, 8000), "8000 Hz"),
        (lambda p: soundfile.write(p, [0.1] * 9, 16000, "PCM_24"), "24 bits"),
        (lambda p: p.write_bytes(b"RIFF"), "no WAV file"),
        (lambda p: soundfile.write(p, [0.1], 16000, format="FLAC"), "no WAV"),
    ],
)
def test_fact_other_files_are_refused(write, message, tmp_path):
    write(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=message):
        read_wav(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("wav", "message"),
    [
        (np.ones(1599), "has 1599 samples, but at least 1600"),
        (np.zeros(1600), "silent or not finite"),
        (np.full(1600, np.nan), "silent or not finite"),
        (np.ones((2, 1600)), r"shape \(2, 1600\)"),
    ],
)
def test_fact_recordings_without_a_speaker_are_refused(model, wav, message):
    with pytest.raises(ValueError, match=f"recording 1 .*{message}"):
        model.embed([np.ones(1600), wav])


def test_fact_without_a_calibration_there_are_scores_only(ecapa, tmp_path):
    model = OnnxEmbedder(without_calibration(ecapa, tmp_path / "bare.onnx"))
    assert model.score([3.0, 4.0], [4.0, 3.0]) == pytest.approx(0.96)
    with pytest.raises(ValueError, match="denokd calibrate MODEL"):
        model.llr([3.0, 4.0], [4.0, 3.0])


def test_fact_files_of_others_are_refused(ecapa, tmp_path):
    model = onnx.load(ecapa.path)
    save_model(model, tmp_path / "new.onnx", {"format": 2})
    with pytest.raises(ValueError, match="of format 2, .* reads format 1"):
        OnnxEmbedder(tmp_path / "new.onnx")
    with pytest.raises(FileNotFoundError, match="there is no model"):
        OnnxEmbedder(tmp_path / "none.onnx")
    assert runtime.main([str(tmp_path / "none.onnx"), "a", "b"]) == 2
