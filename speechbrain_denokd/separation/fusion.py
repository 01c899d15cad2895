"""How a speaker's embedding meets frames (``frames, embedding -> frames``).

Source: S. Wang et al., "WeSep: A scalable and flexible toolkit towards
generalizable target speaker extraction", Interspeech 2024, Section 2.3;
E. Perez et al., "FiLM: Visual reasoning with a general conditioning layer",
AAAI 2018; concatenation as in Q. Wang et al., "VoiceFilter", Interspeech
2019, Section 2.2.
Differs: after a concatenation, WeSep maps back to the size of the frames;
here that is left to the next layer, as in VoiceFilter. The factors of a
product begin around 1, so that the frames pass.
"""

import torch
from torch import Tensor, nn


class ConcatFusion(nn.Module):
    """The embedding beside each frame.

    Arguments
    ---------
    frame_dim : int
        Channels of the frames, ``C``.
    embedding_dim : int
        Size of the embedding, ``D``.

    Example
    -------
    >>> fusion = ConcatFusion(frame_dim=2, embedding_dim=1)
    >>> fusion(torch.zeros(1, 1, 2), torch.ones(1, 1)).tolist()
    [[[0.0, 0.0, 1.0]]]
    """

    def __init__(self, frame_dim: int, embedding_dim: int):
        super().__init__()
        self.output_dim = frame_dim + embedding_dim

    def forward(self, frames: Tensor, embedding: Tensor) -> Tensor:
        """(B, T, C) frames and (B, D) embeddings -> (B, T, C + D)."""
        beside = embedding.unsqueeze(1).expand(-1, frames.shape[1], -1)
        return torch.cat([frames, beside], dim=2)


class AddFusion(nn.Module):
    """A linear map of the embedding added to each frame.

    Arguments
    ---------
    frame_dim, embedding_dim : int
        As `ConcatFusion`.

    Example
    -------
    >>> AddFusion(4, 3)(torch.zeros(2, 5, 4), torch.ones(2, 3)).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, frame_dim: int, embedding_dim: int):
        super().__init__()
        self.output_dim = frame_dim
        self.shift = nn.Linear(embedding_dim, frame_dim)

    def forward(self, frames: Tensor, embedding: Tensor) -> Tensor:
        """(B, T, C) frames and (B, D) embeddings -> (B, T, C)."""
        return frames + self.shift(embedding).unsqueeze(1)


class MultiplyFusion(nn.Module):
    """Each frame times a linear map of the embedding.

    Arguments
    ---------
    frame_dim, embedding_dim : int
        As `ConcatFusion`.

    Example
    -------
    >>> fusion = MultiplyFusion(4, 3)
    >>> fusion(torch.ones(1, 1, 4), torch.zeros(1, 3)).tolist()
    [[[1.0, 1.0, 1.0, 1.0]]]
    """

    def __init__(self, frame_dim: int, embedding_dim: int):
        super().__init__()
        self.output_dim = frame_dim
        self.scale = nn.Linear(embedding_dim, frame_dim)
        nn.init.ones_(self.scale.bias)

    def forward(self, frames: Tensor, embedding: Tensor) -> Tensor:
        """(B, T, C) frames and (B, D) embeddings -> (B, T, C)."""
        return frames * self.scale(embedding).unsqueeze(1)


class FilmFusion(nn.Module):
    """Feature-wise scale and shift: ``h (1 + gamma(e)) + beta(e)``.

    Both maps begin at zero, so that at the start frames pass unchanged. One
    layer each: of several that all begin at zero, none but the last bias
    would ever learn.

    Arguments
    ---------
    frame_dim, embedding_dim : int
        As `ConcatFusion`.

    Example
    -------
    >>> fusion = FilmFusion(2, 3)
    >>> fusion(torch.full((1, 1, 2), 5.0), torch.randn(1, 3)).tolist()
    [[[5.0, 5.0]]]
    """

    def __init__(self, frame_dim: int, embedding_dim: int):
        super().__init__()
        self.output_dim = frame_dim
        self.scale = nn.Linear(embedding_dim, frame_dim)
        self.shift = nn.Linear(embedding_dim, frame_dim)
        for layer in (self.scale, self.shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, frames: Tensor, embedding: Tensor) -> Tensor:
        """(B, T, C) frames and (B, D) embeddings -> (B, T, C)."""
        scale = self.scale(embedding).unsqueeze(1)
        return frames * (1 + scale) + self.shift(embedding).unsqueeze(1)


def build_fusion(name: str, frame_dim: int, embedding_dim: int) -> nn.Module:
    """A fusion by its name.

    Arguments
    ---------
    name : str
        "concat", "add", "multiply" or "film".
    frame_dim, embedding_dim : int
        As `ConcatFusion`.

    Returns
    -------
    torch.nn.Module
        ``(frames (B, T, C), embedding (B, D)) -> (B, T, output_dim)``.

    Raises
    ------
    ValueError
        If there is no such fusion.

    Example
    -------
    >>> build_fusion("film", 4, 3).output_dim
    4
    """
    known = {
        "concat": ConcatFusion,
        "add": AddFusion,
        "multiply": MultiplyFusion,
        "film": FilmFusion,
    }
    if name not in known:
        raise ValueError(
            f"there is no fusion {name!r}; use one of: {', '.join(known)}"
        )
    return known[name](frame_dim, embedding_dim)
