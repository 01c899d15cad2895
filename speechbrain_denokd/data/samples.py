"""Make the bundled corpus of synthetic speech: the flow's first files.

Every voice, session and utterance is drawn from its own name and the seed, so
a bigger corpus with the same seed contains the smaller one: the same speakers
under the same names saying the same things, and more of them.

Run ``python -m speechbrain_denokd.data.samples --output FOLDER``; with the
default options this is the corpus in ``tests/samples``.
"""

import argparse
import csv
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from speechbrain_denokd.data.acoustics import (
    SAMPLE_RATE_HZ,
    draw_session,
    noise,
    record,
    room_response,
)
from speechbrain_denokd.data.espeak import Espeak
from speechbrain_denokd.data.samples_plan import (
    Split,
    Utterance,
    draw_trials,
    plan_split,
)
from speechbrain_denokd.data.samples_readme import readme_text
from speechbrain_denokd.data.seeds import named_rng
from speechbrain_denokd.data.sentences import random_text
from speechbrain_denokd.data.voices import (
    draw_voice,
    session_rate_wpm,
    variant_lines,
)

COLUMNS = "ID duration wav start stop spk_id session gender".split()
NOISE_COLUMNS = "ID duration wav kind".split()
# libsndfile maps 0..1 to 256..6 kbit/s: this is about 16 kbit/s.
OPUS_COMPRESSION = 0.963
N_CROWD = 10
CROWD_SECONDS = 8.0
NOISE_SECONDS = 4.0
AUGMENT_NOISES = (
    ("noise", "rumble", 3),
    ("noise", "hum", 3),
    ("noise", "clatter", 3),
    ("music", "music", 5),
    ("babble", "babble", 5),
)
N_ROOMS = 12


def clean_speech(
    espeak: Espeak,
    seed: int,
    speaker: str,
    gender: str,
    take: tuple,
    n_samples: int,
) -> np.ndarray:
    """A voice says something of its own, in silence.

    Arguments
    ---------
    espeak : Espeak
        The synthesiser, entered.
    seed : int
        Seed of the corpus.
    speaker, gender : str
        Name of the voice, and "m" or "f".
    take : tuple of (int, int)
        Session, which moves pitch and rate, and index, which picks the text.
    n_samples : int
        Length at 16 kHz.

    Returns
    -------
    (n_samples,) numpy.ndarray of float32

    Raises
    ------
    RuntimeError
        If the synthesiser says less than was asked for.

    Example
    -------
    >>> import pytest
    >>> _ = pytest.importorskip("espeakng_loader")
    >>> with Espeak() as espeak:
    ...     clean_speech(espeak, 0, "anna", "f", (0, 0), 16000).shape
    (16000,)
    """
    session, index = take
    voice = draw_voice(seed, speaker, gender)
    day = named_rng(seed, speaker, session, "day")
    variant = variant_lines(voice, day)
    rate_wpm = session_rate_wpm(voice, day)
    # English is spoken faster than the nominal rate: ask for more words.
    words_per_s = 1.5 * rate_wpm / 60
    n_words = 6 + math.ceil(words_per_s * n_samples / SAMPLE_RATE_HZ)
    text = random_text(
        named_rng(seed, speaker, session, index, "text"), n_words
    )
    speech = espeak.speak(text, voice.language, variant, rate_wpm)
    start = int(np.argmax(np.abs(speech) > 0.02 * np.abs(speech).max()))
    speech = speech[start : start + n_samples]
    if len(speech) < n_samples:
        raise RuntimeError(
            f"{speaker} said {len(speech)} samples where {n_samples} were "
            f"asked for; ask for more words than {n_words}"
        )
    return speech


def crowd_speech(espeak: Espeak, seed: int, split: str) -> np.ndarray:
    """Voices for babble, none of them a speaker of the corpus.

    Arguments
    ---------
    espeak : Espeak
        The synthesiser, entered.
    seed : int
        Seed of the corpus.
    split : str
        Each split has its own crowd.

    Returns
    -------
    (N, S) numpy.ndarray of float32

    Example
    -------
    >>> import pytest
    >>> _ = pytest.importorskip("espeakng_loader")
    >>> with Espeak() as espeak:
    ...     crowd_speech(espeak, 0, "dev").shape
    (10, 128000)
    """
    n_samples = int(CROWD_SECONDS * SAMPLE_RATE_HZ)
    return np.stack(
        [
            clean_speech(
                espeak,
                seed,
                f"crowd-{split}{n}",
                "mf"[n % 2],
                (0, 0),
                n_samples,
            )
            for n in range(N_CROWD)
        ]
    )


def make_utterance(
    espeak: Espeak, seed: int, utterance: Utterance, crowd: np.ndarray
) -> np.ndarray:
    """The recording of one planned utterance.

    Arguments
    ---------
    espeak : Espeak
        The synthesiser, entered.
    seed : int
        Seed of the corpus.
    utterance : Utterance
        What to make.
    crowd : (N, S) numpy.ndarray
        The split's crowd, from `crowd_speech`.

    Returns
    -------
    (S,) numpy.ndarray of float32

    Example
    -------
    >>> import pytest
    >>> _ = pytest.importorskip("espeakng_loader")
    >>> anna = Utterance("train", "anna", "f", 0, 0, 16000)
    >>> with Espeak() as espeak:
    ...     make_utterance(espeak, 0, anna, np.ones((1, 100))).shape
    (16000,)
    """
    speaker, session = utterance.speaker, utterance.session
    take = (session, utterance.index)
    speech = clean_speech(
        espeak, seed, speaker, utterance.gender, take, utterance.n_samples
    )
    situation = draw_session(named_rng(seed, speaker, session, "session"))
    rng = named_rng(seed, speaker, *take, "noise")
    return record(speech, situation, rng, crowd)


def write_corpus(
    output: Path, splits: list[Split], seed: int, n_jobs: int = 1
) -> None:
    """Make a corpus: audio, manifests, trials, noises, rooms and README.

    Arguments
    ---------
    output : Path
        Folder, new or empty.
    splits : list of Split
        What to make.
    seed : int
        Same seed, same voices.
    n_jobs : int
        Utterances made at the same time.

    Raises
    ------
    FileExistsError
        If the folder has something in it.
    ImportError
        If ``espeakng-loader`` is not installed.

    Example
    -------
    >>> import pytest, tempfile
    >>> _ = pytest.importorskip("espeakng_loader")
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_corpus(folder, [Split("dev", 2, 2, 1, (1.0, 1.5))], seed=1)
    >>> sorted(path.name for path in folder.glob("*.csv"))
    ['dev.csv', 'noise.csv', 'rir.csv']
    """
    output = Path(output)
    if output.exists() and any(output.iterdir()):
        raise FileExistsError(
            f"{output} is not empty: delete it or choose another folder"
        )
    plans = {split.name: plan_split(split, seed) for split in splits}
    with Espeak() as espeak:
        for name, plan in plans.items():
            crowd = crowd_speech(espeak, seed, name)
            write = partial(_write_utterance, output, espeak, seed, crowd)
            with ThreadPoolExecutor(n_jobs) as pool:
                list(pool.map(write, plan))
        _write_noises(output, seed, crowd_speech(espeak, seed, "augment"))
    _write_rooms(output, seed)
    for name, plan in plans.items():
        _write_csv(output / f"{name}.csv", COLUMNS, map(_manifest_row, plan))
        if name != "train":
            trials = draw_trials(plan, named_rng(seed, name, "trials"))
            lines = [f"{label} {one} {two}\n" for label, one, two in trials]
            (output / f"trials_{name}.txt").write_text("".join(lines))
    (output / "README.md").write_text(
        readme_text(plans, _command(splits, seed))
    )


def _command(splits, seed):
    """What to type for this corpus."""
    sizes = " ".join(f"--n_{s.name} {s.n_speakers}" for s in splits)
    train = [split for split in splits if split.name == "train"]
    for split in train:
        sizes += f" \\\n    --train_sessions {split.n_sessions}"
        sizes += f" --train_utterances_per_session {split.n_utterances}"
    return (
        "python -m speechbrain_denokd.data.samples --output FOLDER \\\n"
        f"    {sizes} --seed {seed}"
    )


def _write_utterance(output, espeak, seed, crowd, utterance):
    wave = make_utterance(espeak, seed, utterance, crowd)
    _write_opus(output / utterance.path, wave)


def _write_opus(path, wave):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(
        path,
        wave,
        SAMPLE_RATE_HZ,
        format="OGG",
        subtype="OPUS",
        compression_level=OPUS_COMPRESSION,
    )


def _manifest_row(utterance):
    """One row of a manifest, in the order of `COLUMNS`."""
    session = f"{utterance.speaker}-s{utterance.session}"
    return (
        f"{session}-{utterance.index}",
        utterance.n_samples / SAMPLE_RATE_HZ,
        f"{{data_root}}/{utterance.path}",
        0,
        utterance.n_samples,
        utterance.speaker,
        session,
        utterance.gender,
    )


def _write_noises(output, seed, crowd):
    """Noises to train with; no session of the corpus uses them."""
    rows = []
    for category, kind, count in AUGMENT_NOISES:
        for n in range(count):
            name = f"{kind}{n}"
            n_samples = int(NOISE_SECONDS * SAMPLE_RATE_HZ)
            wave = noise(
                named_rng(seed, "augment", name), kind, n_samples, crowd
            )
            _write_opus(output / f"noise/{name}.opus", 0.1 * wave)
            path = f"{{data_root}}/noise/{name}.opus"
            rows.append((name, NOISE_SECONDS, path, category))
    _write_csv(output / "noise.csv", NOISE_COLUMNS, rows)


def _write_rooms(output, seed):
    """Room responses to train with; no session of the corpus uses them."""
    rows = []
    (output / "rir").mkdir()
    for n in range(N_ROOMS):
        room = room_response(named_rng(seed, "augment", "room", n))
        room = 0.9 * room / np.abs(room).max()
        soundfile.write(output / f"rir/room{n}.flac", room, SAMPLE_RATE_HZ)
        seconds = len(room) / SAMPLE_RATE_HZ
        path = f"{{data_root}}/rir/room{n}.flac"
        rows.append((f"room{n}", seconds, path, "rir"))
    _write_csv(output / "rir.csv", NOISE_COLUMNS, rows)


def _write_csv(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main(argv: list[str] | None = None) -> None:
    """Make a corpus from the command line.

    Arguments
    ---------
    argv : list of str, optional
        Arguments; those of the program by default.

    Example
    -------
    >>> main(["--help"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--n_train", type=int, default=64)
    parser.add_argument("--n_dev", type=int, default=16)
    parser.add_argument("--n_test", type=int, default=24)
    parser.add_argument("--train_sessions", type=int, default=4)
    parser.add_argument("--train_utterances_per_session", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--n_jobs", type=int, default=1)
    args = parser.parse_args(argv)
    train = (args.train_sessions, args.train_utterances_per_session)
    splits = [
        Split("train", args.n_train, *train, (2.5, 4.0)),
        Split("dev", args.n_dev, 6, 1, (3.5, 5.0)),
        Split("test", args.n_test, 6, 1, (4.5, 6.0)),
    ]
    present = [split for split in splits if split.n_speakers > 0]
    write_corpus(args.output, present, args.seed, args.n_jobs)


if __name__ == "__main__":
    main()
