"""A trained model in use: ``wav -> embedding -> score, decision``.

The modules that SpeechBrain's own inference classes need are here too, under
the names that model folders give them.
"""

from speechbrain_denokd.inference.embedder import SpeakerEmbedder, Verification
from speechbrain_denokd.inference.gallery import Gallery, Match
from speechbrain_denokd.inference.modules import (
    EmbeddingModel,
    PassOn,
    load_strict,
)

__all__ = [
    "EmbeddingModel",
    "Gallery",
    "Match",
    "PassOn",
    "SpeakerEmbedder",
    "Verification",
    "load_strict",
]
