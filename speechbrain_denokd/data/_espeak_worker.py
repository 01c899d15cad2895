"""Speak one text with libespeak-ng: run as a program by ``espeak.py``.

espeak-ng keeps state from one call to the next (oscillator phases, flutter,
random numbers), and initialising it again does not clear it. One short-lived
process per text makes each utterance independent of those before it. Only the
standard library is imported, so that the process starts in milliseconds.

Usage: _espeak_worker.py LIBRARY DATA_PARENT VOICE WORDS_PER_MINUTE < TEXT
Writes the sample rate (4 bytes, native) and 16-bit samples to stdout.
"""

import ctypes
import struct
import sys

# Constants of espeak-ng's speak_lib.h.
SYNCHRONOUS_OUTPUT = 2
DONT_EXIT_ON_ERROR = 0x8000
RATE_PARAMETER = 1
VOLUME_PARAMETER = 2
VOLUME = 50  # of 200; the default of 100 clips loud voices
CHARACTERS = 1
UTF8_TEXT = 1

SAMPLES_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    ctypes.c_int,
    ctypes.c_void_p,
)


def main(library: str, data_parent: str, voice: str, rate: str) -> None:
    """Speak stdin and write samples to stdout."""
    espeak = ctypes.CDLL(library)
    chunks = []

    @SAMPLES_CALLBACK
    def collect(samples, n_samples, _events):
        if n_samples > 0:
            chunks.append(ctypes.string_at(samples, 2 * n_samples))
        return 0

    sample_rate = espeak.espeak_Initialize(
        SYNCHRONOUS_OUTPUT, 0, data_parent.encode(), DONT_EXIT_ON_ERROR
    )
    if sample_rate <= 0:
        sys.exit(f"espeak-ng found no data in {data_parent}")
    espeak.espeak_SetSynthCallback(collect)
    if espeak.espeak_SetVoiceByName(voice.encode()):
        sys.exit(f"espeak-ng has no voice {voice}")
    espeak.espeak_SetParameter(RATE_PARAMETER, int(rate), 0)
    espeak.espeak_SetParameter(VOLUME_PARAMETER, VOLUME, 0)
    espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
    text = sys.stdin.buffer.read() + b"\0"
    espeak.espeak_Synth(
        text, len(text), 0, CHARACTERS, 0, UTF8_TEXT, None, None
    )
    sys.stdout.buffer.write(struct.pack("=i", sample_rate))
    sys.stdout.buffer.write(b"".join(chunks))


if __name__ == "__main__":
    main(*sys.argv[1:])
