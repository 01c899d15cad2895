"""A corpus, teachers and a set-up that train in seconds.

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
from speechbrain_denokd.encoders.log_spectrum import LogSpectrum
from speechbrain_denokd.encoders.mhfa import Mhfa
from speechbrain_denokd.encoders.mirnet import MirNet
from speechbrain_denokd.encoders.ssl_head_encoder import SslHeadEncoder
from speechbrain_denokd.encoders.ssl_model import TransformerStudent
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.model_folder import write_model_folder

ROOT = Path(__file__).parents[1]
RATE = 16000
SPLITS = {"train": range(6), "dev": range(6, 10), "test": range(10, 14)}
CHANNELS = [16, 16, 16, 16, 48]
SSL_LOADER = "speechbrain_denokd.distill.ssl_teacher.ssl_teacher_from_folder"
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
crop_pool: null
pool_versions: 2
speed_perturb: null
n_workers: 0
test_crops_s: [null, 0.3]
operating_point: denokd
dcf_points: !apply:speechbrain_denokd.metrics.dcf.preset
    name: !ref <operating_point>
score_mode: single
crops_averaged: !apply:speechbrain_denokd.score_mode.parse_score_mode
    text: !ref <score_mode>
mixtures: !new:speechbrain_denokd.overlap.lists.MixtureLists  # pages mirnet*
    save_folder: {folder}/mixtures
    data_root: !ref <data_folder>
    dev: !ref <data_folder>/dev.csv
    tests:
        unseen: !ref <data_folder>/test.csv
    n_triples: 12
    n_dev_triples: 12
    n_presence_trials: 24
    shape: !new:speechbrain_denokd.overlap.plan.MixtureShape
        duration_s: 0.4
        overlaps: !tuple (0.5, 1.0)
dev_batch_s: 10
checkpoint: best
feature_augment: null
ecapa:
    n_mels: 20
    channels: {channels}
    se_channels: 128
    attention_channels: 128
    embedding_dim: 8
redimnet:
    n_mels: 20
    channels: 4
    stages: [[1, 1, 1, null], [2, 1, 1, 10]]
    embedding_dim: 8
ssrfnet: !include:../blocks/ssrfnet_sizes.yaml
    n_mels: 20
    state_dim: 16
    conv_dim: 8
    n_layers: 3
    n_tokens: 19
    n_heads: 2
    ff_dim: 16
    n_groups: 2
    width: 2
    frequencies: 4
    channels: 4
    stages: [[1, 1, 1, null], [2, 1, 1, 4]]
    embedding_dim: 8
ecapa_overlap:  # the teacher's
    n_mels: 20
    channels: {channels}
    se_channels: 128
    attention_channels: 128
    embedding_dim: 12
mirnet:
    n_fft: 128
    n_bins: 65
    window_ms: 8
    hop_ms: 10
    channels: [8, 8, 8, 8, 8]
    batch_norm: true
    resnet_channels: 2
    embedding_dim: 8
wavlm:
    state_dim: 16
    conv_dim: [8, 8, 8, 8, 8, 8, 8]
    n_layers: 3
    n_heads: 2
    ff_dim: 16
wavlm_source: null
wavlm_freeze: false
ge2e:
    n_layers: 2
    hidden_dim: 8
    n_mels: 12
ge2e_source: null
ge2e_freeze: false
fusion_members: null
wavlm_ecapa:
    channels: 16
    frame_dim: 24
    embedding_dim: 8
    bottleneck: 8
mhfa:
    n_heads: 2
    dim: 8
    embedding_dim: 8
lap:
    n_heads: 2
    dim: 8
    embedding_dim: 8
teacher_path: {folder}/teacher
load_teacher: !name:speechbrain_denokd.distill.teacher.teacher_from_folder
    folder: !ref <teacher_path>
ssl_teacher_path: {folder}/ssl_teacher
load_ssl_teacher: !name:{ssl_loader}
    folder: !ref <ssl_teacher_path>
teacher_layers: [1, 2]
classifier: !name:speechbrain.lobes.models.ECAPA_TDNN.Classifier
n_epochs: 3
batch_size: 8
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter
    limit: !ref <n_epochs>
aam: !new:speechbrain_denokd.losses.margin.AamSoftmax
    scale: 16
margin_start_epoch: 20
margin_end_epoch: 40
margin_schedule: !new:speechbrain_denokd.schedules.MarginSchedule
    start_epoch: !ref <margin_start_epoch>
    end_epoch: !ref <margin_end_epoch>
lr: 0.002
warmup_epochs: 0
lr_schedule: !new:speechbrain_denokd.schedules.WarmupCosine
    highest: !ref <lr>
    lowest: 1.0e-5
    warmup_epochs: !ref <warmup_epochs>
    n_epochs: !ref <n_epochs>
opt_class: !name:torch.optim.AdamW
    lr: !ref <lr>
overlap:
    head: !ref <aam>
    classifier: !name:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    margin: 0.2
    distance: cosine
    crop_s: 0.4
    overlap: [0.5, 1.0]
    sir_db: [-5, 5]
    n_mixtures: null
    n_epochs: 3
    batch_size: 8
    lr: 0.002
    warmup_epochs: 0
    collapse_from_epoch: 99
    inner_from: null
    baseline: !ref <teacher_path>
    next_line: that is all
masks:
    n_mixtures: 24
    speeds: [1.0, 0.9]
    n_epochs: 3
    batch_size: 8
    lr: 0.002
    warmup_epochs: 0
separation:  # pages voicefilter_* and upit
    mixtures: !new:speechbrain_denokd.separation.mixtures.DrawnMixtures
        corpus: !ref <corpus>
        n_dev: 4
        n_test: 3
        duration_s: 0.3
    encoder_path: {folder}/teacher
    mirnet_path: {folder}/mirnet
    enroll_s: 0.3
    network:
        n_fft: 128
        window_samples: 128
        hop_samples: 64
        channels: 2
        output_channels: 1
        dilations: [1]
        lstm_dim: 4
        hidden_dim: 6
    w_magnitude: 1.0
    w_si_sdr: 0.1
    crop_s: 0.3
    dev_batch_size: 3
    batch_size: 8
    n_epochs: 2
    n_epochs_enrolled: 2
    warmup_epochs: 0
    lr: 0.002
    next_line: that is all
two_stage:
    n_epochs: 3
    warmup_epochs: 1.5
    batch_size: 6
    warmup_lr: 0.002
    lr: 0.004
    margin_start_epoch: 20
    margin_end_epoch: 40
large_margin:
    n_epochs: 2
    batch_size: 12
    crop_s: 0.5
    lr: 0.001
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


def write_ssl_teacher(folder: Path) -> Path:
    """An untrained model folder with two hidden states to teach."""
    torch.manual_seed(8)
    ptm = TransformerStudent(
        n_layers=2, hidden_dim=32, n_heads=2, ff_dim=16, conv_dim=8
    )
    encoder = SslHeadEncoder(ptm, Mhfa(3, 32, 2, 8, 8))
    text = """\
encoder: !new:speechbrain_denokd.encoders.ssl_head_encoder.SslHeadEncoder
    ptm: !new:speechbrain_denokd.encoders.ssl_model.TransformerStudent
        n_layers: 2
        hidden_dim: 32
        n_heads: 2
        ff_dim: 16
        conv_dim: 8
    head: !new:speechbrain_denokd.encoders.mhfa.Mhfa
        n_stages: 3
        input_dim: 32
        n_heads: 2
        dim: 8
        embedding_dim: 8"""
    classifier = Classifier(8, lin_neurons=8, out_neurons=1)
    write_model_folder(folder, text, encoder, classifier, ["ann"], 16, 0.2)
    return folder


def write_mirnet(folder: Path) -> Path:
    """An untrained model folder of two identities of a mixture."""
    torch.manual_seed(9)
    network = MirNet(
        n_bins=33, channels=[8] * 5, resnet_channels=2, embedding_dim=8
    )
    encoder = WavEncoder(LogSpectrum(64, window_ms=4, hop_ms=10), network)
    text = """\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.log_spectrum.LogSpectrum
        n_fft: 64
        window_ms: 4
        hop_ms: 10
    network: !new:speechbrain_denokd.encoders.mirnet.MirNet
        n_bins: 33
        channels: [8, 8, 8, 8, 8]
        resnet_channels: 2
        embedding_dim: 8"""
    classifier = Classifier(8, lin_neurons=8, out_neurons=1)
    write_model_folder(folder, text, encoder, classifier, ["ann"], 16, 0.2)
    return folder


def write_pages(folder: Path) -> Path:
    """The project's own pages, with a set-up named tiny beside the others."""
    corpus = write_corpus(folder / "corpus")
    write_teacher(corpus / "teacher")
    write_ssl_teacher(corpus / "ssl_teacher")
    write_mirnet(corpus / "mirnet")
    pages = folder / "hparams"
    shutil.copytree(ROOT / "hparams", pages)
    (pages / "setups" / "tiny.yaml").write_text(
        SETUP.format(folder=corpus, channels=CHANNELS, ssl_loader=SSL_LOADER),
        encoding="utf-8",
    )
    return pages
