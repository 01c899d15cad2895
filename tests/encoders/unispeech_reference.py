"""WavLM (pre-norm) and its speaker head as plain functions of one utterance.

An independent reference: one waveform, no masks, no modules, the tensors
looked up by the names that the published checkpoint gives them.
"""

import math

import torch
import torch.nn.functional as F


def wavlm_stages(state: dict, config, wav: torch.Tensor) -> list[torch.Tensor]:
    """(S,) normalised waveform -> L + 1 tensors (T, C)."""
    prefix = "feature_extract.model."
    state = {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }
    x = _extract(state, config, wav)
    x = _norm(state, "layer_norm", x)
    x = _linear(state, "post_extract_proj", x)
    x = x + _position(state, config, x)
    bias = _relative_bias(state, config, len(x))
    stages = [x]
    for i in range(config.num_hidden_layers):
        block = f"encoder.layers.{i}"
        normed = _norm(state, f"{block}.self_attn_layer_norm", x)
        x = x + _attention(state, config, f"{block}.self_attn", normed, bias)
        normed = _norm(state, f"{block}.final_layer_norm", x)
        inner = F.gelu(_linear(state, f"{block}.fc1", normed))
        x = x + _linear(state, f"{block}.fc2", inner)
        stages.append(x)
    stages[-1] = _norm(state, "encoder.layer_norm", stages[-1])
    return stages


def _linear(state, name, x):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _norm(state, name, x):
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return F.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)


def _extract(state, config, wav):
    x = wav[:, None]
    for i, (kernel, stride) in enumerate(
        zip(config.conv_kernel, config.conv_stride, strict=True)
    ):
        layer = f"feature_extractor.conv_layers.{i}"
        windows = x.unfold(0, kernel, stride)
        x = torch.einsum("tck,dck->td", windows, state[f"{layer}.0.weight"])
        x = F.gelu(_norm(state, f"{layer}.2.1", x))
    return x


def _position(state, config, x):
    """Weight norm over all but the kernel's axis; even kernels drop a frame."""
    direction = state["encoder.pos_conv.0.weight_v"]
    norm = direction.square().sum(dim=(0, 1), keepdim=True).sqrt()
    weight = state["encoder.pos_conv.0.weight_g"] * direction / norm
    kernel = config.num_conv_pos_embeddings
    padded = F.pad(x.T[None], (kernel // 2, (kernel - 1) // 2))
    y = F.conv1d(
        padded,
        weight,
        state["encoder.pos_conv.0.bias"],
        groups=config.num_conv_pos_embedding_groups,
    )
    return F.gelu(y[0].T)


def _bucket(distance: int, n_buckets: int, max_distance: int) -> int:
    """T5's buckets: half for each sign, exact, then logarithmic."""
    half = n_buckets // 2
    offset = half if distance > 0 else 0
    distance, exact = abs(distance), half // 2
    if distance < exact:
        return offset + distance
    growth = math.log(distance / exact) / math.log(max_distance / exact)
    return offset + min(exact + int(growth * (half - exact)), half - 1)


def _relative_bias(state, config, length):
    """(heads, T, T): bias of query i for key j."""
    table = state["encoder.layers.0.self_attn.relative_attention_bias.weight"]
    buckets = torch.tensor(
        [
            [
                _bucket(j - i, config.num_buckets, config.max_bucket_distance)
                for j in range(length)
            ]
            for i in range(length)
        ]
    )
    return table[buckets].permute(2, 0, 1)


def _attention(state, config, name, x, bias):
    heads = config.num_attention_heads
    size = x.shape[1] // heads

    def split(y):
        return y.reshape(len(y), heads, size).transpose(0, 1)

    gates = _linear(state, f"{name}.grep_linear", split(x))
    gate_a = gates[..., :4].sum(-1, keepdim=True).sigmoid()
    gate_b = gates[..., 4:].sum(-1, keepdim=True).sigmoid()
    gate = gate_a * (gate_b * state[f"{name}.grep_a"][0] - 1) + 2
    query, key, value = (
        split(_linear(state, f"{name}.{part}_proj", x)) for part in "qkv"
    )
    energies = query @ key.transpose(1, 2) / size**0.5 + gate * bias
    context = energies.softmax(-1) @ value
    joined = context.transpose(0, 1).reshape(len(x), -1)
    return _linear(state, f"{name}.out_proj", joined)


def head_output(state: dict, stages: list[torch.Tensor]):
    """L + 1 tensors (T, C) -> frames (T, frame_dim), embedding (D,)."""
    weights = state["feature_weight"].softmax(0)
    mixed = torch.einsum("l,ltc->tc", weights, torch.stack(stages)) + 1e-6
    x = F.instance_norm(mixed.T[None])
    x = _conv_bn(state, "layer1", x, 5)
    blocks = []
    for i, dilation in ((2, 2), (3, 3), (4, 4)):
        x = _se_res2(state, f"layer{i}", x, dilation)
        blocks.append(x)
    frames = F.relu(_conv(state, "conv", torch.cat(blocks, 1)))
    hidden = torch.tanh(_conv(state, "pooling.linear1", frames))
    attention = _conv(state, "pooling.linear2", hidden).softmax(2)
    mean = (attention * frames).sum(2)
    variance = (attention * frames**2).sum(2) - mean**2
    pooled = torch.cat([mean, variance.clamp(min=1e-9).sqrt()], 1)
    return frames[0].T, _linear(state, "linear", _bn(state, "bn", pooled))[0]


def _conv(state, name, x, padding=0, dilation=1):
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return F.conv1d(x, weight, bias, padding=padding, dilation=dilation)


def _bn(state, name, x):
    parts = ("running_mean", "running_var", "weight", "bias")
    return F.batch_norm(x, *(state[f"{name}.{part}"] for part in parts))


def _conv_bn(state, name, x, kernel=1):
    y = F.relu(_conv(state, f"{name}.conv", x, padding=kernel // 2))
    return _bn(state, f"{name}.bn", y)


def _se_res2(state, name, x, dilation):
    y = _conv_bn(state, f"{name}.Conv1dReluBn1", x)
    res2 = f"{name}.Res2Conv1dReluBn"
    width = state[f"{res2}.convs.0.weight"].shape[0]
    chunks = list(y.split(width, dim=1))
    for k in range(len(chunks) - 1):
        inputs = chunks[k] + (chunks[k - 1] if k else 0)
        convolved = _conv(
            state, f"{res2}.convs.{k}", inputs, dilation, dilation
        )
        chunks[k] = _bn(state, f"{res2}.bns.{k}", F.relu(convolved))
    y = _conv_bn(state, f"{name}.Conv1dReluBn2", torch.cat(chunks, 1))
    squeezed = F.relu(_linear(state, f"{name}.SE_Connect.linear1", y.mean(2)))
    gate = _linear(state, f"{name}.SE_Connect.linear2", squeezed).sigmoid()
    return x + y * gate[:, :, None]
