"""What a training starts from, where not from nothing (before the first step).

A run that goes on from its own checkpoint takes that instead.
"""

from collections.abc import Mapping, Sequence

from torch import nn

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.ge2e import Ge2eLstm
from speechbrain_denokd.encoders.speaker_masks import SpeakerMaskedEncoder
from speechbrain_denokd.encoders.speaker_weighted import (
    SpeakerWeightedEncoder,
)
from speechbrain_denokd.encoders.ssl_model import SslModel
from speechbrain_denokd.encoders.waveform_conv import copy_front_end
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.model_folder import read_model_folder


def start_weights(
    modules: Mapping[str, nn.Module],
    speakers: Sequence[str],
    init_from: str | None = None,
    ptm_source: str | None = None,
    front_end_source: str | None = None,
    members_from: Sequence[str] | None = None,
):
    """Fill the student, or the pre-trained model inside it, or its front end.

    Arguments
    ---------
    modules : dict of str to torch.nn.Module
        With ``student`` and ``classifier``, changed in place.
    speakers : sequence of str
        Classes, in the order of the classifier's rows.
    init_from : str, optional
        Model folder, see `start_from_model`.
    ptm_source : str, optional
        Folder or hub id, see `start_from_ptm`; not read where there is a model
        folder, which has these weights too.
    front_end_source : str, optional
        Folder or hub id, see `start_front_end`; not read where there is one of
        the others.
    members_from : sequence of str, optional
        Model folders, see `start_members`; not read where there is one of the
        others.

    Raises
    ------
    FileNotFoundError, ValueError
        As those four do.

    Example
    -------
    >>> start_weights({}, [])  # from nothing: there is nothing to do
    """
    if init_from:
        start_from_model(
            modules["student"], modules["classifier"], speakers, init_from
        )
    elif ptm_source:
        start_from_ptm(modules["student"], ptm_source)
    elif front_end_source:
        start_front_end(modules["student"], front_end_source)
    elif members_from:
        start_members(modules["student"], members_from)


def start_from_model(
    student: nn.Module,
    classifier: nn.Module,
    speakers: Sequence[str],
    folder: str,
):
    """Take over a trained student and its class centres, strictly.

    Arguments
    ---------
    student : torch.nn.Module
        An encoder with its weights in ``network``.
    classifier : speechbrain Classifier
    speakers : sequence of str
        Classes, in the order of the classifier's rows.
    folder : str
        Model folder, of the same architecture and the same speakers.

    Raises
    ------
    FileNotFoundError
        If there is no model folder.
    ValueError
        If the speakers or the weights do not fit.

    Example
    -------
    >>> folder = "pretrained/sample_teacher"
    >>> model = read_model_folder(folder)
    >>> start_from_model(model.encoder, model.classifier, ["ann"], folder)
    Traceback (most recent call last):
    ...
    ValueError: the model in pretrained/sample_teacher has 64 speakers, of \
which 0 are among the 1 of the training data; start from a model of the same \
data
    """
    model = read_model_folder(folder)
    if list(model.speakers) != list(speakers):
        common = len(set(model.speakers) & set(speakers))
        raise ValueError(
            f"the model in {folder} has {len(model.speakers)} speakers, of "
            f"which {common} are among the {len(speakers)} of the training "
            "data; start from a model of the same data"
        )
    where = f"the model in {folder}"
    _fill(student.network, model.encoder.network.state_dict(), where)
    _fill(classifier, model.classifier.state_dict(), where)


def start_from_single(
    student: nn.Module,
    classifier: nn.Module,
    speakers: Sequence[str],
    folder: str,
):
    """Take over a model of single speakers inside one of several.

    What fits goes to every output: the encoder always; an ECAPA-TDNN's last
    layer where the outputs have embeddings of its size, so that each output
    starts as the model itself, hearing other frames; and the class centres
    where the speakers are the same, too.

    Arguments
    ---------
    student : torch.nn.Module
        A `SpeakerWeightedEncoder` or a `SpeakerMaskedEncoder`.
    classifier : torch.nn.Module
        With class centres in ``weight``.
    speakers : sequence of str
        Classes, in the order of the classifier's rows.
    folder : str
        Model folder of the same architecture as the inner encoder.

    Raises
    ------
    FileNotFoundError
        If there is no model folder.
    ValueError
        If the student has no inner encoder, or one of other sizes.

    Example
    -------
    >>> folder = "pretrained/sample_teacher"
    >>> start_from_single(nn.Linear(1, 1), nn.Linear(1, 1), [], folder)
    Traceback (most recent call last):
    ...
    ValueError: the student has no encoder of single speakers to fill from \
pretrained/sample_teacher; set --inner_from=null
    """
    if not isinstance(student, SpeakerWeightedEncoder | SpeakerMaskedEncoder):
        raise ValueError(
            "the student has no encoder of single speakers to fill from "
            f"{folder}; set --inner_from=null"
        )
    model = read_model_folder(folder)
    network, where = student.encoder.network, f"the model in {folder}"
    _fill(network, model.encoder.network.state_dict(), where)
    if isinstance(student, SpeakerWeightedEncoder):
        if (
            not isinstance(network, EcapaTdnn)
            or network.embedding_dim != student.embedding_dim
        ):
            return
        _fill_outputs(student, network)
    if list(model.speakers) == list(speakers):
        _fill(classifier, model.classifier.state_dict(), where)


def _fill_outputs(student: SpeakerWeightedEncoder, network: EcapaTdnn):
    """Norm and maps after the pooling, from those of an ECAPA-TDNN."""
    student.norm.load_state_dict(network.asp_bn.norm.state_dict())
    for linear in student.linears:
        linear.load_state_dict(
            {
                "weight": network.fc.conv.weight.detach().squeeze(2),
                "bias": network.fc.conv.bias.detach(),
            }
        )


def start_from_ptm(student: nn.Module, source: str):
    """Take over a pre-trained model, strictly.

    Arguments
    ---------
    student : torch.nn.Module
        An encoder with a `WavLM` or a `Ge2eLstm` in ``ptm``.
    source : str
        Of a WavLM a local folder, or a hub id such as
        ``microsoft/wavlm-large``; of a GE2E LSTM what its ``load_source``
        takes.

    Raises
    ------
    FileNotFoundError
        If ``source`` does not exist or is not complete.
    ValueError
        If the student has no such model, or one of other sizes.

    Example
    -------
    >>> start_from_ptm(nn.Linear(1, 1), "microsoft/wavlm-large")
    Traceback (most recent call last):
    ...
    ValueError: the student has no WavLM to fill from microsoft/wavlm-large; \
set --ptm_source=null
    """
    ptm = getattr(student, "ptm", None)
    if isinstance(ptm, Ge2eLstm):
        ptm.load_source(source)
        return
    if not isinstance(ptm, WavLM):
        raise ValueError(
            f"the student has no WavLM to fill from {source}; set "
            "--ptm_source=null"
        )
    pretrained = SslModel(source)
    if pretrained.normalize_wav != ptm.normalize_wav:
        raise ValueError(
            f"{source} was trained with normalize_wav="
            f"{pretrained.normalize_wav}, the student's WavLM is built with "
            f"{ptm.normalize_wav}; set its normalise to that of the source"
        )
    state = pretrained.model.state_dict()
    # Of masked frames, which nothing here masks.
    state.pop("masked_spec_embed", None)
    _fill(ptm.model, state, source)


def _fill(module: nn.Module, state: dict, where: str):
    """load_state_dict, strictly, with one sentence if it does not fit."""
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise ValueError(
            f"the weights of {where} do not fit a {type(module).__name__} of "
            f"these sizes ({lines[1]}); build it with the same ones"
        ) from error


def start_front_end(student: nn.Module, source: str):
    """Take over the convolutions of a pre-trained model, as SV-Mixer may.

    Arguments
    ---------
    student : torch.nn.Module
        An encoder with an `SvMixer` in ``ptm``.
    source : str
        Local folder or hub id of a wav2vec 2.0, HuBERT or WavLM whose front end
        has the same sizes.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the student has no such front end, or the sizes differ.

    Example
    -------
    >>> start_front_end(nn.Linear(1, 1), "microsoft/wavlm-large")
    Traceback (most recent call last):
    ...
    ValueError: the student has no front end to fill from \
microsoft/wavlm-large; set --front_end_source=null
    """
    front_end = getattr(getattr(student, "ptm", None), "front_end", None)
    if front_end is None:
        raise ValueError(
            f"the student has no front end to fill from {source}; set "
            "--front_end_source=null"
        )
    copy_front_end(front_end, source)


def start_members(student: nn.Module, folders: Sequence[str]):
    """Take over trained models as the members of one, strictly.

    Arguments
    ---------
    student : LateFusion
    folders : sequence of str
        A model folder for each member, in their order.

    Raises
    ------
    FileNotFoundError
        If there is no model folder.
    ValueError
        If their number or the weights do not fit.

    Example
    -------
    >>> from speechbrain_denokd.encoders.late_fusion import LateFusion
    >>> folder = "pretrained/sample_teacher"
    >>> member = read_model_folder(folder).encoder
    >>> start_members(LateFusion(member, member), [folder])
    Traceback (most recent call last):
    ...
    ValueError: 1 model folders are given, but the student has 2 members; give \
one for each: --members_from="[FOLDER, FOLDER]"
    """
    if len(folders) != len(student.members):
        raise ValueError(
            f"{len(folders)} model folders are given, but the student has "
            f"{len(student.members)} members; give one for each: "
            '--members_from="[FOLDER, FOLDER]"'
        )
    for member, folder in zip(student.members, folders, strict=True):
        state = read_model_folder(folder).encoder.network.state_dict()
        _fill(member.network, state, f"the model in {folder}")
