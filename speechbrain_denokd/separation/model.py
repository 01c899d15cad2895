"""A separator with what tells it the speakers (``wavs -> separated``)."""

from collections.abc import Mapping

from torch import Tensor, nn

from speechbrain_denokd.separation.separator import Separated, Separator


class SeparationModel(nn.Module):
    """What training leaves, and what a model folder loads to.

    Arguments
    ---------
    separator : Separator
    identity : torch.nn.Module
        `NoIdentity`, `EnrolledIdentity` or `MixtureIdentity`.

    Raises
    ------
    ValueError
        If the separator is for embeddings of another size.

    Example
    -------
    >>> import torch
    >>> from speechbrain_denokd.separation.identity import NoIdentity
    >>> separator = Separator(
    ...     None, n_fft=64, window_samples=64, hop_samples=32, channels=2,
    ...     dilations=[1], lstm_dim=3, hidden_dim=5,
    ... )
    >>> model = SeparationModel(separator, NoIdentity())
    >>> model(torch.randn(1, 400), torch.ones(1)).wavs.shape
    torch.Size([1, 2, 400])
    """

    def __init__(self, separator: Separator, identity: nn.Module):
        super().__init__()
        wanted = separator.sizes["embedding_dim"]
        if wanted != identity.embedding_dim:
            raise ValueError(
                f"the separator is for embeddings of size {wanted}, but the "
                f"encoder's have size {identity.embedding_dim}; give the "
                "encoder it was trained with"
            )
        self.separator = separator
        self.identity = identity

    def forward(
        self, wavs: Tensor, lens: Tensor, enroll: Tensor | None = None
    ) -> Separated:
        """Separate a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Mixtures.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].
        enroll : (B, K, S') torch.Tensor, optional
            Speech of each speaker wanted, where speakers are enrolled.

        Returns
        -------
        Separated
        """
        embeddings = self.identity(wavs, lens, enroll)
        return self.separator(wavs, lens, embeddings)


def build_separator(identity: nn.Module, sizes: Mapping) -> Separator:
    """A separator for the embeddings of an identity.

    Arguments
    ---------
    identity : torch.nn.Module
        As `SeparationModel` takes it.
    sizes : mapping
        Arguments of `Separator` besides ``embedding_dim``.

    Returns
    -------
    Separator

    Example
    -------
    >>> from speechbrain_denokd.separation.identity import NoIdentity
    >>> build_separator(NoIdentity(), {"lstm_dim": 3}).network.n_masks
    2
    """
    return Separator(identity.embedding_dim, **sizes)
