"""SV-Mixer: waveforms in, every block's output and the valid frames out.

A compressed pre-trained model without attention; it can stand where a `WavLM`
stands.
Source: J. Heo et al., "SV-Mixer: Replacing the Transformer Encoder with
Lightweight MLPs for Self-Supervised Model Compression in Speaker
Verification", ASRU 2025, in the sizes of K. Koo et al., "SSRFNet", 2026.
Differs: the paper's network takes recordings of 3 s only. Here a
``length_policy`` says what happens to others:

``fixed``
    They are refused.
``windows``
    Windows of the paper's length, half overlapping, each heard alone; frames
    in several windows are averaged, shorter recordings are repeated. What the
    network computes is what it was trained for, and memory is bounded.
``interpolate``
    The weights over time are stretched to each recording (`TimeAxis`). One
    pass, a context of the whole recording, and weights used at another rate
    than they were trained for.

For a recording of the paper's length all three are the same.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.frame_windows import FrameWindows, Stitcher
from speechbrain_denokd.encoders.masks import valid_samples
from speechbrain_denokd.encoders.output import HiddenStates
from speechbrain_denokd.encoders.sv_mixer_blocks import (
    MixerBlock,
    TimeAxis,
    time_axis,
)
from speechbrain_denokd.encoders.waveform_conv import WaveformConv

LENGTH_POLICIES = ("fixed", "windows", "interpolate")
# Windows in memory at once when no gradient needs them all: about 1 GB.
WINDOWS_AT_ONCE = 16


class SvMixer(nn.Module):
    """Convolutional front end and mixer blocks.

    Arguments
    ---------
    front_end : WaveformConv
        Its ``hidden_dim`` is the width of the blocks.
    n_layers : int
        Blocks, ``L``.
    n_tokens : int
        Frames that token mixing takes; 149 are 3 s.
    n_groups : int
        Groups of channel mixing.
    dropout : float
        Of the front end's output and of the blocks, but not behind the last.
    length_policy : str
        ``fixed``, ``windows`` or ``interpolate``, as above.

    Raises
    ------
    ValueError
        If there is no such policy.

    Example
    -------
    >>> with torch.device("meta"):
    ...     mixer = SvMixer(WaveformConv(hidden_dim=1024))
    >>> sum(p.numel() for p in mixer.parameters())
    49680460
    >>> mixer = SvMixer(
    ...     WaveformConv(hidden_dim=16, conv_dim=8), n_layers=2, n_tokens=9
    ... )
    >>> output = mixer(torch.randn(2, 16000), torch.tensor([1.0, 0.1]))
    >>> len(output.stages), output.stages[-1].shape, output.n_frames.tolist()
    (3, torch.Size([2, 49, 16]), [49, 4])
    """

    def __init__(
        self,
        front_end: WaveformConv,
        n_layers: int = 12,
        n_tokens: int = 149,
        n_groups: int = 8,
        dropout: float = 0.1,
        length_policy: str = "windows",
    ):
        super().__init__()
        if length_policy not in LENGTH_POLICIES:
            raise ValueError(
                f"length_policy is {length_policy!r}; choose one of "
                f"{', '.join(LENGTH_POLICIES)}"
            )
        self.front_end = front_end
        self.n_tokens = n_tokens
        self.length_policy = length_policy
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            MixerBlock(
                front_end.hidden_dim,
                n_tokens,
                n_groups,
                dropout,
                # The last block's output is what a student is compared by.
                channel_dropout=dropout if i < n_layers - 1 else 0.0,
            )
            for i in range(n_layers)
        )
        self.norm = nn.LayerNorm(front_end.hidden_dim)

    @property
    def n_stages(self) -> int:
        """Tensors in ``stages``: blocks + 1."""
        return len(self.layers) + 1

    @property
    def hidden_dim(self) -> int:
        """Channels of each stage, ``C``."""
        return self.front_end.hidden_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames."""
        return self.front_end.hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.front_end.first_frame_ms

    @property
    def min_samples(self) -> int:
        """Samples of the shortest possible utterance."""
        if self.length_policy == "fixed":
            return self._samples_of(self.n_tokens)
        # Channel mixing averages pairs of frames.
        return self._samples_of(1 if self.length_policy == "windows" else 2)

    def _samples_of(self, n_frames: int) -> int:
        hop = self.front_end.hop_samples
        return self.front_end.min_samples + (n_frames - 1) * hop

    @property
    def window_samples(self) -> int:
        """Samples of the longest utterance that has ``n_tokens`` frames."""
        return self._samples_of(self.n_tokens + 1) - 1

    def count_frames(self, n_samples: Tensor) -> Tensor:
        """Frames made of a number of samples, as `WaveformConv` counts."""
        return self.front_end.count_frames(n_samples)

    def forward(self, wavs: Tensor, lens: Tensor) -> HiddenStates:
        """Every block's output for every utterance.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms; what lies in the padding does not matter.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        HiddenStates
            ``stages``: the input of the first block, then the output of each
            block, the last one after a layer norm. Their length ``T`` is the
            longest utterance's.

        Raises
        ------
        ValueError
            If an utterance is shorter than ``min_samples``, or has not
            ``n_tokens`` frames although ``length_policy`` is ``fixed``.
        """
        n_samples = valid_samples(lens, wavs.shape[1])
        if torch.compiler.is_exporting():
            return self._for_export(wavs, n_samples)
        self._check_lengths(n_samples)
        wavs = wavs[:, : int(n_samples.max())]
        n_frames = self.count_frames(n_samples)
        if bool((n_frames == self.n_tokens).all()):
            stages = self._encode(wavs, n_samples)
        elif self.length_policy == "windows":
            stages = self._encode_windows(wavs, n_samples)
        else:
            axis = time_axis(n_frames, int(n_frames.max()), self.n_tokens)
            stages = self._encode(wavs, n_samples, axis)
        return HiddenStates(stages, n_frames)

    def _for_export(self, wavs: Tensor, n_samples: Tensor) -> HiddenStates:
        """As a graph: no checks, and one path for all batches."""
        if self.length_policy != "interpolate":
            raise ValueError(
                f"length_policy={self.length_policy!r} makes as many windows "
                "as a recording is long, which no graph can; train with "
                "'interpolate'"
            )
        n_frames = self.count_frames(n_samples)
        length = self.count_frames(wavs.shape[1])
        axis = time_axis(n_frames, length, self.n_tokens)
        return HiddenStates(self._encode(wavs, n_samples, axis), n_frames)

    def _check_lengths(self, n_samples: Tensor) -> None:
        shortest, longest = int(n_samples.min()), int(n_samples.max())
        if self.length_policy == "fixed":
            low, high = self.min_samples, self.window_samples
            wrong = shortest if shortest < low else longest
            if not low <= wrong <= high:
                raise ValueError(
                    f"an utterance of {wrong} samples, but with "
                    f"length_policy='fixed' SV-Mixer takes {low} to {high} "
                    f"({self.n_tokens} frames); cut it to that length, or "
                    "choose length_policy='windows' or 'interpolate'"
                )
        elif shortest < self.min_samples:
            raise ValueError(
                f"an utterance of {shortest} samples is too short for "
                f"SV-Mixer, which needs at least {self.min_samples}; repeat "
                "or drop it"
            )

    def _encode(
        self, wavs: Tensor, n_samples: Tensor, axis: TimeAxis | None = None
    ) -> tuple[Tensor, ...]:
        frames, _ = self.front_end(wavs, n_samples)
        x = self.dropout(frames)
        stages = [x]
        for layer in self.layers:
            x = layer(x, axis)
            stages.append(x)
        return (*stages[:-1], self.norm(x))

    def _encode_windows(
        self, wavs: Tensor, n_samples: Tensor
    ) -> Sequence[Tensor]:
        """Each window alone, a few at a time unless a gradient needs all."""
        n_frames = self.count_frames(n_samples)
        windows = FrameWindows(n_frames, self.n_tokens)
        pieces, lengths = windows.cut(
            wavs, n_samples, self.front_end.hop_samples, self.window_samples
        )
        stitchers = [
            Stitcher(windows, int(n_frames.max())) for _ in range(self.n_stages)
        ]
        n_windows = len(pieces)
        step = n_windows if torch.is_grad_enabled() else WINDOWS_AT_ONCE
        for first in range(0, n_windows, step):
            which = slice(first, first + step)
            stages = self._encode(pieces[which], lengths[which])
            for stitcher, stage in zip(stitchers, stages, strict=True):
                stitcher.add(which, stage)
        return tuple(stitcher.frames() for stitcher in stitchers)
