"""VoiceFilter's mask network (``magnitudes, embeddings -> masks``).

Source: Q. Wang et al., "VoiceFilter: Targeted voice separation by
speaker-conditioned spectrogram masking", Interspeech 2019, Table 1; without
an embedding and with several masks, the uPIT network of H. Han et al.,
"MIRNet", Interspeech 2020, Section 4.2.2: "doubling the dimension of the
fully-connected layer and output".
Differs: padding is invisible, and an embedding can be thinned out in
training. Batch norms follow the convolutions, as in the
public port (maum-ai/voicefilter), whose parameter count is the golden one;
the paper mentions none.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.separation.fusion import build_fusion

# Table 1: dilation over time of the 5 x 5 convolutions.
DILATIONS = (1, 2, 4, 8, 16)


class ConvTrunk(nn.Module):
    """Eight convolutions over time and frequency; the last has few channels.

    Arguments
    ---------
    channels : int
        Of all but the last.
    output_channels : int
        Of the last.
    dilations : sequence of int
        Over time, of the 5 x 5 convolutions.

    Example
    -------
    >>> trunk = ConvTrunk()
    >>> sum(p.numel() for p in trunk.parameters())
    543000
    """

    def __init__(
        self,
        channels: int = 64,
        output_channels: int = 8,
        dilations: Sequence[int] = DILATIONS,
    ):
        super().__init__()
        self.output_channels = output_channels
        # (time, frequency): first along frequency, then along time, then both.
        shapes = [((1, 7), 1), ((7, 1), 1)]
        shapes += [((5, 5), dilation) for dilation in dilations]
        shapes += [((1, 1), 1)]
        widths = [1] + [channels] * (len(shapes) - 1) + [output_channels]
        self.convs = nn.ModuleList(
            nn.Conv2d(
                n_in,
                n_out,
                kernel,
                dilation=(dilation, 1),
                padding=(dilation * (kernel[0] // 2), kernel[1] // 2),
            )
            for n_in, n_out, (kernel, dilation) in zip(
                widths[:-1], widths[1:], shapes, strict=True
            )
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) for width in widths[1:]
        )

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """(B, T, F) features -> (B, T, output_channels * F) frames."""
        padding = ~frame_mask(n_frames, features.shape[1])[:, None, :, None]
        x = features.unsqueeze(1).masked_fill(padding, 0)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(conv(x)).relu().masked_fill(padding, 0)
        return x.transpose(1, 2).flatten(2)


class MaskNetwork(nn.Module):
    """Convolutions, fusion, bidirectional LSTM, two layers, sigmoid.

    With an embedding, it is called once for each speaker and gives a mask;
    without, it gives the masks of all speakers at once.

    Arguments
    ---------
    n_bins : int
        Frequencies, ``F``.
    embedding_dim : int, optional
        Size of the embedding, ``D``; None for the uPIT network.
    n_speakers : int
        Masks of the uPIT network, ``K``; it multiplies the width of the last
        two layers.
    fusion : str
        See `build_fusion`.
    channels, output_channels, dilations
        Of the `ConvTrunk`.
    lstm_dim : int
        Of either direction.
    hidden_dim : int
        Of the layer before the last, for one mask.
    embedding_dropout : float
        Share of an embedding's values that are left out in training: from
        few voices, a network learns them by heart.

    Raises
    ------
    ValueError
        If the fusion is unknown.

    Example
    -------
    >>> import torch
    >>> network = MaskNetwork(
    ...     n_bins=9, embedding_dim=4, channels=2, dilations=[1], lstm_dim=3,
    ...     hidden_dim=5,
    ... )
    >>> magnitudes, n_frames = torch.rand(2, 7, 9), torch.tensor([7, 4])
    >>> network(magnitudes, n_frames, torch.randn(2, 3, 4)).shape
    torch.Size([2, 3, 7, 9])
    """

    def __init__(
        self,
        n_bins: int,
        embedding_dim: int | None,
        n_speakers: int = 2,
        fusion: str = "concat",
        channels: int = 64,
        output_channels: int = 8,
        dilations: Sequence[int] = DILATIONS,
        lstm_dim: int = 400,
        hidden_dim: int = 600,
        embedding_dropout: float = 0.0,
    ):
        super().__init__()
        self.n_bins = n_bins
        self.embedding_dim = embedding_dim
        self.trunk = ConvTrunk(channels, output_channels, dilations)
        frame_dim = output_channels * n_bins
        self.fusion = None
        if embedding_dim is not None:
            self.fusion = build_fusion(fusion, frame_dim, embedding_dim)
            frame_dim = self.fusion.output_dim
        self.dropout = nn.Dropout(embedding_dropout)
        self.n_masks = n_speakers if embedding_dim is None else 1
        self.lstm = nn.LSTM(
            frame_dim, lstm_dim, batch_first=True, bidirectional=True
        )
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Linear(2 * lstm_dim, self.n_masks * hidden_dim),
            nn.ReLU(),
            nn.Linear(self.n_masks * hidden_dim, self.n_masks * n_bins),
        )

    def forward(
        self,
        magnitudes: Tensor,
        n_frames: Tensor,
        embeddings: Tensor | None = None,
    ) -> Tensor:
        """Masks of each speaker.

        Arguments
        ---------
        magnitudes : (B, T, F) torch.Tensor
            What lies in the padding does not matter.
        n_frames : (B,) torch.Tensor of int64
            Valid frames.
        embeddings : (B, K, D) torch.Tensor, optional
            One for each speaker wanted.

        Returns
        -------
        (B, K, T, F) torch.Tensor
            Between 0 and 1; zero in the padding.

        Raises
        ------
        ValueError
            If embeddings are missing, not wanted, or of another size.
        """
        self._check(embeddings)
        frames = self.trunk(magnitudes, n_frames)
        n_outputs = self.n_masks
        n_rows = n_frames
        if self.fusion is not None:
            n_outputs = embeddings.shape[1]
            frames = self.fusion(
                frames.repeat_interleave(n_outputs, dim=0),
                self.dropout(embeddings.flatten(0, 1)),
            )
            n_rows = n_frames.repeat_interleave(n_outputs)
        masks = self.layers(self._recur(frames, n_rows)).sigmoid()
        if self.fusion is None:
            masks = masks.unflatten(2, (n_outputs, -1)).transpose(1, 2)
        else:
            masks = masks.unflatten(0, (-1, n_outputs))
        valid = frame_mask(n_frames, magnitudes.shape[1])
        return masks * valid[:, None, :, None]

    def _recur(self, frames: Tensor, n_frames: Tensor) -> Tensor:
        """The LSTM, whose backward direction begins where a mixture ends."""
        packed = pack_padded_sequence(
            frames, n_frames.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, _ = pad_packed_sequence(
            self.lstm(packed)[0],
            batch_first=True,
            total_length=frames.shape[1],
        )
        return outputs

    def _check(self, embeddings: Tensor | None):
        size = None if embeddings is None else embeddings.shape[-1]
        if size != self.embedding_dim:
            raise ValueError(
                f"embeddings have size {size}, but the mask network was built "
                f"for {self.embedding_dim} (None: it takes no embedding)"
            )
