"""Rooms, noises and channels: what lies between a mouth and a recording.

All are drawn from a random generator and simulated with numpy and scipy.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

SAMPLE_RATE_HZ = 16000
ROOM_SECONDS = 0.5

# How hard the sessions of the bundled corpus are.
REVERB_TIME_S = (0.12, 0.7)
DIRECT_TO_REVERB_DB = (-3.0, 11.0)
SNR_DB = (2.0, 17.0)
EQUALISER_SPREAD_DB = 5.0
LEVEL_DB = (-34.0, -16.0)
NOISE_KINDS = ("rumble", "hum", "clatter", "music", "babble")
# Band limits in Hz and how often each is met.
BANDS_HZ = ((50, 7600), (80, 5500), (150, 4200), (300, 3400))
BAND_SHARES = (0.45, 0.2, 0.15, 0.2)


@dataclass(frozen=True)
class Session:
    """What all recordings of one session share.

    Attributes
    ----------
    room : (S,) numpy.ndarray
        Room impulse response; the direct sound is its first sample.
    noise_kind : str
        One of `NOISE_KINDS`.
    snr_db : float
        Speech to noise, before the channel.
    equaliser : (S,) numpy.ndarray
        Impulse response of microphone and recorder.
    band_hz : tuple of (int, int)
        Pass band of the channel.
    companded : bool
        Whether samples went through 8-bit mu-law.
    level_db : float
        Level of the recording relative to full scale.
    """

    room: np.ndarray
    noise_kind: str
    snr_db: float
    equaliser: np.ndarray
    band_hz: tuple[int, int]
    companded: bool
    level_db: float


def draw_session(rng: np.random.Generator) -> Session:
    """A recording situation.

    Arguments
    ---------
    rng : numpy.random.Generator
        Where it comes from.

    Example
    -------
    >>> session = draw_session(np.random.default_rng(0))
    >>> session.noise_kind in NOISE_KINDS
    True
    """
    band_hz = BANDS_HZ[rng.choice(len(BANDS_HZ), p=BAND_SHARES)]
    return Session(
        room=room_response(rng),
        noise_kind=NOISE_KINDS[rng.integers(len(NOISE_KINDS))],
        snr_db=float(rng.uniform(*SNR_DB)),
        equaliser=_equaliser(rng),
        band_hz=band_hz,
        companded=band_hz[1] == 3400,
        level_db=float(rng.uniform(*LEVEL_DB)),
    )


def room_response(rng: np.random.Generator) -> np.ndarray:
    """Impulse response of a room: direct sound, echoes, decaying tail.

    Arguments
    ---------
    rng : numpy.random.Generator
        Draws reverberation time and distance.

    Returns
    -------
    (S,) numpy.ndarray
        Half a second at 16 kHz.

    Example
    -------
    >>> room = room_response(np.random.default_rng(0))
    >>> len(room), float(room[0])
    (8000, 1.0)
    """
    n_samples = int(ROOM_SECONDS * SAMPLE_RATE_HZ)
    seconds = np.arange(n_samples) / SAMPLE_RATE_HZ
    reverb_time_s = rng.uniform(*REVERB_TIME_S)
    tail = rng.standard_normal(n_samples)
    tail = lfilter([0.4], [1, -0.6], tail)  # walls absorb high frequencies
    tail *= 10 ** (-3 * seconds / reverb_time_s)  # -60 dB after that time
    tail[: int(0.004 * SAMPLE_RATE_HZ)] = 0.0
    for _ in range(rng.integers(4, 10)):
        when = rng.integers(20, int(0.04 * SAMPLE_RATE_HZ))
        tail[when] += rng.normal() * 2.0
    ratio_db = rng.uniform(*DIRECT_TO_REVERB_DB)
    tail *= 10 ** (-ratio_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return tail


def _equaliser(rng):
    """A short filter with a smooth random response."""
    n_taps = 256
    corners_hz = np.array([0, 150, 300, 600, 1200, 2400, 4800, 8000])
    gains_db = EQUALISER_SPREAD_DB * rng.standard_normal(len(corners_hz))
    grid_hz = np.linspace(0, SAMPLE_RATE_HZ / 2, n_taps // 2 + 1)
    gain = 10 ** (np.interp(grid_hz, corners_hz, gains_db) / 20)
    return np.roll(np.fft.irfft(gain), n_taps // 2) * np.hanning(n_taps)


def coloured_noise(rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Noise of unit power with a random spectral slope and a resonance.

    Arguments
    ---------
    rng : numpy.random.Generator
        Where it comes from.
    n_samples : int
        Length at 16 kHz.

    Example
    -------
    >>> noise = coloured_noise(np.random.default_rng(0), 16000)
    >>> round(float(np.mean(noise**2)), 6)
    1.0
    """
    white = rng.standard_normal(n_samples)
    sloped = lfilter([1], [1, -rng.uniform(0.0, 0.98)], white)
    centre = rng.uniform(100, 4000)
    band = butter(
        2, [centre * 0.8, centre * 1.2], "band", fs=SAMPLE_RATE_HZ, output="sos"
    )
    resonance = sosfilt(band, white)
    return _unit_power(_unit_power(sloped) + _unit_power(resonance) * 0.5)


def noise(
    rng: np.random.Generator, kind: str, n_samples: int, crowd: np.ndarray
) -> np.ndarray:
    """Noise of unit power of one kind.

    Arguments
    ---------
    rng : numpy.random.Generator
        Where it comes from.
    kind : str
        One of `NOISE_KINDS`.
    n_samples : int
        Length at 16 kHz.
    crowd : (N, S) numpy.ndarray
        Speech of several people, cut and mixed for babble.

    Raises
    ------
    ValueError
        If the kind is unknown.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> hum = noise(rng, "hum", 16000, crowd=np.zeros((1, 1)))
    >>> round(float(np.mean(hum**2)), 6)
    1.0
    """
    if kind not in NOISE_KINDS:
        raise ValueError(f"noise is {kind!r}; it must be one of {NOISE_KINDS}")
    if kind == "rumble":
        return coloured_noise(rng, n_samples)
    if kind == "babble":
        return _babble(rng, n_samples, crowd)
    make = {"hum": _hum, "clatter": _clatter, "music": _music}[kind]
    hiss = coloured_noise(rng, n_samples)
    return _unit_power(_unit_power(make(rng, n_samples)) + 0.4 * hiss)


def _hum(rng, n_samples):
    """A machine: mains or motor with harmonics."""
    seconds = np.arange(n_samples) / SAMPLE_RATE_HZ
    base_hz = rng.choice([50.0, 60.0, rng.uniform(70, 200)])
    phase = 2 * np.pi * base_hz * seconds
    wave = np.zeros(n_samples)
    for harmonic in range(1, 13):
        wave += rng.uniform(0, 1) / harmonic**0.5 * np.sin(harmonic * phase)
    return wave


def _clatter(rng, n_samples):
    """Things that knock: decaying bursts at random times."""
    wave = np.zeros(n_samples)
    length = int(0.12 * SAMPLE_RATE_HZ)
    decay = np.exp(-np.arange(length) / rng.uniform(100, 500))
    for _ in range(max(1, int(rng.uniform(2, 6) * n_samples / 16000))):
        burst = coloured_noise(rng, length) * decay * rng.uniform(0.2, 1.0)
        start = rng.integers(max(1, n_samples - length))
        wave[start : start + length] += burst[: n_samples - start]
    return wave


def _music(rng, n_samples):
    """Plucked chords on a minor scale."""
    wave = np.zeros(n_samples)
    scale = np.array([0, 2, 3, 5, 7, 8, 10, 12])
    root_hz = rng.uniform(90, 260)
    beat = int(rng.uniform(0.2, 0.5) * SAMPLE_RATE_HZ)
    for start in range(0, n_samples, beat):
        length = min(3 * beat, n_samples - start)
        seconds = np.arange(length) / SAMPLE_RATE_HZ
        for step in rng.choice(scale, size=3, replace=False):
            hz = root_hz * 2 ** (step / 12) * rng.choice([1, 2])
            for partial in range(1, 6):
                wave[start : start + length] += (
                    np.sin(2 * np.pi * hz * partial * seconds)
                    * np.exp(-seconds * partial * 3)
                    / partial
                )
    return wave


def _babble(rng, n_samples, crowd):
    """Four to eight people at once, from random places of their speech."""
    wave = np.zeros(n_samples)
    for _ in range(rng.integers(4, 9)):
        talker = crowd[rng.integers(len(crowd))]
        talker = np.roll(talker, rng.integers(len(talker)))
        wave += np.resize(talker, n_samples) * rng.uniform(0.5, 1.0)
    return _unit_power(wave)


def record(
    speech: np.ndarray,
    session: Session,
    rng: np.random.Generator,
    crowd: np.ndarray,
) -> np.ndarray:
    """Speech as it is recorded in a session.

    Arguments
    ---------
    speech : (S,) numpy.ndarray
        Clean, dry speech at 16 kHz.
    session : Session
        Room, noise and channel.
    rng : numpy.random.Generator
        Draws this recording's stretch of noise.
    crowd : (N, S) numpy.ndarray
        Speech of several people, for babble.

    Returns
    -------
    (S,) numpy.ndarray of float32
        As long as ``speech``, inside [-1, 1].

    Example
    -------
    >>> session = draw_session(np.random.default_rng(0))
    >>> speech = np.random.default_rng(1).standard_normal(16000)
    >>> crowd = np.ones((1, 100))
    >>> record(speech, session, np.random.default_rng(2), crowd).shape
    (16000,)
    """
    wave = _unit_power(fftconvolve(speech, session.room)[: len(speech)])
    around = noise(rng, session.noise_kind, len(wave), crowd)
    snr_db = session.snr_db + rng.normal(0, 1.5)
    wave = wave + 10 ** (-snr_db / 20) * around
    wave = fftconvolve(wave, session.equaliser, mode="same")
    band = butter(4, session.band_hz, "band", fs=SAMPLE_RATE_HZ, output="sos")
    wave = _unit_power(sosfilt(band, wave)) * 10 ** (session.level_db / 20)
    wave = np.clip(wave, -0.99, 0.99)
    if session.companded:
        wave = _compand(wave)
    return wave.astype(np.float32)


def _compand(wave):
    """8-bit mu-law, as on a telephone line (ITU-T G.711)."""
    code = np.sign(wave) * np.log1p(255 * np.abs(wave)) / np.log(256)
    code = np.round(code * 127) / 127
    return np.sign(code) * (256 ** np.abs(code) - 1) / 255


def _unit_power(wave):
    """The same wave with mean square one; silence stays silent."""
    return wave / max(np.sqrt(np.mean(wave**2)), 1e-8)
