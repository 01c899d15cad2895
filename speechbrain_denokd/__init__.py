"""Compact speaker verification on SpeechBrain: distil, fuse, separate, verify.

The flow::

    wav -> manifest row -> sig (B, S), lens (B)
        -> student(wavs, lens) -> EncoderOutput(stages, frames, embedding)
        -> teacher(wavs, lens) -> the same, frozen
    student, teacher -> Distiller -> {name: scalar} + speaker loss -> step
    embedding -> cosine -> scores -> EER, minDCF, DET
"""

__version__ = "0.1.0"
