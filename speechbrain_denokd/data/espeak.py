"""Text and a voice description in, clean synthetic speech out.

Drives libespeak-ng from the PyPI package ``espeakng-loader``, which only the
generator of the bundled corpus needs (extra ``[dev]``).
"""

import shutil
import subprocess
import sys
import tempfile
import threading
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

WORKER = Path(__file__).with_name("_espeak_worker.py")
SAMPLE_RATE_HZ = 16000


class Espeak:
    """Formant synthesiser whose voices are given as text; a context manager.

    espeak-ng reads voice variants from its data folder, so a private copy of
    that folder is made on entry and removed on exit.

    Raises
    ------
    ImportError
        On entry, if ``espeakng-loader`` is not installed.
    RuntimeError
        By `speak`, if espeak-ng refuses the voice.

    Example
    -------
    >>> import pytest
    >>> _ = pytest.importorskip("espeakng_loader")
    >>> with Espeak() as espeak:
    ...     low = espeak.speak("good morning", "en-us", "pitch 80 110", 160)
    ...     high = espeak.speak("good morning", "en-us", "pitch 180 240", 160)
    >>> bool(np.ptp(low) > 0.05), bool(np.array_equal(low, high))
    (True, False)
    """

    def __enter__(self):
        try:
            import espeakng_loader
        except ImportError as error:
            raise ImportError(
                "Making sample speech needs the package espeakng-loader, "
                "which is not installed: pip install espeakng-loader"
            ) from error
        self._library = espeakng_loader.get_library_path()
        self._folder = tempfile.TemporaryDirectory()
        data = Path(self._folder.name) / "espeak-ng-data"
        shutil.copytree(espeakng_loader.get_data_path(), data)
        # espeak-ng lists at most 350 voices: keep none but our own.
        self._variants = data / "voices" / "!v"
        shutil.rmtree(self._variants)
        self._variants.mkdir()
        return self

    def __exit__(self, *exc_info):
        self._folder.cleanup()

    def speak(
        self, text: str, language: str, variant: str, rate_wpm: int
    ) -> np.ndarray:
        """Speak a text; the result depends on the four arguments alone.

        Arguments
        ---------
        text : str
            What is said.
        language : str
            espeak-ng's name of a language or accent, such as "en-us".
        variant : str
            Lines of an espeak-ng voice-variant file (pitch, formants, ...).
        rate_wpm : int
            Words per minute.

        Returns
        -------
        (S,) numpy.ndarray of float32
            Samples at 16 kHz in [-1, 1].
        """
        # One file per thread: threads speak at the same time.
        name = f"voice{threading.get_ident()}"
        header = f"language variant\nname {name}\n"
        (self._variants / name).write_text(header + variant + "\n")
        arguments = [
            self._library,
            self._folder.name,
            f"{language}+{name}",
            str(rate_wpm),
        ]
        # -I -S: no site-packages, so that the process starts at once.
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(WORKER), *arguments],
            input=text.encode(),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"espeak-ng could not speak as {language}: "
                f"{done.stderr.decode().strip()}"
            )
        return _to_16_khz(done.stdout)


def _to_16_khz(message: bytes) -> np.ndarray:
    """Samples at 16 kHz from the worker's answer."""
    rate_hz = int(np.frombuffer(message[:4], np.int32)[0])
    samples = np.frombuffer(message[4:], np.int16) / 32768.0
    common = gcd(rate_hz, SAMPLE_RATE_HZ)
    resampled = resample_poly(
        samples, SAMPLE_RATE_HZ // common, rate_hz // common
    )
    return resampled.astype(np.float32)
