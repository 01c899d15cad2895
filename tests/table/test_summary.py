"""All tests of a table side by side."""

from speechbrain_denokd.table.summary import summary_table


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def record(eer, dev_eer, seconds):
    return {
        "row": "kd",
        "title": "KD",
        "folder": "out/kd",
        "dev_eer": dev_eer,
        "train_wall_s": seconds,
        "tests": {
            "O": {
                "2s": {"eer": 2 * eer},
                "full": {"eer": eer},
                "3s": {"eer": 0.9},
            },
            "H": {"full": {"eer": 0.5}},
        },
    }


def test_fact_longest_and_shortest_duration_of_each_test_by_hand():
    teacher = {
        "row": "teacher",
        "title": "Teacher",
        "folder": "out/t",
        "tests": {"": {"full": {"eer": 0.05}}},
    }
    text = summary_table(
        [teacher, record(0.1, 0.2, 100.0), record(0.12, 0.2, 201.0)]
    )
    header, _, first, second = text.splitlines()
    assert cells(header) == [
        "student", "seeds", "dev", "O", "O, 2s", "H", "training (s)",
    ]  # fmt: skip
    assert cells(first) == ["Teacher", "1", "–", "5.0", "–", "–", "–"]
    # Sample standard deviation of 10 and 12 is the root of 2.
    rates = ["20.0 ± 0.0", "11.0 ± 1.4", "22.0 ± 2.8", "50.0 ± 0.0"]
    assert cells(second) == ["KD", "2", *rates, "150"]


def test_fact_a_report_holds_both(fill):
    fill()
    summary = (fill.out / "summary.md").read_text().splitlines()
    # Seeds 1 and 3 of the fake training have an EER of 1 and 3 %.
    assert cells(summary[2])[:4] == ["student", "2", "29.0 ± 0.0", "2.0 ± 1.4"]
    assert not (fill.out / "epochs.md").exists()
    for seed in (1, 3):
        log = fill.out / "deno" / str(seed) / "train_log.txt"
        log.write_text(f"epoch: 1 - train speaker: {seed}.0\n")
    fill("--only_report")
    epochs = (fill.out / "epochs.md").read_text().splitlines()
    assert cells(epochs[2]) == ["deno", "train speaker", "2", "2"]
