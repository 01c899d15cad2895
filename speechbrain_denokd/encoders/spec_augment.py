"""SpecAugment on filterbanks, for a student in training.

Source: D. Park et al., "SpecAugment", Interspeech 2019, without time warping,
by SpeechBrain's ``SpectrogramDrop``.
"""

from speechbrain.augment.freq_domain import SpectrogramDrop
from torch import Tensor, nn


class SpecAugment(nn.Module):
    """Sets stretches of frames and of mel bins to the mean.

    Filterbanks are mean-normalised, so that the mean is zero.

    Arguments
    ---------
    max_frames : int
        Longest stretch of frames that is dropped.
    max_mels : int
        Widest band of mel bins that is dropped.
    n_drops : int
        Stretches of either kind.

    Example
    -------
    >>> import torch
    >>> features = torch.ones(1, 50, 20)
    >>> dropped = SpecAugment(max_frames=10, max_mels=5)(features)
    >>> bool((dropped == 0).any()), features.sum().item()
    (True, 1000.0)
    """

    def __init__(
        self, max_frames: int = 20, max_mels: int = 10, n_drops: int = 1
    ):
        super().__init__()
        counts = {"drop_count_low": n_drops, "drop_count_high": n_drops}
        self.drops = nn.Sequential(
            SpectrogramDrop(
                drop_length_low=1, drop_length_high=max_frames, dim=1, **counts
            ),
            SpectrogramDrop(
                drop_length_low=1, drop_length_high=max_mels, dim=2, **counts
            ),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, F) features with some of them set to zero."""
        # SpectrogramDrop writes into its input.
        return self.drops(features.clone())
