"""WavLM without weights, for a checkpoint that brings all of them.

Sits before the arrow ``wavs -> WavLM``. A fine-tuned checkpoint replaces every
tensor, so the pre-trained weights need no download (1.2 GB for WavLM-large)
and random ones need not be drawn.
"""

from tempfile import TemporaryDirectory

import torch
from transformers import WavLMConfig

from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import save_wavlm_config


class UnfilledWavLM(WavLM):
    """A frozen `WavLM` whose weights are memory as it was found.

    Load a whole state dict into ``model``, strictly, before it is used.

    Arguments
    ---------
    config : transformers.WavLMConfig
        Architecture.
    normalise : bool
        Whether the model expects zero-mean, unit-variance waveforms: WavLM-
        large does, base and base+ do not.

    Example
    -------
    >>> from speechbrain_denokd.encoders.wavlm_folder import (
    ...     wavlm_large_config,
    ... )
    >>> wavlm = UnfilledWavLM(
    ...     wavlm_large_config(
    ...         hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...         intermediate_size=32, conv_dim=[8] * 7,
    ...     )
    ... )
    >>> wavlm.n_stages, wavlm.hidden_dim, wavlm.frame_hop_ms
    (3, 16, 20.0)
    """

    needs_weights = False

    def __init__(self, config: WavLMConfig, normalise: bool = True):
        # SpeechBrain's wrapper reads configurations from a folder only.
        with TemporaryDirectory() as folder:
            super().__init__(save_wavlm_config(config, folder, normalise))

    def _from_pretrained(self, *args, **kwargs):
        """The hook in which SpeechBrain's wrapper would load weights."""
        with torch.device("meta"):
            self.model = self.auto_class.from_config(self.config)
        self.model.to_empty(device="cpu")
