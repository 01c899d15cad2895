"""A corpus, a teacher and a set-up that train in seconds.

The classes are the real ones at toy sizes. Speakers are bursts of tone in
noise: enough for a network to tell them apart, and written without any
synthesiser.
"""

import shutil
from pathlib import Path

import numpy as np
import soundfile
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.model_folder import write_model_folder

ROOT = Path(__file__).parents[1]
RATE = 16000
SPLITS = {"train": range(6), "dev": range(6, 10), "test": range(10, 14)}
CHANNELS = [16, 16, 16, 16, 48]
SETUP = """\
name: tiny
description: tones in noise
method: null
seed: 1
data_folder: {folder}
corpus: !new:speechbrain_denokd.data.corpus.Corpus
    data_root: !ref <data_folder>
    train: !ref <data_folder>/train.csv
    dev:
        manifest: !ref <data_folder>/dev.csv
        trials: !ref <data_folder>/trials_dev.txt
    tests:
        test:
            manifest: !ref <data_folder>/test.csv
            trials: !ref <data_folder>/trials_test.txt
crop_s: 0.4
augment: null
speed_perturb: null
n_workers: 0
test_crops_s: [null, 0.3]
dev_batch_s: 10
feature_augment: null
ecapa:
    n_mels: 20
    channels: {channels}
    se_channels: 128
    attention_channels: 128
    embedding_dim: 8
teacher_path: {folder}/teacher
load_teacher: !name:speechbrain_denokd.distill.teacher.teacher_from_folder
    folder: !ref <teacher_path>
classifier: !name:speechbrain.lobes.models.ECAPA_TDNN.Classifier
n_epochs: 3
batch_size: 8
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter
    limit: !ref <n_epochs>
aam: !new:speechbrain_denokd.losses.margin.AamSoftmax
    scale: 16
margin_schedule: !new:speechbrain_denokd.schedules.MarginSchedule
    start_epoch: 20
    end_epoch: 40
lr: 0.002
lr_schedule: !new:speechbrain_denokd.schedules.WarmupCosine
    highest: !ref <lr>
    lowest: 1.0e-5
    warmup_epochs: 0
    n_epochs: !ref <n_epochs>
opt_class: !name:torch.optim.AdamW
    lr: !ref <lr>
next_line: that is all
"""


def write_corpus(folder: Path, n_utterances: int = 8) -> Path:
    """Manifests, trials and audio of 14 speakers of one pitch each."""
    rng = np.random.default_rng(0)
    for split, speakers in SPLITS.items():
        rows = []
        for speaker in speakers:
            for k in range(n_utterances):
                name = f"spk{speaker:02d}_{k}"
                n_samples = int(rng.integers(7000, 9000))
                time = np.arange(n_samples) / RATE
                pitch = 120 * 1.25**speaker * rng.uniform(0.98, 1.02)
                # In bursts: the mean of steady features is taken away.
                bursts = np.sin(2 * np.pi * 9 * time + rng.uniform(0, 6)) > 0
                wav = 0.3 * bursts * np.sin(2 * np.pi * pitch * time)
                wav += 0.01 * rng.standard_normal(n_samples)
                path = folder / "audio" / f"{name}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, wav, RATE)
                rows.append((name, f"spk{speaker:02d}", n_samples))
        _write_manifest(folder / f"{split}.csv", rows)
        if split != "train":
            _write_trials(folder / f"trials_{split}.txt", rows)
    return folder


def _write_manifest(path, rows):
    lines = ["ID,duration,wav,start,stop,spk_id"]
    for name, speaker, n in rows:
        wav = f"{{data_root}}/audio/{name}.wav"
        lines.append(f"{name},{n / RATE},{wav},0,{n},{speaker}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_trials(path, rows):
    lines = []
    for i, (enroll, speaker, _) in enumerate(rows):
        for test, other, _ in rows[i + 1 :]:
            lines.append(f"{int(speaker == other)} {enroll} {test}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_teacher(folder: Path, speakers=None) -> Path:
    """An untrained teacher's model folder over the training speakers."""
    torch.manual_seed(7)
    network = EcapaTdnn(20, channels=CHANNELS, lin_neurons=12)
    encoder = WavEncoder(FbankFrontEnd(n_mels=20), network)
    encoder(torch.randn(8, 8000), torch.ones(8))  # batch norms see data
    if speakers is None:
        speakers = [f"spk{i:02d}" for i in SPLITS["train"]]
    text = f"""\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.fbank.FbankFrontEnd
        n_mels: 20
    network: !new:speechbrain_denokd.encoders.ecapa.EcapaTdnn
        input_size: 20
        channels: {CHANNELS}
        lin_neurons: 12"""
    classifier = Classifier(12, lin_neurons=12, out_neurons=len(speakers))
    write_model_folder(folder, text, encoder, classifier, speakers, 16, 0.2)
    return folder


def write_pages(folder: Path) -> Path:
    """The project's own pages, with a set-up named tiny beside the others."""
    corpus = write_corpus(folder / "corpus")
    write_teacher(corpus / "teacher")
    pages = folder / "hparams"
    shutil.copytree(ROOT / "hparams", pages)
    (pages / "setups" / "tiny.yaml").write_text(
        SETUP.format(folder=corpus, channels=CHANNELS), encoding="utf-8"
    )
    return pages
