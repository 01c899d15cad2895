"""Which model embeds (``folder, name or .onnx file -> wavs -> embeddings``)."""

from collections.abc import Callable
from typing import NamedTuple

from speechbrain_denokd.bfloat16 import warn_if_emulated
from speechbrain_denokd.extraction.engine import dtype_of, embedding_function
from speechbrain_denokd.extraction.graph import Graph, is_graph
from speechbrain_denokd.extraction.recording import Embed
from speechbrain_denokd.extraction.run import default_threads
from speechbrain_denokd.inference.source import local_folder
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.scoring.fingerprints import (
    file_sha256,
    folder_fingerprint,
)


class Model(NamedTuple):
    """A model before it is needed.

    Attributes
    ----------
    identity : dict of str
        JSON values that say which one it is: ``model_sha256``, ``precision``,
        and of an ``.onnx`` file ``exported_from``, the hash of the folder
        that it was made of.
    load : callable
        Gives the function ``wavs -> embeddings``.

    Example
    -------
    >>> Model({"model_sha256": "", "precision": "fp32"}, None).precision
    'fp32'
    """

    identity: dict[str, str]
    load: Callable[[], Embed] | None

    @property
    def precision(self) -> str:
        """What it computes in."""
        return self.identity["precision"]


def find_model(
    model: str,
    device: str = "cpu",
    precision: str = "fp32",
    trust: bool = False,
    n_threads: int = 1,
) -> Model:
    """Find a model and say which one it is.

    Arguments
    ---------
    model : str
        Model folder, ``user/name`` on the hub, or ``.onnx`` file of `denokd
        export`, which has a precision of its own and runs on the CPU.
    device, precision : str
        As `embedding_function`.
    trust : bool
        As `read_model_folder`.
    n_threads : int
        Threads that will call the function.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError
        If there is no such model.
    ValueError
        If it cannot be used, or not so.

    Example
    -------
    >>> find_model("pretrained/sample_teacher", precision="bf16").precision
    'bf16'
    """
    if is_graph(model):
        return _find_graph(model, device, precision, n_threads)
    dtype_of(precision)
    warn_if_emulated(device, precision)
    folder = local_folder(model)

    def load() -> Embed:
        encoder = read_model_folder(folder, device, trust).encoder
        return embedding_function(encoder, device, precision)

    sha256 = folder_fingerprint(folder)
    return Model({"model_sha256": sha256, "precision": precision}, load)


def _find_graph(
    path: str, device: str, precision: str, n_threads: int
) -> Model:
    if device != "cpu":
        raise ValueError(
            f"{path} runs on the CPU, not on device {device!r}; leave the "
            "device out, or give the model folder"
        )
    if precision != "fp32":
        raise ValueError(
            f"{path} has the precision that it was exported with, so "
            f"{precision!r} cannot be had of it; leave the precision out, or "
            "give another file or the model folder"
        )
    graph = Graph(path, 1 if n_threads > 1 else default_threads())
    identity = {
        "model_sha256": file_sha256(path),
        "exported_from": graph.metadata.get("model_sha256", ""),
        "precision": graph.metadata["precision"],
    }
    return Model(identity, lambda: graph)
