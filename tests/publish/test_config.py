"""Descriptions of encoders: HyperPyYAML's answer, without HyperPyYAML."""

import inspect
import pydoc
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML

from speechbrain_denokd.model_folder import encoder_yaml
from speechbrain_denokd.publish.classes import CLASSES, PART
from speechbrain_denokd.publish.config import (
    build_encoder,
    check_config,
    config_of_yaml,
    size_encoder,
)

HPARAMS = [
    page
    for page in sorted((Path(__file__).parents[2] / "hparams").glob("*.yaml"))
    if "\nstudent: " in page.read_text(encoding="utf-8")  # a speaker encoder
]
WAV = "encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder"
FBANK = "!new:speechbrain_denokd.encoders.fbank.FbankFrontEnd"
REDIMNET = f"""\
{WAV}
  front_end: {FBANK}
    n_mels: 24
    hop_ms: 12.5
  network: !new:speechbrain_denokd.encoders.redimnet.ReDimNet
    n_mels: 24
    channels: 4
    stages: [[1, 1, 1, null], [2, 1, 1, 12]]
    group_divisor: 4
    embedding_dim: 16
"""
REDIMNET_B0 = f"""\
{WAV}
  front_end: {FBANK} {{n_mels: 60}}
  network: !apply:speechbrain_denokd.encoders.redimnet.redimnet {{size: B0}}
"""
MIXER = """\
!new:speechbrain_denokd.encoders.sv_mixer.SvMixer
      front_end: !new:speechbrain_denokd.encoders.waveform_conv.WaveformConv
        hidden_dim: 16
        conv_dim: 8
        normalise_wavs: false
      n_layers: 3
      n_tokens: 24
"""
SSL = "!new:speechbrain_denokd.encoders.ssl_head_encoder.SslHeadEncoder"
FUSION = f"""\
encoder: !new:speechbrain_denokd.encoders.fusion_encoder.FusionEncoder
    ptm: {MIXER}
    front_end: {FBANK} {{n_mels: 24}}
    stem: !new:speechbrain_denokd.encoders.spectrogram_stem.SpectrogramStem
      n_mels: 24
      channels: 32
    backbone: !new:speechbrain_denokd.encoders.ssrfnet.SSRFNet
      embedding_dim: 16
      fusion: !new:speechbrain_denokd.encoders.fusion.StateFusion
        n_states: 3
        n_groups: 2
        width: 2
        input_dim: 16
        output_dim: 32
      trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk
        n_mels: 8
        channels: 4
        stages: [[1, 1, 1, null], [2, 1, 1, 8]]
        n_maps: 2
"""


def with_head(head):
    return f"""\
encoder: {SSL}
    ptm: {MIXER}
    head: !new:speechbrain_denokd.encoders.{head}
      n_stages: 4
      input_dim: 16
      embedding_dim: 12
"""


WAVLM = f"""\
encoder: {SSL}
    ptm: !new:speechbrain_denokd.encoders.wavlm_blank.BlankWavLM
      config: !apply:speechbrain_denokd.encoders.wavlm_folder.wavlm_large_config
        hidden_size: 16
        conv_dim: [8, 8, 8, 8, 8, 8, 8]
        num_hidden_layers: 3
        num_attention_heads: 2
        intermediate_size: 32
    head: !new:speechbrain_denokd.encoders.wavlm_ecapa.WavLMEcapaHead
      n_stages: 4
      input_dim: 16
      channels: 16
      frame_dim: 24
      embedding_dim: 12
"""
TRANSFORMER = f"""\
encoder: {SSL}
    ptm: !new:speechbrain_denokd.encoders.ssl_model.TransformerStudent
      n_layers: 3
      hidden_dim: 16
      n_heads: 2
      ff_dim: 32
      conv_dim: 8
    head: !new:speechbrain_denokd.encoders.mhfa.Mhfa
      n_stages: 4
      input_dim: 16
      n_heads: 4
      dim: 8
      embedding_dim: 12
"""
TRUNK = """\
ptm_redimnet.PtmReDimNet
      trunk: !new:speechbrain_denokd.encoders.redimnet_trunk.ReDimNetTrunk
        n_mels: 8
        channels: 4
        stages: [[1, 1, 1, null], [2, 1, 1, 8]]"""
PAGES = {
    "redimnet": REDIMNET,
    "redimnet B0": REDIMNET_B0,
    "mhfa": with_head("mhfa.Mhfa\n      n_heads: 4\n      dim: 8"),
    "ca_mhfa": with_head("ca_mhfa.CaMhfa\n      n_groups: 4\n      dim: 8"),
    "lap": with_head("lap.Lap\n      n_heads: 2\n      dim: 16"),
    "ptm_redimnet": with_head(TRUNK),
    "ssrfnet": FUSION,
    "wavlm": WAVLM,
    "transformer": TRANSFORMER,
}


def described(text):
    return config_of_yaml(YAML().load(text)["encoder"])


@pytest.mark.parametrize("name", PAGES)
def test_reference_what_is_built_is_what_hyperpyyaml_builds(name):
    torch.manual_seed(0)
    expected = load_hyperpyyaml(PAGES[name])["encoder"].eval()
    found = build_encoder(described(PAGES[name])).eval()
    found.load_state_dict(expected.state_dict())
    wavs = 0.1 * torch.randn(2, 12000)
    lens = torch.tensor([1.0, 0.6])
    with torch.no_grad():
        assert torch.equal(
            found(wavs, lens).embedding, expected(wavs, lens).embedding
        )
    sized = size_encoder(described(PAGES[name]))
    assert {k: v.shape for k, v in sized.network.state_dict().items()} == {
        k: v.shape for k, v in expected.network.state_dict().items()
    }


@pytest.mark.parametrize("page", HPARAMS, ids=lambda path: path.stem)
def test_law_whatever_a_page_trains_can_be_published(page):
    with open(page, encoding="utf-8") as file:
        resolved = resolve_references(file).getvalue()
    text = encoder_yaml(resolved, ["student", "encoder"])
    encoder = size_encoder(described(text))
    assert encoder.embedding_dim >= 32
    assert all(value.is_meta for value in encoder.network.parameters())


@pytest.mark.parametrize("name", CLASSES)
def test_law_the_allow_list_is_of_things_that_are_there(name):
    allowed = CLASSES[name]
    verb, path = allowed.tag.split(":")
    found = pydoc.locate(path)
    assert path.startswith("speechbrain_denokd.encoders.")
    assert inspect.isclass(found) == (verb == "!new")
    known = inspect.signature(found).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    assert takes_any or set(allowed.arguments) <= set(known)
    # What has no default must be possible to give.
    needed = {
        name
        for name, parameter in known.items()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
    }
    assert needed <= set(allowed.arguments)
    files = {"source", "path", "save_path", "folder", "activation", "device"}
    assert not files & set(allowed.arguments)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (
            "encoder: !new:os.system {command: ls}",
            "unknown class '!new:os.syst",
        ),
        (f"encoder: {FBANK} [24]", "must be followed by arguments by name"),
        (f"encoder: {FBANK}", "must be followed by arguments by name"),
        (
            f"encoder: {FBANK} {{n_mels: '24'}}",
            "n_mels is '24'; it must be a wh",
        ),
        (f"encoder: {FBANK} {{n_mels: !ref <n>}}", "!ref must be followed by"),
        (f"encoder: {FBANK} {{f_min: 20}}", "unknown argument 'f_min' of Fban"),
        (
            f"{WAV}\n  network: {{a: 1}}",
            "encoder.network: .* no description of",
        ),
        ("encoder: 3", "3 is no description of a class"),
        (
            f"encoder: {FBANK.replace('!new', '!apply')} {{n_mels: 24}}",
            "unknown class '!apply:speechbrain_denokd",
        ),
    ],
)
def test_other_pages_cannot_be_described(page, message):
    with pytest.raises(ValueError, match=message):
        described(page)


def test_a_part_that_is_no_encoder_is_refused():
    config = {"class": "FbankFrontEnd", "arguments": {"n_mels": 24}}
    with pytest.raises(ValueError, match="FbankFrontEnd with these parts is"):
        size_encoder(config)
    swapped = {"front_end": config, "network": config}
    with pytest.raises(ValueError, match="WavEncoder with these parts is no"):
        size_encoder({"class": "WavEncoder", "arguments": swapped})


def test_classes_within_classes_end():
    config = {"class": "FbankFrontEnd", "arguments": {}}
    for _ in range(8):
        config = {"class": "WavEncoder", "arguments": {"network": config}}
    with pytest.raises(ValueError, match="lies deeper than 8 classes"):
        check_config(config)


@pytest.mark.parametrize(
    ("argument", "good", "bad"),
    [
        ("n_mels", [1, 1_000_000], [0, -1, 1_000_001, True, 2.0, None, [1]]),
        ("hop_ms", [0, 10, 12.5], [-1, 1e7, float("nan"), "10", True]),
    ],
)
def test_fact_values(argument, good, bad):
    for values, refused in ((good, False), (bad, True)):
        for value in values:
            config = {"class": "FbankFrontEnd", "arguments": {argument: value}}
            if not refused:
                check_config(config)
                continue
            with pytest.raises(ValueError, match=rf"encoder.{argument} is "):
                check_config(config)


def test_fact_lists_and_words():
    def network(**arguments):
        return {"class": "ReDimNet", "arguments": arguments}

    check_config(
        network(stages=[[1, 2, 3, None], [1, 2, 3, 4]], block="resnet")
    )
    for bad in ([], [[1, 2, 3]], [[1, 2, None, 4]], [[1, 2, 3, "4"]], "x"):
        with pytest.raises(ValueError, match=r"encoder.stages is .* a list of"):
            check_config(network(stages=bad))
    for bad in ("", "a b", "x" * 33, "../x", 3):
        with pytest.raises(ValueError, match=r"encoder.block is .* one word"):
            check_config(network(block=bad))


def test_parts_are_checked_all_the_way_down():
    assert CLASSES["WavEncoder"].arguments["network"] is PART
    bad = {"class": "EcapaTdnn", "arguments": {"dropout": "a"}}
    with pytest.raises(ValueError, match=r"encoder.network.dropout is 'a'"):
        check_config({"class": "WavEncoder", "arguments": {"network": bad}})
