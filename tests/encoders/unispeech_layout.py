"""Random checkpoints in the layout that UniSpeech publishes.

Written from the table of names, not from the package's patterns: each entry is
spelled out beside its name in transformers, so that the two can be compared.
"""

from typing import NamedTuple

import torch

from speechbrain_denokd.encoders.wavlm_folder import wavlm_large_config

CENTRES = "loss_calculator.projection.weight"


class HeadSizes(NamedTuple):
    """Arguments of `WavLMEcapaHead` after the number of layers and input."""

    channels: int = 512
    frame_dim: int = 1536
    embedding_dim: int = 256
    attention_dim: int = 128
    se_dim: int = 128
    scale: int = 8


TINY_HEAD = HeadSizes(16, 48, 8, 6, 4, 4)


def tiny_config(**changes):
    """WavLM-large's kind at 4 blocks of 64 channels."""
    tiny = {
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "conv_dim": [32] * 7,
        # Small enough for the logarithmic buckets to be reached.
        "num_buckets": 32,
        "max_bucket_distance": 100,
    }
    return wavlm_large_config(**{**tiny, **changes})


def wavlm_entries(config) -> list[tuple[str, str, tuple[int, ...]]]:
    """(published name, transformers name, shape) of every WavLM tensor."""
    dim, heads = config.hidden_size, config.num_attention_heads
    kernel = config.num_conv_pos_embeddings
    group_dim = dim // config.num_conv_pos_embedding_groups
    position = "encoder.pos_conv_embed.conv"
    weight = f"{position}.parametrizations.weight"
    entries = [
        ("mask_emb", "masked_spec_embed", (dim,)),
        ("encoder.pos_conv.0.weight_g", f"{weight}.original0", (1, 1, kernel)),
        (
            "encoder.pos_conv.0.weight_v",
            f"{weight}.original1",
            (dim, group_dim, kernel),
        ),
        ("encoder.pos_conv.0.bias", f"{position}.bias", (dim,)),
        (
            "encoder.layers.0.self_attn.relative_attention_bias.weight",
            "encoder.layers.0.attention.rel_attn_embed.weight",
            (config.num_buckets, heads),
        ),
        *_affine("encoder.layer_norm", "encoder.layer_norm", (dim,)),
        *_affine(
            "layer_norm",
            "feature_projection.layer_norm",
            (config.conv_dim[-1],),
        ),
        *_affine(
            "post_extract_proj",
            "feature_projection.projection",
            (dim, config.conv_dim[-1]),
        ),
    ]
    for i in range(len(config.conv_dim)):
        entries += _extractor_entries(config, i)
    for i in range(config.num_hidden_layers):
        entries += _block_entries(config, i)
    return [(f"feature_extract.model.{a}", b, shape) for a, b, shape in entries]


def _affine(source: str, target: str, shape):
    return [
        (f"{source}.weight", f"{target}.weight", shape),
        (f"{source}.bias", f"{target}.bias", shape[:1]),
    ]


def _extractor_entries(config, i: int):
    layer = f"feature_extractor.conv_layers.{i}"
    dims = (1, *config.conv_dim)
    shape = (dims[i + 1], dims[i], config.conv_kernel[i])
    entries = [(f"{layer}.0.weight", f"{layer}.conv.weight", shape)]
    if config.feat_extract_norm == "layer":
        entries += _affine(
            f"{layer}.2.1", f"{layer}.layer_norm", (dims[i + 1],)
        )
    elif i == 0:
        entries += _affine(f"{layer}.2", f"{layer}.layer_norm", (dims[1],))
    return entries


def _block_entries(config, i: int):
    block, dim = f"encoder.layers.{i}", config.hidden_size
    inner, heads = config.intermediate_size, config.num_attention_heads
    source, target = f"{block}.self_attn", f"{block}.attention"
    gate = (f"{source}.grep_a", f"{target}.gru_rel_pos_const")
    entries = [(*gate, (1, heads, 1, 1))]
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        entries += _affine(f"{source}.{name}", f"{target}.{name}", (dim, dim))
    feed = f"{block}.feed_forward"
    return [
        *entries,
        *_affine(
            f"{source}.grep_linear",
            f"{target}.gru_rel_pos_linear",
            (8, dim // heads),
        ),
        *_affine(f"{source}_layer_norm", f"{block}.layer_norm", (dim,)),
        *_affine(f"{block}.fc1", f"{feed}.intermediate_dense", (inner, dim)),
        *_affine(f"{block}.fc2", f"{feed}.output_dense", (dim, inner)),
        *_affine(
            f"{block}.final_layer_norm", f"{block}.final_layer_norm", (dim,)
        ),
    ]


def head_entries(n_stages: int, input_dim: int, sizes: HeadSizes):
    """(published name, shape) of every tensor of the speaker head."""
    channels, frame_dim, dim, attention, se, scale = sizes
    width = channels // scale
    entries = [("feature_weight", (n_stages,))]
    entries += _conv_bn("layer1", channels, input_dim, 5)
    for layer in ("layer2", "layer3", "layer4"):
        entries += _conv_bn(f"{layer}.Conv1dReluBn1", channels, channels, 1)
        entries += _conv_bn(f"{layer}.Conv1dReluBn2", channels, channels, 1)
        for k in range(scale - 1):
            res2 = f"{layer}.Res2Conv1dReluBn"
            entries += _pair(f"{res2}.convs.{k}", (width, width, 3))
            entries += _bn(f"{res2}.bns.{k}", width)
        entries += _pair(f"{layer}.SE_Connect.linear1", (se, channels))
        entries += _pair(f"{layer}.SE_Connect.linear2", (channels, se))
    entries += _pair("conv", (frame_dim, 3 * channels, 1))
    entries += _pair("pooling.linear1", (attention, frame_dim, 1))
    entries += _pair("pooling.linear2", (frame_dim, attention, 1))
    entries += _bn("bn", 2 * frame_dim)
    return entries + _pair("linear", (dim, 2 * frame_dim))


def _pair(name: str, shape):
    return [(f"{name}.weight", shape), (f"{name}.bias", shape[:1])]


def _bn(name: str, dim: int):
    parts = ("weight", "bias", "running_mean", "running_var")
    entries = [(f"{name}.{part}", (dim,)) for part in parts]
    return [*entries, (f"{name}.num_batches_tracked", ())]


def _conv_bn(name: str, dim: int, input_dim: int, kernel: int):
    conv = _pair(f"{name}.conv", (dim, input_dim, kernel))
    return conv + _bn(f"{name}.bn", dim)


def random_checkpoint(
    config,
    sizes: HeadSizes,
    n_classes: int,
    device: str = "cpu",
    seed: int = 0,
) -> dict:
    """A checkpoint whose every tensor matters to the output."""
    generator = torch.Generator().manual_seed(seed)
    n_stages = config.num_hidden_layers + 1
    entries = [(name, shape) for name, _, shape in wavlm_entries(config)]
    entries += head_entries(n_stages, config.hidden_size, sizes)
    entries += [(CENTRES, (n_classes, sizes.embedding_dim))]
    model = {}
    for name, shape in entries:
        if device == "meta":
            model[name] = torch.empty(shape, device=device)
        else:
            model[name] = _random(name, shape, generator)
    return {"model": model, "best_valid_eer": 100.0}


def _random(name: str, shape, generator) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(7)
    values = torch.randn(shape, generator=generator)
    if name.endswith("running_var"):
        return 1 + values.square()
    scales = name.endswith((".weight", "grep_a", "weight_g"))
    if scales and max(shape) == values.numel():
        return 1 + 0.3 * values
    if len(shape) > 1:
        return values / values[0].numel() ** 0.5
    return 0.3 * values
