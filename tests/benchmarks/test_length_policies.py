"""Length policies of a tiny SSRFNet, and of a model without SV-Mixer."""

import json

import numpy as np
import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from benchmarks.length_policies import as_markdown, main
from speechbrain_denokd.config import resolve_page
from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.data.trials import Trial, write_trials
from speechbrain_denokd.evaluation import evaluate
from speechbrain_denokd.model_folder import (
    encoder_yaml,
    read_model_folder,
    write_model_folder,
)
from speechbrain_denokd.scoring.score_file import read_scores
from tests.tiny import ENCODER_TEXT, tiny_encoder, voice_rows

TINY = (
    "n_mels: 20\n"
    "ssrfnet: {n_mels: 20, state_dim: 16, conv_dim: 8, n_layers: 3, "
    "n_tokens: 29, n_groups: 2, width: 2, frequencies: 4, channels: 4, "
    "stages: [[1, 1, 1, null], [2, 1, 1, 4]], group_divisor: 4, "
    "embedding_dim: 8}"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tiny SSRFNet for 0.6 s in a model folder, and a corpus."""
    folder = tmp_path_factory.mktemp("policies")
    rows = voice_rows(folder, n_speakers=3, n_each=3)
    trials = [
        Trial(a.spk_id == b.spk_id, a.id, b.id)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]
    write_manifest(folder / "test.csv", rows, folder)
    write_trials(folder / "trials_test.txt", trials)
    text = encoder_yaml(
        resolve_page("hparams/ssrfnet_alone.yaml", "samples", TINY),
        ["student", "encoder"],
    )
    torch.manual_seed(0)
    encoder = load_hyperpyyaml(text)["encoder"]
    encoder(0.1 * torch.randn(4, 9600), torch.ones(4))  # norms see data
    head = Classifier(8, lin_neurons=8, out_neurons=1)
    write_model_folder(folder / "ssrfnet", text, encoder, head, ["x"], 32, 0.2)
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    write_model_folder(
        folder / "ecapa", ENCODER_TEXT, tiny_encoder(), head, ["x"], 32, 0.2
    )
    return folder, TrialSet("toy", rows, trials)


def scores(folder, policy, condition):
    return read_scores(folder / policy / f"scores_{condition}.txt").scores


def test_fact_policies_agree_at_the_trained_length_alone(place, tmp_path):
    folder, trial_set = place
    record = main(
        [
            str(folder / "ssrfnet"),
            f"--data_root={folder}",
            f"--output_folder={tmp_path}",
            "--seconds=0.6",
            "--n_crops=2",
        ]
    )
    assert record["trained_s"] == 0.6
    assert list(record["rows"]) == ["fixed", "windows", "interpolate"]
    # Of recordings of at least that length, cut to it, every crop is the same.
    long = {row.id for row in trial_set.utterances if row.duration >= 0.6}
    same = [
        trial.enroll in long and trial.test in long
        for trial in trial_set.trials
    ]
    assert sum(same) > 5
    for policy in ("fixed", "interpolate"):
        np.testing.assert_allclose(
            scores(tmp_path, policy, "0.6s")[same],
            scores(tmp_path, "windows", "0.6s")[same],
            rtol=0,
            atol=1e-5,
        )
        whole = scores(tmp_path, policy, "full")
        assert abs(whole - scores(tmp_path, "windows", "full")).max() > 1e-3
    # The folder's own policy is the first of these, by a run of its own.
    encoder = read_model_folder(folder / "ssrfnet").encoder
    evaluate(encoder, trial_set, tmp_path / "own", [None])
    np.testing.assert_allclose(
        scores(tmp_path, "own", "full"),
        scores(tmp_path, "windows", "full"),
        rtol=0,
        atol=1e-5,
    )
    assert json.loads((tmp_path / "length_policies.json").read_text()) == record
    text = (tmp_path / "length_policies.md").read_text()
    assert as_markdown(record) in text
    assert "| fixed, 2 crops of 0.6 s |" in text
    eer = 100 * record["rows"]["interpolate"]["full"]["eer"]
    assert f"{eer:.2f} [" in text.splitlines()[-1]


def test_error_a_model_without_sv_mixer(place, tmp_path, capsys):
    folder, _ = place
    with pytest.raises(SystemExit):
        main([str(folder / "ecapa"), f"--data_root={folder}"])
    assert "ecapa holds no SV-Mixer" in capsys.readouterr().err
