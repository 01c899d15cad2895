"""An exported ``.onnx`` file as extraction's function (``wavs -> embeddings``).

Recordings go through the graph one by one, in the thread that calls: there is
no padding to compute, and on two cores two threads with one recording each
take half the time of one recording that both work on.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

SUFFIX = ".onnx"


def is_graph(model: str | Path) -> bool:
    """Whether a model is an exported file, and no folder or name on the hub.

    Arguments
    ---------
    model : str or Path

    Returns
    -------
    bool

    Example
    -------
    >>> is_graph("exported/model.int8.onnx"), is_graph("exported")
    (True, False)
    """
    path = Path(model)
    return path.suffix.lower() == SUFFIX and not path.is_dir()


class Graph:
    """An exported model, float32 or int8, on the CPU.

    Arguments
    ---------
    path : str or Path
        ``.onnx`` file of `denokd export`.
    n_threads : int
        Threads of one operation: 1 where several threads call.

    Attributes
    ----------
    metadata : dict
        As `OnnxEmbedder`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or no export of a speaker encoder, or onnxruntime is
        missing.

    Example
    -------
    >>> Graph("exported/nowhere.onnx", 1)
    Traceback (most recent call last):
        ...
    FileNotFoundError: there is no model exported/nowhere.onnx; ...
    """

    def __init__(self, path: str | Path, n_threads: int):
        try:
            from speechbrain_denokd.export.runtime import OnnxEmbedder
        except ImportError as error:
            raise ValueError(
                f"{path} needs onnxruntime: run `pip install "
                "speechbrain-denokd[onnx]`, or give the model folder"
            ) from error
        try:
            self._embedder = OnnxEmbedder(path, n_threads)
        except (ValueError, OSError):
            raise
        except Exception as error:  # onnxruntime's have no class in common
            reason = str(error).strip().splitlines()[0]
            raise ValueError(
                f"{path} cannot be read as a graph ({reason}); export the "
                "model again"
            ) from error
        self.metadata = self._embedder.metadata

    def __call__(self, wavs: Sequence[np.ndarray]) -> np.ndarray:
        """(B, D) float32 embeddings of waveforms.

        Arguments
        ---------
        wavs : sequence of (S,) numpy.ndarray of float32
            16 kHz.

        Returns
        -------
        (B, D) numpy.ndarray of float32

        Raises
        ------
        ValueError
            If one is shorter than the network's context, or silent.
        """
        return np.concatenate([self._embedder.embed([wav]) for wav in wavs])
