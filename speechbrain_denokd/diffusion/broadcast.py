"""One number per sample, shaped to multiply frames or embeddings."""

from torch import Tensor


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """Reshape and cast one coefficient per sample for ``like``.

    Arguments
    ---------
    values : (B,) torch.Tensor
        One coefficient per sample; a single one serves the whole batch.
    like : (B, ...) torch.Tensor
        Tensor the coefficients will multiply.

    Returns
    -------
    (B, 1, ...) torch.Tensor
        In the dtype of ``like``: a product never changes precision.

    Example
    -------
    >>> import torch
    >>> per_sample(torch.tensor([1.0, 2.0]), torch.zeros(2, 5, 3)).shape
    torch.Size([2, 1, 1])
    """
    return values.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def signal_and_spread(alpha_bar: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of clean feature and noise in a noisy feature (DenoKD, Eq. 3).

    x_t = sqrt(alpha-bar) x_0 + sqrt(1 - alpha-bar) epsilon. Roots first, in
    the precision of ``alpha_bar``; only then the dtype of the features.

    Arguments
    ---------
    alpha_bar : (B,) torch.Tensor
        Signal variance of each sample.
    like : (B, ...) torch.Tensor
        Features that the shares will multiply.

    Returns
    -------
    signal, spread : (B, 1, ...) torch.Tensor
        In the dtype of ``like``.

    Example
    -------
    >>> import torch
    >>> signal_and_spread(torch.tensor([0.36]), torch.zeros(1, 2))
    (tensor([[0.6000]]), tensor([[0.8000]]))
    """
    return (
        per_sample(alpha_bar.sqrt(), like),
        per_sample((1 - alpha_bar).sqrt(), like),
    )
