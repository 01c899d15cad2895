"""WavLM + ECAPA-TDNN: the published network, with padding invisible."""

import pytest
import torch

from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa, WavLMEcapaHead
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from tests.encoders import unispeech_reference as reference
from tests.encoders.unispeech_layout import (
    TINY_HEAD,
    head_entries,
    random_checkpoint,
    tiny_config,
)

N_STAGES, INPUT_DIM = 5, 64
N_FRAMES = (40, 1, 23, 39)


@pytest.fixture
def state():
    """Head weights by their published names."""
    model = random_checkpoint(tiny_config(), TINY_HEAD, n_classes=3)["model"]
    entries = head_entries(N_STAGES, INPUT_DIM, TINY_HEAD)
    return {name: model[name] for name, _ in entries}


@pytest.fixture
def head(state):
    head = WavLMEcapaHead(N_STAGES, INPUT_DIM, *TINY_HEAD).eval()
    head.load_state_dict(state)
    return head


def random_stages(n_frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (len(n_frames), max(n_frames), INPUT_DIM)
    return [torch.randn(shape, generator=generator) for _ in range(N_STAGES)]


def test_fact_head_has_8_million_parameters_in_222_tensors():
    with torch.device("meta"):
        head = WavLMEcapaHead()
    assert sum(p.numel() for p in head.parameters()) == 8_410_841
    assert len(head.state_dict()) == 222
    assert (head.n_stages, head.input_dim) == (25, 1024)
    assert (head.frame_dim, head.embedding_dim) == (1536, 256)


def test_reference_single_utterance(head, state):
    stages = random_stages([40])
    output = head(stages, torch.tensor([40]))
    frames, embedding = reference.head_output(state, [s[0] for s in stages])
    torch.testing.assert_close(output.frames[0], frames, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        output.embedding[0], embedding, rtol=0, atol=1e-5
    )


def test_law_padding_is_invisible_at_every_tap(head):
    stages = random_stages(N_FRAMES)
    output = head(stages, torch.tensor(N_FRAMES))
    for i, n in enumerate(N_FRAMES):
        alone = head([s[i : i + 1, :n] for s in stages], torch.tensor([n]))
        pairs = [
            (output.embedding[i], alone.embedding[0]),
            (output.frames[i, :n], alone.frames[0]),
        ]
        pairs += [
            (batched[i, :n], single[0])
            for batched, single in zip(output.stages, alone.stages, strict=True)
        ]
        for batched, single in pairs:
            torch.testing.assert_close(batched, single, rtol=0, atol=1e-4)


def test_law_embedding_ignores_what_padded_frames_hold(head):
    n_frames = torch.tensor(N_FRAMES)
    stages = random_stages(N_FRAMES)
    expected = head(stages, n_frames).embedding
    for stage in stages:
        for row, n in zip(stage, N_FRAMES, strict=True):
            row[n:] = 1e4
    torch.testing.assert_close(head(stages, n_frames).embedding, expected)


@pytest.mark.parametrize("layer", range(N_STAGES))
def test_fact_one_hot_weights_pick_one_layer(head, layer):
    weights = torch.full((N_STAGES,), -1e4)
    weights[layer] = 1e4
    head.feature_weight.data.copy_(weights)
    stages = random_stages([12])
    assert torch.equal(head.mix(stages), stages[layer] + 1e-6)


def test_fact_fresh_weights_average_the_layers():
    head = WavLMEcapaHead(N_STAGES, INPUT_DIM, *TINY_HEAD)
    stages = random_stages([12])
    torch.testing.assert_close(
        head.mix(stages), torch.stack(stages).mean(0) + 1e-6
    )


def test_law_order_of_layers_and_weights_is_free(head):
    stages = random_stages([20])
    n_frames = torch.tensor([20])
    expected = head(stages, n_frames).embedding
    order = [3, 0, 4, 1, 2]
    head.feature_weight.data.copy_(head.feature_weight.data[order])
    permuted = head([stages[i] for i in order], n_frames).embedding
    torch.testing.assert_close(permuted, expected)


def test_law_instance_norm_removes_offset_and_gain(head):
    """Per channel and utterance, over valid frames."""
    n_frames = torch.tensor(N_FRAMES[::2])
    stages = random_stages(N_FRAMES[::2])
    changed = [3 * stage + torch.arange(INPUT_DIM) for stage in stages]
    torch.testing.assert_close(
        head(changed, n_frames).embedding,
        head(stages, n_frames).embedding,
        rtol=0,
        atol=1e-3,
    )


def test_fact_frames_are_rectified_but_not_normalised(head, state):
    """The tap is after the last convolution's ReLU, before any batch norm."""
    output = head(random_stages([30]), torch.tensor([30]))
    blocks = torch.cat(output.stages[1:], dim=2)
    weight, bias = state["conv.weight"][:, :, 0], state["conv.bias"]
    expected = (blocks @ weight.T + bias).relu()
    torch.testing.assert_close(output.frames, expected)
    assert (output.frames == 0).any() and (output.frames > 0).any()


def test_law_whole_teacher_padding_and_determinism(head, tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path))
    teacher = WavLMEcapa(wavlm, head)
    lengths = [16000, 7000, 12345]
    wavs = torch.zeros(3, 16000)
    for row, n in zip(wavs, lengths, strict=True):
        row[:n] = torch.randn(n)
    lens = torch.tensor(lengths) / 16000
    output = teacher(wavs, lens)
    assert torch.equal(output.embedding, teacher(wavs, lens).embedding)
    assert output.n_frames.tolist() == [49, 21, 38]
    assert output.embedding.requires_grad  # the head may still be trained
    assert (teacher.frame_dim, teacher.embedding_dim) == (48, 8)
    assert (teacher.frame_hop_ms, teacher.first_frame_ms) == (20.0, 12.5)
    for i, n in enumerate(lengths):
        alone = teacher(wavs[i : i + 1, :n], torch.ones(1))
        torch.testing.assert_close(
            output.embedding[i], alone.embedding[0], rtol=0, atol=1e-4
        )
        torch.testing.assert_close(
            output.frames[i, : output.n_frames[i]],
            alone.frames[0],
            rtol=0,
            atol=1e-4,
        )


def test_error_sizes_that_do_not_meet(head, tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path))
    wrong = WavLMEcapaHead(25, INPUT_DIM, *TINY_HEAD)
    with pytest.raises(ValueError, match="5 layers of 64 .* 25 of 64"):
        WavLMEcapa(wavlm, wrong)
    with pytest.raises(ValueError, match="4 layers given, .* weighs 5"):
        head(random_stages([9])[:4], torch.tensor([9]))


def test_error_channels_that_cannot_be_split():
    with pytest.raises(ValueError, match="channels=20 .* scale=8"):
        WavLMEcapaHead(channels=20)
