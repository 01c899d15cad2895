"""The benchmark of the PIT loss: what it times, and how it shows it."""

import json

import pytest

from benchmarks import pit


def test_fact_one_command_writes_the_table(tmp_path, capsys):
    record = pit.main(
        [
            *("--speakers", "2", "8"),
            *("--batch_size=3", "--n_classes=9", "--repeats=2"),
            f"--output_folder={tmp_path}",
        ]
    )
    two, eight = record["rows"]
    assert [len(two[name]) for name in ("loss", "enumeration")] == [2, 2]
    assert "enumeration" not in eight
    assert json.loads((tmp_path / "pit.json").read_text()) == record
    last = capsys.readouterr().out.splitlines()[-1]
    cells = [cell.strip() for cell in last.strip("|").split("|")]
    assert (cells[0], cells[1], cells[4]) == ("8", "40,320", "–")


def test_error_fewer_classes_than_speakers(capsys):
    with pytest.raises(SystemExit) as error:
        pit.main(["--speakers", "4", "--n_classes=3"])
    assert error.value.code == 2
    assert "3 classes for mixtures of 4 speakers" in capsys.readouterr().err
