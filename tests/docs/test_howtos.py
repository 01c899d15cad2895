"""The how-tos run as printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for page in (ROOT / "docs").glob("*.md") if page.stem != "README"
)
_FENCE = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone(tmp_path):
    """What a reader has: the folders of a checkout, and the command."""
    for name in (
        "pretrained",
        "tests",
        "hparams",
        "benchmarks",
        "train.py",
    ):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = dict(os.environ)
    commands = Path(sys.executable).parent
    environment["PATH"] = f"{commands}{os.pathsep}{environment['PATH']}"
    environment["HF_HUB_OFFLINE"] = "1"
    return tmp_path, environment


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_law_a_page_runs_from_top_to_bottom(page, clone):
    folder, environment = clone
    steps = _FENCE.findall(page.read_text(encoding="utf-8"))
    assert steps
    for language, code in steps:
        command = {
            "bash": ["bash", "-euo", "pipefail", "-c", code],
            "python": [sys.executable, "-c", code],
        }[language]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{code}\n{done.stderr[-2000:]}"


def test_law_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\((\w+\.md)\)", index))
    assert named == {page.name for page in PAGES}
