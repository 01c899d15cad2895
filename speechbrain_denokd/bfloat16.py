"""Says so where bfloat16 slows a network down instead of speeding it up."""

import logging

import torch

logger = logging.getLogger(__name__)


def warn_if_emulated(device: str | torch.device, precision: str):
    """Log a warning if the processor has no instructions for bfloat16.

    PyTorch then computes number by number: a convolution takes ten times as
    long as in single precision, where on other processors it is faster.

    Arguments
    ---------
    device : str or torch.device
        Where the network runs.
    precision : str
        Of ``--precision``.

    Example
    -------
    >>> warn_if_emulated("cpu", "fp32")
    """
    on_cpu = torch.device(device).type == "cpu"
    if precision == "bf16" and on_cpu and not _cpu_has_bfloat16():
        logger.warning(
            "this processor has no instructions for bfloat16, so that "
            "--precision=bf16 is many times slower than --precision=fp32"
        )


def _cpu_has_bfloat16() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
