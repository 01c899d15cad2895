"""What a published encoder may be made of (``config.json -> classes``).

An allow-list: each class with the arguments that a stranger may give it, and
what values they take. None of them opens a file or runs code it is given.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_LARGEST = 1_000_000
_LONGEST = 64


class Kind(NamedTuple):
    """Values that an argument may have.

    Attributes
    ----------
    phrase : str
        For messages: "it must be ...".
    holds : callable
        Whether a JSON value is of this kind.
    """

    phrase: str
    holds: Callable[[Any], bool]


class Allowed(NamedTuple):
    """A class, or a function that makes an object of one.

    Attributes
    ----------
    tag : str
        HyperPyYAML's: ``!new:`` or ``!apply:`` and where it is defined.
    arguments : mapping of str to Kind
    """

    tag: str
    arguments: Mapping[str, Kind]


def _is_size(value: Any) -> bool:
    # type, not isinstance: True is an int.
    return type(value) is int and 1 <= value <= _LARGEST


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _is_number(value: Any) -> bool:
    return (
        type(value) in (int, float)
        and math.isfinite(value)
        and 0 <= value <= _LARGEST
    )


def _is_word(value: Any) -> bool:
    return type(value) is str and value.isidentifier() and len(value) <= 32


def _is_list(value: Any) -> bool:
    return type(value) is list and 1 <= len(value) <= _LONGEST


def _are_sizes(value: Any) -> bool:
    return _is_list(value) and all(map(_is_size, value))


def _is_stage(value: Any) -> bool:
    return (
        _is_list(value)
        and len(value) == 4
        and _are_sizes(value[:3])
        and (value[3] is None or _is_size(value[3]))
    )


def _are_stages(value: Any) -> bool:
    return _is_list(value) and all(map(_is_stage, value))


SIZE = Kind(f"a whole number from 1 to {_LARGEST:,}", _is_size)
COUNT = Kind(f"a whole number from 0 to {_LARGEST:,}", _is_count)
SIZES = Kind(f"a list of 1 to {_LONGEST} sizes", _are_sizes)
NUMBER = Kind(f"a number from 0 to {_LARGEST:,}", _is_number)
FLAG = Kind("true or false", lambda value: type(value) is bool)
WORD = Kind("one word of at most 32 letters", _is_word)
STAGES = Kind(
    "a list of [stride, blocks, expansion, reduction or null]", _are_stages
)
PART = Kind(
    'another {"class": ..., "arguments": ...}',
    lambda value: type(value) is dict,
)

_HEAD = {"n_stages": SIZE, "input_dim": SIZE, "embedding_dim": SIZE}
_TRUNK = {
    "n_mels": SIZE,
    "channels": SIZE,
    "stages": STAGES,
    "block": WORD,
    "group_divisor": SIZE,
}

_FUSED = {"fusion": PART, "trunk": PART, "embedding_dim": SIZE}
_STATES = {
    "n_states": SIZE,
    "state_dim": SIZE,
    "trunk": PART,
    "embedding_dim": SIZE,
}


def _entry(tag: str, /, **arguments: Kind) -> tuple[str, Allowed]:
    """Short name, the last word of the tag, and what it stands for."""
    verb, path = tag.split(":")
    full = f"{verb}:speechbrain_denokd.encoders.{path}"
    return path.split(".")[-1], Allowed(full, MappingProxyType(arguments))


CLASSES: Mapping[str, Allowed] = MappingProxyType(
    dict(
        [
            _entry("!new:wav_encoder.WavEncoder", front_end=PART, network=PART),
            _entry(
                "!new:fbank.FbankFrontEnd",
                n_mels=SIZE,
                sample_rate=SIZE,
                window_ms=NUMBER,
                hop_ms=NUMBER,
            ),
            _entry(
                "!new:ecapa.EcapaTdnn",
                input_size=SIZE,
                lin_neurons=SIZE,
                channels=SIZES,
                kernel_sizes=SIZES,
                dilations=SIZES,
                attention_channels=SIZE,
                res2net_scale=SIZE,
                se_channels=SIZE,
                global_context=FLAG,
                groups=SIZES,
                dropout=NUMBER,
            ),
            _entry("!new:redimnet.ReDimNet", embedding_dim=SIZE, **_TRUNK),
            _entry("!apply:redimnet.redimnet", size=WORD, embedding_dim=SIZE),
            _entry(
                "!new:waveform_conv.WaveformConv",
                hidden_dim=SIZE,
                conv_dim=SIZE,
                norm=WORD,
                conv_bias=FLAG,
                normalise_wavs=FLAG,
                dropout=NUMBER,
                sample_rate=SIZE,
            ),
            _entry(
                "!new:sv_mixer.SvMixer",
                front_end=PART,
                n_layers=SIZE,
                n_tokens=SIZE,
                n_groups=SIZE,
                dropout=NUMBER,
                length_policy=WORD,
            ),
            _entry(
                "!new:ssl_model.TransformerStudent",
                n_layers=SIZE,
                hidden_dim=SIZE,
                n_heads=SIZE,
                ff_dim=SIZE,
                conv_dim=SIZE,
                dropout=NUMBER,
            ),
            _entry(
                "!new:wavlm_blank.BlankWavLM",
                config=PART,
                freeze=FLAG,
                normalise=FLAG,
            ),
            _entry(
                "!new:ge2e.Ge2eLstm",
                n_layers=SIZE,
                hidden_dim=SIZE,
                n_mels=SIZE,
                stride=SIZE,
                freeze=FLAG,
                sample_rate=SIZE,
            ),
            _entry(
                "!apply:wavlm_folder.wavlm_large_config",
                hidden_size=SIZE,
                conv_dim=SIZES,
                num_hidden_layers=SIZE,
                num_attention_heads=SIZE,
                intermediate_size=SIZE,
            ),
            _entry(
                "!new:log_spectrum.LogSpectrum",
                n_fft=SIZE,
                sample_rate=SIZE,
                window_ms=NUMBER,
                hop_ms=NUMBER,
            ),
            _entry(
                "!new:mirnet.MirNet",
                n_bins=SIZE,
                n_speakers=SIZE,
                attend_to=WORD,
                channels=SIZES,
                batch_norm=FLAG,
                resnet_channels=SIZE,
                embedding_dim=SIZE,
            ),
            _entry(
                "!new:speaker_weighted.SpeakerWeightedEncoder",
                encoder=PART,
                n_speakers=SIZE,
                embedding_dim=SIZE,
                bottleneck=SIZE,
            ),
            _entry(
                "!new:speaker_masks.SpeakerMaskedEncoder",
                encoder=PART,
                n_speakers=SIZE,
                hidden_dim=SIZE,
                sharpness=NUMBER,
            ),
            _entry(
                "!new:late_fusion.LateFusion",
                first=PART,
                second=PART,
                freeze=FLAG,
            ),
            _entry("!new:ssl_head_encoder.SslHeadEncoder", ptm=PART, head=PART),
            _entry("!new:mean_head.MeanHead", n_stages=SIZE, input_dim=SIZE),
            _entry("!new:mhfa.Mhfa", n_heads=SIZE, dim=SIZE, **_HEAD),
            _entry(
                "!new:ca_mhfa.CaMhfa",
                n_groups=SIZE,
                context=COUNT,
                dim=SIZE,
                **_HEAD,
            ),
            _entry(
                "!new:lap.Lap", n_heads=SIZE, dim=SIZE, dropout=NUMBER, **_HEAD
            ),
            _entry("!new:ptm_redimnet.PtmReDimNet", trunk=PART, **_HEAD),
            _entry(
                "!new:wavlm_ecapa.WavLMEcapaHead",
                channels=SIZE,
                frame_dim=SIZE,
                attention_dim=SIZE,
                se_dim=SIZE,
                scale=SIZE,
                **_HEAD,
            ),
            _entry("!new:redimnet_trunk.ReDimNetTrunk", n_maps=COUNT, **_TRUNK),
            _entry(
                "!apply:redimnet_trunk.redimnet_trunk", size=WORD, n_maps=COUNT
            ),
            _entry(
                "!new:fusion_encoder.FusionEncoder",
                ptm=PART,
                front_end=PART,
                stem=PART,
                backbone=PART,
            ),
            _entry(
                "!new:spectrogram_stem.SpectrogramStem",
                n_mels=SIZE,
                channels=SIZE,
            ),
            _entry(
                "!new:fusion.StateFusion",
                n_states=SIZE,
                n_groups=SIZE,
                width=SIZE,
                input_dim=SIZE,
                output_dim=SIZE,
                project=FLAG,
                spacing=WORD,
            ),
            _entry("!new:ssrfnet.SSRFNet", **_FUSED),
            _entry("!new:sum_fusion.SumFusion", **_FUSED),
            _entry("!new:gated_fusion.InputGateFusion", **_STATES),
            _entry("!new:dual_branch.DualBranch", ptm_trunk=PART, **_STATES),
        ]
    )
)
