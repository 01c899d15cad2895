"""Speaker embeddings and decisions from an exported ``.onnx`` file.

The arrow ``wav -> embedding -> score, decision`` in a product. Nothing but
numpy and onnxruntime is needed: `denokd export` puts a copy of this file
beside the model, to be taken along on its own::

    from denokd_runtime import OnnxEmbedder, read_wav

    model = OnnxEmbedder("model.onnx")
    one, two = model.embed([read_wav("a.wav"), read_wav("b.wav")])
    print(model.score(one, two))

or ``python denokd_runtime.py model.onnx a.wav b.wav``.
"""

import json
import math
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

_FORMAT = 1
_BATCH_SIZE = 8
# WAVE format and bits of a sample: how numpy reads it, and full scale.
_SAMPLES = {
    (1, 16): ("<i2", 2.0**15),
    (1, 32): ("<i4", 2.0**31),
    (3, 32): ("<f4", 1.0),
    (3, 64): ("<f8", 1.0),
}
_EXTENSIBLE = 0xFFFE


class OnnxEmbedder:
    '''An exported model in use.

    Arguments
    ---------
    path : str or Path
        ``.onnx`` file of `denokd export`.
    n_threads : int
        Threads of one operation; 0 leaves the number to onnxruntime.
    providers : sequence of str
        Of onnxruntime, such as "CUDAExecutionProvider".

    Attributes
    ----------
    metadata : dict
        What the file says of itself: ``sample_rate_hz``, ``embedding_dim``,
        ``min_samples``, ``model_sha256``, ``precision``, ``calibration``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no export of a speaker encoder.

    Example
    -------
    >>> import onnx, tempfile
    >>> toy = onnx.parser.parse_model("""<ir_version: 8,
    ... opset_import: ["": 18], metadata_props: ["format": "1",
    ...     "min_samples": "3", "embedding_dim": "2", "calibration": "null"]>
    ... toy (float[B, S] wavs, int64[B] n_samples, int64[1] axis)
    ... => (float[B, 2] embedding) <int64[1] axis = {1}> {
    ...     high = ReduceMax(wavs, axis)
    ...     low = ReduceMin(wavs, axis)
    ...     embedding = Concat <axis = 1> (high, low)
    ... }""")
    >>> path = tempfile.mkdtemp() + "/toy.onnx"
    >>> onnx.save_model(toy, path)
    >>> model = OnnxEmbedder(path)
    >>> one, two = model.embed([np.array([3, 0, 4.]), np.array([4, 4, 3.])])
    >>> one.tolist(), two.tolist()
    ([4.0, 0.0], [4.0, 3.0])
    >>> round(float(model.score(one, two)), 6)
    0.8
    '''

    def __init__(
        self,
        path: str | Path,
        n_threads: int = 0,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ):
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"there is no model {path}; give the .onnx file that `denokd "
                "export` wrote"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=list(providers)
        )
        properties = self._session.get_modelmeta().custom_metadata_map
        if properties.get("format") != str(_FORMAT):
            raise ValueError(
                f"{path} is of format {properties.get('format')}, but this "
                f"file reads format {_FORMAT}; use the denokd_runtime.py that "
                "`denokd export` put beside the model"
            )
        self.metadata = {k: json.loads(v) for k, v in properties.items()}

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the waveforms that it takes."""
        return self.metadata["sample_rate_hz"]

    def embed(self, wavs: Sequence[np.ndarray]) -> np.ndarray:
        """Embed recordings; none of them affects another.

        Arguments
        ---------
        wavs : sequence of (S,) numpy.ndarray
            Mono, in [-1, 1], at ``sample_rate_hz``; of any lengths.

        Returns
        -------
        (N, D) numpy.ndarray of float32
            Not length-normalised.

        Raises
        ------
        ValueError
            If a recording is too short, silent, not finite or not mono.
        """
        wavs = [self._checked(wav, i) for i, wav in enumerate(wavs)]
        found = np.empty((len(wavs), self.metadata["embedding_dim"]), "f4")
        # Of similar lengths, so that little is computed on padding.
        order = sorted(range(len(wavs)), key=lambda i: len(wavs[i]))
        for first in range(0, len(wavs), _BATCH_SIZE):
            rows = order[first : first + _BATCH_SIZE]
            n_samples = np.array([len(wavs[i]) for i in rows], np.int64)
            batch = np.zeros((len(rows), n_samples.max()), np.float32)
            for row, i in zip(batch, rows, strict=True):
                row[: len(wavs[i])] = wavs[i]
            found[rows] = self.run(batch, n_samples)
        return found

    def embed_files(self, paths: Sequence[str | Path]) -> np.ndarray:
        """(N, D) embeddings of WAV files.

        Raises
        ------
        FileNotFoundError, ValueError
            As `read_wav` and `embed`.
        """
        return self.embed([read_wav(p, self.sample_rate_hz) for p in paths])

    def run(self, wavs: np.ndarray, n_samples: np.ndarray) -> np.ndarray:
        """The graph itself: a padded batch, which is not checked.

        Arguments
        ---------
        wavs : (B, S) numpy.ndarray of float32
            What lies behind ``n_samples`` does not matter.
        n_samples : (B,) numpy.ndarray of int64
            In 1..S; fewer than ``min_samples`` give nonsense.

        Returns
        -------
        (B, D) numpy.ndarray of float32
        """
        inputs = {"wavs": wavs, "n_samples": n_samples}
        return self._session.run(["embedding"], inputs)[0]

    def score(self, enroll: np.ndarray, test: np.ndarray):
        """Cosine of embeddings, after the calibration's mean is subtracted.

        Arguments
        ---------
        enroll, test : (D,) or (N, D) numpy.ndarray
            Row against row; one vector against many is fine.

        Returns
        -------
        numpy.float64 or (N,) numpy.ndarray
            In [-1, 1].
        """
        mean = (self.metadata["calibration"] or {}).get("mean")
        sides = []
        for side in (enroll, test):
            side = np.asarray(side, np.float64)
            side = side if mean is None else side - np.asarray(mean)
            sides.append(side / np.linalg.norm(side, axis=-1, keepdims=True))
        return (sides[0] * sides[1]).sum(axis=-1)

    def llr(self, enroll: np.ndarray, test: np.ndarray):
        """Natural log-likelihood ratio of "the same speaker".

        Arguments
        ---------
        enroll, test : (D,) or (N, D) numpy.ndarray

        Returns
        -------
        numpy.float64 or (N,) numpy.ndarray

        Raises
        ------
        ValueError
            If the model was exported without a calibration.
        """
        known = self._calibration()
        return known["scale"] * self.score(enroll, test) + known["offset"]

    def same_speaker(
        self,
        enroll: np.ndarray,
        test: np.ndarray,
        p_target: float | None = None,
        c_miss: float = 1.0,
        c_fa: float = 1.0,
    ):
        """Decide at the least expected cost.

        Arguments
        ---------
        enroll, test : (D,) or (N, D) numpy.ndarray
        p_target : float, optional
            Prior of "the same speaker", in (0, 1); by default what the model
            was calibrated for, and then the costs do not count.
        c_miss, c_fa : float
            Costs of rejecting a speaker and of accepting another.

        Returns
        -------
        numpy.bool or (N,) numpy.ndarray of bool

        Raises
        ------
        ValueError
            If the model was exported without a calibration.
        """
        threshold = self._calibration()["threshold"]
        if p_target is not None:
            odds = p_target * c_miss / ((1 - p_target) * c_fa)
            threshold = -math.log(odds)
        return self.llr(enroll, test) >= threshold

    def _calibration(self) -> dict:
        if self.metadata["calibration"] is None:
            raise ValueError(
                "this file has no calibration, so there are scores but no "
                "decisions; run `denokd calibrate MODEL` (back-end cosine or "
                "centred_cosine, norm none) and export it again"
            )
        return self.metadata["calibration"]

    def _checked(self, wav: np.ndarray, index: int) -> np.ndarray:
        wav = np.asarray(wav, np.float32)
        if wav.ndim != 1:
            raise ValueError(
                f"recording {index} has shape {wav.shape}, but one row of "
                "samples is needed; average its channels first"
            )
        shortest = self.metadata["min_samples"]
        if len(wav) < shortest:
            raise ValueError(
                f"recording {index} has {len(wav)} samples, but at least "
                f"{shortest} are needed; record more"
            )
        if not np.isfinite(wav).all() or not wav.any():
            raise ValueError(
                f"recording {index} is silent or not finite; there is no "
                "speaker in it"
            )
        return wav


def read_wav(path: str | Path, sample_rate_hz: int = 16000) -> np.ndarray:
    """Read a WAV file of 16- or 32-bit integers, or of floats.

    Python's own ``wave`` module reads no floats, hence the few lines here.

    Arguments
    ---------
    path : str or Path
    sample_rate_hz : int
        Other rates are refused: resampling well takes another package.

    Returns
    -------
    (S,) numpy.ndarray of float32
        Mean of the channels, in [-1, 1].

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such WAV file, or has another rate.

    Example
    -------
    >>> import tempfile, wave
    >>> path = tempfile.mkdtemp() + "/a.wav"
    >>> with wave.open(path, "wb") as file:
    ...     file.setparams((1, 2, 16000, 0, "NONE", ""))
    ...     file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())
    >>> read_wav(path).tolist()
    [0.0, 0.5, -1.0]
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no audio file {path}")
    chunks = dict(_chunks(Path(path).read_bytes()))
    header, samples = chunks.get(b"fmt ", b""), chunks.get(b"data", b"")
    if len(header) < 16:
        raise ValueError(f"{path} is no WAV file; convert it to one")
    code, n_channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if code == _EXTENSIBLE and len(header) >= 26:
        (code,) = struct.unpack_from("<H", header, 24)
    if (code, bits) not in _SAMPLES or not n_channels:
        raise ValueError(
            f"{path} holds samples of {bits} bits in format {code}, which "
            "this reader does not know; convert it to 16-bit PCM"
        )
    if rate != sample_rate_hz:
        raise ValueError(
            f"{path} has a sample rate of {rate} Hz, but the model takes "
            f"{sample_rate_hz} Hz; convert it"
        )
    dtype, full_scale = _SAMPLES[code, bits]
    frame_bytes = n_channels * bits // 8
    whole = samples[: len(samples) // frame_bytes * frame_bytes]
    wav = np.frombuffer(whole, dtype).reshape(-1, n_channels) / full_scale
    return wav.mean(axis=1).astype(np.float32)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the parts of a RIFF file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def main(argv: Sequence[str]) -> int:
    """``python denokd_runtime.py MODEL ENROLL TEST``: exit code 2 if unusable.

    Arguments
    ---------
    argv : sequence of str
        Model, and two WAV files.

    Returns
    -------
    int
    """
    if len(argv) != 3:
        print("usage: denokd_runtime.py MODEL.onnx ENROLL.wav TEST.wav")
        return 2
    try:
        model = OnnxEmbedder(argv[0])
        one, two = model.embed_files(argv[1:])
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    answer = {"score": float(model.score(one, two))}
    if model.metadata["calibration"] is not None:
        answer["llr"] = float(model.llr(one, two))
        answer["same_speaker"] = bool(model.same_speaker(one, two))
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
