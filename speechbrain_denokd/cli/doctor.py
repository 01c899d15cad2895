"""``denokd doctor``: will it run here?

Nothing is imported before it is looked at, so that a broken package is a line
of the report and not its end.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import typer
from packaging.requirements import Requirement

from speechbrain_denokd.cli import doctor_checks as checks
from speechbrain_denokd.cli.doctor_checks import Check
from speechbrain_denokd.cli.options import AsJson
from speechbrain_denokd.cli_errors import exit_on_user_error

_PACKAGE = "speechbrain-denokd"
# `denokd verify` on two recordings of one bundled voice.
_RECORDINGS = ("s0_0", "s1_0")
_RECORDED_SCORE = 0.6135


@exit_on_user_error
def doctor(as_json: AsJson = False):
    """Check versions, devices, audio formats, disk and the bundled model.

    Ends with exit code 1 if something fails; a warning does not. Each line
    that is not ok says what to do.

    Example: denokd doctor --json
    """
    found = list(examine())
    has_failed = any(check.status == "fail" for check in found)
    if as_json:
        lines = [check._asdict() for check in found]
        print(json.dumps({"ok": not has_failed, "checks": lines}))
    else:
        from speechbrain_denokd.tables import markdown_table

        rows = [(c.status, c.name, c.found, c.fix) for c in found]
        print(markdown_table(["", "what", "found", "what to do"], rows))
    if has_failed:
        raise typer.Exit(1)


def examine(root: Path | None = None) -> Iterator[Check]:
    """Look at this installation.

    Arguments
    ---------
    root : Path, optional
        Folder of ``pretrained`` and ``tests``; by default that of the
        package's own checkout.

    Yields
    ------
    Check

    Example
    -------
    >>> next(examine()).name
    'python'
    """
    yield from _examine_packages()
    yield _examine_torch()
    yield _examine_devices()
    yield checks.check_ffmpeg(shutil.which("ffmpeg"))
    yield _examine_formats()
    yield _examine_disk()
    yield _examine_sample_model(root or Path(__file__).parents[2])


def _examine_packages() -> Iterator[Check]:
    try:
        about = metadata.metadata(_PACKAGE)
    except metadata.PackageNotFoundError:
        yield Check(_PACKAGE, "fail", "not installed", "pip install -e .")
        return
    # Not platform.python_version(), whose "+" of some builds is no version.
    version = ".".join(map(str, sys.version_info[:3]))
    yield checks.check_python(version, about["Requires-Python"])
    for line in metadata.requires(_PACKAGE) or []:
        requirement = Requirement(line)
        marker = requirement.marker  # such as an extra's
        if marker is None or marker.evaluate({"extra": ""}):
            version = _version(requirement.name)
            yield checks.check_requirement(line, version)


def _examine_torch() -> Check:
    try:
        import torch
        import torchaudio
    except Exception as raised:  # whatever a library dies of is the finding
        versions = [_version(name) for name in ("torch", "torchaudio")]
        return checks.check_torch_pair(*versions, _short(raised))
    # Their own versions name the build, which those of pip may not.
    return checks.check_torch_pair(torch.__version__, torchaudio.__version__)


def _examine_devices() -> Check:
    try:
        import torch

        names = [
            torch.cuda.get_device_name(i)
            for i in range(torch.cuda.device_count())
        ]
        if torch.backends.mps.is_available():
            names.append("Apple GPU (mps)")
        cuda_build = torch.version.cuda
    except Exception as raised:  # as above
        fix = "mend torch first"
        return Check("devices", "fail", _short(raised), fix)
    has_driver = shutil.which("nvidia-smi") is not None
    return checks.check_devices(names, cuda_build, has_driver)


def _examine_formats() -> Check:
    import soundfile

    formats = set(soundfile.available_formats())
    if "OGG" in formats:
        formats |= set(soundfile.available_subtypes("OGG"))
    return checks.check_formats(soundfile.__libsndfile_version__, formats)


def _examine_disk() -> Check:
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE)
    # The folder is made by the first download.
    there = next(path for path in (cache, *cache.parents) if path.exists())
    return checks.check_disk(str(cache), shutil.disk_usage(there).free)


def _examine_sample_model(root: Path) -> Check:
    model = root / "pretrained" / "sample_teacher"
    audio = root / "tests" / "samples" / "audio" / "test0000"
    if not (model.is_dir() and audio.is_dir()):
        return checks.check_sample_score(None, _RECORDED_SCORE)
    try:
        from speechbrain_denokd.inference import SpeakerEmbedder

        embedder = SpeakerEmbedder.from_hparams(
            model, run_opts={"device": "cpu"}
        )
        files = [audio / f"{name}.opus" for name in _RECORDINGS]
        score = embedder.verify_files(*files).score
    except Exception as raised:  # as above
        return checks.check_sample_score(None, _RECORDED_SCORE, _short(raised))
    return checks.check_sample_score(score, _RECORDED_SCORE)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _short(error: Exception) -> str:
    """Kind and first line of an error."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
