"""The training flow: every page, resuming, several processes, bad input."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_denokd.brains.distill import DistillBrain
from speechbrain_denokd.brains.speaker import SpeakerBrain
from speechbrain_denokd.checkpoints import AtomicCheckpointer
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.training import main
from tests.tiny_setup import ROOT, write_pages, write_teacher

# Pages of other tasks have tests of their own in tests/tasks.
PAGES = sorted(
    page.stem
    for page in (ROOT / "hparams").glob("*.yaml")
    if "\ntask: " not in page.read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages with the tiny set-up, and its corpus."""
    return write_pages(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _no_handlers_left():
    """SpeechBrain's log handlers outlive the streams that pytest gives."""
    yield
    logging.getLogger().handlers.clear()


def arguments(pages, page, folder, *overrides):
    """A command line on the tiny set-up."""
    return [
        str(pages / f"{page}.yaml"),
        "--setup=tiny",
        f"--output_folder={folder}",
        "--device=cpu",
        "--noprogressbar",
        *overrides,
    ]


def command(pages, page, folder, *overrides, launcher=()):
    """The same command line, for another process."""
    program = [sys.executable, *launcher, str(ROOT / "train.py")]
    return program + arguments(pages, page, folder, *overrides)


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def weights(folder):
    files = sorted(Path(folder, "model").glob("*.ckpt"))
    return {
        f"{file.stem}.{name}": value
        for file in files
        if file.stem != "label_encoder"
        for name, value in torch.load(file, weights_only=True).items()
    }


def last_weights(folder):
    """Of the last checkpoint; the model is that of the best."""
    checkpoints = AtomicCheckpointer(Path(folder, "checkpoints"))
    path = checkpoints.find_checkpoint().path
    return {
        f"{name}.{key}": value
        for name in ("student", "classifier")
        for key, value in torch.load(
            path / f"{name}.ckpt", weights_only=True
        ).items()
    }


def test_fact_a_pool_is_drawn_and_heard_once_for_all_runs(pages, tmp_path):
    """Steps read what the first run wrote; the teacher is not asked again."""
    pool = tmp_path / "pool"
    options = [f"--crop_pool={pool}", "--n_epochs=1"]
    first = main(arguments(pages, "kd_frame", tmp_path / "a", *options))
    [recording] = pool.glob("teacher-*")
    times = {p: p.stat().st_mtime_ns for p in pool.rglob("*.npy")}
    assert len(times) == 4
    again = main(arguments(pages, "kd_frame", tmp_path / "b", *options))
    assert times == {p: p.stat().st_mtime_ns for p in pool.rglob("*.npy")}
    assert first["tests"] == again["tests"]
    for name, value in weights(tmp_path / "a").items():
        assert torch.equal(value, weights(tmp_path / "b")[name]), name
    # What is written down is what the losses are made of.
    frames = np.load(recording / "frames.npy")
    np.save(recording / "frames.npy", frames[::-1])
    main(arguments(pages, "kd_frame", tmp_path / "c", *options))
    logs = [(tmp_path / run / "train_log.txt").read_text() for run in "ac"]
    losses = [re.findall(r"train frame: ([^,]+),", log) for log in logs]
    assert losses[0] and losses[0] != losses[1]


def test_fact_the_set_up_chooses_the_checkpoint(pages, tmp_path, monkeypatch):
    models, epochs = {}, {"best": 2, "last": 3}
    for choice, epoch in epochs.items():
        eers = iter((0.3, 0.1, 0.2))
        monkeypatch.setattr(
            SpeakerBrain, "_dev_eer", lambda _, eers=eers: next(eers)
        )
        options = ["--n_epochs=3", f"--checkpoint={choice}"]
        record = main(arguments(pages, "ecapa", tmp_path / choice, *options))
        assert record["checkpoint"] == choice
        assert record["epoch"] == epoch
        assert record["dev_eer"] == {"best": 0.1, "last": 0.2}[choice]
        models[choice] = weights(tmp_path / choice)["classifier.weight"]
    last = last_weights(tmp_path / "last")["classifier.weight"]
    assert torch.equal(models["last"], last)
    assert not torch.equal(models["best"], last)


def test_error_an_unknown_checkpoint_before_training(pages, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(arguments(pages, "ecapa", tmp_path / "a", "--checkpoint=first"))
    assert "checkpoint is 'first'; use one of" in capsys.readouterr().err
    assert not (tmp_path / "a" / "train_log.txt").exists()


def losses(folder, name):
    """A loss in each epoch, from the log that users read."""
    text = Path(folder, "train_log.txt").read_text()
    found = re.findall(rf"train {name}: ([-+.\de]+)", text)
    return [float(value) for value in found]


@pytest.mark.parametrize("page", PAGES)
def test_law_every_page_trains_and_leaves_a_model(pages, tmp_path, page):
    folder = tmp_path / page
    extra = {
        "head_tail_kd": ("--top_k=2",),  # six speakers have no head of ten
        "ssrfnet_lmft": ("--init_from=null", "--lr=0.01"),
        # Class centres alone learn, on what random weights make of tones.
        "ge2e_mean": ("--lr=0.05",),
        "late_fusion": ("--lr=0.05",),
    }.get(page, ())
    record = main(arguments(pages, page, folder, "--n_epochs=2", *extra))
    assert json.loads((folder / "metrics.json").read_text()) == record
    assert losses(folder, "speaker")[1] < losses(folder, "speaker")[0]
    assert set(record["tests"]["test"]) == {"full", "0.3s"}
    for plot in ("det.png", "tsne.png"):
        assert (folder / "test" / plot).read_bytes()[:4] == b"\x89PNG"
    model = read_model_folder(folder / "model")
    assert model.speakers == [f"spk{i:02d}" for i in range(6)]
    kept = {name.split(".")[0] for name in weights(folder)}
    assert kept == {"embedding_model", "classifier"}


def test_law_mixed_precision_trains_in_the_same_direction(pages, tmp_path):
    folder = tmp_path / "bf16"
    main(arguments(pages, "denokd_frame", folder, "--precision=bf16"))
    assert losses(folder, "speaker")[-1] < losses(folder, "speaker")[0]
    assert losses(folder, "frame/diffusion")[-1] < 2.0


def test_law_a_tone_is_learnt(pages, tmp_path):
    folder = tmp_path / "ecapa"
    record = main(arguments(pages, "ecapa", folder, "--n_epochs=8"))
    assert losses(folder, "speaker")[-1] < 0.5 * losses(folder, "speaker")[0]
    assert record["tests"]["test"]["full"]["eer"] < 0.25


def test_law_same_command_same_weights(pages, tmp_path):
    runs = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for run, seed in zip(runs, (1, 1, 2), strict=True):
        main(arguments(pages, "ecapa", run, "--n_epochs=1", f"--seed={seed}"))
    first, again, other = (weights(run) for run in runs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_law_killed_and_resumed_equals_uninterrupted(pages, tmp_path):
    """kill -9 in the middle of an epoch; the same command; the same bits."""
    options = ("--n_epochs=4", "--ckpt_interval_steps=2")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(
        command(pages, "denokd_frame", whole, *options),
        env=environment(),
        check=True,
        capture_output=True,
    )
    process = subprocess.Popen(
        command(pages, "denokd_frame", killed, *options),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.time() + 300
    while not _has_checkpoint_inside_epoch(killed, epoch=2):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.time() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "model").exists()

    subprocess.run(
        command(pages, "denokd_frame", killed, *options),
        env=environment(),
        check=True,
        capture_output=True,
    )
    for weights_of in (weights, last_weights):
        expected, resumed = weights_of(whole), weights_of(killed)
        assert expected.keys() == resumed.keys()
        for name, value in expected.items():
            assert torch.equal(value, resumed[name]), name


class _Killed(BaseException):
    """Nothing catches it: as a kill, and in this process."""


@pytest.mark.parametrize("stop", [(2, 3), (2, 7), (3, 4)])
def test_law_a_run_stopped_around_the_optimisers_switch_takes_the_same_steps(
    pages, tmp_path, monkeypatch, whole_two_stage_run, stop
):
    """AdamW until the fourth step of epoch 2, then SGD with its momentum."""
    folder = tmp_path / "stopped"
    argv = arguments(pages, "redimnet", folder, *TWO_STAGE)
    step_start = SpeakerBrain.on_fit_batch_start

    def stopping(brain, batch, should_step):
        if (brain.epoch, brain.step) == stop:
            raise _Killed
        step_start(brain, batch, should_step)

    with monkeypatch.context() as patch:
        patch.setattr(SpeakerBrain, "on_fit_batch_start", stopping)
        with pytest.raises(_Killed):
            main(argv)
    main(argv)
    expected, resumed = last_weights(whole_two_stage_run), last_weights(folder)
    for name, value in expected.items():
        assert torch.equal(value, resumed[name]), name


TWO_STAGE = ("--n_epochs=3", "--ckpt_interval_steps=1")


@pytest.fixture(scope="module")
def whole_two_stage_run(pages, tmp_path_factory):
    """Eight steps an epoch."""
    folder = tmp_path_factory.mktemp("two_stage") / "whole"
    main(arguments(pages, "redimnet", folder, *TWO_STAGE))
    return folder


def test_fact_a_pages_training_takes_the_place_of_the_set_ups(pages, tmp_path):
    """48 utterances: batches of 6 for two stages, of 8 by the set-up."""
    steps = {}
    for page in ("redimnet", "kd_label_redimnet"):
        record = main(arguments(pages, page, tmp_path / page, "--n_epochs=2"))
        steps[page] = record["n_steps"]
    assert steps == {"redimnet": 16, "kd_label_redimnet": 12}
    text = (tmp_path / "redimnet" / "model" / "hyperparams.yaml").read_text()
    assert "scale: 30\n" in text
    log = (tmp_path / "redimnet" / "train_log.txt").read_text()
    # In the last step of epoch 1, AdamW is through 7 / 12 of its cosine; in
    # that of epoch 2, SGD through 3 / 4 of its own.
    assert re.findall(r"lr: ([-.\de]+)", log) == ["8.04e-04", "6.71e-04"]


def test_law_large_margin_fine_tuning_starts_from_the_model(pages, tmp_path):
    """A learning rate of 0 leaves it as it was."""
    first, tuned = tmp_path / "first", tmp_path / "tuned"
    main(arguments(pages, "ssrfnet_alone", first, "--n_epochs=2"))
    main(
        arguments(
            pages,
            "ssrfnet_lmft",
            tuned,
            f"--init_from={first / 'model'}",
            "--n_epochs=1",
            "--lr=0.0",
        )
    )
    before, after = weights(first), weights(tuned)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    for name, value in before.items():
        if not name.endswith(statistics):
            assert torch.equal(value, after[name]), name


def _has_checkpoint_inside_epoch(folder, epoch):
    for path in Path(folder).glob("checkpoints/*/CKPT.yaml"):
        try:
            inside = "end-of-epoch: false" in path.read_text()
            counter = (path.parent / "epoch_counter.ckpt").read_text()
        except FileNotFoundError:
            continue  # deleted by the run meanwhile
        if inside and int(counter) == epoch:
            return True
    return False


@pytest.mark.parametrize("page", ["denokd_frame", "kd_label"])
def test_law_two_processes_train(pages, tmp_path, page):
    folder = tmp_path / page
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node=2")
    subprocess.run(
        command(
            pages,
            page,
            folder,
            "--distributed_backend=gloo",
            "--n_epochs=3",
            launcher=(*launcher, f"--master_port={29500 + os.getpid() % 500}"),
        ),
        env=environment(),
        check=True,
        capture_output=True,
    )
    assert losses(folder, "speaker")[-1] < losses(folder, "speaker")[0]
    record = json.loads((folder / "metrics.json").read_text())
    # 48 utterances in batches of 8: six steps an epoch, shared by both.
    assert record["n_steps"] == 18


def test_law_accumulated_batches_equal_whole_ones(pages, tmp_path):
    """Batch norms keep their statistics here: they see no batch size."""
    constant = (
        "--lr_schedule=!name:tests.test_training.constant",
        "--margin_schedule=!name:tests.test_training.constant",
        "--opt_class=!name:torch.optim.SGD {lr: 0.01}",
        "--brain_class=!name:tests.test_training.FrozenNormBrain",
        "--n_epochs=2",
    )
    runs = {
        "whole": ("--batch_size=8",),
        "split": ("--batch_size=4", "--grad_accumulation_factor=2"),
    }
    logs = {}
    for name, options in runs.items():
        folder = tmp_path / name
        main(arguments(pages, "kd_label", folder, *constant, *options))
        logs[name] = {
            loss: losses(folder, loss) for loss in ("speaker", "label")
        }
    for name in ("speaker", "label"):
        assert logs["split"][name] == pytest.approx(
            logs["whole"][name], abs=0.011
        )  # the log's precision: three digits
    whole, split = weights(tmp_path / "whole"), weights(tmp_path / "split")
    for name in whole:
        # A bias before a softmax over time changes nothing: its gradient is
        # rounding noise, which the pooling's square root magnifies.
        if ".asp." not in name:
            torch.testing.assert_close(
                split[name], whole[name], rtol=1e-4, atol=1e-5
            )


def constant(epochs):
    """A schedule that does not move."""
    return 0.01


class FrozenNormBrain(DistillBrain):
    """Trains with batch norms in eval mode."""

    def on_fit_batch_start(self, batch, should_step):
        super().on_fit_batch_start(batch, should_step)
        for module in self.modules["student"].modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.eval()


# -- bad input -----------------------------------------------------------


def fails(capfd, argv, *needles):
    """Exit code 2 and one sentence with all the needles."""
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    message = capfd.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("error: ")
    for needle in needles:
        assert needle in message


@pytest.fixture
def broken(pages, tmp_path):
    """A private copy of the tiny corpus to break."""
    corpus = tmp_path / "corpus"
    shutil.copytree(pages.parent / "corpus", corpus)
    return corpus


def test_error_wrong_page_and_setup(pages, tmp_path, capfd):
    fails(capfd, ["hparams/none.yaml"], "no page at hparams/none.yaml")
    argv = [str(pages / "ecapa.yaml"), "--setup", "vox"]
    fails(capfd, argv, "no set-up 'vox'", "samples", "voxceleb")


def test_error_override_that_nothing_reads(pages, tmp_path, capfd):
    argv = arguments(pages, "ecapa", tmp_path, "--n_epoch=3")
    fails(capfd, argv, "--n_epoch is read by nothing", "did you mean n_epochs")


def test_error_missing_data_folder(pages, tmp_path, capfd):
    argv = arguments(pages, "ecapa", tmp_path / "r", "--data_folder=nowhere")
    fails(capfd, argv, "nowhere/train.csv")


def test_error_placeholder_left(pages, tmp_path, capfd):
    argv = [str(pages / "ecapa.yaml"), "--setup=manifest"]
    fails(capfd, argv, "data_folder", "!PLACEHOLDER")


def test_error_missing_and_corrupt_audio(pages, broken, tmp_path, capfd):
    (broken / "audio" / "spk00_0.wav").unlink()
    (broken / "audio" / "spk00_1.wav").write_bytes(b"not audio")
    (broken / "audio" / "spk00_2.wav").write_bytes(b"")
    argv = arguments(pages, "ecapa", tmp_path / "r", f"--data_folder={broken}")
    fails(capfd, argv, "train.csv", "3 of 48", "spk00_0.wav", "line 2")


def test_error_wrong_sample_rate(pages, broken, tmp_path, capfd):
    soundfile.write(broken / "audio/spk00_0.wav", np.zeros(4000), 8000)
    argv = arguments(pages, "ecapa", tmp_path / "r", f"--data_folder={broken}")
    fails(capfd, argv, "8000", "16000", "spk00_0.wav")


def test_error_nan_samples(pages, broken, tmp_path, capfd):
    wav, rate = soundfile.read(broken / "audio/spk00_0.wav")
    wav[len(wav) // 2] = np.nan
    soundfile.write(broken / "audio/spk00_0.wav", wav, rate, subtype="FLOAT")
    argv = arguments(pages, "ecapa", tmp_path / "r", f"--data_folder={broken}")
    fails(capfd, argv, "spk00_0.wav", "NaN")


def test_error_in_a_loader_process_is_one_sentence_too(
    pages, broken, tmp_path, capfd
):
    wav, rate = soundfile.read(broken / "audio/spk00_0.wav")
    wav[:] = np.inf
    soundfile.write(broken / "audio/spk00_0.wav", wav, rate, subtype="FLOAT")
    argv = arguments(
        pages,
        "ecapa",
        tmp_path / "r",
        f"--data_folder={broken}",
        "--n_workers=1",
    )
    fails(capfd, argv, "error: ", "spk00_0.wav", "infinite")


def test_error_too_short_to_compare(pages, broken, tmp_path, capfd):
    manifest = broken / "dev.csv"
    lines = manifest.read_text().splitlines()
    cells = lines[1].split(",")
    cells[1], cells[4] = "0.05", "800"
    lines[1] = ",".join(cells)
    manifest.write_text("\n".join(lines) + "\n")
    argv = arguments(pages, "ecapa", tmp_path / "r", f"--data_folder={broken}")
    fails(capfd, argv, "spk06_0 lasts 0.050 s", "0.1 s", "out of the trials")


def test_error_batch_larger_than_the_corpus(pages, tmp_path, capfd):
    argv = arguments(pages, "ecapa", tmp_path / "r", "--batch_size=64")
    fails(capfd, argv, "batch_size=64", "48")


def test_error_label_unknown_to_the_teacher(pages, broken, tmp_path, capfd):
    write_teacher(broken / "teacher", [f"spk{i:02d}" for i in range(1, 6)])
    argv = arguments(
        pages,
        "kd_label",
        tmp_path / "r",
        f"--teacher_path={broken / 'teacher'}",
    )
    fails(capfd, argv, "1 of 6", "unknown to the teacher", "'spk00'")


def test_error_missing_and_damaged_teacher(pages, broken, tmp_path, capfd):
    argv = arguments(pages, "kd_label", tmp_path, "--teacher_path=nowhere")
    fails(capfd, argv, "no model folder at nowhere")
    weights_file = broken / "teacher" / "embedding_model.ckpt"
    weights_file.write_bytes(weights_file.read_bytes()[:1000])
    teacher = broken / "teacher"
    argv = arguments(pages, "kd_label", tmp_path, f"--teacher_path={teacher}")
    fails(capfd, argv, "embedding_model.ckpt", "truncated")


def test_error_start_from_nowhere_or_another_model(pages, tmp_path, capfd):
    options = arguments(pages, "ssrfnet_lmft", tmp_path / "r")
    fails(capfd, options, "no model folder at results/ssrfnet/tiny/1/model")
    teacher = pages.parent / "corpus" / "teacher"
    argv = [*options[:2], f"--output_folder={tmp_path / 's'}", *options[3:]]
    argv.append(f"--init_from={teacher}")
    fails(capfd, argv, str(teacher), "do not fit a FusionEncoder")


def test_error_teacher_without_hidden_states(pages, tmp_path, capfd):
    teacher = pages.parent / "corpus" / "teacher"
    argv = arguments(
        pages, "ssrfnet", tmp_path / "r", f"--ssl_teacher_path={teacher}"
    )
    fails(capfd, argv, str(teacher), "no hidden states to teach")


def test_error_layer_that_the_teacher_has_not(pages, tmp_path, capfd):
    argv = arguments(
        pages, "ssrfnet", tmp_path / "r", "--teacher_layers=[1, 3]"
    )
    fails(capfd, argv, "2 hidden states", "layer 3", "--teacher_layers")


def test_error_teacher_with_a_missing_key(pages, broken, tmp_path, capfd):
    weights_file = broken / "teacher" / "embedding_model.ckpt"
    state = torch.load(weights_file, weights_only=True)
    del state["fc.conv.weight"]
    torch.save(state, weights_file)
    teacher = broken / "teacher"
    argv = arguments(pages, "kd_label", tmp_path, f"--teacher_path={teacher}")
    fails(capfd, argv, "1 keys missing", "fc.conv.weight")


def test_error_other_settings_in_the_same_folder(pages, tmp_path, capfd):
    main(arguments(pages, "ecapa", tmp_path / "r", "--n_epochs=1"))
    before = weights(tmp_path / "r")
    argv = arguments(pages, "ecapa", tmp_path / "r", "--n_epochs=2")
    fails(capfd, argv, "other settings", "'n_epochs: 1'", "--output_folder")
    after = weights(tmp_path / "r")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_error_truncated_checkpoint(pages, tmp_path, capfd):
    folder = tmp_path / "r"
    main(arguments(pages, "ecapa", folder, "--n_epochs=1"))
    for file in folder.glob("checkpoints/*/student.ckpt"):
        file.write_bytes(file.read_bytes()[:500])
    argv = arguments(pages, "ecapa", folder, "--n_epochs=1")
    fails(capfd, argv, "checkpoints", "cannot be loaded", "delete that folder")


def test_error_speed_perturbation_with_label_distillation(
    pages, tmp_path, capfd
):
    option = "--speed_perturb=!name:speechbrain_denokd.data.speed.SpeedPerturb"
    argv = arguments(pages, "kd_label", tmp_path / "r", option)
    fails(capfd, argv, "3 classes", "--speed_perturb=null")


def test_law_speed_perturbation_leaves_the_speakers_classes(pages, tmp_path):
    option = "--speed_perturb=!name:speechbrain_denokd.data.speed.SpeedPerturb"
    folder = tmp_path / "r"
    main(arguments(pages, "ecapa", folder, option, "--n_epochs=1"))
    assert len(weights(folder)["classifier.weight"]) == 6
