"""Mel frames at the rate of a pre-trained model (``features -> frames``).

Source: the authors' code of K. Koo et al., "SSRFNet: Stage-wise SV-Mixer and
ReDimNet Fusion Network for Speaker Verification", 2026; its paper calls it a
convolutional layer.
Differs: the norm counts valid frames only, and the two streams meet through a
function that checks their lengths.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.wavlm import standardise

KERNEL = 5
STRIDE = 2
# torch.nn.InstanceNorm1d's default.
NORM_EPS = 1e-5


class SpectrogramStem(nn.Module):
    """A convolution of stride 2 and an instance norm over time.

    Frame ``t`` hears mel frames ``2 t`` to ``2 t + 4``. With a hop of 10 ms and
    `FbankFrontEnd`, its centre lies 7.5 ms behind that of frame ``t`` of
    wav2vec 2.0, HuBERT, WavLM and SV-Mixer.

    Arguments
    ---------
    n_mels : int
        Mel bins, ``F``.
    channels : int
        Channels of the output, ``C``.

    Example
    -------
    >>> stem = SpectrogramStem()
    >>> sum(p.numel() for p in stem.parameters())
    410624
    >>> frames, n_frames = stem(
    ...     torch.randn(2, 301, 80), torch.tensor([301, 151])
    ... )
    >>> frames.shape, n_frames.tolist()
    (torch.Size([2, 149, 1024]), [149, 74])
    """

    def __init__(self, n_mels: int = 80, channels: int = 1024):
        super().__init__()
        self.conv = nn.Conv1d(n_mels, channels, KERNEL, stride=STRIDE)

    @property
    def min_frames(self) -> int:
        """Mel frames of the shortest possible utterance."""
        return KERNEL

    def forward(
        self, features: Tensor, n_frames: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Halve the frame rate.

        Arguments
        ---------
        features : (B, T, F) torch.Tensor
            Mel frames; what lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid mel frames.

        Returns
        -------
        frames : (B, (T - 5) // 2 + 1, C) torch.Tensor
            Zero in the padding.
        n_frames : (B,) torch.Tensor of int64

        Raises
        ------
        ValueError
            If an utterance is too short for one frame.
        """
        exporting = torch.compiler.is_exporting()
        shortest = KERNEL if exporting else int(n_frames.min())
        if shortest < KERNEL:
            raise ValueError(
                f"an utterance of {shortest} mel frames is too short for the "
                f"spectrogram stem, which needs at least {KERNEL}; repeat or "
                "drop it"
            )
        # No padding: valid frames hear valid mel frames only.
        frames = self.conv(features.transpose(1, 2)).transpose(1, 2)
        n_frames = (n_frames - KERNEL) // STRIDE + 1
        return standardise(frames.float(), n_frames, NORM_EPS), n_frames


def align_streams(
    frames: Tensor,
    n_frames: Tensor,
    states: Sequence[Tensor],
    n_state_frames: Tensor,
) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """Make two streams of the same audio equally long.

    Of each utterance the longer stream loses its last frame, if they differ.

    Arguments
    ---------
    frames : (B, T, C) torch.Tensor
        Of the spectrogram.
    n_frames : (B,) torch.Tensor of int64
        Their valid frames.
    states : sequence of (B, T', C') torch.Tensor
        Of the pre-trained model.
    n_state_frames : (B,) torch.Tensor of int64
        Their valid frames.

    Returns
    -------
    frames : (B, T'', C) torch.Tensor
    states : tuple of (B, T'', C') torch.Tensor
    n_frames : (B,) torch.Tensor of int64
        Valid frames of both; ``T''`` is the largest.

    Raises
    ------
    ValueError
        If the streams of an utterance differ by more than one frame.

    Example
    -------
    >>> frames, (state,), n_frames = align_streams(
    ...     torch.zeros(2, 149, 4), torch.tensor([149, 90]),
    ...     [torch.zeros(2, 150, 8)], torch.tensor([150, 90]),
    ... )
    >>> frames.shape[1], state.shape[1], n_frames.tolist()
    (149, 149, [149, 90])
    """
    exporting = torch.compiler.is_exporting()
    apart = (n_frames - n_state_frames).abs() > 1
    if not exporting and bool(apart.any()):
        i = int(apart.nonzero()[0])
        raise ValueError(
            f"utterance {i} has {int(n_frames[i])} spectrogram frames, but "
            f"{int(n_state_frames[i])} of the pre-trained model; give both "
            "the same audio and the same frame rate (20 ms)"
        )
    n_frames = torch.minimum(n_frames, n_state_frames)
    if exporting:  # sizes may not depend on values
        length = torch.sym_min(frames.shape[1], states[0].shape[1])
    else:
        length = int(n_frames.max())
    return (
        frames[:, :length],
        tuple(state[:, :length] for state in states),
        n_frames,
    )
