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
