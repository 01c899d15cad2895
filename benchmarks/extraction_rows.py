"""The rows of ``benchmarks.extraction``: who embeds, and which recordings.

One ECAPA-TDNN (512 channels, 80 mel bins, 192 dimensions, random weights) lies
in a folder in three forms: as this project's model, as ONNX files of it, and
as SpeechBrain's own ``Fbank``, ``InputNormalization`` and ``ECAPA_TDNN``. The
sets are noise, in 16-bit WAV files.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile

if TYPE_CHECKING:
    from speechbrain_denokd.extraction import Embeddings

RATE_HZ = 16_000
_SPEECHBRAIN = """\
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: 80
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: 80
    lin_neurons: 192
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 192
    out_neurons: 2
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    classifier: !ref <classifier>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
"""
_OURS = """\
encoder: !new:speechbrain_denokd.encoders.wav_encoder.WavEncoder
    front_end: !new:speechbrain_denokd.encoders.fbank.FbankFrontEnd
        n_mels: 80
    network: !new:speechbrain_denokd.encoders.ecapa.EcapaTdnn
        input_size: 80
        lin_neurons: 192"""


class Recordings(NamedTuple):
    """A set of recordings.

    Attributes
    ----------
    title : str
        As the table shows it.
    seconds : (N,) list of float
        How long each lasts.
    is_for_memory : bool
        Measured once, for the peak: its rate is that of other sets.
    """

    title: str
    seconds: list[float]
    is_for_memory: bool = False


def _spread(low_s: float, high_s: float, n: int) -> list[float]:
    drawn = np.random.default_rng(0).uniform(low_s, high_s, n)
    return drawn.round(3).tolist()


SETS = {
    "short": Recordings("120 of 4 – 4.4 s", _spread(4.0, 4.4, 120)),
    "mixed": Recordings("64 of 1 – 20 s", _spread(1.0, 20.0, 64)),
    "many": Recordings("1,200 of 4 – 4.4 s", _spread(4.0, 4.4, 1200), True),
    "minutes": Recordings("1 of 10 min", [600.0], True),
    "long": Recordings("1 of 2 h", [7200.0], True),
}


def write_sets(folder: Path, names: Sequence[str]):
    """Write the recordings of some sets, a minute at a time."""
    for name in names:
        rng = np.random.default_rng(1)
        (folder / name).mkdir(parents=True)
        for i, seconds in enumerate(SETS[name].seconds):
            left = round(seconds * RATE_HZ)
            path = folder / name / f"{i:05d}.wav"
            with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
                while left:
                    n_samples = min(left, 60 * RATE_HZ)
                    file.write(0.1 * rng.standard_normal(n_samples))
                    left -= n_samples


def write_models(folder: Path):
    """Write the same network for this project and for SpeechBrain."""
    import torch
    from speechbrain.lobes.models.ECAPA_TDNN import Classifier

    from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    from speechbrain_denokd.model_folder import write_model_folder

    torch.manual_seed(0)
    encoder = WavEncoder(FbankFrontEnd(80), EcapaTdnn(80, lin_neurons=192))
    with torch.no_grad():  # the batch norms see data
        encoder(0.1 * torch.randn(8, 2 * RATE_HZ), torch.ones(8))
    write_model_folder(
        folder / "denokd",
        _OURS,
        encoder,
        Classifier(192, lin_neurons=192, out_neurons=2),
        ["a", "b"],
        30,
        0.2,
    )
    plain = folder / "speechbrain"
    plain.mkdir()
    (plain / "hyperparams.yaml").write_text(_SPEECHBRAIN, encoding="utf-8")
    torch.save(encoder.network.state_dict(), plain / "embedding_model.ckpt")


def _speechbrain(batch_size: int):
    """``encode_batch`` on files in their order, padded to the longest."""

    def prepare(folder: Path, name: str):
        import torch
        from speechbrain.inference.classifiers import EncoderClassifier
        from torch.nn.utils.rnn import pad_sequence

        model = EncoderClassifier.from_hparams(
            source=str(folder / "speechbrain"), run_opts={"device": "cpu"}
        )
        paths = sorted((folder / name).iterdir())

        def work():
            found = []
            for first in range(0, len(paths), batch_size):
                wavs = [
                    torch.from_numpy(soundfile.read(path, dtype="float32")[0])
                    for path in paths[first : first + batch_size]
                ]
                lengths = torch.tensor([len(wav) for wav in wavs])
                batch = pad_sequence(wavs, batch_first=True)
                with torch.inference_mode():
                    vectors = model.encode_batch(batch, lengths / max(lengths))
                found.append(vectors[:, 0].numpy())
            return np.concatenate(found)

        return work

    return prepare


class Format(NamedTuple):
    """A network as `denokd embed` takes it.

    Attributes
    ----------
    model : str
        Below the folder that `write_models` and `write_graphs` filled.
    precision : str
        As `find_model`.
    """

    model: str
    precision: str = "fp32"

    @property
    def is_graph(self) -> bool:
        """Whether `write_graphs` makes it."""
        return self.model.endswith(".onnx")


FORMATS = {
    "fp32": Format("denokd"),
    "bf16": Format("denokd", "bf16"),
    "onnx": Format("model.onnx"),
    "onnx_int8": Format("model.int8.onnx"),
}


def write_graphs(folder: Path, recordings: Sequence[np.ndarray]):
    """Export the model of a folder, in float32 and in int8 (static).

    Arguments
    ---------
    folder : Path
        With the model folder ``denokd``.
    recordings : sequence of (S,) numpy.ndarray of float32
        What int8 learns the ranges of activations from.
    """
    from speechbrain_denokd.export.graph import capture
    from speechbrain_denokd.export.metadata import describe_model
    from speechbrain_denokd.export.onnx import write_onnx
    from speechbrain_denokd.export.quantize import quantize
    from speechbrain_denokd.model_folder import read_model_folder

    model = folder / FORMATS["fp32"].model
    encoder = read_model_folder(model).encoder.eval()
    whole = folder / FORMATS["onnx"].model
    write_onnx(capture(encoder), whole, describe_model(model, encoder))
    small = folder / FORMATS["onnx_int8"].model
    quantize(whole, small, "static", recordings)


def noise(n_recordings: int, seconds: float = 4.0) -> list[np.ndarray]:
    """Recordings like those of the sets, and none of them."""
    rng = np.random.default_rng(2)
    n_samples = round(seconds * RATE_HZ)
    return [
        0.1 * rng.standard_normal(n_samples, np.float32)
        for _ in range(n_recordings)
    ]


def embed_items(
    items: Sequence, chosen: Format, folder: Path
) -> Callable[[], "Embeddings"]:
    """``denokd embed`` without the start of the process and the model.

    Arguments
    ---------
    items : sequence of Item
    chosen : Format
    folder : Path
        Of the models; receives embeddings and their parts.

    Returns
    -------
    callable
        ``() -> Embeddings``.
    """
    import shutil

    from speechbrain_denokd.extraction import (
        Effort,
        Windowing,
        default_threads,
        find_model,
        keep_freed_memory,
        read_embeddings,
    )
    from speechbrain_denokd.extraction.run import extract
    from speechbrain_denokd.extraction.shards import Shards

    keep_freed_memory()
    effort = Effort(n_threads=default_threads())
    embed = find_model(
        str(folder / chosen.model),
        precision=chosen.precision,
        n_threads=effort.n_threads,
    ).load()
    output = folder / "embeddings.npz"

    def work():
        shutil.rmtree(folder / "parts", ignore_errors=True)
        shards = Shards(folder / "parts", items)
        shards.claim({})
        extract(
            shards,
            range(shards.n_shards),
            embed,
            Windowing(),
            effort,
            lambda n_done: None,
        )
        shards.merge(output)
        return read_embeddings(output)

    return work


def _denokd(name_of_format: str):
    def prepare(folder: Path, name: str):
        from speechbrain_denokd.extraction import read_items

        items = read_items(folder / name)
        work = embed_items(items, FORMATS[name_of_format], folder)
        return lambda: work().vectors

    return prepare


class Row(NamedTuple):
    """One way to embed.

    Attributes
    ----------
    title : str
        As the table shows it.
    prepare : callable
        ``(folder, set) -> work``; ``work() -> (N, D)`` embeddings in the
        order of the files.
    sets : sequence of str
        What it is measured on.
    """

    title: str
    prepare: Callable[[Path, str], Callable[[], np.ndarray]]
    sets: Sequence[str] = ("short", "mixed")


REFERENCE = "speechbrain"
SPEECHBRAIN = (REFERENCE, "speechbrain_16")
_MEMORY_TOO = (*SETS,)
ROWS = {
    REFERENCE: Row("SpeechBrain, file by file", _speechbrain(1)),
    "speechbrain_16": Row(
        "SpeechBrain, padded batches of 16", _speechbrain(16)
    ),
    "fp32": Row("denokd embed, float32", _denokd("fp32"), _MEMORY_TOO),
    "bf16": Row("denokd embed, bfloat16", _denokd("bf16")),
    "onnx": Row("denokd embed, ONNX float32", _denokd("onnx")),
    "onnx_int8": Row(
        "denokd embed, ONNX int8", _denokd("onnx_int8"), _MEMORY_TOO
    ),
}
