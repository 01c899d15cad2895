"""Best and last checkpoint of a table's cells, each tested."""

import dataclasses
import json

import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from benchmarks.checkpoints import main
from speechbrain_denokd.data.corpus import read_trial_set
from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.data.trials import Trial, write_trials
from speechbrain_denokd.evaluation import evaluate
from speechbrain_denokd.model_folder import write_model_folder
from tests.tiny import ENCODER_TEXT, tiny_encoder, voice_rows

SETTINGS = """
setup:
    corpus: !new:speechbrain_denokd.data.corpus.Corpus
        data_root: {root}
        train: {root}/train.csv
        dev: {{manifest: {root}/test.csv, trials: {root}/trials.txt}}
        tests:
            O: {{manifest: {root}/test.csv, trials: {root}/trials.txt}}
"""


def encoder_of(seed):
    encoder = tiny_encoder()
    torch.manual_seed(seed)
    for weight in encoder.parameters():
        weight.data += 0.3 * torch.randn_like(weight)
    return encoder


def lines_of(folder):
    """Scores, without the line that says where they come from."""
    return (folder / "scores_full.txt").read_text().splitlines()[1:]


def write_cell(folder, root, checkpoints):
    """A finished cell, with checkpoints ``{epoch: (dev EER, encoder)}``."""
    for epoch, (eer, encoder) in checkpoints.items():
        own = folder / "checkpoints" / f"CKPT+{epoch}"
        own.mkdir(parents=True)
        torch.save(encoder.state_dict(), own / "student.ckpt")
        meta = f"eer: {eer}\nepoch: {epoch}\nunixtime: {epoch}\n"
        (own / "CKPT.yaml").write_text(meta)
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    write_model_folder(
        folder / "model", ENCODER_TEXT, tiny_encoder(), head, ["x"], 32, 0.2
    )
    (folder / "hyperparams.yaml").write_text(SETTINGS.format(root=root))
    (folder / "metrics.json").write_text("{}")


@pytest.fixture
def root(tmp_path):
    rows = voice_rows(tmp_path, n_speakers=5, n_each=3)
    write_manifest(tmp_path / "test.csv", rows, tmp_path)
    other = [dataclasses.replace(rows[0], spk_id="other")]
    write_manifest(tmp_path / "train.csv", other, tmp_path)
    trials = [
        Trial(a.spk_id == b.spk_id, a.id, b.id)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]
    write_trials(tmp_path / "trials.txt", trials)
    return tmp_path


def test_fact_of_equal_checkpoints_the_later_is_the_best(root):
    encoder = tiny_encoder()
    checkpoints = {3: (0.2, encoder), 1: (0.1, encoder), 2: (0.1, encoder)}
    write_cell(root / "table" / "kd" / "1", root, checkpoints)
    out = f"--output_folder={root / 'out'}"
    cells = main([str(root / "table"), "--reference=kd", out])["cells"]
    assert (cells["best"][0]["epoch"], cells["last"][0]["epoch"]) == (2, 3)


def test_reference_each_is_tested_as_its_own_weights_are(root, capsys):
    best, last = encoder_of(1), encoder_of(2)
    table, out = root / "table", root / "out"
    for seed in (1, 2):
        cell = table / "kd" / str(seed)
        write_cell(cell, root, {1: (0.1, best), 2: (0.3, last)})
    record = main([str(table), "--reference=kd", f"--output_folder={out}"])
    scores = {}
    files = root / "test.csv", root / "trials.txt", root
    for choice, encoder, epoch, eer in (
        ("best", best, 1, 0.1),
        ("last", last, 2, 0.3),
    ):
        [found, _] = record["cells"][choice]
        assert (found["epoch"], found["dev_eer"]) == (epoch, eer)
        alone = evaluate(
            encoder, read_trial_set("O", *files), root / "alone", [None]
        )
        assert found["tests"]["O"] == alone
        scores[choice] = lines_of(out / choice / "kd" / "1" / "O")
        assert scores[choice] == lines_of(root / "alone")
    rates = [
        record["cells"][c][0]["tests"]["O"]["full"] for c in ("best", "last")
    ]
    assert scores["best"] != scores["last"]
    text = (out / "checkpoints.md").read_text()
    assert text in capsys.readouterr().out + "\n"
    assert json.loads((out / "checkpoints.json").read_text()) is not None
    lines = [line for line in text.splitlines() if line.startswith("| kd")]
    dev, test = zip(
        *[[c.strip() for c in line.split("|")[3:5]] for line in lines],
        strict=True,
    )
    assert dev == ("10.0 ± 0.0", "30.0 ± 0.0")
    assert test == tuple(f"{100 * r['eer']:.1f} ± 0.0" for r in rates)


def test_fact_other_lists_take_the_place_of_the_set_ups(root):
    encoder = encoder_of(1)
    write_cell(root / "table" / "kd" / "1", root, {1: (0.1, encoder)})
    few = [Trial(True, "s0-0", "s0-1"), Trial(False, "s0-0", "s1-0")]
    write_trials(root / "few.txt", few)
    tests = f"{{F: {{manifest: {root}/test.csv, trials: {root}/few.txt}}}}"
    record = main(
        [
            str(root / "table"),
            "--reference=kd",
            f"--tests={tests}",
            f"--output_folder={root / 'out'}",
        ]
    )
    [found] = record["cells"]["last"]
    assert list(found["tests"]) == ["F"]
    assert found["tests"]["F"]["full"]["n_targets"] == 1


def test_error_a_folder_without_cells(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--reference=kd"])
    assert "no finished cell of a training" in capsys.readouterr().err
