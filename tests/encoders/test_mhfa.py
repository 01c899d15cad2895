"""MHFA and what CA-MHFA shares with it: attention, layers, padding."""

import pytest
import torch
import torch.nn.functional as F

from speechbrain_denokd.encoders.ca_mhfa import CaMhfa
from speechbrain_denokd.encoders.mhfa import Mhfa

N_STAGES, INPUT_DIM, DIM, N_HEADS = 5, 12, 8, 6
N_FRAMES = (20, 1, 9, 19)


def build(kind):
    torch.manual_seed(0)
    sizes = {"n_groups": N_HEADS} if kind is CaMhfa else {"n_heads": N_HEADS}
    head = kind(N_STAGES, INPUT_DIM, dim=DIM, embedding_dim=10, **sizes)
    for parameter in head.parameters():
        parameter.data += torch.randn_like(parameter)
    return head


@pytest.fixture(params=[Mhfa, CaMhfa])
def head(request):
    return build(request.param)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"n_heads": 64}, 2_302_554),
        ({"n_heads": 32}, 1_249_850),
        ({"n_heads": 8}, 460_322),
        ({"n_stages": 25, "input_dim": 1024}, 2_368_114),
    ],
)
def test_fact_parameter_counts(sizes, expected):
    with torch.device("meta"):
        head = Mhfa(**sizes)
    assert sum(p.numel() for p in head.parameters()) == expected
    assert (head.frame_dim, head.embedding_dim) == (128, 256)


def test_law_attention_sums_to_one_over_valid_frames(head):
    n_frames = torch.tensor(N_FRAMES)
    keys = torch.randn(len(N_FRAMES), max(N_FRAMES), DIM)
    attention = head.attention(keys, n_frames)
    assert attention.shape == (4, 20, N_HEADS) and attention.min() >= 0
    for row, n in zip(attention, N_FRAMES, strict=True):
        torch.testing.assert_close(row[:n].sum(dim=0), torch.ones(N_HEADS))
        assert not row[n:].any()


@pytest.mark.parametrize("fill", [0.0, 7.0, float("nan")])
def test_law_padding_is_invisible(head, fill):
    stages = torch.randn(N_STAGES, len(N_FRAMES), max(N_FRAMES), INPUT_DIM)
    for i, n in enumerate(N_FRAMES):
        stages[:, i, n:] = fill
    output = head(stages, torch.tensor(N_FRAMES))
    for i, n in enumerate(N_FRAMES):
        alone = head(stages[:, i : i + 1, :n], torch.tensor([n]))
        torch.testing.assert_close(output.embedding[i], alone.embedding[0])
        torch.testing.assert_close(output.frames[i, :n], alone.frames[0])
        assert not output.frames[i, n:].any()


def test_law_layers_may_be_permuted_with_their_weights(head):
    stages, n_frames = (
        torch.randn(N_STAGES, 2, 9, INPUT_DIM),
        torch.tensor([9, 4]),
    )
    before = head(stages, n_frames).embedding
    order = torch.randperm(N_STAGES, generator=torch.Generator().manual_seed(3))
    assert not torch.allclose(head(stages[order], n_frames).embedding, before)
    for mix in (head.key_mix, head.value_mix):
        mix.weights.data = mix.weights.data[order]
    after = head(stages[order], n_frames).embedding
    torch.testing.assert_close(after, before)


@pytest.mark.parametrize("kind", [Mhfa, CaMhfa])
def test_reference_one_head_after_the_other(kind):
    """The formulas, head by head, frame by frame, for one utterance."""
    head, n = build(kind), 7
    stages = torch.randn(N_STAGES, 1, n, INPUT_DIM)
    shares = [
        mix.weights.exp() / mix.weights.exp().sum()
        for mix in (head.key_mix, head.value_mix)
    ]
    mixed = [
        sum(w * s[0] for w, s in zip(share, stages, strict=True))
        for share in shares
    ]
    keys = mixed[0] @ head.key.weight.T + head.key.bias
    values = mixed[1] @ head.value.weight.T + head.value.bias
    pooled = []
    for h in range(N_HEADS):
        if kind is Mhfa:
            scores = keys @ head.queries.weight[h] + head.queries.bias[h]
        else:
            around = F.pad(keys, (0, 0, 2, 2))
            kernel = head.queries.conv.weight[h].T  # (context, dim)
            scores = torch.stack(
                [(around[t : t + 5] * kernel).sum() for t in range(n)]
            )
        pooled.append((scores.softmax(0)[:, None] * values).sum(0))
    expected = torch.cat(pooled) @ head.linear.weight.T + head.linear.bias
    output = head(stages, torch.tensor([n]))
    torch.testing.assert_close(
        output.embedding[0], expected, rtol=1e-5, atol=1e-4
    )
    torch.testing.assert_close(output.stages[0][0], keys)
    torch.testing.assert_close(output.stages[1][0], values)


def test_law_gradients_reach_every_parameter(head):
    stages = torch.randn(N_STAGES, 3, 9, INPUT_DIM)
    embedding = head(stages, torch.tensor([9, 4, 9])).embedding
    (embedding * torch.randn_like(embedding)).sum().backward()
    for name, parameter in head.named_parameters():
        # A softmax over time takes no notice of what all frames share.
        if name != "queries.bias":
            assert parameter.grad.abs().max() > 1e-6, name
