"""The list of hashes: every file, no other, and none outside."""

import os
import shutil
import subprocess

import pytest

from speechbrain_denokd.publish.checksums import check_files, is_published

FILES = [
    "README.md",
    "classifier.ckpt",
    "config.json",
    "embedding_model.ckpt",
    "hyperparams.yaml",
    "label_encoder.ckpt",
    "labels.json",
    "model.safetensors",
    "scoring.json",
    "scoring.safetensors",
]


def test_fact_every_file_is_listed(made):
    assert is_published(made)
    assert check_files(made) == FILES
    assert sorted(p.name for p in made.iterdir()) == sorted(
        [*FILES, "sha256.txt"]
    )


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum here")
def test_reference_sha256sum_reads_the_list(made):
    run = subprocess.run(
        ["sha256sum", "-c", "--strict", "sha256.txt"],
        cwd=made,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert run.stdout.count(": OK") == len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_noticed(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name} has another SHA-256"):
        check_files(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks {name}, which"):
        check_files(folder)


@pytest.mark.parametrize("name", ["custom.py", "a/b.ckpt", "notes.txt"])
def test_a_file_that_was_added_is_named(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(ValueError, match=f"does not list {name};"):
        check_files(folder)


@pytest.mark.parametrize(
    "name", ["custom.py", "x.so", "y.pt", "a/embedding_model.ckpt", "z.NPY"]
)
def test_listed_code_is_refused_all_the_same(folder, reseal, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    reseal(folder)
    with pytest.raises(ValueError, match=f"{name} can hold code"):
        check_files(folder)


def test_files_of_git_and_the_hub_are_left_alone(folder):
    for name in (".gitattributes", ".cache/huggingface/x.lock", ".git/HEAD"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    assert check_files(folder) == FILES


@pytest.mark.parametrize(
    "name",
    [
        "../model.safetensors",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./README.md",
        "..\\x",
        "C:x",
    ],
)
def test_a_list_that_leads_out_is_refused(folder, name):
    with open(folder / "sha256.txt", "a", encoding="utf-8") as file:
        file.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(ValueError, match="which leads out of the folder"):
        check_files(folder)


@pytest.mark.parametrize(
    "line", ["README.md", f"{'0' * 64}  README.md", "0" * 64, f"{'g' * 64}  x"]
)
def test_a_damaged_list_is_refused(folder, line):
    with open(folder / "sha256.txt", "a", encoding="utf-8") as file:
        file.write(line)
    with pytest.raises(ValueError, match=r"line 11 of .* not a new `SHA-256"):
        check_files(folder)


def test_links_out_of_the_folder_are_refused(folder, tmp_path):
    path = folder / "model.safetensors"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"model.safetensors is a link that"):
        check_files(folder)


def test_linked_folders_are_refused(folder, tmp_path):
    (tmp_path / "place").mkdir()
    (folder / "more").symlink_to(tmp_path / "place")
    with pytest.raises(ValueError, match=r"more is a link that leads out"):
        check_files(folder)


def test_the_hubs_cache_is_made_of_links(made, tmp_path):
    """As snapshot_download leaves it."""
    blobs, snapshot = tmp_path / "m" / "blobs", tmp_path / "m/snapshots/0a1b"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for i, path in enumerate(sorted(made.iterdir())):
        shutil.copy(path, blobs / str(i))
        (snapshot / path.name).symlink_to(f"../../blobs/{i}")
    assert check_files(snapshot) == FILES
    (snapshot / "README.md").unlink()
    (snapshot / "README.md").symlink_to(tmp_path / "m")
    with pytest.raises(ValueError, match="README.md is a link"):
        check_files(snapshot)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(folder):
    (folder / "README.md").unlink()
    os.mkfifo(folder / "README.md")
    with pytest.raises(ValueError, match="README.md is no ordinary file"):
        check_files(folder)


def test_a_folder_without_a_list_is_not_published(source):
    assert not is_published(source)
    with pytest.raises(FileNotFoundError, match="no published folder: it"):
        check_files(source)
