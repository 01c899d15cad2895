"""Fixed mixtures -> audio (``list of mixtures -> sig, sources``).

The audio is added up when it is asked for. A list gives stretches in samples
and gains in steps of 0.0001 dB, and `mix` adds in a fixed order, so the same
list over the same decoded files has the same samples on every machine. WAV
and FLAC decode alike everywhere; Opus, Vorbis and MP3 do within one version
of the decoder.
"""

from collections.abc import Mapping, Sequence

import torch
from speechbrain.dataio.batch import PaddedBatch
from torch.utils.data import Dataset

from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.overlap.conditions import gender_pair
from speechbrain_denokd.overlap.mix import Mixed, mix
from speechbrain_denokd.overlap.mixtures import Mixture, source_rows
from speechbrain_denokd.overlap.speakers import speaker_genders


class MixtureSet(Dataset):
    """Mixtures of a list, the same at every call.

    An item has ``id``, ``sig`` (S,), ``sources`` (K, S), ``genders`` ("f-m")
    and, where classes are known, ``label`` (K,), as `OverlapCrops` has them.
    Mixtures of several lengths are batched by `mixture_batch`.

    Arguments
    ---------
    mixtures : sequence of Mixture
    utterances : sequence of Utterance
        Rows of the manifest that the list refers to.
    labels : mapping of str to int, optional
        Class of each speaker, for mixtures of training speakers.
    sample_rate : int
        In Hz.

    Raises
    ------
    ValueError
        If an utterance is not in the manifest, a speaker has no label, or a
        file cannot be used.

    Example
    -------
    >>> import numpy, soundfile, tempfile
    >>> from speechbrain_denokd.overlap.mixtures import Source
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> soundfile.write(path, numpy.full(4, 0.25), 16000)
    >>> row = Utterance("u1", 4 / 16000, path, 0, 4, "ann")
    >>> source = Source("u1", "ann", 0.0, 2 / 16000, 0.0, 0.0)
    >>> mixtures = MixtureSet([Mixture("m1", 2 / 16000, (source,))], [row])
    >>> mixtures[0]["sig"].tolist()
    [0.25, 0.25]
    """

    def __init__(
        self,
        mixtures: Sequence[Mixture],
        utterances: Sequence[Utterance],
        labels: Mapping[str, int] | None = None,
        sample_rate: int = 16000,
    ):
        self.mixtures = list(mixtures)
        self._rows = source_rows(self.mixtures, utterances)
        self._gender_of = speaker_genders(utterances)
        self.labels = None if labels is None else dict(labels)
        speakers = {name for m in self.mixtures for name in m.spk_ids}
        unknown = speakers - set(speakers if labels is None else labels)
        if unknown:
            raise ValueError(
                f"{len(unknown)} speakers of the mixtures have no label "
                f"(first: {min(unknown)!r}): leave labels out for speakers "
                "that are not in training."
            )
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.mixtures)

    def __getitem__(self, index: int) -> dict:
        mixture = self.mixtures[index]
        rows = [self._rows[source.utterance] for source in mixture.sources]
        mixed = add_up(mixture, rows, self.sample_rate)
        item = {
            "id": mixture.id,
            "sig": torch.from_numpy(mixed.mixture),
            "sources": torch.from_numpy(mixed.sources),
            "genders": gender_pair(
                [self._gender_of[name] for name in mixture.spk_ids]
            ),
        }
        if self.labels is not None:
            labels = [self.labels[name] for name in mixture.spk_ids]
            item["label"] = torch.tensor(labels)
        return item


def add_up(
    mixture: Mixture, rows: Sequence[Utterance], sample_rate: int = 16000
) -> Mixed:
    """Read the sources of a mixture and add them up.

    Arguments
    ---------
    mixture : Mixture
    rows : sequence of Utterance
        Row of each source.
    sample_rate : int
        In Hz.

    Returns
    -------
    Mixed

    Raises
    ------
    FileNotFoundError, ValueError
        If a file cannot be used.

    Example
    -------
    >>> from speechbrain_denokd.overlap.mixtures import Source
    >>> source = Source("u1", "ann", 0.0, 1.0, 0.0, 0.0)
    >>> row = Utterance("u1", 1.0, "nowhere.wav", 0, 16000, "ann")
    >>> try:
    ...     add_up(Mixture("m1", 1.0, (source,)), [row])
    ... except FileNotFoundError as error:
    ...     print(str(error).split(":")[0])
    There is no audio file nowhere.wav
    """
    wavs, offsets = [], []
    for source, row in zip(mixture.sources, rows, strict=True):
        start = row.start + round(source.start_s * sample_rate)
        stop = start + round(source.duration_s * sample_rate)
        wavs.append(load_audio(row.wav, start, stop, sample_rate))
        offsets.append(round(source.offset_s * sample_rate))
    return mix(wavs, offsets, [s.gain_db for s in mixture.sources])


def mixture_batch(items: Sequence[Mapping]) -> PaddedBatch:
    """Batch of mixtures whose sources are padded in time.

    SpeechBrain pads the first dimension of a tensor alone, which of sources
    (K, S) is that of the speakers.

    Arguments
    ---------
    items : sequence of mapping
        Of `MixtureSet` or `OverlapCrops`; as many sources in each.

    Returns
    -------
    PaddedBatch
        ``sig.data`` (B, S) and ``sources.data`` (B, K, S); the lengths of
        either are shares of S.

    Raises
    ------
    ValueError
        If mixtures have different numbers of sources.

    Example
    -------
    >>> batch = mixture_batch(
    ...     [{"id": str(n), "sources": torch.ones(2, n)} for n in (2, 4)]
    ... )
    >>> batch.sources.data.shape, batch.sources.lengths.tolist()
    (torch.Size([2, 2, 4]), [0.5, 1.0])
    """
    counts = {len(item["sources"]) for item in items}
    if len(counts) > 1:
        raise ValueError(
            f"The mixtures of a batch have {min(counts)} to {max(counts)} "
            "sources: batch those of one number."
        )
    return PaddedBatch(items, padding_func=_pad_last_dimension)


def _pad_last_dimension(
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack tensors padded with zeros, and the shares that are not padding."""
    sizes = torch.tensor([tensor.shape[-1] for tensor in tensors])
    longest = int(sizes.max())
    padded = [
        torch.nn.functional.pad(tensor, (0, longest - tensor.shape[-1]))
        for tensor in tensors
    ]
    return torch.stack(padded), sizes / longest
