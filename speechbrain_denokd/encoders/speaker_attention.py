"""MIRNet's spectral attention (``shared frames -> frames per speaker``).

==================  =====================================================
variable            paper symbol
==================  =====================================================
``frames``          V_1, with K times D channels
``views[:, k]``     V_k
``attention``       W_k
``spectra``         Z_k
==================  =====================================================

Source: H. Han et al., "MIRNet: Learning multiple identities representations
in overlapped speech", Interspeech 2020, Section 3.2 and Table 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Negative slope of the network's leaky ReLU, Table 1.
SLOPE = 0.2
_ATTEND_TO = ("v1", "vk")


def speaker_views(frames: Tensor, n_speakers: int) -> Tensor:
    """Each speaker's block of channels in turn moved to the front.

    Equation (2) for two speakers; the blocks go round for more.

    Arguments
    ---------
    frames : (B, T, K * D) torch.Tensor
        ``V_1``.
    n_speakers : int
        ``K``.

    Returns
    -------
    (B, K, T, K * D) torch.Tensor
        ``V_1`` to ``V_K``.

    Example
    -------
    >>> speaker_views(torch.tensor([[[1, 2, 3, 4]]]), n_speakers=2).tolist()
    [[[[1, 2, 3, 4]], [[3, 4, 1, 2]]]]
    """
    block = frames.shape[2] // n_speakers
    return torch.stack(
        [frames.roll(-k * block, dims=2) for k in range(n_speakers)], dim=1
    )


class SpeakerAttention(nn.Module):
    """A gate per speaker and frame, then a linear map to a spectrum.

    All speakers share the attention and the map. With ``attend_to="v1"``
    every gate multiplies the same frames: before the map's bias, the spectra
    of two speakers differ in nothing but a gain per frame. With ``"vk"`` each
    gate multiplies the view it was computed from: turning the blocks of
    ``V_1`` round turns the outputs round, exactly.

    Arguments
    ---------
    n_bins : int
        Frequencies of a spectrum, and channels of a speaker's block, ``D``.
    n_speakers : int
        Speakers in a mixture, ``K``.
    attend_to : str
        "v1", as the paper has it, or "vk".
    hidden_dim : int
        Width of the attention.

    Raises
    ------
    ValueError
        If ``attend_to`` is neither.

    Example
    -------
    >>> attention = SpeakerAttention()
    >>> sum(p.numel() for p in attention.scores.parameters())
    33025
    >>> sum(p.numel() for p in attention.linear.parameters())
    132355
    >>> spectra, gates = attention(torch.randn(1, 20, 514))
    >>> spectra.shape, gates.shape
    (torch.Size([1, 2, 20, 257]), torch.Size([1, 2, 20]))
    """

    def __init__(
        self,
        n_bins: int = 257,
        n_speakers: int = 2,
        attend_to: str = "v1",
        hidden_dim: int = 64,
    ):
        super().__init__()
        if attend_to not in _ATTEND_TO:
            raise ValueError(
                f"attend_to={attend_to!r} is not known; use one of {_ATTEND_TO}"
            )
        self.n_speakers = n_speakers
        self.attend_to = attend_to
        self.scores = nn.Sequential(
            nn.Linear(n_speakers * n_bins, hidden_dim),
            nn.Tanh(),
            nn.Linear(hidden_dim, 1),
        )
        self.linear = nn.Linear(n_speakers * n_bins, n_bins)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Split shared frames into one spectrum per speaker.

        Arguments
        ---------
        frames : (B, T, K * D) torch.Tensor

        Returns
        -------
        spectra : (B, K, T, D) torch.Tensor
        attention : (B, K, T) torch.Tensor
            Between 0 and 1.
        """
        views = speaker_views(frames, self.n_speakers)
        attention = self.scores(views).sigmoid()
        heard = views if self.attend_to == "vk" else frames.unsqueeze(1)
        spectra = F.leaky_relu(self.linear(attention * heard), SLOPE)
        return spectra, attention.squeeze(3)
