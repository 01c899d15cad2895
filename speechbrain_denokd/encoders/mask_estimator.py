"""One mask per speaker over a mixture's spectrogram (``levels -> masks``).

Source: the network and the softmax over speakers are those of utterance-level
permutation-invariant training, M. Kolbaek et al., "Multitalker speech
separation with utterance-level permutation invariant training of deep
recurrent neural networks", IEEE/ACM TASLP 2017, Sections III and IV: a
recurrent network hears the whole mixture before it says who is who.
Differs: small, with convolutions around one recurrent layer, which takes every
second frame; the masks are of filterbanks, not of a linear spectrum.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from speechbrain_denokd.encoders.masks import frame_mask

_STRIDE = 2  # frames that the recurrent layer takes at a time


class MaskEstimator(nn.Module):
    """Convolutions, a bidirectional LSTM at half the frame rate, a softmax.

    Arguments
    ---------
    n_bins : int
        Frequencies, ``F``.
    n_speakers : int
        Speakers in a mixture, ``K``.
    hidden_dim : int
        Channels of the convolutions and of either direction of the LSTM.

    Example
    -------
    >>> estimator = MaskEstimator(n_bins=24, n_speakers=2, hidden_dim=8)
    >>> masks = estimator(torch.randn(3, 51, 24), torch.tensor([51, 50, 7]))
    >>> masks.shape
    torch.Size([3, 2, 51, 24])
    >>> torch.allclose(masks.exp().sum(dim=1), torch.ones(3, 51, 24))
    True
    """

    def __init__(self, n_bins: int, n_speakers: int = 2, hidden_dim: int = 160):
        super().__init__()
        self.n_speakers = n_speakers
        self.input_norm = nn.BatchNorm1d(n_bins)
        self.conv = nn.Conv1d(n_bins, hidden_dim, 5, padding=2)
        self.conv_norm = nn.BatchNorm1d(hidden_dim)
        kernel = {"kernel_size": 2 * _STRIDE, "stride": _STRIDE}
        self.down = nn.Conv1d(hidden_dim, hidden_dim, padding=1, **kernel)
        self.down_norm = nn.BatchNorm1d(hidden_dim)
        self.lstm = nn.LSTM(
            hidden_dim, hidden_dim, batch_first=True, bidirectional=True
        )
        self.up = nn.ConvTranspose1d(
            2 * hidden_dim, hidden_dim, padding=1, **kernel
        )
        self.up_norm = nn.BatchNorm1d(hidden_dim)
        self.linear = nn.Linear(2 * hidden_dim, n_speakers * n_bins)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Masks of a padded batch.

        Arguments
        ---------
        features : (B, T, F) torch.Tensor
            Of the mixtures, with zero mean over time; what lies in the padding
            does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.

        Returns
        -------
        (B, K, T, F) torch.Tensor
            Logarithms of shares that sum to one over the speakers; in the
            padding they mean nothing.
        """
        length = features.shape[1]
        # To a whole number of strides: as padding, so it does not matter.
        x = F.pad(features.transpose(1, 2), (0, -length % _STRIDE))
        valid = frame_mask(n_frames, x.shape[2]).unsqueeze(1)
        n_steps = -(-n_frames // _STRIDE)
        x = self.input_norm(x.masked_fill(~valid, 0)) * valid
        fine = self.conv_norm(self.conv(x).relu()) * valid
        coarse = self.down_norm(self.down(fine).relu())
        coarse = self._recur(coarse.transpose(1, 2), n_steps)
        wide = self.up_norm(self.up(coarse.transpose(1, 2)).relu())
        x = torch.cat([wide, fine], dim=1).transpose(1, 2)[:, :length]
        scores = self.linear(x).unflatten(2, (self.n_speakers, -1))
        return scores.transpose(1, 2).log_softmax(dim=1)

    def _recur(self, steps: Tensor, n_steps: Tensor) -> Tensor:
        """The LSTM, whose backward direction begins where a mixture ends."""
        packed = pack_padded_sequence(
            steps, n_steps.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=steps.shape[1]
        )
        return outputs
