"""``denokd doctor``: the report on this installation."""

import json
import shutil
import sys
from importlib import metadata

import pytest

from speechbrain_denokd.cli import doctor as module
from speechbrain_denokd.cli.doctor import examine
from speechbrain_denokd.cli.doctor_checks import Check


def by_name(found):
    return {check.name: check for check in found}


def test_reference_versions_are_those_that_the_packages_state():
    import soundfile
    import torch
    import transformers

    found = by_name(examine())
    pair = found["torch and torchaudio"]
    assert pair.found.startswith(f"{torch.__version__} and ")
    assert found["transformers"].found == transformers.__version__
    assert found["libsndfile"].found == soundfile.__libsndfile_version__
    # What extras ask for is nobody's fault.
    assert "pytest" not in found and "ruff" not in found


def test_fact_the_bundled_model_gives_the_recorded_score():
    assert by_name(examine())["bundled model"].status == "ok"


def test_fact_a_package_without_its_checkout_is_a_warning(tmp_path):
    assert by_name(examine(tmp_path))["bundled model"].status == "warn"


def test_fact_a_damaged_model_is_a_line_of_the_report(tmp_path):
    for name in ("pretrained/sample_teacher", "tests/samples/audio/test0000"):
        shutil.copytree(name, tmp_path / name)
    weights = tmp_path / "pretrained/sample_teacher/embedding_model.ckpt"
    weights.write_bytes(weights.read_bytes()[:1000])
    found = by_name(examine(tmp_path))["bundled model"]
    assert found.status == "fail"
    assert "it is damaged" in found.found


def test_fact_a_broken_torch_is_a_line_of_the_report(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    found = by_name(examine())
    assert found["torch and torchaudio"].status == "fail"
    assert "ModuleNotFoundError" in found["torch and torchaudio"].found
    assert found["disk"].status in ("ok", "warn", "fail")


def test_fact_a_package_that_is_not_installed_is_said(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(module.metadata, "metadata", missing)
    found = next(examine())
    assert (found.name, found.status) == ("speechbrain-denokd", "fail")


@pytest.mark.parametrize(
    ("statuses", "exit_code"),
    [(["ok"], 0), (["ok", "warn"], 0), (["fail", "ok"], 1)],
)
def test_fact_only_what_fails_ends_with_1(
    denokd, monkeypatch, statuses, exit_code
):
    found = [
        Check(f"part {i}", status, "1.0", "mend it")
        for i, status in enumerate(statuses)
    ]
    monkeypatch.setattr(module, "examine", lambda: found)
    result = denokd("doctor")
    assert result.exit_code == exit_code
    lines = result.stdout.splitlines()[2:]
    for line, check in zip(lines, found, strict=True):
        for cell in check:
            assert cell in line
    result = denokd("doctor", "--json")
    assert result.exit_code == exit_code
    record = json.loads(result.stdout)
    assert record["ok"] == (exit_code == 0)
    assert [check["status"] for check in record["checks"]] == statuses
