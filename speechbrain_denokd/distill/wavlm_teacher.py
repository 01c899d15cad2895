"""The paper's teacher: UniSpeech's WavLM-large + ECAPA-TDNN, with its classes.

Source: DenoKD, Section III-B, which takes the configuration of D.-T. Truong et
al., ICASSP 2024; S. Chen et al., "WavLM", IEEE JSTSP 2022, for the checkpoint.
Sits before the arrow ``teacher(wavs, lens)``. The checkpoint numbers its 5,994
classes and does not name them: the names are VoxCeleb2 dev's speakers, sorted,
read from the manifests that the corpus preparation writes.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import nn

from speechbrain_denokd.data.table import read_rows
from speechbrain_denokd.distill.teacher import FrozenTeacher
from speechbrain_denokd.encoders.unispeech_checkpoint import (
    load_unispeech,
    sort_speakers,
)
from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa, WavLMEcapaHead
from speechbrain_denokd.encoders.wavlm_folder import wavlm_large_config
from speechbrain_denokd.encoders.wavlm_unfilled import UnfilledWavLM


def teacher_from_unispeech(
    checkpoint: str | Path,
    manifests: Sequence[str | Path],
    wavlm: Mapping[str, object] | None = None,
    head: Mapping[str, int] | None = None,
    scale: float = 32.0,
    margin: float = 0.2,
) -> FrozenTeacher:
    """Load UniSpeech's fine-tuned WavLM-large as a teacher.

    The file holds every weight, WavLM's included: nothing is downloaded. The
    manifests are first read when a label term needs the classes' names, so
    that the corpus may be prepared after this call.

    Arguments
    ---------
    checkpoint : str or Path
        ``wavlm_large_finetune.pth``.
    manifests : sequence of str or Path
        CSV files that together name each class's speaker, and no other; see
        `class_manifests`.
    wavlm : mapping, optional
        Fields of ``transformers.WavLMConfig`` in which the checkpoint differs
        from WavLM-large: none in the published one.
    head : mapping, optional
        Arguments of `WavLMEcapaHead` in which it differs: likewise.
    scale, margin : float
        Of the checkpoint's loss; the published one's by default.

    Returns
    -------
    FrozenTeacher

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    ValueError
        If it cannot be read or does not fit, see `load_unispeech`.

    Example
    -------
    >>> try:
    ...     teacher_from_unispeech("nowhere.pth", ["train.csv"])
    ... except FileNotFoundError as error:
    ...     print(str(error).split(":")[0])
    no teacher checkpoint at nowhere.pth
    """
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f"no teacher checkpoint at {checkpoint}: download "
            "wavlm_large_finetune.pth (UniSpeech, downstream speaker "
            "verification) and give its path with --teacher_checkpoint=FILE"
        )
    layers = UnfilledWavLM(wavlm_large_config(**(wavlm or {})))
    encoder = WavLMEcapa(
        layers,
        WavLMEcapaHead(layers.n_stages, layers.hidden_dim, **(head or {})),
    )
    centres = load_unispeech(encoder, checkpoint)
    n_classes, embedding_dim = centres.shape
    classifier = Classifier(
        embedding_dim, lin_neurons=embedding_dim, out_neurons=n_classes
    )
    classifier.weight = nn.Parameter(centres)
    return FrozenTeacher(
        encoder,
        classifier,
        partial(named_speakers, tuple(manifests), n_classes),
        scale,
        margin,
    )


def class_manifests(folder: str | Path, validation: str) -> list[str]:
    """Manifests that name VoxCeleb2 dev's speakers, all and no other.

    Arguments
    ---------
    folder : str or Path
        ``save_folder`` of `prepare_voxceleb`.
    validation : str
        As given to it: speakers held out of training are VoxCeleb2 dev's too,
        those of "vox2_test" and "O" are not.

    Returns
    -------
    list of str

    Example
    -------
    >>> class_manifests("manifests", "vox2_test")
    ['manifests/train.csv']
    >>> class_manifests("manifests", "held_out")
    ['manifests/train.csv', 'manifests/dev.csv']
    """
    names = ["train.csv"]
    if validation == "held_out":
        names.append("dev.csv")
    return [str(Path(folder) / name) for name in names]


def named_speakers(
    manifests: Sequence[str | Path], n_classes: int
) -> list[str]:
    r"""Speakers of manifests in the order of UniSpeech's classes.

    Arguments
    ---------
    manifests : sequence of str or Path
        CSV files with a column ``spk_id``.
    n_classes : int
        Rows of the class head.

    Returns
    -------
    list of n_classes str

    Raises
    ------
    FileNotFoundError, ValueError
        If a manifest is absent or no manifest; if they name another number of
        speakers, see `sort_speakers`.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.csv"
    >>> _ = path.write_text("ID,spk_id\nu1,id00015\nu2,id00012\n")
    >>> named_speakers([path], n_classes=2)
    ['id00012', 'id00015']
    """
    return sort_speakers(
        {
            row["spk_id"]
            for manifest in manifests
            for _, row in read_rows(manifest, ["spk_id"])
        },
        n_classes,
    )
