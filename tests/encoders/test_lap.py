"""LAP: sizes, gates, the loudest layer, padding."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from speechbrain_denokd.encoders.lap import Lap
from speechbrain_denokd.encoders.masks import frame_mask

N_STAGES, INPUT_DIM, N_HEADS = 5, 12, 3
N_FRAMES = (20, 1, 9, 19)


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = Lap(N_STAGES, INPUT_DIM, N_HEADS, dim=8, embedding_dim=10)
    for _ in range(3):
        head(torch.randn(N_STAGES, 4, 20, INPUT_DIM), torch.full((4,), 20))
    for parameter in head.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return head.eval()


def test_fact_parameter_counts():
    """With 94.4 and 315.5 million: the 96.1 and 317.8 of SSRFNet's table."""
    with torch.device("meta"):
        base, large = Lap(), Lap(n_stages=25, input_dim=1024)
    assert sum(p.numel() for p in base.parameters()) == 1_714_480
    assert sum(p.numel() for p in large.parameters()) == 2_312_464
    assert (base.frame_dim, base.embedding_dim) == (512, 192)


def test_reference_torchs_layers(head):
    """Loops over frames and heads, torch's own norms, no mask."""
    n = 7
    stages = torch.randn(N_STAGES, 2, n, INPUT_DIM)
    norm = nn.BatchNorm2d(INPUT_DIM)
    norm.load_state_dict(head.input_norm.norm.state_dict())
    x = norm.eval()(stages.permute(1, 3, 2, 0)).permute(0, 2, 3, 1)
    x = head.input(x)  # (B, T, L, C)
    loudest = torch.zeros(2, n, INPUT_DIM)
    size = INPUT_DIM // N_HEADS
    for b in range(2):
        for t in range(n):
            for h in range(N_HEADS):
                part = x[b, t, :, h * size : (h + 1) * size]
                score = torch.zeros(N_STAGES)
                for level in (part.mean(dim=1), part.max(dim=1).values):
                    narrow = level @ head.gates.squeeze[h]
                    narrow = F.relu(narrow + head.gates.squeeze_bias[h])
                    score = score + narrow @ head.gates.excite[h]
                    score = score + head.gates.excite_bias[h]
                gated = part * score.sigmoid()[:, None]
                columns = slice(h * size, (h + 1) * size)
                loudest[b, t, columns] = gated.max(dim=0).values
    output = head(stages, torch.tensor([n, n]))
    torch.testing.assert_close(output.stages[0], loudest)
    frames = head.output_norm.norm(head.output(loudest).transpose(1, 2))
    torch.testing.assert_close(output.frames, frames.transpose(1, 2))

    pooling = head.pooling
    mean = frames.mean(dim=2, keepdim=True)
    std = frames.std(dim=2, keepdim=True, correction=0)
    context = [part.expand_as(frames) for part in (mean, std)]
    hidden = pooling.hidden(torch.cat([frames, *context], dim=1)).relu()
    shares = pooling.score(pooling.hidden_norm.norm(hidden)).softmax(dim=2)
    mean = (shares * frames).sum(dim=2)
    square = (shares * frames**2).sum(dim=2)
    pooled = torch.cat([mean, (square - mean**2).sqrt()], dim=1)
    expected = head.norm(head.linear(pooling.norm(pooled)))
    torch.testing.assert_close(output.embedding, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("fill", [0.0, 7.0, float("nan")])
def test_law_padding_is_invisible(head, fill):
    stages = torch.randn(N_STAGES, len(N_FRAMES), max(N_FRAMES), INPUT_DIM)
    for i, n in enumerate(N_FRAMES):
        stages[:, i, n:] = fill
    output = head(stages, torch.tensor(N_FRAMES))
    for i, n in enumerate(N_FRAMES):
        alone = head(stages[:, i : i + 1, :n], torch.tensor([n]))
        pairs = [
            (output.embedding[i], alone.embedding[0]),
            (output.frames[i, :n], alone.frames[0]),
            (output.stages[0][i, :n], alone.stages[0][0]),
        ]
        for together, single in pairs:
            torch.testing.assert_close(together, single, rtol=0, atol=1e-4)


def test_law_training_statistics_ignore_padding(head):
    stages = torch.randn(N_STAGES, 4, 20, INPUT_DIM)
    state = {name: value.clone() for name, value in head.state_dict().items()}
    buffers = []
    for fill in (0.0, 50.0):
        head.load_state_dict(state)
        for i, n in enumerate(N_FRAMES):
            stages[:, i, n:] = fill
        torch.manual_seed(0)
        head.train()(stages, torch.tensor(N_FRAMES))
        buffers.append([buffer.clone() for buffer in head.buffers()])
    for first, second in zip(*buffers, strict=True):
        torch.testing.assert_close(first, second)


def test_law_layers_may_be_permuted_with_their_weights(head):
    stages, n_frames = (
        torch.randn(N_STAGES, 2, 9, INPUT_DIM),
        torch.tensor([9, 4]),
    )
    before = head(stages, n_frames).embedding
    order = torch.randperm(N_STAGES, generator=torch.Generator().manual_seed(3))
    assert not torch.allclose(head(stages[order], n_frames).embedding, before)
    gates = head.gates
    gates.squeeze.data = gates.squeeze.data[:, order]
    gates.excite.data = gates.excite.data[:, :, order]
    gates.excite_bias.data = gates.excite_bias.data[:, order]
    after = head(stages[order], n_frames).embedding
    torch.testing.assert_close(after, before)


def test_law_gradients_reach_every_parameter(head):
    stages = torch.randn(N_STAGES, 3, 9, INPUT_DIM)
    embedding = head(stages, torch.tensor([9, 4, 9])).embedding
    (embedding * torch.randn_like(embedding)).sum().backward()
    for name, parameter in head.named_parameters():
        # A softmax over time takes no notice of what all frames share.
        if name != "pooling.score.bias":
            assert parameter.grad.abs().max() > 1e-7, name


def test_law_an_utterance_is_never_dropped_whole(head):
    """Even where training would drop every frame."""
    pooling = head.pooling.train()
    mask = frame_mask(torch.tensor([9, 1, 4]), 9)
    torch.manual_seed(0)
    pooling.dropout = 1.0
    assert torch.equal(pooling._heard(mask), mask)
    pooling.dropout = 0.5
    heard = torch.stack([pooling._heard(mask) for _ in range(200)])
    assert not heard[:, ~mask].any() and heard.any(dim=2).all()
    assert heard[:, 0].float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_error_sizes():
    with pytest.raises(ValueError, match="input_dim=12 .* 5 heads"):
        Lap(N_STAGES, INPUT_DIM, n_heads=5)
    with pytest.raises(ValueError, match="2 layers given.* for 13.*n_stages=2"):
        Lap()(torch.zeros(2, 1, 3, 768), torch.tensor([3]))
