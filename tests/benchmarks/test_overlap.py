"""The table of MIRNet's pages: from metrics.json, beside their baselines."""

import json

import pytest

from benchmarks.overlap import main


def system(seen, unseen):
    """Rates of one system: by test, kind and distance."""

    def kinds(eer):
        rate = {"eer": eer, "eer_interval": [eer - 0.01, eer + 0.02]}
        distances = {"cosine": rate, "euclidean": {**rate, "eer": 0.5}}
        return {"mixtures": distances, "presence": distances}

    return {"seen": kinds(seen), "unseen": kinds(unseen)}


def write(folder, page, seed, **systems):
    path = folder / page / "samples" / str(seed) / "metrics.json"
    path.parent.mkdir(parents=True)
    tests = {
        test: {name: found[test] for name, found in systems.items()}
        for test in ("seen", "unseen")
    }
    path.write_text(json.dumps({"tests": tests}))


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [cells(lines[0]), *(cells(line) for line in lines[2:])]


def test_fact_seeds_are_averaged_and_the_baseline_is_shown_once(tmp_path):
    for seed, eer in ((1, 0.10), (2, 0.20)):
        write(
            tmp_path,
            "mirnet_masks",
            seed,
            mirnet_masks=system(eer, 0.3),
            baseline=system(0.4, 0.35),
        )
    titles, baseline, page = rows(main(["--results", str(tmp_path)]))
    assert titles[2:4] == [
        "seen, mixture against mixture",
        "unseen, mixture against mixture",
    ]
    assert baseline[:4] == [
        "single speakers, for mirnet_masks",
        "1",
        "40.0 [39.0, 42.0]",
        "35.0 [34.0, 37.0]",
    ]
    assert page[:4] == ["`mirnet_masks`", "2", "15.0 ± 7.1", "30.0 ± 0.0"]


def test_fact_a_page_without_a_baseline_and_the_other_distance(tmp_path):
    write(tmp_path, "mirnet", 1, mirnet=system(0.1, 0.3))
    argv = ["--results", str(tmp_path), "--distance", "euclidean"]
    _, page = rows(main(argv))
    assert page[0] == "`mirnet`" and page[2] == "50.0 [9.0, 12.0]"


def test_error_nothing_trained(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--results", str(tmp_path)])
    assert ended.value.code == 2
    assert "train a page first" in capsys.readouterr().err
