"""Small networks and recordings that several test modules use."""

import numpy as np
import soundfile
import torch

from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.distill.prediction import Prediction
from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.encoders.wav_encoder import WavEncoder

CHANNELS = [16, 16, 16, 16, 48]

# The YAML of `tiny_encoder`, as `encoder_yaml` cuts it out of a page.
ENCODER_TEXT = """\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.fbank.FbankFrontEnd
        n_mels: 24
    network: !new:speechbrain_denokd.encoders.ecapa.EcapaTdnn
        input_size: 24
        lin_neurons: 16
        channels: [16, 16, 16, 16, 48]"""


def tiny_encoder(seed=0):
    """An ECAPA-TDNN in eval mode whose batch norms have seen data."""
    torch.manual_seed(seed)
    encoder = WavEncoder(
        FbankFrontEnd(n_mels=24),
        EcapaTdnn(24, lin_neurons=16, channels=CHANNELS),
    )
    encoder(0.1 * torch.randn(4, 8000), torch.ones(4))
    return encoder.eval()


def taps(frames=None, embedding=None, n_frames=None):
    """A `Prediction` with the taps a test is about."""
    if frames is None:
        frames = torch.zeros(len(embedding), 1, 1)
    if embedding is None:
        embedding = torch.zeros(len(frames), 1)
    if n_frames is None:
        n_frames = torch.full((len(frames),), frames.shape[1])
    output = EncoderOutput((), frames, embedding, torch.as_tensor(n_frames))
    return Prediction(output)


def ramp_file(path, n_samples):
    """A WAV whose sample ``i`` has the exact value ``i / 65536``."""
    ramp = np.arange(n_samples, dtype=np.float32) / 65536
    soundfile.write(path, ramp, 16000, subtype="FLOAT")
    return str(path)


def voice_rows(folder, n_speakers=3, n_each=2, seed=0):
    """Rows of noisy hums, half a second to two seconds long."""
    rng = np.random.default_rng(seed)
    rows = []
    for speaker in range(n_speakers):
        for i in range(n_each):
            n_samples = int(rng.integers(8000, 32000))
            time = np.arange(n_samples) / 16000
            wav = 0.1 * np.sin(2 * np.pi * 150 * (speaker + 1) * time)
            wav += 0.02 * rng.standard_normal(n_samples)
            path = folder / f"s{speaker}_{i}.wav"
            soundfile.write(path, wav, 16000)
            rows.append(
                Utterance(
                    f"s{speaker}-{i}",
                    n_samples / 16000,
                    str(path),
                    0,
                    n_samples,
                    f"s{speaker}",
                )
            )
    return rows
