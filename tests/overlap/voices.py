"""Recordings and rows that the tests of overlapped speech share."""

import numpy as np
import soundfile

from speechbrain_denokd.data.manifest import Utterance


def voices(folder, genders="ffffmmmm", n_sessions=2, n_each=2, seconds=0.3):
    """Rows of noise in bursts: speaker ``s0`` has the first gender, ..."""
    rng = np.random.default_rng(0)
    rows = []
    for speaker, gender in enumerate(genders):
        for session in range(n_sessions):
            for take in range(n_each):
                name = f"s{speaker}-{session}-{take}"
                n_samples = round(seconds * 16000) + int(rng.integers(800))
                wav = rng.uniform(-0.5, 0.5, n_samples)
                wav *= rng.uniform(0.1, 1)
                wav[n_samples // 2 : n_samples // 2 + 700] *= 1e-3
                path = folder / f"{name}.wav"
                soundfile.write(path, wav, 16000)
                rows.append(
                    Utterance(
                        name,
                        n_samples / 16000,
                        str(path),
                        0,
                        n_samples,
                        f"s{speaker}",
                        str(session),
                        gender.strip(),
                    )
                )
    return rows


def paper_rows(genders="ffffmmmm", n_sessions=2, n_each=2):
    """The rows alone, of utterances of four seconds."""
    return [
        Utterance(
            f"s{speaker}-{session}-{take}",
            4.0,
            "absent.wav",
            0,
            64000,
            f"s{speaker}",
            str(session),
            gender.strip(),
        )
        for speaker, gender in enumerate(genders)
        for session in range(n_sessions)
        for take in range(n_each)
    ]
