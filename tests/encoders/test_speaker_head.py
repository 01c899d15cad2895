"""The head of ReDimNet: pooling, norm, linear map."""

import torch

from speechbrain_denokd.encoders.speaker_head import SpeakerHead


def test_reference_torchs_layers():
    torch.manual_seed(0)
    head = SpeakerHead(6, embedding_dim=4)
    for _ in range(3):
        head(torch.randn(5, 12, 6), torch.full((5,), 12))
    frames, n_frames = torch.randn(2, 12, 6), torch.tensor([12, 7])
    pooled = head.pooling(frames, n_frames)
    norm = head.norm
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    normed = (pooled - norm.running_mean) * scale + norm.bias
    expected = normed @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(head.eval()(frames, n_frames), expected)


def test_law_padding_is_invisible():
    head = SpeakerHead(6, embedding_dim=4).eval()
    frames, n_frames = torch.randn(2, 12, 6), torch.tensor([12, 7])
    before = head(frames, n_frames)
    frames[1, 7:] = torch.nan
    torch.testing.assert_close(head(frames, n_frames), before)
    alone = head(frames[1:, :7], n_frames[1:])
    torch.testing.assert_close(before[1:], alone)
