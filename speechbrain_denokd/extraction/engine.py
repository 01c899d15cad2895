"""From an encoder to the fastest function of the same embeddings.

Everything behind it takes ``wavs -> embeddings`` as a plain function: a list
of waveforms in, one row each out. An exported graph fits as well.
"""

import threading
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from speechbrain_denokd.extraction.packed_ecapa import PackedEcapa, is_packable
from speechbrain_denokd.extraction.recording import Embed

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def embedding_function(
    encoder: nn.Module, device: str = "cpu", precision: str = "fp32"
) -> Embed:
    """The function that extraction calls, from several threads at once.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``; put in eval mode.
    device : str
        Where the encoder is.
    precision : str
        ``fp32``, or ``bf16`` for mixed precision.

    Returns
    -------
    callable
        ``[(S,) numpy.ndarray, ...] -> (B, D) numpy.ndarray of float32``;
        raises ``ValueError`` for recordings shorter than the network's
        context.

    Raises
    ------
    ValueError
        If there is no such precision.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    >>> encoder = WavEncoder(
    ...     FbankFrontEnd(n_mels=24),
    ...     EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ... )
    >>> embed = embedding_function(encoder)
    >>> embed([np.ones(8000, np.float32), np.ones(9000, np.float32)]).shape
    (2, 16)
    """
    dtype = dtype_of(precision)
    encoder.eval()
    if is_packable(encoder):
        return PackedEcapa(encoder, dtype)
    return PaddedBatches(encoder, device, dtype)


def dtype_of(precision: str) -> torch.dtype:
    """What a precision computes in.

    Arguments
    ---------
    precision : str
        ``fp32`` or ``bf16``.

    Returns
    -------
    torch.dtype

    Raises
    ------
    ValueError
        If there is no such precision.

    Example
    -------
    >>> dtype_of("bf16")
    torch.bfloat16
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"no precision {precision!r}; use {' or '.join(PRECISIONS)}"
        )
    return PRECISIONS[precision]


class PaddedBatches:
    """Any encoder, on padded batches.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``, in eval mode.
    device : str
        Where it is.
    dtype : torch.dtype
        ``torch.float32``, or what autocast computes in.

    Example
    -------
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> class Mean(nn.Module):
    ...     def forward(self, wavs, lens):
    ...         mean = wavs.mean(dim=1, keepdim=True)
    ...         return EncoderOutput((), None, mean, None)
    >>> embed = PaddedBatches(Mean())
    >>> embed([np.ones(4, np.float32), np.ones(1, np.float32)]).tolist()
    [[1.0], [0.25]]
    """

    def __init__(
        self,
        encoder: nn.Module,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.encoder = encoder
        self.device = torch.device(device)
        self.dtype = dtype
        # A GPU holds one batch at a time; others are being read meanwhile.
        self._turn = threading.Lock()

    @torch.inference_mode()
    def __call__(self, wavs: Sequence[np.ndarray]) -> np.ndarray:
        """(B, D) float32 embeddings of waveforms."""
        lengths = torch.tensor([len(wav) for wav in wavs])
        batch = pad_sequence(
            [torch.from_numpy(wav) for wav in wavs], batch_first=True
        )
        lens = lengths / lengths.max()
        if self.device.type == "cpu":
            return self._encode(batch, lens)
        with self._turn:
            return self._encode(batch, lens)

    def _encode(self, wavs: torch.Tensor, lens: torch.Tensor) -> np.ndarray:
        with torch.autocast(
            self.device.type, self.dtype, enabled=self.dtype != torch.float32
        ):
            output = self.encoder(wavs.to(self.device), lens.to(self.device))
        return output.embedding.float().cpu().numpy()
