"""The rows of ``benchmarks.encoders``: every encoder, at its paper's size.

Sizes are those of ``hparams/setups/voxceleb.yaml``: a row cuts its encoder
out of a page, so that a number is written once. Weights are random.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from hyperpyyaml import load_hyperpyyaml
from torch import nn

from speechbrain_denokd.config import resolve_page
from speechbrain_denokd.encoders.redimnet import REDIMNET_SIZES
from speechbrain_denokd.model_folder import encoder_yaml

_STUDENT = ("student", "encoder")
_REDIMNET = """\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.fbank.FbankFrontEnd
        n_mels: {n_mels}
    network: !apply:speechbrain_denokd.encoders.redimnet.redimnet
        size: {size}
"""
_MIRNET = """\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.log_spectrum.LogSpectrum
    network: !new:speechbrain_denokd.encoders.mirnet.MirNet
"""


class PageRow(NamedTuple):
    """An encoder of a page.

    Attributes
    ----------
    title : str
        As the table shows it.
    page : str
        Name of a file in ``hparams/``.
    keys : sequence of str
        Where the encoder lies in it, from the top.
    overrides : mapping of str to object
        Keys of the page or its set-up that are changed.
    """

    title: str
    page: str
    keys: Sequence[str] = _STUDENT
    overrides: Mapping[str, object] = MappingProxyType({})

    @property
    def text(self) -> str:
        """YAML of the encoder alone, references resolved."""
        changes = {"data_folder": "none", **self.overrides}  # none is read
        overrides = "\n".join(f"{key}: {changes[key]}" for key in changes)
        path = f"hparams/{self.page}.yaml"
        return encoder_yaml(
            resolve_page(path, "voxceleb", overrides), self.keys
        )


class TextRow(NamedTuple):
    """An encoder that no page has: title, and YAML with ``encoder``."""

    title: str
    text: str


def rows() -> dict[str, PageRow | TextRow]:
    """The rows of the benchmark, by the name that ``--rows`` takes.

    Example
    -------
    >>> rows()["ecapa"].title
    'ECAPA-TDNN 512'
    """
    ptm = (*_STUDENT, "ptm")
    return {
        "ecapa": PageRow("ECAPA-TDNN 512", "ecapa"),
        "ecapa_1024": PageRow(
            "ECAPA-TDNN 1024",
            "ecapa",
            overrides={"channels": [1024, 1024, 1024, 1024, 3072]},
        ),
        **{
            f"redimnet_{size.lower()}": _redimnet(size)
            for size in REDIMNET_SIZES
        },
        "mirnet": TextRow("MIRNet + ResNet-18, two speakers", _MIRNET),
        "sv_mixer": PageRow("SV-Mixer, no head", "ssrfnet_alone", ptm),
        "transformer": PageRow(
            "transformer student, no head", "ssrfnet_transformer", ptm
        ),
        "ptm_redimnet": PageRow("ReDimNet, SV-Mixer only", "ptm_redimnet"),
        "dual_branch": PageRow("dual branch, SV-Mixer", "dual_branch"),
        "fgfm": PageRow("FGFM, SV-Mixer", "fgfm"),
        "sum_fusion": PageRow("sum fusion, SV-Mixer", "sum_fusion"),
        "ssrfnet": PageRow("SSRFNet, SV-Mixer", "ssrfnet"),
        "ssrfnet_transformer": PageRow(
            "SSRFNet, transformer", "ssrfnet_transformer"
        ),
        "wavlm": PageRow("WavLM-large, no head", "ssl_mhfa", ptm),
        "wavlm_ecapa": PageRow("WavLM-large + ECAPA-TDNN", "ssl_ecapa"),
        "wavlm_mhfa": PageRow("WavLM-large + MHFA", "ssl_mhfa"),
        "wavlm_ca_mhfa": PageRow("WavLM-large + CA-MHFA", "ssl_ca_mhfa"),
        "wavlm_lap": PageRow("WavLM-large + LAP", "ssl_lap"),
    }


def _redimnet(size: str) -> PageRow | TextRow:
    title = f"ReDimNet-{size}"
    if size == "B2":
        return PageRow(title, "redimnet")
    n_mels = REDIMNET_SIZES[size].n_mels
    return TextRow(title, _REDIMNET.format(size=size, n_mels=n_mels))


def build(name: str) -> nn.Module:
    """The encoder of a row, in eval mode.

    Arguments
    ---------
    name : str
        Of `rows`.

    Returns
    -------
    torch.nn.Module
        ``(wavs (B, S), lens (B,)) -> named tuple``.

    Example
    -------
    >>> sum(p.numel() for p in build("ecapa").parameters())
    6194048
    """
    return load_hyperpyyaml(rows()[name].text)["encoder"].eval()
