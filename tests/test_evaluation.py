"""From a model and a trial list to error rates."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import nn

from speechbrain_denokd import evaluation
from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.data.crop import crop_from_id
from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.data.trials import Trial, write_trials
from speechbrain_denokd.metrics import DENOKD, SRE08, SSRFNET, eer, mean_min_dcf
from speechbrain_denokd.model_folder import write_model_folder
from speechbrain_denokd.score_mode import CropsAveraged
from speechbrain_denokd.scoring.backend import cosine_backend
from speechbrain_denokd.scoring.cosine import cosine_scores
from speechbrain_denokd.scoring.score_file import read_scores
from speechbrain_denokd.scoring.system import ScoringSystem
from tests.tiny import ENCODER_TEXT, tiny_encoder, voice_rows


@pytest.fixture
def rows(tmp_path):
    return voice_rows(tmp_path, n_speakers=4, n_each=3)


@pytest.fixture
def trial_set(rows):
    trials = [
        Trial(a.spk_id == b.spk_id, a.id, b.id)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]
    return TrialSet("toy", rows, trials)


class Recorder(nn.Module):
    """Embeds by the mean of the valid samples; keeps the batch sizes."""

    def __init__(self):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.batches = []

    def forward(self, wavs, lens):
        assert not self.training
        self.batches.append(len(wavs))
        n_samples = (lens * wavs.shape[1]).round().long()
        means = [w[:n].mean() for w, n in zip(wavs, n_samples, strict=True)]
        return SimpleNamespace(embedding=torch.stack(means)[:, None])


@pytest.mark.parametrize("crop_s", [None, 0.4])
def test_law_batched_is_one_by_one(rows, crop_s):
    encoder = tiny_encoder()
    batched = evaluation.extract_embeddings(encoder, rows, crop_s, batch_s=6)
    alone = evaluation.extract_embeddings(encoder, rows, crop_s, batch_s=0)
    assert list(batched) == list(alone) == [row.id for row in rows]
    for row in rows:
        wav = load_audio(row.wav, row.start, row.stop)
        if crop_s is not None:
            wav = crop_from_id(wav, round(16000 * crop_s), row.id)
        with torch.no_grad():
            output = encoder(torch.from_numpy(wav)[None], torch.ones(1))
        for found in (batched, alone):
            np.testing.assert_allclose(
                found[row.id], output.embedding[0].numpy(), rtol=0, atol=1e-4
            )
            assert found[row.id].dtype == np.float32


def test_fact_every_utterance_is_embedded_once_in_bounded_batches(rows):
    encoder = Recorder().train()
    embeddings = evaluation.extract_embeddings(encoder, rows, batch_s=4)
    assert sum(encoder.batches) == len(rows)
    assert 1 < len(encoder.batches) < len(rows)
    for row in rows:
        wav = load_audio(row.wav, row.start, row.stop)
        assert embeddings[row.id][0] == pytest.approx(wav.mean(), abs=1e-6)


def test_fact_evaluation_writes_scores_and_plots(trial_set, tmp_path):
    encoder = tiny_encoder()
    folder = tmp_path / "new" / "results"
    conditions = evaluation.evaluate(encoder, trial_set, folder, [None, 0.5])
    assert sorted(path.name for path in folder.iterdir()) == [
        "det.png",
        "scores_0.5s.txt",
        "scores_full.txt",
        "tsne.png",
    ]
    assert list(conditions) == ["full", "0.5s"]
    for name, crop_s in (("full", None), ("0.5s", 0.5)):
        embeddings = evaluation.extract_embeddings(
            encoder, trial_set.utterances, crop_s
        )
        scores, is_target = cosine_scores(embeddings, trial_set.trials)
        assert conditions[name]["eer"] == pytest.approx(eer(scores, is_target))
        written = read_scores(folder / f"scores_{name}.txt")
        assert written.trials == trial_set.trials
        np.testing.assert_allclose(written.scores, scores, rtol=0, atol=1e-6)
        assert written.provenance["crop_s"] == crop_s


def test_law_trial_sets_of_the_same_recordings_share_their_embeddings(
    trial_set, tmp_path, monkeypatch
):
    heard, encoder = {}, Recorder()
    alone = evaluation.evaluate(encoder, trial_set, tmp_path / "alone", [None])
    first = evaluation.evaluate(
        encoder, trial_set, tmp_path / "first", [None], heard=heard
    )
    assert {key[1] for key in heard} == {None}
    assert len(heard) == len(trial_set.utterances)

    def deaf(*_):
        raise AssertionError("nothing is left to hear")

    monkeypatch.setattr(encoder, "forward", deaf)
    again = evaluation.evaluate(
        encoder, trial_set, tmp_path / "again", [None], heard=heard
    )
    assert alone == first == again


def test_fact_without_whole_utterances_there_is_no_tsne(trial_set, tmp_path):
    evaluation.evaluate(tiny_encoder(), trial_set, tmp_path / "r", [0.5])
    names = sorted(path.name for path in (tmp_path / "r").iterdir())
    assert names == ["det.png", "scores_0.5s.txt"]


def test_fact_the_table_has_a_row_for_each_duration():
    rates = {
        "eer": 0.0078,
        "eer_interval": (0.006, 0.0101),
        "min_dcf": 0.104,
        "min_dcf_interval": (0.08, 0.13),
        "points": [DENOKD[0]._asdict()],
    }
    short = {**rates, "eer": 0.5, "min_dcf": 1.0}
    table = evaluation.results_table({"full": rates, "2s": short})
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
    ]
    assert cells[0] == [
        "test",
        "EER (%)",
        "95 % interval",
        "minDCF (0.01)",
        "95 % interval",
    ]
    assert cells[2][:4] == ["full", "0.78", "0.60 – 1.01", "0.104"]
    assert cells[3][:4] == ["2s", "50.00", "0.60 – 1.01", "1.000"]


def test_fact_the_table_names_the_operating_point(trial_set, tmp_path):
    for points, title in ((SSRFNET, "0.05"), (SRE08, "0.01, C_miss 10")):
        found = evaluation.evaluate(
            tiny_encoder(), trial_set, tmp_path / title, [0.5], points=points
        )
        table = evaluation.results_table(found)
        assert f"| minDCF ({title}) |" in table.splitlines()[0]
        written = read_scores(tmp_path / title / "scores_0.5s.txt")
        is_target = [trial.is_target for trial in trial_set.trials]
        expected = mean_min_dcf(written.scores, is_target, points)
        assert found["0.5s"]["min_dcf"] == pytest.approx(expected)


def test_reference_crops_averaged_is_the_mean_of_all_cosines(
    trial_set, tmp_path
):
    encoder, mode = tiny_encoder(), CropsAveraged(3, 0.5)
    found = evaluation.evaluate(
        encoder,
        trial_set,
        tmp_path,
        [None, 1.2],
        system=ScoringSystem(cosine_backend(centre=False)),  # left out
        score_mode=mode,
    )
    described = {"kind": "crops averaged", "n_crops": 3, "crop_s": 0.5}
    for name, crop_s in (("full", None), ("1.2s", 1.2)):
        assert found[name]["score_mode"] == described
        written = read_scores(tmp_path / f"scores_{name}.txt")
        assert written.provenance["score_mode"] == described
        units = {
            row.id: unit_embeddings_of_crops(encoder, row, crop_s)
            for row in trial_set.utterances
        }
        for score, trial in zip(written.scores, trial_set.trials, strict=True):
            cosines = [
                float(a @ b)
                for a in units[trial.enroll]
                for b in units[trial.test]
            ]
            assert len(cosines) == 9
            assert score == pytest.approx(np.mean(cosines), abs=2e-6)
        assert "act_dcf" not in found[name]  # there is no calibration of them


def unit_embeddings_of_crops(encoder, row, crop_s):
    """Three crops of 0.5 s, one by one: first, middle, last."""
    wav = load_audio(row.wav, row.start, row.stop)
    if crop_s is not None:
        wav = crop_from_id(wav, round(16000 * crop_s), row.id)
    found = []
    for place in (0, 0.5, 1):
        start = int(place * (len(wav) - 8000))
        crop = torch.from_numpy(wav[start : start + 8000])
        with torch.no_grad():
            output = encoder(crop[None], torch.ones(1))
        unit = output.embedding[0].double().numpy()
        found.append(unit / np.linalg.norm(unit))
    return found


@pytest.mark.parametrize(
    ("crop_s", "name"), [(None, "full"), (2, "2s"), (2.0, "2s"), (1.5, "1.5s")]
)
def test_fact_names_of_durations(crop_s, name):
    assert evaluation.condition_name(crop_s) == name


# -- command line ------------------------------------------------------------


@pytest.fixture
def corpus(trial_set, tmp_path):
    """A data folder and a model folder, side by side."""
    write_manifest(tmp_path / "test.csv", trial_set.utterances, tmp_path)
    write_trials(tmp_path / "trials_test.txt", trial_set.trials)
    head = Classifier(16, lin_neurons=16, out_neurons=1)
    write_model_folder(
        tmp_path / "model", ENCODER_TEXT, tiny_encoder(), head, ["x"], 32, 0.2
    )
    return tmp_path


def test_fact_the_command_records_what_it_prints(corpus, trial_set, capsys):
    folder = corpus / "out"
    evaluation.main(
        [
            str(corpus / "model"),
            f"--data_root={corpus}",
            f"--output_folder={folder}",
            "--crops",
            "0.5",
        ]
    )
    record = json.loads((folder / "metrics.json").read_text())
    assert record["model"] == str(corpus / "model")
    assert record["trials"] == str(corpus / "trials_test.txt")
    assert list(record["conditions"]) == ["full", "0.5s"]
    assert record["score_mode"] == {"kind": "single embedding"}
    assert record["hardware"]["torch"] == torch.__version__
    expected = evaluation.evaluate(
        tiny_encoder(), trial_set, corpus / "again", [None]
    )
    found = record["conditions"]["full"]
    assert found["eer"] == pytest.approx(expected["full"]["eer"])
    printed = capsys.readouterr().out
    assert evaluation.results_table(record["conditions"]) in printed
    assert str(folder) in printed


def test_fact_other_lists_and_no_crops(corpus):
    trials = [Trial(False, "s0-0", "s1-0"), Trial(True, "s0-0", "s0-1")]
    write_trials(corpus / "other.txt", trials)
    evaluation.main(
        [
            str(corpus / "model"),
            f"--data_root={corpus}",
            f"--trials={corpus / 'other.txt'}",
            f"--output_folder={corpus / 'out'}",
            "--crops",
        ]
    )
    assert not (corpus / "out" / "scores_2s.txt").exists()
    scores = (corpus / "out" / "scores_full.txt").read_text()
    assert [line.split()[:3] for line in scores.splitlines()[1:]] == [
        ["0", "s0-0", "s1-0"],
        ["1", "s0-0", "s0-1"],
    ]


def test_fact_several_lists_at_once_are_each_as_alone(corpus, trial_set):
    write_trials(corpus / "half.txt", trial_set.trials[::2])
    manifest = corpus / "test.csv"
    lists = {"O": corpus / "trials_test.txt", "H": corpus / "half.txt"}
    tests = ", ".join(
        f"{name}: {{manifest: {manifest}, trials: {path}}}"
        for name, path in lists.items()
    )
    common = [str(corpus / "model"), f"--data_root={corpus}"]
    out, alone = corpus / "out", corpus / "alone"
    evaluation.main(
        [*common, f"--tests={{{tests}}}", f"--output_folder={out}", "--crops"]
    )
    found = json.loads((out / "metrics.json").read_text())["tests"]
    assert list(found) == ["O", "H"]
    trials = f"--trials={corpus / 'half.txt'}"
    evaluation.main([*common, trials, f"--output_folder={alone}", "--crops"])
    record = json.loads((alone / "metrics.json").read_text())
    assert found["H"] == record["conditions"] != found["O"]
    scores = (out / "H" / "scores_full.txt").read_text().splitlines()
    assert (
        scores[1:] == ((alone / "scores_full.txt").read_text().splitlines()[1:])
    )


def test_fact_the_command_chooses_point_and_mode(corpus):
    evaluation.main(
        [
            str(corpus / "model"),
            f"--data_root={corpus}",
            f"--output_folder={corpus / 'out'}",
            "--operating_point=ssrfnet",
            "--score_mode=4x0.5",
            "--crops",
        ]
    )
    record = json.loads((corpus / "out" / "metrics.json").read_text())
    mode = {"kind": "crops averaged", "n_crops": 4, "crop_s": 0.5}
    assert record["score_mode"] == mode
    [point] = record["conditions"]["full"]["points"]
    assert (point["name"], point["p_target"]) == ("SSRFNet", 0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--score_mode=ten"], "score_mode is 'ten'; use 'single', or"),
        (["absent"], "no model folder at absent"),
        (["--manifest=absent.csv"], "absent.csv"),
        (["--trials=absent.txt"], "absent.txt"),
        (["--tests={}", "--trials=absent.txt"], "leave --manifest and"),
        (["--tests={O: a.txt}"], "--tests is '{O: a.txt}'; write --tests="),
        (["--tests=O"], "--tests is 'O'; write --tests="),
    ],
)
def test_user_errors_are_one_sentence(corpus, capsys, changes, message):
    arguments = [str(corpus / "model"), f"--data_root={corpus}"]
    if not changes[0].startswith("--"):
        arguments, changes = arguments[1:], changes
    with pytest.raises(SystemExit) as exit_info:
        evaluation.main([*arguments, *changes])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
