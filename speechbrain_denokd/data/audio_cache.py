"""Noises and rooms in memory: path -> samples, bounded in bytes."""

from collections import OrderedDict

import numpy as np

from speechbrain_denokd.data.audio import (
    AudioHeader,
    change_rate,
    load_audio,
    read_header,
)


class AudioCache:
    """Decoded audio files, the least recently used forgotten first.

    The cache starts empty in every loader worker: pickling drops its content.

    Arguments
    ---------
    max_bytes : int
        Bound of the decoded samples, per cache and worker.
    sample_rate : int
        Rate of the results, in Hz; files of other rates are resampled.
    channel : int, optional
        Channel to keep; by default the channels are averaged.

    Example
    -------
    >>> import tempfile, soundfile
    >>> path = tempfile.mkdtemp() + "/noise.wav"
    >>> soundfile.write(path, np.array([0.0, 0.25, 0.5]), 16000)
    >>> cache = AudioCache()
    >>> cache.whole(path).tolist()
    [0.0, 0.25, 0.5]
    >>> cache.n_bytes
    12
    """

    def __init__(
        self,
        max_bytes: int = 128 * 2**20,
        sample_rate: int = 16000,
        channel: int | None = None,
    ):
        self.max_bytes = max_bytes
        self.sample_rate = sample_rate
        self.channel = channel
        self.n_bytes = 0
        self._samples: OrderedDict[str, np.ndarray] = OrderedDict()
        self._headers: dict[str, AudioHeader] = {}

    def whole(self, path: str) -> np.ndarray:
        """All samples of a file, decoded at most once while it is kept.

        Arguments
        ---------
        path : str
            Audio file.

        Returns
        -------
        (S,) numpy.ndarray of float32
            Read-only, since it is shared.
        """
        if path in self._samples:
            self._samples.move_to_end(path)
            return self._samples[path]
        samples = load_audio(
            path,
            sample_rate=self.sample_rate,
            resample=True,
            channel=self.channel,
        )
        samples.flags.writeable = False
        self._keep(path, samples)
        return samples

    def stretch(
        self, path: str, n_samples: int, rng: np.random.Generator
    ) -> np.ndarray:
        """A random stretch of a file, which loops when it is too short.

        Arguments
        ---------
        path : str
            Audio file.
        n_samples : int
            Length of the stretch, at the cache's rate.
        rng : numpy.random.Generator
            Source of the place.

        Returns
        -------
        (n_samples,) numpy.ndarray of float32
        """
        # Decided from the header, never from what happens to be in memory:
        # a draw must not depend on the draws before it.
        header = self._header(path)
        ratio = header.sample_rate / self.sample_rate
        # One more than needed, so that resampling cannot fall short.
        n_needed = int(np.ceil(n_samples * ratio)) + 1
        if header.n_samples <= n_needed or self._is_small(header):
            return _loop(self.whole(path), n_samples, rng)
        # A ten-minute song is not decoded for three seconds of it.
        start = int(rng.integers(header.n_samples - n_needed + 1))
        samples = load_audio(
            path,
            start,
            start + n_needed,
            sample_rate=header.sample_rate,
            channel=self.channel,
        )
        changed = change_rate(samples, header.sample_rate, self.sample_rate)
        return changed[:n_samples]

    def _header(self, path: str) -> AudioHeader:
        """Header of a file, read once."""
        if path not in self._headers:
            self._headers[path] = read_header(path)
        return self._headers[path]

    def _is_small(self, header: AudioHeader) -> bool:
        """Whether a file may stay in memory beside many others."""
        n_bytes = 4 * header.duration * self.sample_rate
        return n_bytes <= self.max_bytes / 32

    def _keep(self, path: str, samples: np.ndarray) -> None:
        """Store a file and forget the oldest ones beyond the bound."""
        if samples.nbytes > self.max_bytes:
            return
        self._samples[path] = samples
        self.n_bytes += samples.nbytes
        while self.n_bytes > self.max_bytes:
            _, oldest = self._samples.popitem(last=False)
            self.n_bytes -= oldest.nbytes

    def __getstate__(self) -> dict:
        empty = {"_samples": OrderedDict(), "_headers": {}, "n_bytes": 0}
        return self.__dict__ | empty


def _loop(
    samples: np.ndarray, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """A random stretch; a short file starts anywhere and comes round."""
    n_places = samples.size - n_samples + 1
    start = int(rng.integers(n_places if n_places > 0 else samples.size))
    places = np.arange(start, start + n_samples)
    return np.take(samples, places, mode="wrap")
