"""Audio files as they come: odd, damaged, or no audio at all."""

import io
import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def _voice(rng, n_samples=RATE // 2, rate=RATE):
    time = np.arange(n_samples) / rate
    wav = 0.2 * np.sin(2 * np.pi * 150 * time) * (np.sin(20 * time) > 0)
    return wav + 0.02 * rng.standard_normal(n_samples)


def _encoded(wav, suffix, rate=RATE, subtype=None):
    file = io.BytesIO()
    container, usual = FORMATS[suffix]
    soundfile.write(file, wav, rate, subtype or usual, format=container)
    return file.getvalue()


def _some_format(rng):
    return str(rng.choice(list(FORMATS)))


def _truncated(rng):
    suffix = _some_format(rng)
    data = _encoded(_voice(rng), suffix)
    return suffix, data[: int(rng.integers(1, len(data)))]


def _damaged_header(rng):
    suffix = _some_format(rng)
    data = bytearray(_encoded(_voice(rng), suffix))
    for place in rng.integers(0, 64, size=rng.integers(1, 5)):
        data[place] = rng.integers(256)
    return suffix, bytes(data)


def _damaged_middle(rng):
    suffix = _some_format(rng)
    data = bytearray(_encoded(_voice(rng), suffix))
    for place in rng.integers(64, len(data), size=rng.integers(1, 50)):
        data[place] = rng.integers(256)
    return suffix, bytes(data)


def _wrong_field(rng):
    """A WAV header with one field set to a number that makes no sense."""
    data = bytearray(_encoded(_voice(rng), "wav"))
    place, code = [(22, "<H"), (24, "<I"), (32, "<H"), (34, "<H"), (40, "<I")][
        rng.integers(5)
    ]
    most = 2 ** (8 * struct.calcsize(code)) - 1
    value = [0, 1, 7, 999, 65521, most - 4, most][rng.integers(7)]
    struct.pack_into(code, data, place, min(value, most))
    return "wav", bytes(data)


def _no_audio(rng):
    return _some_format(rng), rng.bytes(int(rng.integers(0, 5000)))


def _not_finite(rng):
    wav = _voice(rng)
    wav[rng.integers(len(wav))] = rng.choice([np.nan, np.inf, -np.inf])
    return "wav", _encoded(wav, "wav", subtype="FLOAT")


def _far_out_of_range(rng):
    wav = _voice(rng) * rng.choice([1e6, 1e18, 1e30, 1e38])
    return "wav", _encoded(wav, "wav", subtype="FLOAT")


def _few_samples(rng):
    suffix = _some_format(rng)
    return suffix, _encoded(np.full(rng.integers(0, 1500), 0.1), suffix)


def _silent(rng):
    suffix = str(rng.choice(["wav", "flac"]))
    return suffix, _encoded(np.zeros(RATE), suffix)


def _eight_bits(rng):
    return "wav", _encoded(_voice(rng), "wav", subtype="PCM_U8")


def _six_channels(rng):
    wav = np.stack([_voice(rng) for _ in range(6)], axis=1)
    return "wav", _encoded(wav, "wav")


def _low_rate(rng):
    return "wav", _encoded(_voice(rng, 2000, 4000), "wav", 4000)


def _high_rate(rng):
    return "flac", _encoded(_voice(rng, 96000, 192000), "flac", 192000)


# Which of them are recordings all the same.
GOOD = (_eight_bits, _six_channels, _low_rate, _high_rate)
BAD = (_no_audio, _not_finite, _few_samples, _silent)
EITHER = (
    _truncated,
    _damaged_header,
    _damaged_middle,
    _wrong_field,
    _far_out_of_range,
)


def damaged_files(folder: Path, n_files: int, seed: int = 0):
    """Write files of all kinds in turn; the kind is the name's first part."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    kinds = GOOD + BAD + EITHER
    paths = []
    for i in range(n_files):
        kind = kinds[i % len(kinds)]
        suffix, data = kind(rng)
        path = folder / f"{kind.__name__[1:]}-{i:03d}.{suffix}"
        path.write_bytes(data)
        paths.append(path)
    return paths
