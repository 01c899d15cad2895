"""What SpeechBrain's inference classes need to run an encoder of ours.

``EncoderClassifier`` calls ``compute_features``, ``mean_var_norm`` and
``embedding_model`` in turn. Our encoders take waveforms, so the first two hand
the audio on, and every encoder, whatever its front end, fits behind them.
"""

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput


class PassOn(nn.Module):
    """Returns its first argument: a normalisation that does nothing.

    Example
    -------
    >>> PassOn()(torch.tensor([1.0]), torch.tensor([1.0]))
    tensor([1.])
    """

    def forward(self, x: Tensor, lens: Tensor | None = None) -> Tensor:
        """``x`` as it is."""
        return x


class EmbeddingModel(nn.Module):
    """An encoder with the call of SpeechBrain's embedding models.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs (B, S), lens (B,)) -> EncoderOutput``.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    >>> encoder = WavEncoder(
    ...     FbankFrontEnd(n_mels=24),
    ...     EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ... )
    >>> EmbeddingModel(encoder)(torch.randn(2, 8000), torch.ones(2)).shape
    torch.Size([2, 1, 16])
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, wavs: Tensor, lens: Tensor | None = None) -> Tensor:
        """(B, 1, D) embeddings, SpeechBrain's layout.

        Raises
        ------
        ValueError
            If the encoder is one of several speakers.
        """
        output = self._output(wavs, lens)
        if isinstance(output, MultiIdentityOutput):
            raise ValueError(
                "this model gives one embedding for each of "
                f"{output.embeddings.shape[1]} speakers who talk at once; use "
                "SpeakerEmbedder.encode_overlapped, or a model of single "
                "speakers"
            )
        return output.embedding.unsqueeze(1)

    def identities(self, wavs: Tensor, lens: Tensor | None = None) -> Tensor:
        """(B, K, D) embeddings of speakers who talk at once.

        Raises
        ------
        ValueError
            If the encoder is one of single speakers.
        """
        output = self._output(wavs, lens)
        if not isinstance(output, MultiIdentityOutput):
            raise ValueError(
                "this model gives one embedding for a recording; use "
                "encode_file, or a model trained on mixtures (pages "
                "hparams/mirnet*.yaml)"
            )
        return output.embeddings

    def _output(self, wavs: Tensor, lens: Tensor | None):
        if lens is None:
            lens = torch.ones(len(wavs), device=wavs.device)
        return self.encoder(wavs, lens)


def load_strict(module: nn.Module, path: str):
    """Load weights and refuse any difference in the names.

    SpeechBrain's own transfer warns of missing keys and goes on with random
    weights. Used as a ``custom_hooks`` entry of its ``Pretrainer``.

    Arguments
    ---------
    module : torch.nn.Module
        Receives the weights.
    path : str
        File written by ``torch.save``; loaded without unpickling code.

    Raises
    ------
    ValueError
        If the file is damaged, or its keys or shapes are not the module's.

    Example
    -------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/embedding_model.ckpt"
    >>> torch.save(nn.Linear(2, 1).state_dict(), path)
    >>> load_strict(nn.Linear(2, 1), path)
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen unrelated types
        raise ValueError(
            f"{path} cannot be read as weights ({type(error).__name__}); it "
            "may be truncated: copy the model folder again"
        ) from error
    expected = module.state_dict()
    missing = sorted(set(expected) - set(weights))
    unexpected = sorted(set(weights) - set(expected))
    if missing or unexpected:
        raise ValueError(
            f"{path} does not fit {type(module).__name__}: {len(missing)} keys "
            f"missing (first: {missing[:1]}), {len(unexpected)} unexpected "
            f"(first: {unexpected[:1]}); load it with the hyperparams.yaml it "
            "was saved with"
        )
    wrong = [k for k in expected if expected[k].shape != weights[k].shape]
    if wrong:
        raise ValueError(
            f"{path} holds {wrong[0]} of shape {tuple(weights[wrong[0]].shape)}"
            f", but the module's is {tuple(expected[wrong[0]].shape)}; load it "
            "with the hyperparams.yaml it was saved with"
        )
    module.load_state_dict(weights)
