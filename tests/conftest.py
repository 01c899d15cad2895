"""What every test module needs."""

from speechbrain.utils.importutils import LazyModule

# Hypothesis asks every imported module for its __file__, at which SpeechBrain's
# lazy modules import optional packages and fail (speechbrain issue 2995).
LazyModule.__file__ = None
