"""Recipes: every page is in SpeechBrain's table, and what it names exists."""

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_setup import write_mirnet

ROOT = Path(__file__).parents[1]
TABLES = sorted(
    (ROOT / "tests" / "recipes").glob("*.csv"),
    key=lambda table: table.stem != "VoxCeleb",
)
COLUMNS = [
    "Task",
    "Dataset",
    "Script_file",
    "Hparam_file",
    "Data_prep_file",
    "Readme_file",
    "Result_url",
    "HF_repo",
    "test_debug_flags",
    "test_debug_checks",
    "performance",
]
PAGES = sorted(
    str(page.relative_to(ROOT)) for page in (ROOT / "hparams").glob("*.yaml")
)


def read_table(table):
    with open(table, newline="") as file:
        reader = csv.DictReader(file)
        return reader.fieldnames, list(reader)


ROWS = [row for table in TABLES for row in read_table(table)[1]]
each_row = pytest.mark.parametrize(
    "row", ROWS, ids=[Path(row["Hparam_file"]).stem for row in ROWS]
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_fact_columns_are_upstreams(table):
    assert read_table(table)[0] == COLUMNS


def test_law_one_row_for_each_page():
    assert sorted(row["Hparam_file"] for row in ROWS) == PAGES


@each_row
def test_law_what_a_row_names_exists(row):
    for column in COLUMNS:
        if column.endswith("_file"):
            assert (ROOT / row[column]).is_file(), row[column]


@each_row
def test_law_a_page_has_one_line_of_results(row):
    """And no figure without a log that shows it."""
    readme = (ROOT / row["Readme_file"]).read_text(encoding="utf-8")
    lines = [
        line
        for line in readme.splitlines()
        if line.startswith(f"| `{row['Hparam_file']}` |")
    ]
    assert len(lines) == 1
    assert ("not yet run" in lines[0]) == (not row["performance"])
    if row["performance"]:
        assert row["Result_url"], "a figure needs a link to its log"
    for link in (row["Result_url"], row["HF_repo"]):
        assert link in readme


def test_law_scripts_are_shims():
    """Code belongs in the package, where tests and users find it."""
    for script in (ROOT / "recipes").rglob("*.py"):
        assert len(script.read_text().splitlines()) <= 12, script


def test_law_paths_in_the_readmes_exist():
    """Commands are copied: a script or page they name must be there."""
    for readme in (ROOT / "recipes").rglob("README.md"):
        text = readme.read_text(encoding="utf-8")
        named = re.findall(r"\b(?:recipes|hparams|tests)/[\w/]+\.\w+", text)
        links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
        assert named or links
        for path in named:
            assert (
                path.startswith("tests/recipes/DATASET")
                or (ROOT / path).is_file()
            ), f"{readme}: {path}"
        for link in links:
            assert (readme.parent / link).is_file(), f"{readme}: {link}"


def test_error_prepare_script_ends_with_a_sentence(tmp_path):
    command = [sys.executable, ROWS[0]["Data_prep_file"], str(tmp_path / "no")]
    done = run([*command, str(tmp_path / "save")])
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert str(tmp_path / "no") in done.stderr.splitlines()[-1]
    assert "the following arguments are required" in run(command).stderr


@pytest.mark.slow
@each_row
def test_fact_each_row_runs_with_its_debug_flags(row, tmp_path):
    """As upstream's runner does: flags, then the files it must leave."""
    flags = shlex.split(row["test_debug_flags"])
    page = (ROOT / row["Hparam_file"]).read_text(encoding="utf-8")
    if "mixture_from_folder" in page:
        mirnet = write_mirnet(tmp_path / "mirnet")
        flags.append(f"--encoder_path={mirnet}")
    done = run(
        [
            sys.executable,
            row["Script_file"],
            row["Hparam_file"],
            f"--output_folder={tmp_path}",
            *flags,
        ]
    )
    assert done.returncode == 0, done.stderr
    files = re.search(r"file_exists=\[(.*)\]", row["test_debug_checks"])[1]
    for name in files.split(","):
        assert (tmp_path / name).is_file(), name


def run(command):
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
