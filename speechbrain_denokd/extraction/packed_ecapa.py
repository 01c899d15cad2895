"""ECAPA-TDNN rewritten for extraction on a CPU (``wavs -> embeddings``).

The same function of the same weights (to 1e-5), computed in another way:

- the frames of all recordings stand below each other in one matrix, so that
  there is no padding; a gather mirrors each recording at its ends and lays
  out the taps of its convolutions, which makes them matrix products;
- the products come with bias and ReLU, on weights laid out once (oneDNN);
- batch norms are folded into the next layer where only that layer reads them;
- the pooling's attention multiplies mean and deviation, which are the same in
  all frames, once per recording instead of once per frame.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.extraction.fast_fbank import FastFbank

# oneDNN compiles a kernel for each number of rows, and keeps the last 1024.
_ROW_STEP = 32


class PackedEcapa:
    """Embeds recordings with the weights of an ECAPA-TDNN, without padding.

    A copy: what happens to the encoder later has no effect.

    Arguments
    ---------
    encoder : WavEncoder
        An `EcapaTdnn` behind an `FbankFrontEnd`, on the CPU.
    dtype : torch.dtype
        Of the matrix products: ``torch.float32``, or ``torch.bfloat16`` for
        twice the speed where the processor has it. Features, statistics and
        the last layer are float32 always.

    Raises
    ------
    ValueError
        If it is another encoder: see `is_packable`.

    Example
    -------
    >>> encoder = WavEncoder(
    ...     FbankFrontEnd(n_mels=24),
    ...     EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ... ).eval()
    >>> wavs = [np.random.randn(n).astype(np.float32) for n in (8000, 9000)]
    >>> found = PackedEcapa(encoder)(wavs)
    >>> alone = encoder(torch.from_numpy(wavs[0])[None], torch.ones(1))
    >>> np.allclose(found[0], alone.embedding[0].detach(), atol=1e-5)
    True
    """

    @torch.inference_mode()
    def __init__(self, encoder: WavEncoder, dtype: torch.dtype = torch.float32):
        if not is_packable(encoder):
            raise ValueError(
                f"{type(encoder).__name__} is no ECAPA-TDNN with ReLU behind a "
                "filterbank, on the CPU; use it as it is"
            )
        network = encoder.network
        self.features = FastFbank(encoder.front_end)
        self.min_frames = network.min_frames
        self.dtype = dtype
        self.first = _Convolution(network.blocks[0].conv, dtype)
        self.first_norm = [t.to(dtype) for t in _affine(network.blocks[0].norm)]
        self.blocks = [_Block(block, dtype) for block in network.blocks[1:]]
        self.aggregation = _Convolution(network.mfa.conv, dtype)
        self.pooling = _Pooling(network, dtype)

    @torch.inference_mode()
    def __call__(self, wavs: Sequence[np.ndarray]) -> np.ndarray:
        """Embed recordings.

        Arguments
        ---------
        wavs : sequence of (S,) numpy.ndarray of float32
            16 kHz.

        Returns
        -------
        (B, D) numpy.ndarray of float32
            NaN for a recording whose features are not finite.

        Raises
        ------
        ValueError
            If one is shorter than the network's context.
        """
        features = [self.features(torch.from_numpy(wav)) for wav in wavs]
        rows = _Rows([len(frames) for frames in features])
        if min(rows.sizes) < self.min_frames:
            raise ValueError(
                f"a recording gives {min(rows.sizes)} frames, but the network "
                f"needs at least {self.min_frames}; record more"
            )
        x = F.pad(torch.cat(features), (0, 0, 0, rows.n_spare)).to(self.dtype)
        x = self.first(x, rows, relu=True)
        scale, shift = self.first_norm
        x = torch.addcmul(shift, x, scale)
        stages = []
        for block in self.blocks:
            x = block(x, rows)
            stages.append(x)
        frames = self.aggregation(torch.cat(stages, dim=1), rows, relu=True)
        embeddings = self.pooling(frames, rows)
        # oneDNN's ReLU makes NaN zero, and the damage would not be seen.
        for row, part in zip(embeddings, features, strict=True):
            if not part.isfinite().all():
                row.fill_(torch.nan)
        return embeddings.numpy()


def is_packable(encoder: nn.Module) -> bool:
    """Whether `PackedEcapa` can compute what an encoder does.

    Arguments
    ---------
    encoder : torch.nn.Module

    Returns
    -------
    bool

    Example
    -------
    >>> is_packable(nn.Linear(1, 1))
    False
    """
    if not (
        isinstance(encoder, WavEncoder)
        and type(encoder.network) is EcapaTdnn
        and type(encoder.front_end) is FbankFrontEnd
    ):
        return False
    activations = [
        module.activation
        for module in encoder.network.modules()
        if hasattr(module, "activation")
    ]
    convolutions = [
        module
        for module in encoder.network.modules()
        if isinstance(module, nn.Conv1d)
    ]
    return (
        all(isinstance(activation, nn.ReLU) for activation in activations)
        and all(conv.groups == conv.stride[0] == 1 for conv in convolutions)
        and next(encoder.parameters()).device.type == "cpu"
    )


class _Rows:
    """Which rows of the matrix belong to which recording.

    After the last recording come ``n_spare`` rows of no meaning.
    """

    def __init__(self, sizes: Sequence[int]):
        self.sizes = list(sizes)
        self.n_frames = sum(sizes)
        self.n_spare = -self.n_frames % _ROW_STEP
        self._taps: dict[tuple[int, int], Tensor] = {}

    def split(self, x: Tensor) -> Sequence[Tensor]:
        """(n, C) frames of each recording."""
        return x[: self.n_frames].split(self.sizes)

    def taps(self, kernel: int, dilation: int) -> Tensor:
        """(rows * kernel,) row that each tap of a convolution reads."""
        if (kernel, dilation) not in self._taps:
            offsets = (torch.arange(kernel) - (kernel - 1) // 2) * dilation
            found, first = [], 0
            for size in self.sizes:
                row = (torch.arange(size)[:, None] + offsets).abs()
                mirrored = (size - 1) - (size - 1 - row).abs()
                found.append(mirrored.flatten() + first)
                first += size
            spare = torch.zeros(self.n_spare * kernel, dtype=torch.int64)
            self._taps[kernel, dilation] = torch.cat([*found, spare])
        return self._taps[kernel, dilation]


class _Product:
    """``relu(x @ weight.T + bias)`` on a weight that is laid out once."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype):
        self.weight = weight.to(dtype, copy=True).contiguous()
        self.bias = None if bias is None else bias.to(dtype, copy=True)
        self.onednn = _has_onednn(dtype)
        if self.onednn:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight)

    def __call__(self, x: Tensor, relu: bool) -> Tensor:
        if self.onednn:
            return torch.ops.mkldnn._linear_pointwise(
                x, self.weight, self.bias, "relu" if relu else "none", [], ""
            )
        y = F.linear(x, self.weight, self.bias)
        return y.relu_() if relu else y


def _has_onednn(dtype: torch.dtype) -> bool:
    """Whether PyTorch has the operators that its compiler would use."""
    if not torch.backends.mkldnn.is_available():
        return False
    operators = torch.ops.mkldnn
    if not (
        hasattr(operators, "_linear_pointwise")
        and hasattr(operators, "_reorder_linear_weight")
    ):
        return False
    return dtype == torch.float32 or operators._is_mkldnn_bf16_supported()


class _Convolution:
    """A convolution over frames whose input is ``scale * x + shift``."""

    def __init__(
        self,
        conv: nn.Module,
        dtype: torch.dtype,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
    ):
        weight, bias = conv.conv.weight, conv.conv.bias
        if shift is not None:
            bias = bias + torch.einsum("oik,i->o", weight, shift)
        if scale is not None:
            weight = weight * scale[None, :, None]
        self.kernel = conv.conv.kernel_size[0]
        self.dilation = conv.conv.dilation[0]
        # The columns of a tap lie side by side, as the gather lays them out.
        columns = weight.permute(0, 2, 1).flatten(1)
        self.product = _Product(columns, bias, dtype)

    def __call__(self, x: Tensor, rows: _Rows, relu: bool = False) -> Tensor:
        if self.kernel > 1:
            taps = rows.taps(self.kernel, self.dilation)
            x = x.index_select(0, taps).view(-1, self.kernel * x.shape[1])
        return self.product(x, relu)


class _Block:
    """SE-Res2Net block: its inner batch norms are folded or put off."""

    def __init__(self, block: nn.Module, dtype: torch.dtype):
        self.shortcut = None
        if block.shortcut is not None:
            self.shortcut = _Convolution(block.shortcut, dtype)
        self.widen = _Convolution(block.tdnn1.conv, dtype)
        self.n_chunks = block.res2net_block.scale
        scale, shift = _affine(block.tdnn1.norm)
        # scales, shifts: what the first chunk and each convolution still lack.
        self.chunk_scales = [t.to(dtype) for t in scale.chunk(self.n_chunks)]
        chunk_shifts = shift.chunk(self.n_chunks)
        scales, shifts = [scale.chunk(self.n_chunks)[0]], [chunk_shifts[0]]
        self.convs = []
        for i, tdnn in enumerate(block.res2net_block.blocks, start=1):
            missing = chunk_shifts[i] + (shifts[-1] if i > 1 else 0)
            self.convs.append(_Convolution(tdnn.conv, dtype, shift=missing))
            scale, shift = _affine(tdnn.norm)
            scales.append(scale)
            shifts.append(shift)
        self.scales = [t.to(dtype) for t in scales]
        self.narrow = _Convolution(
            block.tdnn2.conv, dtype, torch.cat(scales), torch.cat(shifts)
        )
        self.norm = _affine(block.tdnn2.norm)
        self.gate = copy.deepcopy(block.se_block)
        self.dtype = dtype

    def __call__(self, x: Tensor, rows: _Rows) -> Tensor:
        residual = x if self.shortcut is None else self.shortcut(x, rows)
        chunks = self.widen(x, rows, relu=True).chunk(self.n_chunks, dim=1)
        outputs = [chunks[0]]
        for i, conv in enumerate(self.convs, start=1):
            inputs = chunks[i] * self.chunk_scales[i]
            if i > 1:
                inputs.addcmul_(outputs[-1], self.scales[i - 1])
            outputs.append(conv(inputs, rows, relu=True))
        y = self.narrow(torch.cat(outputs, dim=1), rows, relu=True)
        return self._gated(y, residual, rows)

    def _gated(self, y: Tensor, residual: Tensor, rows: _Rows) -> Tensor:
        """Squeeze-and-excitation of the normalised ``y``, plus residual."""
        scale, shift = self.norm
        means = [
            frames.mean(0, dtype=torch.float32) for frames in rows.split(y)
        ]
        means = torch.addcmul(shift, torch.stack(means), scale)
        gate = self.gate.conv1.conv(means[:, :, None]).relu()
        gate = self.gate.conv2.conv(gate).sigmoid()[:, :, 0]
        scales = (gate * scale).to(self.dtype)
        shifts = (gate * shift).to(self.dtype)
        gated = residual.clone()
        for part, frames, a, b in zip(
            rows.split(gated), rows.split(y), scales, shifts, strict=True
        ):
            part.addcmul_(frames, a).add_(b)
        return gated


class _Pooling:
    """Attentive statistics of the aggregation's frames, and the last layer.

    ``frames`` come before their batch norm; their statistics go through it.
    """

    def __init__(self, network: EcapaTdnn, dtype: torch.dtype):
        pooling = network.asp
        self.eps = pooling.eps
        self.norm = scale, shift = _affine(network.mfa.norm)
        weight = pooling.tdnn.conv.conv.weight[:, :, 0]
        of_frames = weight[:, : len(scale)]
        self.attention = _Product(of_frames * scale, None, dtype)
        self.attention_bias = pooling.tdnn.conv.conv.bias + of_frames @ shift
        # (2 C, A) of mean and deviation; none without global context.
        self.of_context = weight[:, len(scale) :].t().clone()
        self.attention_norm = _affine(pooling.tdnn.norm)
        self.logits = _Convolution(pooling.conv, dtype)
        self.dtype = dtype
        scale, shift = _affine(network.asp_bn)
        weight = network.fc.conv.weight[:, :, 0]
        self.last = weight * scale, network.fc.conv.bias + weight @ shift

    def __call__(self, frames: Tensor, rows: _Rows) -> Tensor:
        """(B, D) float32 embeddings of (rows, C) frames."""
        hidden = self.attention(frames, relu=False).float()
        attended = []
        for part, own in zip(
            rows.split(frames), rows.split(hidden), strict=True
        ):
            attended.append(own + self._context(part.float()))
        hidden = torch.cat([*attended, hidden[rows.n_frames :]]).relu_()
        scale, shift = self.attention_norm
        hidden = torch.addcmul(shift, hidden, scale).tanh_().to(self.dtype)
        logits = self.logits(hidden, rows)
        pooled = [
            self._statistics(part.float(), own.float().softmax(dim=0))
            for part, own in zip(
                rows.split(frames), rows.split(logits), strict=True
            )
        ]
        return F.linear(torch.stack(pooled), *self.last)

    def _context(self, frames: Tensor) -> Tensor:
        """(A,) what mean and deviation add to each frame's attention."""
        if not len(self.of_context):
            return self.attention_bias
        return self._statistics(frames) @ self.of_context + self.attention_bias

    def _statistics(
        self, frames: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """(2 C,) mean and deviation of the normalised frames."""
        if weights is None:
            mean = frames.mean(dim=0)
            variance = (frames - mean).square_().mean(dim=0)
        else:
            mean = (frames * weights).sum(dim=0)
            variance = (frames - mean).square_().mul_(weights).sum(dim=0)
        scale, shift = self.norm
        deviation = (scale.square() * variance).clamp(self.eps).sqrt()
        return torch.cat([scale * mean + shift, deviation])


def _affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """(C,) scale and (C,) shift of a batch norm in eval mode."""
    norm = norm.norm
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale
