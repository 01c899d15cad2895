"""Layers of SpeechBrain that no exporter can read, and what replaces them.

The arrow ``encoder -> encoder that can be exported``: same weights, same
answers. Two things stand in the way: SpeechBrain's masks fix the batch size of
a graph (they take ``len`` of a tensor), and ONNX's STFT, in onnxruntime, is
slower than a convolution and ten times less exact at 400 points.
"""

import copy

import torch
import torch.nn.functional as F
from speechbrain.lobes.models.ECAPA_TDNN import (
    AttentiveStatisticsPooling,
    SEBlock,
)
from speechbrain.processing.features import STFT
from torch import Tensor, nn


def exportable(encoder: nn.Module) -> nn.Module:
    """A copy of an encoder in which layers that cannot be exported are others.

    Arguments
    ---------
    encoder : torch.nn.Module
        Left as it is.

    Returns
    -------
    torch.nn.Module
        On the CPU, in eval mode, without gradients.

    Example
    -------
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> front_end = FbankFrontEnd(n_mels=24)
    >>> type(exportable(front_end).fbank.compute_STFT).__name__
    'DftConvolution'
    >>> type(front_end.fbank.compute_STFT).__name__
    'STFT'
    """
    encoder = copy.deepcopy(encoder).cpu().eval().requires_grad_(False)
    for parent in list(encoder.modules()):
        for name, child in list(parent.named_children()):
            swap = _SWAPS.get(type(child))
            if swap is not None:
                setattr(parent, name, swap(child))
    return encoder


class DftConvolution(nn.Module):
    """SpeechBrain's short-time Fourier transform as one convolution.

    Arguments
    ---------
    stft : speechbrain.processing.features.STFT
        Centred, padded with zeros, one-sided: as in SpeechBrain's ``Fbank``.

    Example
    -------
    >>> stft = STFT(sample_rate=16000, n_fft=400)
    >>> wavs = torch.randn(2, 1600)
    >>> torch.allclose(DftConvolution(stft)(wavs), stft(wavs), atol=1e-4)
    True
    """

    def __init__(self, stft: STFT):
        super().__init__()
        n_fft = stft.n_fft
        # What the transform makes of each unit impulse is its matrix.
        spectra = torch.stft(
            torch.eye(n_fft, dtype=torch.float64),
            n_fft,
            stft.hop_length,
            stft.win_length,
            stft.window.double(),
            center=False,
            return_complex=True,
        ).squeeze(-1)
        basis = torch.cat([spectra.real, spectra.imag], dim=1).T
        self.register_buffer("basis", basis.float().unsqueeze(1).contiguous())
        self.hop_samples = stft.hop_length
        self.pad = n_fft // 2

    def forward(self, wavs: Tensor) -> Tensor:
        """(B, S) -> (B, T, n_fft // 2 + 1, 2), real and imaginary parts."""
        spectra = F.conv1d(
            wavs.unsqueeze(1),
            self.basis,
            stride=self.hop_samples,
            padding=self.pad,
        )
        return spectra.unflatten(1, (2, -1)).permute(0, 3, 2, 1)


class MaskedExcitation(nn.Module):
    """SpeechBrain's squeeze-and-excitation with a mask for any batch size.

    Arguments
    ---------
    block : speechbrain.lobes.models.ECAPA_TDNN.SEBlock
        Gives its layers.

    Example
    -------
    >>> block = SEBlock(4, 2, 4)
    >>> x, lengths = torch.randn(2, 4, 6), torch.tensor([1.0, 0.5])
    >>> torch.allclose(MaskedExcitation(block)(x, lengths), block(x, lengths))
    True
    """

    def __init__(self, block: SEBlock):
        super().__init__()
        self.conv1 = block.conv1
        self.conv2 = block.conv2

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, C, T), (B,) relative lengths -> (B, C, T)."""
        mask = _mask(x, lengths).to(x.dtype)
        mean = (x * mask).sum(2, keepdim=True) / mask.sum(2, keepdim=True)
        return x * self.conv2(self.conv1(mean).relu()).sigmoid()


class MaskedStatistics(nn.Module):
    """SpeechBrain's attentive pooling with a mask for any batch size.

    Arguments
    ---------
    pooling : AttentiveStatisticsPooling
        Of ``speechbrain.lobes.models.ECAPA_TDNN``; gives its layers.

    Example
    -------
    >>> pooling = AttentiveStatisticsPooling(4, attention_channels=3).eval()
    >>> x, lengths = torch.randn(2, 4, 6), torch.tensor([1.0, 0.5])
    >>> other = MaskedStatistics(pooling).eval()
    >>> torch.allclose(other(x, lengths), pooling(x, lengths), atol=1e-6)
    True
    """

    def __init__(self, pooling: AttentiveStatisticsPooling):
        super().__init__()
        self.tdnn = pooling.tdnn
        self.conv = pooling.conv
        self.eps = pooling.eps
        self.global_context = pooling.global_context

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, C, T), (B,) relative lengths -> (B, 2 C, 1)."""
        mask = _mask(x, lengths)
        seen = x
        if self.global_context:
            even = mask / mask.sum(2, keepdim=True)
            context = self._statistics(x, even).expand(-1, -1, x.shape[2])
            seen = torch.cat([x, context], dim=1)
        scores = self.conv(self.tdnn(seen).tanh())
        share = scores.masked_fill(~mask, -torch.inf).softmax(dim=2)
        return self._statistics(x, share)

    def _statistics(self, x: Tensor, share: Tensor) -> Tensor:
        """Mean and standard deviation, (B, 2 C, 1)."""
        mean = (share * x).sum(2, keepdim=True)
        variance = (share * (x - mean).pow(2)).sum(2, keepdim=True)
        return torch.cat([mean, variance.clamp(self.eps).sqrt()], dim=1)


def _mask(x: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, 1, T) bool, as SpeechBrain's ``length_to_mask`` draws it."""
    steps = torch.arange(x.shape[2], device=x.device)
    if lengths is None:
        lengths = x.new_ones(x.shape[0])
    return (steps[None, :] < (lengths * x.shape[2])[:, None]).unsqueeze(1)


_SWAPS = {
    AttentiveStatisticsPooling: MaskedStatistics,
    SEBlock: MaskedExcitation,
    STFT: DftConvolution,
}
