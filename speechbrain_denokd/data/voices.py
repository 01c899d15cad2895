"""A population of synthetic voices, each drawn from its name alone.

A voice is a vocal tract (eight formants with own frequency, level and width),
a larynx (pitch, range, flutter, roughness, breath, spectral tone), a rate and
an accent. The spread of tract length and pitch follows that of adults.
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_denokd.data.seeds import named_rng

ENGLISH = (
    "en-us",
    "en",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbcwmd",
    "en-gb-x-gbclan",
    "en-029",
    "en-us-nyc",
)
# These languages read English text by their own rules: a foreign accent.
FOREIGN = ("de", "es", "fi", "it", "nl", "pl", "pt-br", "ro", "sv", "tr")
SHARE_ENGLISH = 0.75

MEAN_PITCH_HZ = {"m": 112.0, "f": 198.0}
# Formants relative to espeak-ng's own male voice: shorter tracts are higher.
MEAN_FORMANT_SCALE = {"m": 1.0, "f": 1.13}
PITCH_SPREAD = 0.15  # standard deviation of log pitch between voices
TRACT_SPREAD = 0.06  # of log formant scale, all formants together
FORMANT_SPREAD = 0.035  # of log frequency, each formant on its own
TONE_HZ = (600, 1200, 2000, 3000)  # where espeak-ng's source spectrum bends
TONE_LEVEL = (170, 135, 110, 110)

# The same person does not speak alike twice.
SESSION_PITCH_SPREAD = 0.09
SESSION_RATE_SPREAD = 0.08
SESSION_FORMANT_SPREAD = 0.016


@dataclass(frozen=True)
class Voice:
    """What stays the same whenever this person speaks.

    Attributes
    ----------
    speaker : str
        Name, such as "train0003".
    gender : str
        "m" or "f".
    language : str
        espeak-ng's name of the accent.
    pitch_hz : float
        Middle of the pitch range.
    pitch_range : float
        Top of the range over its bottom.
    rate_wpm : float
        Words per minute.
    formants : tuple of (frequency, level, width)
        Formants 0 to 8 relative to espeak-ng's own (1.0).
    quality : tuple of str
        Lines on flutter, roughness, breath and tone in espeak-ng's syntax.
    """

    speaker: str
    gender: str
    language: str
    pitch_hz: float
    pitch_range: float
    rate_wpm: float
    formants: tuple[tuple[float, float, float], ...]
    quality: tuple[str, ...]


def draw_voice(seed: int, speaker: str, gender: str) -> Voice:
    """The voice that belongs to a name.

    Arguments
    ---------
    seed : int
        Seed of the corpus.
    speaker : str
        Name of the speaker.
    gender : str
        "m" or "f".

    Raises
    ------
    ValueError
        If ``gender`` is neither.

    Example
    -------
    >>> her, him = draw_voice(0, "anna", "f"), draw_voice(0, "adam", "m")
    >>> her.pitch_hz > him.pitch_hz
    True
    """
    if gender not in MEAN_PITCH_HZ:
        raise ValueError(f"gender is {gender!r}; it must be 'm' or 'f'")
    rng = named_rng(seed, speaker, "voice")
    accents = ENGLISH if rng.random() < SHARE_ENGLISH else FOREIGN
    # Long tracts go with low voices, loosely.
    size = rng.standard_normal()
    own = rng.standard_normal()
    pitch = PITCH_SPREAD * (0.4 * size + 0.92 * own)
    scale = MEAN_FORMANT_SCALE[gender] * np.exp(TRACT_SPREAD * size)
    return Voice(
        speaker=speaker,
        gender=gender,
        language=accents[rng.integers(len(accents))],
        pitch_hz=float(MEAN_PITCH_HZ[gender] * np.exp(pitch)),
        pitch_range=float(rng.uniform(1.25, 1.8)),
        rate_wpm=float(rng.normal(165, 17)),
        formants=_draw_formants(rng, scale),
        quality=_draw_quality(rng),
    )


def _draw_formants(rng, scale):
    """Nine (frequency, level, width) relative to the neutral voice."""
    frequency = scale * np.exp(FORMANT_SPREAD * rng.standard_normal(9))
    level = np.exp(0.15 * rng.standard_normal(9))
    width = np.exp(0.15 * rng.standard_normal(9))
    # Formant 0 is the voice bar: moved far, vowels lose their voicing.
    frequency[0], level[0] = 1.0, 1.0
    return tuple(
        zip(frequency.tolist(), level.tolist(), width.tolist(), strict=True)
    )


def _draw_quality(rng):
    """Lines that set the larynx."""
    breath = rng.integers(0, 4) * (rng.random() < 0.5)
    levels = np.multiply(TONE_LEVEL, np.exp(0.2 * rng.standard_normal(4)))
    tone = " ".join(
        f"{hz} {min(int(level), 255)}"
        for hz, level in zip(TONE_HZ, levels, strict=True)
    )
    return (
        f"flutter {rng.integers(0, 6)}",
        f"roughness {rng.integers(0, 4)}",
        "breath 0" + f" {breath}" * 7,
        f"tone {tone}",
    )


def variant_lines(voice: Voice, rng: np.random.Generator) -> str:
    """espeak-ng's description of a voice on one day.

    Arguments
    ---------
    voice : Voice
        Who speaks.
    rng : numpy.random.Generator
        The day: pitch and formants move a little from session to session.

    Returns
    -------
    str
        Lines for a voice-variant file.

    Example
    -------
    >>> voice = draw_voice(0, "anna", "f")
    >>> lines = variant_lines(voice, np.random.default_rng(0))
    >>> lines.split()[0]
    'pitch'
    """
    middle = voice.pitch_hz * np.exp(
        SESSION_PITCH_SPREAD * rng.standard_normal()
    )
    half = np.sqrt(voice.pitch_range)
    moved = np.exp(SESSION_FORMANT_SPREAD * rng.standard_normal(9))
    lines = [f"pitch {middle / half:.0f} {middle * half:.0f}"]
    for n, (frequency, level, width) in enumerate(voice.formants):
        lines.append(
            f"formant {n} {100 * frequency * moved[n]:.0f} "
            f"{100 * level:.0f} {100 * width:.0f}"
        )
    return "\n".join([*lines, *voice.quality])


def session_rate_wpm(voice: Voice, rng: np.random.Generator) -> int:
    """Words per minute of a voice on one day.

    Arguments
    ---------
    voice : Voice
        Who speaks.
    rng : numpy.random.Generator
        The day.

    Example
    -------
    >>> voice = draw_voice(0, "anna", "f")
    >>> 80 <= session_rate_wpm(voice, np.random.default_rng(0)) <= 260
    True
    """
    rate = voice.rate_wpm * np.exp(SESSION_RATE_SPREAD * rng.standard_normal())
    return int(np.clip(rate, 80, 260))
