"""Exporters talk about their own code; users are told what concerns them."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

# onnxruntime's quantizer uses the root logger.
_LOGGERS = ("", "onnx_ir", "onnxscript", "torch.fx", "torch.onnx")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings, notes and graphs that exporters print.

    Errors are raised as ever; whether a graph is right is not for its
    exporter to say, but for `export.parity`.

    Example
    -------
    >>> with quiet():
    ...     warnings.warn("isinstance(treespec, LeafSpec) is deprecated")
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
