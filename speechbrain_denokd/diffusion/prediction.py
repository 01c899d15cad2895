"""What the network says of a noisy feature (arrow: its output <-> noise).

==========  ================================================================
variable    symbol
==========  ================================================================
``x_t``     features at noise level t (DenoKD, Eq. 3)
``x0``      x_0, clean features
``noise``   epsilon
``output``  Phi_theta(x_t, t): the noise (Eq. 4), or what is asked for instead
==========  ================================================================

The three say the same where the noise level is known, but an error in one
weighs otherwise than in another: at high noise, the noise is easily guessed
and x_0 is not.

Source: DenoKD, Eq. (4), predicts the noise; x_0 and v = sqrt(alpha-bar)
epsilon - sqrt(1 - alpha-bar) x_0 are those of T. Salimans and J. Ho,
"Progressive Distillation for Fast Sampling of Diffusion Models", ICLR 2022,
Section 4.
"""

from torch import Tensor

from speechbrain_denokd.diffusion.broadcast import signal_and_spread

KINDS = ("noise", "x0", "v")


def check_kind(kind: str):
    """Refuse a prediction that is not known.

    Arguments
    ---------
    kind : str

    Raises
    ------
    ValueError
        If ``kind`` is none of the three.

    Example
    -------
    >>> check_kind("score")
    Traceback (most recent call last):
    ...
    ValueError: prediction='score' is not known; use 'noise', 'x0' or 'v'
    """
    if kind not in KINDS:
        raise ValueError(
            f"prediction={kind!r} is not known; use 'noise', 'x0' or 'v'"
        )


def wanted(kind: str, x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """What the network should say of ``x0`` with this noise in it.

    Arguments
    ---------
    kind : str
        "noise", "x0" or "v".
    x0, noise : (B, ...) torch.Tensor
    alpha_bar : (B,) torch.Tensor
        Signal variance of each sample.

    Returns
    -------
    (B, ...) torch.Tensor

    Raises
    ------
    ValueError
        If ``kind`` is none of the three.

    Example
    -------
    >>> import torch
    >>> x0, noise = torch.tensor([[5.0]]), torch.tensor([[10.0]])
    >>> wanted("v", x0, noise, torch.tensor([0.36])).round(decimals=3)
    tensor([[2.]])
    """
    check_kind(kind)
    if kind == "noise":
        return noise
    if kind == "x0":
        return x0
    signal, spread = signal_and_spread(alpha_bar, x0)
    return signal * noise - spread * x0


def as_noise(
    kind: str, output: Tensor, x_t: Tensor, alpha_bar: Tensor
) -> Tensor:
    """The noise that the network's output amounts to.

    Arguments
    ---------
    kind : str
        "noise", "x0" or "v".
    output, x_t : (B, ...) torch.Tensor
        What the network says, and of what.
    alpha_bar : (B,) torch.Tensor
        Signal variance of each sample, below 1.

    Returns
    -------
    (B, ...) torch.Tensor

    Raises
    ------
    ValueError
        If ``kind`` is none of the three.

    Example
    -------
    >>> import torch
    >>> x_t = torch.tensor([[11.0]])  # 0.6 * 5 + 0.8 * 10
    >>> as_noise("v", torch.tensor([[2.0]]), x_t, torch.tensor([0.36]))
    tensor([[10.]])
    """
    check_kind(kind)
    if kind == "noise":
        return output
    signal, spread = signal_and_spread(alpha_bar, x_t)
    if kind == "x0":
        return (x_t - signal * output) / spread
    return spread * x_t + signal * output
