"""Waveform augmentation, drawn per utterance: wav (S,) -> wav (S,).

Runs inside loader workers, on the CPU, before utterances are batched, so that
every utterance hears its own noise and room. All randomness comes from the
generator that is passed in.

Source: the Kaldi recipe of D. Snyder et al., "X-vectors: Robust DNN embeddings
for speaker recognition", ICASSP 2018: MUSAN noise at 0-15 dB, music at 5-15 dB,
babble of 3-8 talkers at 13-20 dB, and simulated rooms.
Differs: babble is mixed at equal loudness and the SNR is that of the sum.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from speechbrain_denokd.data.audio_cache import AudioCache
from speechbrain_denokd.data.noise import NoiseFile, read_noise

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class AddNoise:
    """Add noise, music or babble at a random signal-to-noise ratio.

    Powers are means over the whole utterance. Silence, on either side, leaves
    the utterance as it is.

    Arguments
    ---------
    files : sequence of NoiseFile
        Recordings, of which those of ``kind`` are used; short ones loop.
    kind : str
        "noise", "music", "babble", or "speech" to mix babble from talkers.
    snr_db : (float, float)
        Range of the signal-to-noise ratio in dB.
    n_mixed : (int, int)
        Fewest and most files that are mixed, at equal power.
    max_cache_bytes : int
        Memory for decoded files, per worker.

    Raises
    ------
    ValueError
        If no file is of that kind, or a range is empty.

    Example
    -------
    >>> import tempfile, soundfile
    >>> path = tempfile.mkdtemp() + "/hum.wav"
    >>> soundfile.write(path, np.full(800, 0.1), 16000, subtype="FLOAT")
    >>> files = [NoiseFile("hum", 0.05, path, "noise")]
    >>> add = AddNoise(files, snr_db=(20.0, 20.0))
    >>> wav = np.full(4, 0.5, dtype=np.float32)
    >>> add(wav, np.random.default_rng(0)).round(3).tolist()[0]
    0.550000011920929
    """

    def __init__(
        self,
        files: Sequence[NoiseFile],
        kind: str = "noise",
        snr_db: tuple[float, float] = (0.0, 15.0),
        n_mixed: tuple[int, int] = (1, 1),
        max_cache_bytes: int = 128 * 2**20,
    ):
        self.paths = _paths_of(files, kind)
        self.snr_db = _checked_range("snr_db", snr_db, lowest=-np.inf)
        self.n_mixed = _checked_range("n_mixed", n_mixed, lowest=1)
        self._cache = AudioCache(max_cache_bytes)

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns the noisy utterance, its peak at most 1.

        Arguments
        ---------
        wav : (S,) numpy.ndarray of float32
            Utterance.
        rng : numpy.random.Generator
            Source of files, places and ratio.
        """
        n_files = int(rng.integers(self.n_mixed[0], self.n_mixed[1] + 1))
        # A talker comes twice only when there are too few of them.
        chosen = rng.choice(
            len(self.paths), n_files, replace=n_files > len(self.paths)
        )
        noise = np.zeros(wav.size, dtype=np.float64)
        for index in chosen:
            stretch = self._cache.stretch(self.paths[index], wav.size, rng)
            power = _power(stretch)
            if power > 0:
                noise += stretch / np.sqrt(power)
        snr_db = rng.uniform(*self.snr_db)
        if _power(wav) == 0 or _power(noise) == 0:
            return wav
        ratio = _power(wav) / (_power(noise) * 10 ** (snr_db / 10))
        return limit_peak(wav + np.sqrt(ratio) * noise)


class Reverberate:
    """Put an utterance into a room.

    The direct path, the strongest sample of the response, keeps the
    utterance's timing, so that frames of clean and reverberant speech stay
    aligned. Length and energy stay. Of multichannel responses the first
    channel is used: a mean over microphones is no room.

    Arguments
    ---------
    files : sequence of NoiseFile
        Recordings, of which those of kind "rir" are used.
    max_cache_bytes : int
        Memory for decoded files, per worker.

    Raises
    ------
    ValueError
        If no file is a room response.

    Example
    -------
    >>> import tempfile, soundfile
    >>> path = tempfile.mkdtemp() + "/room.wav"
    >>> soundfile.write(path, np.array([0, 0.5, 0]), 16000, subtype="FLOAT")
    >>> reverberate = Reverberate([NoiseFile("room", 0.1, path, "rir")])
    >>> wav = np.array([0.25, -0.5, 0.75], dtype=np.float32)
    >>> reverberate(wav, np.random.default_rng(0)).round(4).tolist()
    [0.25, -0.5, 0.75]
    """

    def __init__(
        self,
        files: Sequence[NoiseFile],
        max_cache_bytes: int = 128 * 2**20,
    ):
        self.paths = _paths_of(files, "rir")
        self._cache = AudioCache(max_cache_bytes, channel=0)

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns the reverberant utterance, its peak at most 1.

        Arguments
        ---------
        wav : (S,) numpy.ndarray of float32
            Utterance.
        rng : numpy.random.Generator
            Source of the room.
        """
        room = self._cache.whole(self.paths[rng.integers(len(self.paths))])
        direct = int(np.abs(room).argmax())
        # Double precision: rooms differ in level by many orders of magnitude.
        full = fftconvolve(wav.astype(np.float64), room)
        reverberant = full[direct : direct + wav.size]
        power = _power(reverberant)
        if power == 0:
            return wav
        return limit_peak(reverberant * np.sqrt(_power(wav) / power))


class Chain:
    """Apply augmentations one after the other.

    Arguments
    ---------
    augmentations : sequence of callables
        Each ``(wav, rng) -> wav``.

    Example
    -------
    >>> louder = Chain([lambda wav, rng: wav + 1, lambda wav, rng: 2 * wav])
    >>> louder(np.zeros(2), np.random.default_rng(0)).tolist()
    [2.0, 2.0]
    """

    def __init__(self, augmentations: Sequence[Augmentation]):
        self.augmentations = list(augmentations)

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns the utterance after all augmentations.

        Arguments
        ---------
        wav : (S,) numpy.ndarray of float32
            Utterance.
        rng : numpy.random.Generator
            Passed on to each.
        """
        for augment in self.augmentations:
            wav = augment(wav, rng)
        return wav


class OneOf:
    """Apply one augmentation, drawn anew for every utterance, or none.

    Arguments
    ---------
    augmentations : sequence of callables
        Each ``(wav, rng) -> wav``.
    probs : sequence of float, optional
        Probability of each, given that one is applied; equal by default.
    prob : float
        Probability that any is applied.

    Raises
    ------
    ValueError
        If there is nothing to choose from, or the probabilities are none.

    Example
    -------
    >>> flip = OneOf([lambda wav, rng: -wav], prob=1.0)
    >>> flip(np.ones(2), np.random.default_rng(0)).tolist()
    [-1.0, -1.0]
    """

    def __init__(
        self,
        augmentations: Sequence[Augmentation],
        probs: Sequence[float] | None = None,
        prob: float = 0.8,
    ):
        self.augmentations = list(augmentations)
        n_choices = len(self.augmentations)
        if not n_choices:
            raise ValueError("OneOf has no augmentations: give at least one.")
        if not 0 <= prob <= 1:
            raise ValueError(f"prob is {prob}: choose it from 0 to 1.")
        self.probs = list(probs) if probs else [1 / n_choices] * n_choices
        if len(self.probs) != n_choices:
            raise ValueError(
                f"There are {len(self.probs)} probs for {n_choices} "
                "augmentations: give one each."
            )
        if min(self.probs) < 0 or abs(sum(self.probs) - 1) > 1e-6:
            raise ValueError(
                f"probs {self.probs} sum to {sum(self.probs):g}: they must "
                "be at least 0 and sum to 1."
            )
        self.prob = prob

    def __call__(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns the utterance, augmented or as it is.

        Arguments
        ---------
        wav : (S,) numpy.ndarray of float32
            Utterance.
        rng : numpy.random.Generator
            Source of the choice, and passed on.
        """
        if rng.random() >= self.prob:
            return wav
        index = rng.choice(len(self.augmentations), p=self.probs)
        return self.augmentations[index](wav, rng)


def kaldi_augment(
    noise_csv: str | Path | None,
    rir_csv: str | Path | None,
    data_root: str | Path,
    prob: float = 0.8,
) -> OneOf:
    r"""The usual choice of noise, music, babble, room, or room and noise.

    Equal probabilities; kinds that the CSV files do not list are left out.
    In YAML ``!apply:`` or ``!name:`` it, as it is a function.

    Arguments
    ---------
    noise_csv, rir_csv : str or Path, optional
        CSV files as ``read_noise`` takes them; rows without a kind are
        noise in the one and rooms in the other. Both may be one file.
    data_root : str or Path
        Folder that replaces ``{data_root}`` in either.
    prob : float
        Probability that an utterance is augmented.

    Returns
    -------
    OneOf

    Raises
    ------
    ValueError
        If no CSV file is given, or one is empty, wrong, or of no use.

    Example
    -------
    >>> import tempfile, soundfile
    >>> root = Path(tempfile.mkdtemp())
    >>> soundfile.write(root / "a.wav", np.ones(160), 16000)
    >>> _ = (root / "n.csv").write_text(
    ...     "ID,duration,wav,kind\na,0.01,{data_root}/a.wav,music"
    ... )
    >>> len(kaldi_augment(root / "n.csv", None, root).augmentations)
    1
    """
    if noise_csv is None and rir_csv is None:
        raise ValueError(
            "kaldi_augment has neither noise_csv nor rir_csv: give one, or "
            "leave augmentation out."
        )
    files = []
    if noise_csv is not None:
        files += read_noise(noise_csv, data_root)
    if rir_csv is not None:
        files += read_noise(rir_csv, data_root, default_kind="rir")
    kinds = {file.kind for file in files}
    choices: list[Augmentation] = []
    if "noise" in kinds:
        choices.append(AddNoise(files, "noise", snr_db=(0, 15)))
    if "music" in kinds:
        choices.append(AddNoise(files, "music", snr_db=(5, 15)))
    if "babble" in kinds:
        choices.append(AddNoise(files, "babble", snr_db=(13, 20)))
    elif "speech" in kinds:
        choices.append(
            AddNoise(files, "speech", snr_db=(13, 20), n_mixed=(3, 8))
        )
    if "rir" in kinds:
        reverberate = Reverberate(files)
        choices.append(reverberate)
        if "noise" in kinds:
            choices.append(Chain([reverberate, choices[0]]))
    return OneOf(choices, prob=prob)


def limit_peak(wav: np.ndarray) -> np.ndarray:
    """Scale a waveform down when it would clip.

    Scaling instead of clipping keeps signal-to-noise ratios.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
        Waveform.

    Returns
    -------
    (S,) numpy.ndarray of float32
        Peak at most 1.

    Example
    -------
    >>> limit_peak(np.array([0.5, -2.0])).tolist()
    [0.25, -1.0]
    """
    peak = np.abs(wav).max(initial=0.0)
    return (wav / max(peak, 1.0)).astype(np.float32)


def _power(wav: np.ndarray) -> float:
    """Mean square, in double precision."""
    return float(np.mean(np.square(wav, dtype=np.float64)))


def _paths_of(files: Sequence[NoiseFile], kind: str) -> list[str]:
    """Paths of the files of one kind."""
    paths = [file.wav for file in files if file.kind == kind]
    if not paths:
        kinds = sorted({file.kind for file in files})
        raise ValueError(
            f"None of {len(files)} files is of kind {kind} (there is: "
            f"{', '.join(kinds) or 'nothing'}): choose another kind or file."
        )
    return paths


def _checked_range(
    name: str, limits: tuple[float, float], lowest: float
) -> tuple[float, float]:
    """A (low, high) pair in order."""
    low, high = limits
    if not lowest <= low <= high:
        raise ValueError(
            f"{name} is {low} to {high}: give a low and a high value in order"
            + (f", from {lowest}." if np.isfinite(lowest) else ".")
        )
    return low, high
