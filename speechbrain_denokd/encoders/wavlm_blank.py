"""WavLM of given sizes, its weights from elsewhere (``wavs -> stages``).

A model folder stores the weights of everything it holds; its YAML need not
name a source of others. A WavLM to be fine-tuned is therefore built from its
sizes alone, and filled before training starts (`start_from_ptm`).
"""

from tempfile import TemporaryDirectory

from transformers import WavLMConfig

from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import save_wavlm_config


class BlankWavLM(WavLM):
    """A `WavLM` with random weights: to be trained, or to be filled.

    Arguments
    ---------
    config : transformers.WavLMConfig
        Architecture.
    freeze : bool
        Keep weights and evaluation mode, whatever ``train()`` says.
    normalise : bool
        Whether the model expects zero-mean, unit-variance waveforms: WavLM-
        large does, base and base+ do not.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.encoders.wavlm_folder import (
    ...     wavlm_large_config,
    ... )
    >>> wavlm = BlankWavLM(
    ...     wavlm_large_config(
    ...         hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...         intermediate_size=32, conv_dim=[8] * 7,
    ...     )
    ... )
    >>> output = wavlm(torch.randn(1, 16000), torch.ones(1))
    >>> len(output.stages), output.stages[-1].requires_grad
    (3, True)
    """

    needs_weights = False

    def __init__(
        self, config: WavLMConfig, freeze: bool = False, normalise: bool = True
    ):
        # SpeechBrain's wrapper reads configurations from a folder only.
        with TemporaryDirectory() as folder:
            super().__init__(
                save_wavlm_config(config, folder, normalise), freeze=freeze
            )

    def override_config(self, config):
        """No masking, so no embedding of masked frames without a gradient.

        Arguments
        ---------
        config : transformers.WavLMConfig

        Returns
        -------
        transformers.WavLMConfig

        Example
        -------
        >>> BlankWavLM.override_config.__name__
        'override_config'
        """
        config.mask_time_prob = config.mask_feature_prob = 0.0
        return super().override_config(config)

    def _from_pretrained(self, *args, **kwargs):
        """The hook in which SpeechBrain's wrapper would load weights."""
        self.model = self.auto_class.from_config(self.config)
