"""Other pre-trained models, and a transformer student (``wavs -> stages``).

`WavLM` loads whatever transformers' ``AutoModel`` finds, and wav2vec 2.0,
HuBERT and WavLM share their layers, masks and frames. This module says so,
refuses other kinds, and makes a model of theirs that starts from nothing.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import AutoConfig, HubertConfig

from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import (
    check_source,
    save_wavlm_config,
)

KINDS = ("hubert", "wav2vec2", "wavlm")


class SslModel(WavLM):
    """A wav2vec 2.0, HuBERT or WavLM: everything that `WavLM` promises.

    Arguments
    ---------
    source : str or Path
        Local folder, or a hub id such as ``facebook/hubert-base-ls960``.
    **kwargs
        Those of `WavLM`: ``save_path``, ``freeze``,
        ``freeze_feature_extractor``.

    Raises
    ------
    FileNotFoundError
        If ``source`` is a folder that does not exist or is not complete.
    ValueError
        If the model is of another kind.

    Example
    -------
    >>> import torch
    >>> from transformers import HubertConfig, HubertModel
    >>> config = HubertConfig(
    ...     hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
    ...     intermediate_size=32, conv_dim=[8] * 7,
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     HubertModel(config).save_pretrained(folder)
    ...     hubert = SslModel(save_wavlm_config(config, folder))
    >>> output = hubert(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> len(output.stages), output.stages[-1].shape, output.n_frames.tolist()
    (3, torch.Size([2, 49, 16]), [49, 24])
    """

    def __init__(self, source: str | Path, **kwargs):
        check_source(str(source), self.needs_weights)
        config = AutoConfig.from_pretrained(str(source))
        if config.model_type not in KINDS:
            raise ValueError(
                f"'{source}' holds a model of the kind {config.model_type!r}; "
                f"give one of the kinds {', '.join(KINDS)}"
            )
        super().__init__(source, **kwargs)


class TransformerStudent(SslModel):
    """The student that SV-Mixer is compared with, from random weights.

    wav2vec 2.0's front end and HuBERT's transformer layers at SV-Mixer's
    width: 8.40 M parameters a layer where a mixer block has 3.75 M.

    Arguments
    ---------
    n_layers : int
        Transformer layers.
    hidden_dim : int
        Channels of each layer.
    n_heads : int
        Attention heads.
    ff_dim : int
        Hidden units of the feed-forward parts.
    conv_dim : int
        Channels of the front end.
    dropout : float
        In the projection, the attention and the layers.

    Example
    -------
    >>> import torch
    >>> student = TransformerStudent(
    ...     n_layers=2, hidden_dim=16, n_heads=2, ff_dim=32, conv_dim=8
    ... )
    >>> output = student(torch.randn(1, 16000), torch.ones(1))
    >>> len(output.stages), output.stages[-1].requires_grad
    (3, True)
    """

    needs_weights = False

    def __init__(
        self,
        n_layers: int = 12,
        hidden_dim: int = 1024,
        n_heads: int = 16,
        ff_dim: int = 2048,
        conv_dim: int = 512,
        dropout: float = 0.1,
    ):
        config = HubertConfig(
            hidden_size=hidden_dim,
            num_hidden_layers=n_layers,
            num_attention_heads=n_heads,
            intermediate_size=ff_dim,
            conv_dim=[conv_dim] * 7,
            hidden_dropout=dropout,
            attention_dropout=dropout,
            activation_dropout=dropout,
            feat_proj_dropout=dropout,
            # No masking, so no embedding of masked frames without a gradient.
            mask_time_prob=0.0,
        )
        # SpeechBrain's wrapper reads configurations from a folder only.
        with TemporaryDirectory() as folder:
            super().__init__(save_wavlm_config(config, folder), freeze=False)

    def _from_pretrained(self, *args, **kwargs):
        """The hook in which SpeechBrain's wrapper would load weights."""
        self.model = self.auto_class.from_config(self.config)
