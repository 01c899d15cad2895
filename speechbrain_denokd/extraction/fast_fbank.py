"""`FbankFrontEnd` of one whole recording, faster (``wav -> features``).

SpeechBrain's filterbank builds its filters anew at every call, which for a
recording of seconds costs as much as applying them.
"""

import copy

import torch
from torch import Tensor

from speechbrain_denokd.encoders.fbank import FbankFrontEnd


class FastFbank:
    """Mean-normalised log-mel features of one recording at a time.

    Arguments
    ---------
    front_end : FbankFrontEnd

    Example
    -------
    >>> front_end, wav = FbankFrontEnd(n_mels=24), torch.randn(8000)
    >>> expected, _ = front_end(wav[None], torch.tensor([8000]))
    >>> torch.allclose(FastFbank(front_end)(wav), expected[0], atol=1e-4)
    True
    """

    def __init__(self, front_end: FbankFrontEnd):
        self.stft = front_end.fbank.compute_STFT
        filters = copy.deepcopy(front_end.fbank.compute_fbanks)
        self.lowest = filters.amin
        self.range_db = filters.top_db
        # Without the logarithm it is linear: what it makes of unit spectra.
        filters.log_mel = False
        units = torch.eye(self.stft.n_fft // 2 + 1)
        self.filters = filters(units[None])[0]

    def __call__(self, wav: Tensor) -> Tensor:
        """Features of a recording.

        Arguments
        ---------
        wav : (S,) torch.Tensor of float32

        Returns
        -------
        (T, F) torch.Tensor
            As `FbankFrontEnd` gives them for the recording alone.
        """
        real, imaginary = self.stft(wav[None])[0].unbind(dim=-1)
        power = real.square().addcmul_(imaginary, imaginary)
        decibels = (power @ self.filters).clamp_(self.lowest).log10_().mul_(10)
        decibels.clamp_(decibels.max() - self.range_db)
        return decibels.sub_(decibels.mean(dim=0))
