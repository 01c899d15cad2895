"""Tiny encoders, exported once, and real recordings."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.redimnet import ReDimNet
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.export.graph import capture, min_samples
from speechbrain_denokd.export.onnx import write_onnx
from speechbrain_denokd.export.run import read_some
from tests.tiny import tiny_encoder

SAMPLES = Path(__file__).parents[1] / "samples"


class Exported(NamedTuple):
    """An encoder and the file made of it."""

    encoder: torch.nn.Module
    path: Path


def tiny_redimnet():
    """A ReDimNet in eval mode whose batch norms have seen data."""
    torch.manual_seed(0)
    network = ReDimNet(
        n_mels=24,
        channels=4,
        stages=[(1, 1, 1, None), (2, 1, 1, 12)],
        group_divisor=4,
        embedding_dim=16,
    )
    encoder = WavEncoder(FbankFrontEnd(n_mels=24), network)
    encoder(0.1 * torch.randn(4, 8000), torch.ones(4))
    return encoder.eval()


def exported(encoder, folder, calibration=None):
    metadata = {
        "format": 1,
        "sample_rate_hz": 16000,
        "embedding_dim": encoder.embedding_dim,
        "min_samples": min_samples(encoder),
        "precision": "float32",
        "calibration": calibration,
    }
    write_onnx(capture(encoder), folder / "model.onnx", metadata)
    return Exported(encoder, folder / "model.onnx")


@pytest.fixture(scope="session")
def ecapa(tmp_path_factory):
    calibration = {
        "mean": [0.1] * 16,
        "scale": 8.0,
        "offset": -2.0,
        "prior": 0.5,
        "threshold": 0.0,
    }
    folder = tmp_path_factory.mktemp("ecapa")
    return exported(tiny_encoder(), folder, calibration)


@pytest.fixture(scope="session")
def redimnet(tmp_path_factory):
    return exported(tiny_redimnet(), tmp_path_factory.mktemp("redimnet"))


@pytest.fixture(scope="session")
def speech():
    rows = read_manifest(SAMPLES / "test.csv", SAMPLES)
    return read_some(rows, 8)
