"""SpeechBrain's ECAPA-TDNN with its taps returned and padding invisible.

Source: B. Desplanques et al., "ECAPA-TDNN: Emphasized Channel Attention,
Propagation and Aggregation in TDNN Based Speaker Verification", Interspeech
2020, as implemented by ``speechbrain.lobes.models.ECAPA_TDNN``; the state dict
is the same, so weights can be exchanged in both directions.
Differs: SpeechBrain's convolutions reflect at the end of the *batch*, so that
an utterance padded with zeros has another embedding than alone. Here they
reflect at the end of each utterance.
"""

import torch
import torch.nn.functional as F
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN, TDNNBlock
from torch import Tensor

from speechbrain_denokd.encoders.output import EncoderOutput


class _Padding:
    """Where each utterance of a padded batch ends.

    ``lengths`` are the relative lengths that SpeechBrain's masked layers turn
    into exactly ``n_frames`` frames: half a frame less, because they compare
    with a product of floats.
    """

    def __init__(self, n_frames: Tensor, length: int):
        self.last = (n_frames - 1)[:, None]
        self.lengths = (n_frames - 0.5) / length

    def reflected(self, x: Tensor, pad: int) -> Tensor:
        """(B, C, T) -> (B, C, T + 2 pad), mirrored at each utterance's ends."""
        n_channels = x.shape[1]
        beyond = torch.arange(1, pad + 1, device=x.device)[None, :]
        mirrored = (self.last - beyond)[:, None].expand(-1, n_channels, -1)
        past_end = (self.last + pad + beyond)[:, None]
        past_end = past_end.expand(-1, n_channels, -1)
        x_padded = F.pad(x, (pad, pad), mode="reflect")
        return x_padded.scatter(2, past_end, x.gather(2, mirrored))


class EcapaTdnn(ECAPA_TDNN):
    """ECAPA-TDNN whose forward returns an `EncoderOutput`.

    Arguments
    ---------
    *args, **kwargs
        Those of ``speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN``:
        ``input_size``, ``channels``, ``lin_neurons``, ...

    Example
    -------
    >>> network = EcapaTdnn(80, lin_neurons=192)
    >>> sum(p.numel() for p in network.parameters())
    6194048
    >>> output = network.eval()(torch.randn(1, 50, 80))
    >>> output.frames.shape, output.embedding.shape
    (torch.Size([1, 50, 1536]), torch.Size([1, 192]))
    """

    @property
    def frame_dim(self) -> int:
        """Channels of the multi-layer aggregation, the frame-level tap."""
        return self.channels[-1]

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.fc.conv.out_channels

    @property
    def min_frames(self) -> int:
        """Fewest frames that reflection padding can mirror."""
        convs = [m for m in self.modules() if hasattr(m, "padding_mode")]
        widest = max(_one_sided_pad(conv) for conv in convs)
        return widest + 1

    def forward(
        self, features: Tensor, n_frames: Tensor | None = None
    ) -> EncoderOutput:
        """Taps of every block, the aggregation and the embedding.

        Arguments
        ---------
        features : (B, T, F) torch.Tensor
            Normalised filterbanks.
        n_frames : (B,) torch.Tensor of int64, optional
            Valid frames per utterance; all of them by default.

        Returns
        -------
        EncoderOutput
            ``stages`` are the outputs of the initial TDNN and of each
            SE-Res2Net block, ``frames`` the aggregation before pooling.
        """
        batch, length, _ = features.shape
        if n_frames is None:
            n_frames = torch.full((batch,), length, device=features.device)
        # Without padding SpeechBrain's own layers are exact, and faster. An
        # exported graph has one path for all batches: the masked one.
        exporting = torch.compiler.is_exporting()
        padded = exporting or bool((n_frames < length).any())
        padding = _Padding(n_frames, length) if padded else None
        lengths = padding.lengths if padded else None

        x = features.transpose(1, 2)
        stages = []
        for block in self.blocks:
            if isinstance(block, TDNNBlock):
                x = _tdnn(block, x, padding)
            else:
                x = _se_res2net(block, x, padding)
            stages.append(x)
        frames = _tdnn(self.mfa, torch.cat(stages[1:], dim=1), padding)
        pooled = self.asp_bn(self.asp(frames, lengths=lengths))
        return EncoderOutput(
            stages=tuple(stage.transpose(1, 2) for stage in stages),
            frames=frames.transpose(1, 2),
            embedding=self.fc(pooled).squeeze(2),
            n_frames=n_frames,
        )


def _one_sided_pad(conv) -> int:
    kernel, dilation = conv.kernel_size, conv.dilation
    kernel = kernel[0] if isinstance(kernel, tuple) else kernel
    dilation = dilation[0] if isinstance(dilation, tuple) else dilation
    return dilation * (kernel - 1) // 2


def _tdnn(block, x: Tensor, padding: _Padding | None) -> Tensor:
    """Convolution, activation, batch norm: SpeechBrain's order."""
    pad = _one_sided_pad(block.conv)
    if pad == 0:
        # SpeechBrain's layer would copy its input to pad it by nothing.
        x = block.conv.conv(x)
    elif padding is None:
        x = block.conv(x)
    else:
        x = block.conv.conv(padding.reflected(x, pad))
    return block.dropout(block.norm(block.activation(x)))


def _res2net(block, x: Tensor, padding: _Padding | None) -> Tensor:
    """Each chunk but the first is convolved with the previous one added."""
    chunks = torch.chunk(x, block.scale, dim=1)
    outputs = [chunks[0]]
    for i, chunk in enumerate(chunks[1:]):
        inputs = chunk if i == 0 else chunk + outputs[-1]
        outputs.append(_tdnn(block.blocks[i], inputs, padding))
    return torch.cat(outputs, dim=1)


def _se_res2net(block, x: Tensor, padding: _Padding | None) -> Tensor:
    """TDNN, Res2Net, TDNN, squeeze-and-excitation, residual."""
    residual = x if block.shortcut is None else block.shortcut(x)
    x = _tdnn(block.tdnn1, x, padding)
    x = _res2net(block.res2net_block, x, padding)
    x = _tdnn(block.tdnn2, x, padding)
    lengths = None if padding is None else padding.lengths
    return block.se_block(x, lengths) + residual
