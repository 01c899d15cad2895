"""The paper's set-up from end to end, on a tiny tree in VoxCeleb's layout.

Real are the layout, the file names, the preparation, the checkpoint's layout
and every page; tiny are the sizes, and the audio is noise: no number here
means anything.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.dataio.encoder import CategoricalEncoder

from speechbrain_denokd.config import load_page
from speechbrain_denokd.data import voxceleb_lists
from speechbrain_denokd.data.voxceleb_cli import main as prepare
from speechbrain_denokd.data.voxceleb_lists import TrialList
from speechbrain_denokd.training import main
from tests.encoders.unispeech_layout import TINY_HEAD, random_checkpoint
from tests.encoders.unispeech_layout import tiny_config as tiny_wavlm

HPARAMS = Path(__file__).parents[1] / "hparams"
TRAIN_SPEAKERS = [f"id{i:05d}" for i in (12, 15, 900, 9279)]
DEV_SPEAKERS = ["id00017", "id00061"]
TEST_SPEAKERS = ["id10270", "id10271"]
TEACHER = (
    "--teacher_wavlm={hidden_size: 64, num_hidden_layers: 4, "
    "num_attention_heads: 4, intermediate_size: 96, num_buckets: 32, "
    "max_bucket_distance: 100, conv_dim: [32, 32, 32, 32, 32, 32, 32]}",
    "--teacher_head={channels: 16, frame_dim: 48, embedding_dim: 8, "
    "attention_dim: 6, se_dim: 4, scale: 4}",
)
STUDENT = (
    "--n_mels=24",
    "--channels=[16, 16, 16, 16, 48]",
    "--embedding_dim=16",
    "--batch_size=4",
    "--n_epochs=1",
    "--warmup_epochs=0",
    "--n_workers=0",
    "--test_crops_s=[null, 1]",
    "--crop_s=1.0",
    "--device=cpu",
)


def write_wav(path, seconds=1.2, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    wav = 0.1 * np.random.default_rng(seed).standard_normal(
        int(16000 * seconds)
    )
    soundfile.write(path, wav, 16000, format="WAV")


def write_speakers(folder, speakers):
    for i, speaker in enumerate(speakers):
        for video in ("v1", "v2"):
            seed = 10 * i + int(video[1])
            write_wav(folder / speaker / video / "00001.wav", seed=seed)


@pytest.fixture
def data(tmp_path):
    """VoxCeleb1 test, VoxCeleb2 dev and test, MUSAN, rooms, a teacher."""
    data = tmp_path / "data"
    write_speakers(data / "wav", TEST_SPEAKERS)
    write_speakers(data / "dev" / "aac", TRAIN_SPEAKERS)
    write_speakers(data / "test" / "aac", DEV_SPEAKERS)
    for kind in ("noise", "music", "speech"):
        for i in range(3):
            write_wav(data / "musan" / kind / "free" / f"{kind}-{i}.wav")
    rooms = data / "RIRS_NOISES" / "simulated_rirs" / "smallroom"
    write_wav(rooms / "Room001" / "Room001-00001.wav", seconds=0.1)
    torch.manual_seed(0)
    torch.save(
        random_checkpoint(tiny_wavlm(), TINY_HEAD, len(TRAIN_SPEAKERS)),
        data / "wavlm_large_finetune.pth",
    )
    lines = (
        "1 id10270/v1/00001.wav id10270/v2/00001.wav\n"
        "0 id10270/v1/00001.wav id10271/v2/00001.wav\n"
        "1 id10271/v1/00001.wav id10271/v2/00001.wav\n"
    )
    for official in voxceleb_lists.TRIAL_LISTS.values():
        (data / official.filename).write_text(lines)
    return data


@pytest.fixture
def short_lists(monkeypatch):
    """The official lists are checked for their size: expect three trials."""
    short = {
        name: TrialList(official.filename, 3)
        for name, official in voxceleb_lists.TRIAL_LISTS.items()
    }
    monkeypatch.setattr(voxceleb_lists, "TRIAL_LISTS", short)


def arguments(method, data, *options):
    return [
        str(HPARAMS / f"{method}.yaml"),
        "--setup=voxceleb",
        f"--data_folder={data}",
        f"--manifest_folder={data.parent / 'manifests'}",
        f"--output_folder={data.parent / 'run'}",
        *STUDENT,
        *TEACHER,
        *options,
    ]


def classes_in_order(run):
    """Speakers of the model folder's class head, row by row."""
    encoder = CategoricalEncoder()
    encoder.load(run / "model" / "label_encoder.ckpt")
    return [encoder.ind2lab[i] for i in range(len(encoder))]


@pytest.mark.slow
def test_fact_the_papers_method_runs_on_voxcelebs_layout(data, short_lists):
    record = main(arguments("denokd_frame", data))
    assert list(record["tests"]) == ["Vox1-O", "Vox1-E", "Vox1-H"]
    run = data.parent / "run"
    written = json.loads((run / "metrics.json").read_text())
    assert written == json.loads(json.dumps(record))
    # All of VoxCeleb2 dev trains, in the order of the teacher's rows.
    assert classes_in_order(run) == TRAIN_SPEAKERS
    with open(data.parent / "manifests" / "dev.csv") as file:
        dev = {row["spk_id"] for row in csv.DictReader(file)}
    assert dev == set(DEV_SPEAKERS)


@pytest.mark.slow
def test_fact_held_out_speakers_are_teacher_classes_but_not_the_students(
    data,
):
    """2 of 42 speakers stay beside the 40 held out: 42 teacher classes."""
    more = [f"id{i:05d}" for i in range(100, 138)]
    write_speakers(data / "dev" / "aac", more)
    torch.save(
        random_checkpoint(tiny_wavlm(), TINY_HEAD, 42),
        data / "wavlm_large_finetune.pth",
    )
    options = ["--validation=held_out", "--trial_lists=[]"]
    record = main(arguments("kd_label", data, *options))
    assert record["tests"] == {}
    assert len(classes_in_order(data.parent / "run")) == 2


@pytest.mark.slow
def test_fact_the_command_line_runs_it(data):
    """A fresh process, without any test list: training and validation."""
    command = [sys.executable, "train.py"]
    command += arguments("denokd_embedding", data, "--trial_lists=[]")
    done = subprocess.run(
        command,
        cwd=HPARAMS.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (data.parent / "run" / "model" / "hyperparams.yaml").is_file()


def test_law_training_finds_what_the_prepare_script_made(data, short_lists):
    """Both have the same defaults: a second preparation would take hours."""
    manifests = data.parent / "manifests"
    prepare([str(data), str(manifests)])
    made = {file: file.stat().st_mtime_ns for file in manifests.iterdir()}
    overrides = f"data_folder: {data}\nmanifest_folder: {manifests}"
    page = load_page(HPARAMS / "ecapa.yaml", "voxceleb", overrides)
    page.hparams["setup"]["corpus"].prepare[0]()
    assert made == {file: file.stat().st_mtime_ns for file in made}
    assert set(made) == set(manifests.iterdir())


def test_error_without_the_teachers_checkpoint(data, capsys):
    (data / "wavlm_large_finetune.pth").unlink()
    with pytest.raises(SystemExit) as exit:
        main(arguments("kd_frame", data))
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert f"{data / 'wavlm_large_finetune.pth'}" in error
    assert "--teacher_checkpoint=FILE" in error
    assert not (data.parent / "run").exists()


def test_fact_the_student_alone_needs_no_teacher(tmp_path):
    page = load_page(
        HPARAMS / "ecapa.yaml", "voxceleb", f"data_folder: {tmp_path}"
    )
    assert "teacher" not in page.hparams["modules"]
    assert page.hparams["student"]["encoder"].embedding_dim == 192


def test_fact_trial_lists_choose_the_tests(tmp_path):
    overrides = f"data_folder: {tmp_path}\ntrial_lists: [O]"
    page = load_page(HPARAMS / "ecapa.yaml", "voxceleb", overrides)
    setup = page.hparams["setup"]
    assert list(setup["corpus"].tests) == ["Vox1-O"]
    assert setup["corpus"].prepare[0].keywords["trial_lists"] == ["O"]
