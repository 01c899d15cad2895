"""Audio files in, waveforms out: manifest row -> wav (S,)."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from speechbrain_denokd.data.resample import change_rate as change_rate
from speechbrain_denokd.data.resample import resampled_blocks

# What libsndfile decodes and speech corpora use. AAC (.m4a) is not among it.
AUDIO_SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")
AAC_SUFFIXES = (".m4a", ".aac", ".mp4")

_HEADER_TOLERANCE_S = 0.1
# A damaged header may claim any rate; the filter grows with it.
_LOWEST_HZ, _HIGHEST_HZ = 1_000, 768_000
# Of a file no more than this is decoded at once, whatever its header says.
_BLOCK_S = 10.0
# libsndfile's remark on the data of a WAV, and the sizes that tools write
# when they do not know it: 2 GiB less a page, 4 GiB less a byte.
_WAV_SIZE = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_BYTES = 0x7FFF_F000

_FFMPEG = ("ffmpeg", "-nostdin", "-v", "error", "-y")
_PCM_OPTIONS = ("-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", "-f", "wav")


class AudioHeader(NamedTuple):
    """Length and rate of an audio file.

    Attributes
    ----------
    n_samples : int
        Samples per channel.
    sample_rate : int
        Samples per second.

    Example
    -------
    >>> AudioHeader(n_samples=8000, sample_rate=16000).duration
    0.5
    """

    n_samples: int
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate


def ffmpeg_command(source: str | Path, target: str | Path) -> list[str]:
    """Command that converts any audio file to 16 kHz mono 16-bit WAV.

    Arguments
    ---------
    source, target : str or Path
        File to read and file to write.

    Returns
    -------
    list of str
        Arguments for ``subprocess.run``.

    Example
    -------
    >>> " ".join(ffmpeg_command("a.m4a", "a.wav"))[:36]
    'ffmpeg -nostdin -v error -y -i a.m4a'
    """
    source, target = str(source), str(target)
    return [*_FFMPEG, "-i", source, *_PCM_OPTIONS, target]


def read_header(path: str | Path) -> AudioHeader:
    """Read length and sample rate without decoding the audio.

    Arguments
    ---------
    path : str or Path
        Audio file.

    Returns
    -------
    AudioHeader

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is AAC, has no readable header, holds no samples, or is a
        WAV shorter than its header says.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(path, np.zeros(1600), 16000)
    >>> read_header(path)
    AudioHeader(n_samples=1600, sample_rate=16000)
    """
    _check_readable(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            header = AudioHeader(file.frames, file.samplerate)
            remarks = file.extra_info
    except soundfile.SoundFileError as error:
        raise _corrupt(path, error) from error
    if header.n_samples <= 0:
        raise _empty(path)
    _check_size(path, header, remarks)
    return header


def load_audio(
    path: str | Path,
    start: int = 0,
    stop: int | None = None,
    sample_rate: int = 16000,
    resample: bool = False,
    channel: int | None = None,
) -> np.ndarray:
    """Read one stretch of an audio file as mono float32.

    Arguments
    ---------
    path : str or Path
        Audio file (WAV, FLAC, Opus, Vorbis or MP3).
    start, stop : int
        First sample, and the sample after the last one, counted at the
        file's own rate; no ``stop`` reads to the end.
    sample_rate : int
        Rate of the result, in Hz.
    resample : bool
        Convert files of another rate instead of refusing them.
    channel : int, optional
        Channel to keep; by default the channels are averaged.

    Returns
    -------
    (S,) numpy.ndarray of float32

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is AAC, corrupt or empty, has another rate, ends before
        ``stop``, lacks the channel, or holds samples that are not finite.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(path, np.array([0.0, 0.25, 0.5, 0.75]), 16000)
    >>> load_audio(path, start=1, stop=3).tolist()
    [0.25, 0.5]
    """
    blocks = list(
        audio_blocks(path, start, stop, sample_rate, resample, channel)
    )
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def audio_blocks(
    path: str | Path,
    start: int = 0,
    stop: int | None = None,
    sample_rate: int = 16000,
    resample: bool = False,
    channel: int | None = None,
) -> Iterator[np.ndarray]:
    """Read what `load_audio` returns, ten seconds at a time.

    Arguments
    ---------
    path, start, stop, sample_rate, resample, channel
        As `load_audio`.

    Yields
    ------
    (S,) numpy.ndarray of float32
        Blocks whose concatenation is the waveform. No more than a few of them
        are in memory, in the file's rate and channel count or after them.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_audio`, some of them only after the first blocks.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.wav"
    >>> soundfile.write(path, np.zeros(25 * 8000), 8000)
    >>> [len(block) for block in audio_blocks(path, sample_rate=8000)]
    [80000, 80000, 40000]
    """
    header = read_header(path)
    if header.sample_rate != sample_rate:
        _check_rates(path, header.sample_rate, sample_rate, resample)
    stop = header.n_samples if stop is None else stop
    _check_stretch(path, start, stop, header.n_samples)
    blocks = _mono_blocks(path, start, stop, header.sample_rate, channel)
    return resampled_blocks(blocks, header.sample_rate, sample_rate)


def _mono_blocks(
    path: str | Path,
    start: int,
    stop: int,
    rate_hz: int,
    channel: int | None,
) -> Iterator[np.ndarray]:
    """Samples ``start`` to ``stop`` in mono, at the file's own rate."""
    n_read, n_wanted = 0, stop - start
    block = max(int(_BLOCK_S * rate_hz), 1)
    try:
        with soundfile.SoundFile(str(path)) as file:
            file.seek(start)
            while n_read < n_wanted:
                samples = file.read(
                    min(block, n_wanted - n_read), "float32", always_2d=True
                )
                if not len(samples):
                    break
                n_read += len(samples)
                yield _finite(path, _to_mono(path, samples, channel), n_read)
    except soundfile.SoundFileError as error:
        raise _corrupt(path, error) from error
    # A header promises more than a truncated file holds. MP3 headers are
    # estimates, which is why a few frames may be missing.
    if n_read < max(n_wanted - _HEADER_TOLERANCE_S * rate_hz, 1):
        raise ValueError(
            f"{path} is truncated: {n_wanted} samples were expected from "
            f"sample {start}, {n_read} could be read; copy it again."
        )


def _finite(path: str | Path, wav: np.ndarray, n_read: int) -> np.ndarray:
    n_bad = wav.size - np.count_nonzero(np.isfinite(wav))
    if n_bad:
        raise ValueError(
            f"{path} holds {n_bad} samples that are NaN or infinite (of "
            f"{n_read} read): write the file again or drop its row."
        )
    return wav


def _to_mono(
    path: str | Path, samples: np.ndarray, channel: int | None
) -> np.ndarray:
    """One channel, or the mean of all, of (S, channels) samples."""
    if channel is None:
        return samples.mean(axis=1, dtype=np.float32)
    if not 0 <= channel < samples.shape[1]:
        raise ValueError(
            f"{path} has {samples.shape[1]} channel(s), so there is no "
            f"channel {channel}: choose one from 0."
        )
    return np.ascontiguousarray(samples[:, channel])


def _check_size(path: str | Path, header: AudioHeader, remarks: str) -> None:
    """Refuse a WAV whose end is missing, which libsndfile reads anyway."""
    found = _WAV_SIZE.search(remarks)
    if found is None:
        return
    promised, present = map(int, found.groups())
    if promised >= _UNKNOWN_BYTES or not present:
        return  # written to a pipe: nobody knew the size
    missing_s = (promised / present - 1) * header.duration
    if missing_s > _HEADER_TOLERANCE_S:
        raise ValueError(
            f"{path} is truncated: its header promises {missing_s:.1f} s more "
            f"than the {header.duration:.1f} s in it; copy it again."
        )


def _check_rates(
    path: str | Path, rate_hz: int, wanted_hz: int, resample: bool
) -> None:
    """Refuse another rate, unless it may and can be converted."""
    if not resample:
        raise ValueError(
            f"{path} has a sample rate of {rate_hz} Hz, but {wanted_hz} Hz is "
            "asked for: convert the file or pass resample=True."
        )
    if not _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ:
        raise ValueError(
            f"{path} has a sample rate of {rate_hz} Hz, which no recording of "
            f"speech has ({_LOWEST_HZ} to {_HIGHEST_HZ} Hz): its header may be "
            "damaged; copy it again or drop its row."
        )


def _check_stretch(
    path: str | Path, start: int, stop: int, n_samples: int
) -> None:
    """Refuse stretches that are empty or leave the file."""
    if stop > n_samples:
        raise ValueError(
            f"{path} has {n_samples} samples, but stop is {stop}: correct the "
            "row or copy the file again."
        )
    if not 0 <= start < stop:
        raise ValueError(
            f"{path}: no samples lie between start {start} and stop {stop}; "
            "start must be at least 0 and below stop."
        )


def _check_readable(path: str | Path) -> None:
    """Refuse what is not a file, and AAC, before libsndfile does."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no audio file {path}: check data_root and the "
            "manifest's wav column."
        )
    if path.suffix.lower() in AAC_SUFFIXES:
        command = shlex.join(ffmpeg_command(path, path.with_suffix(".wav")))
        raise ValueError(
            f"{path} is AAC audio, which libsndfile cannot read: convert it "
            f"with '{command}'."
        )


def _corrupt(path: str | Path, error: Exception) -> ValueError:
    """Error for a file libsndfile gives up on."""
    if Path(path).stat().st_size == 0:
        return _empty(path)
    reason = str(error).rstrip(".").replace(f"{str(path)!r}", "the file")
    return ValueError(
        f"{path} cannot be read as audio ({reason}): copy it again or drop "
        "its row."
    )


def _empty(path: str | Path) -> ValueError:
    """Error for a file without samples."""
    return ValueError(
        f"{path} holds no samples: copy it again or drop its row."
    )
