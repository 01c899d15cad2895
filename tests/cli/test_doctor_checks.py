"""What a sound installation looks like."""

import pytest

from speechbrain_denokd.cli import doctor_checks as checks

ALL = {"WAV", "FLAC", "OPUS", "VORBIS", "MP3"}


@pytest.mark.parametrize(
    ("check", "status"),
    [
        (checks.check_python("3.10.0", ">=3.10"), "ok"),
        (checks.check_python("3.9.18", ">=3.10"), "fail"),
        (checks.check_requirement("torch>=2.8,<2.12", "2.11.0+cu130"), "ok"),
        (checks.check_requirement("torch>=2.8,<2.12", "2.7.1"), "fail"),
        (checks.check_requirement("torch>=2.8,<2.12", "2.12.0"), "fail"),
        (checks.check_requirement("transformers>=5,<6", None), "fail"),
        (checks.check_requirement("torchaudio<2.11.1", "2.11.1"), "fail"),
        (checks.check_torch_pair("2.9.0", "2.9.1"), "ok"),
        (checks.check_torch_pair("2.11.0+cu130", "2.11.0+cu130"), "ok"),
        (checks.check_torch_pair("2.11.0+cu130", "2.11.0+cpu"), "warn"),
        (checks.check_torch_pair("2.11.0+cu130", "2.11.0"), "ok"),
        (checks.check_torch_pair("2.11.0", "2.10.0"), "fail"),
        (checks.check_torch_pair("2.11.0", None), "fail"),
        (checks.check_torch_pair("2.11.0", "2.11.0", "OSError: x"), "fail"),
        (checks.check_devices(["H200"], "13.0", True), "ok"),
        (checks.check_devices([], None, False), "ok"),
        (checks.check_devices([], "13.0", False), "ok"),
        (checks.check_devices([], "13.0", True), "warn"),
        (checks.check_devices([], None, True), "warn"),
        (checks.check_ffmpeg("/bin/ffmpeg"), "ok"),
        (checks.check_ffmpeg(None), "warn"),
        (checks.check_formats("1.2.2", ALL), "ok"),
        (checks.check_formats("1.0.28", ALL - {"MP3"}), "warn"),
        (checks.check_formats("1.0.28", ALL - {"OPUS"}), "fail"),
        (checks.check_sample_score(0.70005, 0.7), "ok"),
        (checks.check_sample_score(0.71, 0.7), "fail"),
        (checks.check_sample_score(None, 0.7), "warn"),
        (checks.check_sample_score(None, 0.7, "OSError: x"), "fail"),
        (checks.check_disk("a", 5_000_000_000), "ok"),
        (checks.check_disk("a", 4_999_999_999), "warn"),
        (checks.check_disk("a", 999_999_999), "fail"),
    ],
)
def test_fact_what_is_ok_and_what_is_not(check, status):
    assert check.status == status
    # There is something to do exactly where something is wrong.
    assert bool(check.fix) == (status != "ok")


def test_fact_a_fix_names_the_release_that_is_needed():
    pair = checks.check_torch_pair("2.11.0+cu130", "2.10.0+cu130")
    assert "torchaudio==2.11.0 " in pair.fix
    missing = checks.check_requirement("scipy>=1.11", "1.10")
    assert missing.fix == 'pip install "scipy>=1.11"'


def test_fact_missing_formats_are_named():
    found = checks.check_formats("1.0", {"WAV", "FLAC", "VORBIS"})
    assert found.found == "1.0 without OPUS, MP3"
