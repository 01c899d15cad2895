"""A model folder as pyannote.audio's speaker embedding (``wav, mask -> row``).

pyannote's diarization calls whatever lies in ``pipeline._embedding``::

    pipeline = SpeakerDiarization(clustering="AgglomerativeClustering", ...)
    pipeline._embedding = PyannoteEmbedding(SpeakerEmbedder.from_hparams(...))

Its clustering has a threshold that belongs to the embedding: tune it again.
VBxClustering holds a PLDA of pyannote's own embedding and fits no other.
pyannote itself is not needed here.

Source: the interface of pyannote.audio 4.0 (H. Bredin, "pyannote.audio 2.1
speaker diarization pipeline", Interspeech 2023).
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from speechbrain_denokd.inference.embedder import SpeakerEmbedder

_SAMPLE_RATE_HZ = 16_000
_SHORTEST_S = 0.1  # less says nothing of a speaker


class PyannoteEmbedding:
    """Embeds the masked-in samples of chunks.

    Arguments
    ---------
    embedder : SpeakerEmbedder

    Example
    -------
    >>> model = SpeakerEmbedder.from_hparams("pretrained/sample_teacher")
    >>> embedding = PyannoteEmbedding(model)
    >>> chunks = 0.1 * torch.randn(2, 1, 16000)
    >>> masks = torch.tensor([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    >>> rows = embedding(chunks, masks=masks)
    >>> rows.shape, np.isnan(rows).all(axis=1).tolist()
    ((2, 128), [False, True])
    """

    def __init__(self, embedder: SpeakerEmbedder):
        self.embedder = embedder

    @property
    def sample_rate(self) -> int:
        """Samples per second of the chunks."""
        return _SAMPLE_RATE_HZ

    @property
    def dimension(self) -> int:
        """D."""
        return self.embedder.mods.embedding_model.encoder.embedding_dim

    @property
    def metric(self) -> str:
        """Distance between embeddings, by SciPy's name."""
        return "cosine"

    @property
    def min_num_samples(self) -> int:
        """Samples that an embedding needs at least: 0.1 s."""
        return round(_SHORTEST_S * _SAMPLE_RATE_HZ)

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return torch.device(self.embedder.device)

    def to(self, device: torch.device) -> "PyannoteEmbedding":
        """Move the network.

        pyannote's ``Pipeline.to`` moves only what is derived from its own
        classes: call this beside it.

        Arguments
        ---------
        device : torch.device

        Returns
        -------
        PyannoteEmbedding
            Itself.
        """
        self.embedder.mods.to(device)
        self.embedder.device = str(device)
        return self

    def __call__(
        self, waveforms: Tensor, masks: Tensor | None = None
    ) -> np.ndarray:
        """Embed each chunk.

        Arguments
        ---------
        waveforms : (B, 1, S) torch.Tensor
            16 kHz.
        masks : (B, T) torch.Tensor, optional
            Of frames that divide the chunk evenly; samples whose frame is
            above 0.5 are kept and joined, the others are left out.

        Returns
        -------
        (B, D) numpy.ndarray of float32
            NaN where fewer than ``min_num_samples`` are kept.

        Raises
        ------
        ValueError
            If the waveforms are not mono, or the masks are not one a chunk.
        """
        if waveforms.ndim != 3 or waveforms.shape[1] != 1:
            raise ValueError(
                f"waveforms have the shape {tuple(waveforms.shape)}, but "
                "(B, 1, S) is expected; mix the channels first"
            )
        wavs = list(waveforms[:, 0])
        if masks is not None:
            wavs = _kept(waveforms[:, 0], masks)
        rows = np.full((len(wavs), self.dimension), np.nan, np.float32)
        long_enough = [
            i for i, wav in enumerate(wavs) if len(wav) >= self.min_num_samples
        ]
        if long_enough:
            lengths = torch.tensor([len(wavs[i]) for i in long_enough])
            batch = pad_sequence([wavs[i] for i in long_enough], True)
            found = self.embedder.encode_batch(batch, lengths / lengths.max())
            rows[long_enough] = found.cpu().numpy()
        return rows


def _kept(wavs: Tensor, masks: Tensor) -> list[Tensor]:
    """Samples of (B, S) whose frame in (B, T) is on."""
    if masks.ndim != 2 or len(masks) != len(wavs):
        raise ValueError(
            f"masks have the shape {tuple(masks.shape)}, but ({len(wavs)}, T) "
            "is expected; give one mask a chunk"
        )
    n_samples, n_frames = wavs.shape[1], masks.shape[1]
    frame = torch.arange(n_samples, device=masks.device) * n_frames // n_samples
    keep = (masks[:, frame] > 0.5).to(wavs.device)
    return [wav[kept] for wav, kept in zip(wavs, keep, strict=True)]
