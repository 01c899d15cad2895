"""The table of separation: rows beside each other, from metrics.json."""

import json

import pytest

from benchmarks.separation import main


def record(sdr_i, pesq_i=0.5):
    found = {"n_mixtures": 3}
    found |= {"sdr_i": sdr_i, "sdr_i_interval": [sdr_i, sdr_i + 1]}
    found |= {"pesq_i": pesq_i, "pesq_i_interval": pesq_i and [0.4, 0.6]}
    for name, value in (("si_sdr_i", 2.0), ("improved", 0.25)):
        found |= {name: value, f"{name}_interval": [value, value]}
    return found


def write(folder, page, seed, **tests):
    path = folder / page / "samples" / str(seed) / "metrics.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"tests": tests}))


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_fact_rows_in_the_papers_order_and_what_is_missing(tmp_path, capsys):
    write(tmp_path, "upit", 1, test={"all": record(4.0), "f-m": record(5.0)})
    write(tmp_path, "voicefilter_enrolled", 1, test={"all": record(6.0)})
    text = main(["--results", str(tmp_path)])
    assert capsys.readouterr().out == text + "\n"
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert [cells(line)[0].split()[0] for line in lines] == ["enrolled", "none"]
    assert cells(lines[0])[3] == "6.00 [6.00, 7.00]"
    assert cells(lines[1])[6] == "25 [25, 25]"
    assert "Not trained yet: python train.py hparams/voicefilter_mirnet" in text


def test_fact_seeds_are_averaged_and_genders_shown(tmp_path):
    for seed, value in ((1, 4.0), (2, 6.0)):
        both = {"all": record(value), "f-m": record(value + 1, None)}
        write(tmp_path, "upit", seed, test=both)
    text = main(["--results", str(tmp_path), "--genders"])
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert cells(lines[0])[1:4] == ["all", "2", "5.00 ± 1.41"]
    assert cells(lines[1])[1:5] == ["f-m", "2", "6.00 ± 1.41", "–"]


def test_nothing_trained_and_unknown_tests_are_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--results", str(tmp_path)])
    assert ended.value.code == 2
    assert "no metrics.json" in capsys.readouterr().err
    write(tmp_path, "upit", 1, test={"all": record(4.0)})
    with pytest.raises(SystemExit):
        main(["--results", str(tmp_path), "--test", "eval"])
    assert "no test 'eval'; use one of: test" in capsys.readouterr().err
