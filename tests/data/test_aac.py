import os

import pytest

from speechbrain_denokd.data.aac import convert_aac

# A stand-in that copies the input and fails on what is named "broken".
FFMPEG = """#!/bin/sh
for word in "$@"; do
  if [ "$last" = "-i" ]; then source="$word"; fi
  last="$word"
done
echo half > "$last"
case "$source" in *broken*) echo "moov atom not found" >&2; exit 1;; esac
cat "$source" > "$last"
echo "$source" >> "$(dirname "$0")/calls"
"""


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Folder of a stand-in for ffmpeg, first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffmpeg").write_text(FFMPEG)
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def make(tmp_path, *names):
    paths = [tmp_path / f"{name}.m4a" for name in names]
    for path in paths:
        path.write_text(path.stem)
    return paths


def test_fact_converted_beside_and_only_once(tmp_path, ffmpeg):
    paths = make(tmp_path, "1", "two words", "3")
    (tmp_path / "3.wav").write_text("done before")
    wavs = convert_aac(paths, description=None)
    contents = [wav.read_text() for wav in wavs]
    assert contents == ["1", "two words", "done before"]
    assert all(path.exists() for path in paths)
    convert_aac(paths, description=None)
    assert len((ffmpeg / "calls").read_text().splitlines()) == 2


def test_failures_are_named_and_leave_nothing_half(tmp_path, ffmpeg):
    paths = make(tmp_path, "1", "broken", "3")
    with pytest.raises(RuntimeError, match=r"1 of 3.*broken\.m4a \(moov atom"):
        convert_aac(paths, description=None)
    assert (tmp_path / "3.wav").read_text() == "3"
    assert sorted(path.suffix for path in tmp_path.glob("broken*")) == [".m4a"]
    assert not list(tmp_path.glob("*.partial"))


def test_no_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="1 AAC files need .*ffmpeg"):
        convert_aac(make(tmp_path, "1"), description=None)
