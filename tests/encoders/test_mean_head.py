"""The plainest head is a mean, and standardises by what it has seen."""

import torch

from speechbrain_denokd.encoders.mean_head import MeanHead


def test_fact_the_last_layer_is_averaged_over_valid_frames():
    first = torch.full((2, 3, 2), 99.0)
    last = torch.tensor(
        [
            [[1.0, 0.0], [2.0, 4.0], [3.0, 8.0]],
            [[5.0, 1.0], [7.0, 3.0], [torch.nan, torch.inf]],
        ]
    )
    output = MeanHead(2, 2).eval()([first, last], torch.tensor([3, 2]))
    expected = torch.tensor([[2.0, 4.0], [6.0, 2.0]])
    torch.testing.assert_close(output.embedding, expected, rtol=1e-4, atol=0)
    assert output.frames is last and output.n_frames.tolist() == [3, 2]


def test_fact_channels_are_standardised_by_the_training_data():
    """Mean 3 and unbiased variance 8 of the two embeddings 1 and 5."""
    head = MeanHead(1, 1)
    head.norm.momentum = 1.0  # the running statistics are those of the batch
    frames = torch.tensor([[[1.0]], [[5.0]]])
    head.train()([frames], torch.ones(2, dtype=torch.long))
    head.eval()
    embedding = head([torch.tensor([[[7.0]]])], torch.ones(1).long()).embedding
    torch.testing.assert_close(
        embedding, torch.tensor([[4 / 8**0.5]]), rtol=1e-4, atol=0
    )
    assert list(head.parameters()) == []
