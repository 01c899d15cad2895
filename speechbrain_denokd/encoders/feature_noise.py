"""Gaussian noise on filterbanks, for a student in training.

Source: the code of K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and ReDimNet
Fusion Network for Speaker Verification", 2026; the paper mentions none.
Differs: filterbanks are in dB here, but natural logarithms of a power there,
so that its 0.001 to 0.01 are 10 / ln(10) times as much here.
"""

import torch
from torch import Tensor, nn


class FeatureNoise(nn.Module):
    """Adds white noise, of another level in each utterance.

    The value of ``feature_augment`` in a set-up, or of that option. Behind it,
    in one ``torch.nn.Sequential``, may stand a `SpecAugment`.

    Arguments
    ---------
    lowest, highest : float
        Between which the standard deviation is drawn, evenly; in dB. By
        default SSRFNet's.

    Raises
    ------
    ValueError
        If these are not 0 <= lowest <= highest.

    Example
    -------
    >>> features = torch.zeros(2, 300, 80)
    >>> noisy = FeatureNoise(0.5, 0.5)(features)
    >>> round(noisy.std().item(), 1), noisy.shape
    (0.5, torch.Size([2, 300, 80]))
    """

    def __init__(self, lowest: float = 0.0043, highest: float = 0.0434):
        super().__init__()
        if not 0 <= lowest <= highest:
            raise ValueError(
                f"lowest={lowest} and highest={highest} are no range of "
                "standard deviations; give 0 <= lowest <= highest"
            )
        self.lowest = lowest
        self.highest = highest

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, F) features with noise on all of them."""
        std = features.new_empty(len(features), 1, 1)
        std.uniform_(self.lowest, self.highest)
        return features + std * torch.randn_like(features)
