"""What training logged, by epoch and over seeds."""

from speechbrain_denokd.table.epochs import epochs_table, read_epochs


def write_log(folder, *lines):
    folder.mkdir(parents=True)
    (folder / "train_log.txt").write_text("\n".join(lines) + "\n")
    return folder.as_posix()


def test_fact_every_value_of_an_epoch_is_read_by_hand(tmp_path):
    folder = write_log(
        tmp_path / "1",
        "epoch: 1, lr: 1.98e-03, margin: 0.00e+00 - train speaker: 5.93, "
        "train embedding/kd: 1.5e-01 - valid EER_percent: 29.95",
    )
    assert read_epochs(f"{folder}/train_log.txt") == {
        "train speaker": {1: 5.93},
        "train embedding/kd": {1: 0.15},
        "valid EER_percent": {1: 29.95},
    }


def test_fact_the_last_line_of_an_epoch_counts(tmp_path):
    """A run that was killed before its checkpoint trains an epoch again."""
    folder = write_log(
        tmp_path / "1",
        "epoch: 1 - train speaker: 5.0",
        "epoch: 2 - train speaker: 4.0",
        "epoch: 2 - train speaker: 3.0",
    )
    logged = read_epochs(f"{folder}/train_log.txt")
    assert logged == {"train speaker": {1: 5.0, 2: 3.0}}


def test_fact_means_over_seeds_and_dashes_where_a_row_is_shorter(tmp_path):
    def record(row, seed, *values):
        lines = [
            f"epoch: {n} - train speaker: {value}"
            for n, value in enumerate(values, start=1)
        ]
        folder = write_log(tmp_path / row / str(seed), *lines)
        return {"row": row, "folder": folder}

    evaluated = {"row": "teacher", "folder": str(tmp_path / "none")}
    records = [
        evaluated,
        record("kd", 1, 2, 4, 7),
        record("kd", 2, 4, 5),
        record("alone", 1, 0.12345),
    ]
    [_, _, kd, alone] = epochs_table(records).splitlines()
    assert kd.split("|")[1:-1] == [
        " kd    ", " train speaker ", " 2     ", " 3     ", " 4.5 ", " 7   ",
    ]  # fmt: skip
    assert [cell.strip() for cell in alone.split("|")[3:-1]] == [
        "1", "0.123", "–", "–",
    ]  # fmt: skip
