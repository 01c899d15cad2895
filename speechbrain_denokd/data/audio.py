"""Audio files in, waveforms out: manifest row -> wav (S,)."""

import shlex
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from scipy.signal import resample_poly

# What libsndfile decodes and speech corpora use. AAC (.m4a) is not among it.
AUDIO_SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")
AAC_SUFFIXES = (".m4a", ".aac", ".mp4")

_HEADER_TOLERANCE_S = 0.1

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
        If the file is AAC, has no readable header or holds no samples.

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
        info = soundfile.info(str(path))
    except soundfile.SoundFileError as error:
        raise _corrupt(path, error) from error
    if info.frames <= 0:
        raise _empty(path)
    return AudioHeader(info.frames, info.samplerate)


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
    header = read_header(path)
    if header.sample_rate != sample_rate and not resample:
        raise ValueError(
            f"{path} has a sample rate of {header.sample_rate} Hz, but "
            f"{sample_rate} Hz is asked for: convert the file or pass "
            "resample=True."
        )
    stop = header.n_samples if stop is None else stop
    _check_stretch(path, start, stop, header.n_samples)
    samples = _decode(path, start, stop, header.sample_rate)
    wav = _to_mono(path, samples, channel)
    if not np.isfinite(wav).all():
        raise ValueError(
            f"{path} holds {int((~np.isfinite(wav)).sum())} samples that are "
            f"NaN or infinite (of {wav.size}): write the file again or drop "
            "its row."
        )
    return change_rate(wav, header.sample_rate, sample_rate)


def change_rate(wav: np.ndarray, rate_hz: int, new_rate_hz: int) -> np.ndarray:
    """Resample a waveform by a polyphase filter.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
        Waveform at ``rate_hz``.
    rate_hz, new_rate_hz : int
        Rates before and after.

    Returns
    -------
    (ceil(S * new_rate_hz / rate_hz),) numpy.ndarray of float32

    Example
    -------
    >>> change_rate(np.zeros(441, dtype=np.float32), 44100, 16000).shape
    (160,)
    """
    if rate_hz == new_rate_hz:
        return wav
    ratio = Fraction(new_rate_hz, rate_hz)
    changed = resample_poly(wav, ratio.numerator, ratio.denominator)
    return changed.astype(np.float32)


def _decode(
    path: str | Path, start: int, stop: int, sample_rate: int
) -> np.ndarray:
    """Samples ``start`` to ``stop`` of every channel, (S, channels)."""
    try:
        samples, _ = soundfile.read(
            str(path), start=start, stop=stop, dtype="float32", always_2d=True
        )
    except soundfile.SoundFileError as error:
        raise _corrupt(path, error) from error
    # A header promises more than a truncated file holds. MP3 headers are
    # estimates, which is why a few frames may be missing.
    n_least = stop - start - _HEADER_TOLERANCE_S * sample_rate
    if len(samples) < max(n_least, 1):
        raise ValueError(
            f"{path} is truncated: {stop - start} samples were expected from "
            f"sample {start}, {len(samples)} could be read; copy it again."
        )
    return samples


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
