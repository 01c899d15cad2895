"""`SpeakerEmbedder`: recordings in, embeddings and decisions out."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from speechbrain.inference.interfaces import Pretrained
from torch import Tensor

from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.extraction.inputs import Item
from speechbrain_denokd.extraction.recording import (
    Windowing,
    duration_of,
    mean_of_windows,
    read_windows,
)
from speechbrain_denokd.inference.modules import EmbeddingModel
from speechbrain_denokd.inference.source import local_folder
from speechbrain_denokd.metrics import OperatingPoint, bayes_threshold
from speechbrain_denokd.publish.checksums import is_published
from speechbrain_denokd.publish.hyperparams_scan import check_page
from speechbrain_denokd.publish.safe_folder import read_published
from speechbrain_denokd.scoring.run import scoring_of
from speechbrain_denokd.scoring.system import ScoringSystem

_WINDOWING = Windowing()
_SAMPLE_RATE_HZ = 16_000
_SHORTEST_S = 0.1  # less says nothing of a speaker


class Verification(NamedTuple):
    """Answer to "is this the same speaker?".

    Attributes
    ----------
    score : float
        Of the back-end, normalised if the model does so.
    llr : float, optional
        Natural log-likelihood ratio; None if the model is not calibrated.
    threshold : float, optional
        What ``llr`` is compared with; it follows from prior and costs.
    same_speaker : bool, optional
        None if the model is not calibrated.

    Example
    -------
    >>> Verification(0.71, 4.2, 0.0, True).same_speaker
    True
    """

    score: float
    llr: float | None
    threshold: float | None
    same_speaker: bool | None


class SpeakerEmbedder(Pretrained):
    """A model folder in use.

    The folder's scoring system comes with it, so that two recordings are
    answered with a calibrated log-likelihood ratio and a decision. Embeddings
    are those of SpeechBrain's ``EncoderClassifier`` on the same folder.

    Arguments
    ---------
    modules, hparams, run_opts, freeze_params
        As ``speechbrain.inference.interfaces.Pretrained``.
    scoring : ScoringSystem
        Back-end, normalisation and calibration.

    Example
    -------
    >>> model = SpeakerEmbedder.from_hparams("pretrained/sample_teacher")
    >>> model.encode_batch(torch.zeros(2, 16000) + 0.1).shape
    torch.Size([2, 128])
    """

    MODULES_NEEDED = ["embedding_model"]

    def __init__(
        self,
        modules=None,
        hparams=None,
        run_opts=None,
        freeze_params=True,
        scoring: ScoringSystem | None = None,
    ):
        super().__init__(modules, hparams, run_opts, freeze_params)
        self.scoring = scoring

    @classmethod
    def from_hparams(
        cls, source, hparams_file="hyperparams.yaml", trust=False, **kwargs
    ):
        """Load a model folder, from disk or from the Hugging Face hub.

        Of a folder made by `denokd publish` nothing is run. Of any other, the
        YAML is, if all that it names is this package's own.

        Arguments
        ---------
        source : str or Path
            Folder, or ``user/name`` on the hub, which is downloaded whole.
        hparams_file : str
        trust : bool
            Run whatever the YAML names, as SpeechBrain does. It can be
            anything: only for folders whose author you trust.
        **kwargs
            ``run_opts={"device": ...}`` and ``freeze_params``; further ones
            of SpeechBrain's ``from_hparams`` where a YAML is run.

        Returns
        -------
        SpeakerEmbedder

        Raises
        ------
        FileNotFoundError
            If the path names no model folder.
        ValueError
            If weights or scoring files do not fit, a published folder was
            changed, or the YAML would run anything else.
        """
        folder = local_folder(source)
        if is_published(folder) and not trust:
            found = read_published(folder)
            modules = {"embedding_model": EmbeddingModel(found.model.encoder)}
            return cls(modules, {}, scoring=found.scoring, **kwargs)
        if not trust:
            check_page(folder, hparams_file)
        return super().from_hparams(
            source=str(folder),
            hparams_file=hparams_file,
            scoring=scoring_of(folder),
            **kwargs,
        )

    @torch.no_grad()
    def encode_batch(self, wavs: Tensor, lens: Tensor | None = None) -> Tensor:
        """Embed a batch; what another recording of it lasts has no effect.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            16 kHz.
        lens : (B,) torch.Tensor, optional
            Relative lengths in (0, 1]; all whole by default.

        Returns
        -------
        (B, D) torch.Tensor
        """
        wavs = wavs.to(self.device)
        lens = lens if lens is None else lens.to(self.device)
        with self.inference_ctx:
            return self.mods.embedding_model(wavs, lens).squeeze(1).float()

    def encode_file(
        self, path: str | Path, windowing: Windowing = _WINDOWING
    ) -> np.ndarray:
        """Embed an audio file of any rate, channel count and length.

        Arguments
        ---------
        path : str or Path
        windowing : Windowing
            A longer recording is read and embedded window by window, so that
            memory stays flat; its embedding is the mean of the windows'.

        Returns
        -------
        (D,) numpy.ndarray

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it cannot be decoded, is shorter than 0.1 s, not finite, or
            silent.
        """
        return self._encode(path, windowing)[0]

    def encode_overlapped(self, path: str | Path) -> np.ndarray:
        """Embed every speaker of a recording in which several talk at once.

        For models trained on mixtures (pages ``hparams/mirnet*.yaml``). The
        recording is embedded as a whole: which output is whom may change from
        one stretch to the next, so outputs of windows have no mean.

        Arguments
        ---------
        path : str or Path
            Audio file of any rate and channel count.

        Returns
        -------
        (K, D) numpy.ndarray
            In no particular order: compare all pairs and take the closest.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the model is one of single speakers, or as `read_recording`.
        """
        wav = read_recording(path)[None].to(self.device)
        with torch.no_grad(), self.inference_ctx:
            found = self.mods.embedding_model.identities(wav)
        return found[0].float().cpu().numpy()

    def encode_files(self, paths: Sequence[str | Path]) -> np.ndarray:
        """(N, D) embeddings of audio files, each as by `encode_file`.

        For thousands of files, ``denokd embed`` is faster and goes on after
        errors.
        """
        return np.stack([self.encode_file(path) for path in paths])

    def _encode(
        self, path: str | Path, windowing: Windowing
    ) -> tuple[np.ndarray, float]:
        """Embedding and seconds of a recording."""
        item = Item(str(path), str(path))
        duration_s = duration_of(item)
        windows = read_windows(item, duration_s, windowing)

        def embed(wavs):
            [wav] = wavs  # one window at a time: padding would cost memory
            return self.encode_batch(torch.from_numpy(wav)[None]).cpu().numpy()

        return mean_of_windows(windows, embed), duration_s

    def verify_files(
        self,
        enroll: str | Path,
        test: str | Path,
        point: OperatingPoint | None = None,
    ) -> Verification:
        """Say whether two recordings are of one speaker.

        Arguments
        ---------
        enroll, test : str or Path
            Audio files.
        point : OperatingPoint, optional
            Prior and costs; by default those the model was calibrated for.

        Returns
        -------
        Verification

        Raises
        ------
        FileNotFoundError, ValueError
            As `encode_file`.
        """
        found = [self._encode(path, _WINDOWING) for path in (enroll, test)]
        sides = [embedding[None] for embedding, _ in found]
        durations = [np.array([duration_s]) for _, duration_s in found]
        scored = self.scoring.score_pairs(*sides, *durations)
        score = float(scored.normalised[0])
        if scored.llr is None:
            return Verification(score, None, None, None)
        llr = float(scored.llr[0])
        point = point or self.scoring.point
        threshold = bayes_threshold(point.p_target, point.c_miss, point.c_fa)
        return Verification(score, llr, threshold, llr >= threshold)


def read_recording(path: str | Path) -> Tensor:
    """(S,) mono 16 kHz samples of an audio file, long enough to be embedded.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be decoded, is empty, not finite, silent, or too short.
    """
    wav = load_audio(path, resample=True)
    if len(wav) < _SHORTEST_S * _SAMPLE_RATE_HZ:
        raise ValueError(
            f"{path} lasts {len(wav) / _SAMPLE_RATE_HZ:.3f} s, but at least "
            f"{_SHORTEST_S} s are needed to compare speakers; record more"
        )
    if not wav.any():
        raise ValueError(f"{path} is silent; there is no speaker to compare")
    return torch.from_numpy(np.ascontiguousarray(wav))
