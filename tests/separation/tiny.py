"""A separator, an encoder's folder and a corpus at toy sizes."""

import torch

from speechbrain_denokd.separation.identity import NoIdentity
from speechbrain_denokd.separation.model import SeparationModel
from speechbrain_denokd.separation.separator import Separator

SIZES = {
    "n_fft": 64,
    "window_samples": 64,
    "hop_samples": 32,
    "channels": 2,
    "output_channels": 2,
    "dilations": [1, 2],
    "lstm_dim": 4,
    "hidden_dim": 6,
}


def tiny_separator(embedding_dim=None, seed=0, **changes):
    """An untrained separator whose batch norms have seen data."""
    torch.manual_seed(seed)
    separator = Separator(embedding_dim, **{**SIZES, **changes})
    embeddings = None
    if embedding_dim is not None:
        embeddings = torch.randn(4, 2, embedding_dim)
    separator(torch.randn(4, 800), torch.ones(4), embeddings)
    return separator.eval()


def tiny_model():
    """The uPIT network as it is used."""
    return SeparationModel(tiny_separator(), NoIdentity()).eval()
