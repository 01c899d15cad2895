"""The GE2E speaker LSTM as a pre-trained model (``wavs -> stages``).

Small, pre-trained on thousands of speakers, and to be had without a hub: the
PyPI package ``resemblyzer`` (Apache-2.0) carries its weights, trained on
LibriSpeech-other and VoxCeleb 1 and 2 by C. Jemine. Heads of this toolkit make
an encoder of its layers as they do of WavLM's.

Source: L. Wan et al., "Generalized End-to-End Loss for Speaker Verification",
ICASSP 2018, Section 3.1: three LSTM layers and a linear one, on 40 mel bins.
Differs: every frame's output is given, not the last frame's alone, and the
utterance is heard in one piece, not in windows of 1.6 s; silences stay.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from speechbrain_denokd.encoders.masks import frame_mask, valid_samples
from speechbrain_denokd.encoders.output import HiddenStates

PACKAGE = "resemblyzer"
_WEIGHTS = "pretrained.pt"
_HOP_MS = 10
# Quieter recordings are raised to this level, in dB of full scale.
_LEVEL_DB = -30.0
_SILENCE = 1e-10


class Ge2eLstm(nn.Module):
    """Outputs of every LSTM layer and of the linear layer above them.

    Weights are random until training or `load_source` fills them.

    Arguments
    ---------
    n_layers : int
        LSTM layers.
    hidden_dim : int
        Units of each, and of the linear layer: channels of every stage.
    n_mels : int
        Mel bins.
    stride : int
        Frames of 10 ms to the next one that is given on; the LSTM hears all.
    freeze : bool
        Keep weights and evaluation mode, whatever ``train()`` says.
    sample_rate : int
        In Hz.

    Example
    -------
    >>> ge2e = Ge2eLstm()
    >>> sum(p.numel() for p in ge2e.parameters())
    1423616
    >>> output = ge2e(torch.randn(2, 16000), torch.tensor([1.0, 0.5]))
    >>> len(output.stages), output.stages[-1].shape, output.n_frames.tolist()
    (4, torch.Size([2, 51, 256]), [51, 26])
    """

    first_frame_ms = 0.0

    def __init__(
        self,
        n_layers: int = 3,
        hidden_dim: int = 256,
        n_mels: int = 40,
        stride: int = 2,
        freeze: bool = False,
        sample_rate: int = 16000,
    ):
        super().__init__()
        self.stride = stride
        self.freeze = freeze
        self.hop_samples = round(sample_rate * _HOP_MS / 1000)
        # librosa's filterbank, which the published weights were trained on:
        # power, not its logarithm; zeros beyond the ends.
        self.mel = MelSpectrogram(
            sample_rate,
            n_fft=round(sample_rate * 0.025),
            hop_length=self.hop_samples,
            n_mels=n_mels,
            norm="slaney",
            mel_scale="slaney",
            pad_mode="constant",
        )
        sizes = [n_mels, *[hidden_dim] * n_layers]
        self.layers = nn.ModuleList(
            nn.LSTM(size, hidden_dim, batch_first=True) for size in sizes[:-1]
        )
        self.linear = nn.Linear(hidden_dim, hidden_dim)
        if freeze:
            self.requires_grad_(False)
        self.train()

    @property
    def n_stages(self) -> int:
        """Layers that a head mixes."""
        return len(self.layers) + 1

    @property
    def hidden_dim(self) -> int:
        """Channels of each layer."""
        return self.linear.out_features

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames that are given on."""
        return float(_HOP_MS * self.stride)

    @property
    def min_samples(self) -> int:
        """Samples of the shortest possible utterance."""
        return self.hop_samples

    def train(self, mode: bool = True) -> "Ge2eLstm":
        """Evaluation mode for good, if frozen."""
        return super().train(mode and not self.freeze)

    def forward(self, wavs: Tensor, lens: Tensor) -> HiddenStates:
        """Hidden states of a padded batch.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Waveforms in [-1, 1]; what lies in the padding does not matter.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].

        Returns
        -------
        HiddenStates
            The LSTM layers' outputs, first to last, and the rectified output
            of the linear layer, in (B, T, hidden_dim).
        """
        n_samples = valid_samples(lens, wavs.shape[1])
        n_frames = 1 + n_samples // self.hop_samples
        x = self._features(wavs, n_samples, n_frames)
        stages = []
        for layer in self.layers:
            x, _ = layer(x)
            stages.append(x)
        stages.append(torch.relu(self.linear(x)))
        picked = tuple(stage[:, :: self.stride] for stage in stages)
        return HiddenStates(picked, -(-n_frames // self.stride))

    def _features(
        self, wavs: Tensor, n_samples: Tensor, n_frames: Tensor
    ) -> Tensor:
        """(B, S) -> (B, T, n_mels): mel powers at the published level."""
        with torch.autocast(wavs.device.type, enabled=False):
            wavs = wavs.float() * frame_mask(n_samples, wavs.shape[1])
            power = wavs.square().sum(dim=1) / n_samples
            level_db = 10 * power.clamp(min=_SILENCE).log10()
            raised_db = (_LEVEL_DB - level_db).clamp(min=0)
            gain = 10 ** (raised_db / 20)
            mels = self.mel(wavs * gain[:, None]).transpose(1, 2)
            return mels * frame_mask(n_frames, mels.shape[1])[:, :, None]

    def load_source(self, source: str | Path):
        """Fill in published weights, strictly.

        Arguments
        ---------
        source : str or Path
            The word ``resemblyzer``, for the weights in that package where it
            is installed, or a file in its format: a pickle of tensors alone.

        Raises
        ------
        FileNotFoundError
            If there is no such file or package.
        ValueError
            If the weights do not fit.

        Example
        -------
        >>> Ge2eLstm().load_source("no/such/file.pt")
        Traceback (most recent call last):
        ...
        FileNotFoundError: there are no GE2E weights at no/such/file.pt
        """
        path = weights_file(source)
        # The package's checkpoint also holds optimiser state, which is
        # tensors and numbers: nothing in it needs to run.
        saved = torch.load(path, map_location="cpu", weights_only=True)
        try:
            self._fill(saved["model_state"])
        except (KeyError, RuntimeError, TypeError) as error:
            raise ValueError(
                f"the weights of {path} do not fit a GE2E LSTM of "
                f"{len(self.layers)} layers of {self.hidden_dim} units "
                f"({error})"
            ) from error

    def _fill(self, state: dict[str, Tensor]):
        for i, layer in enumerate(self.layers):
            names = [name.removesuffix("_l0") for name in layer.state_dict()]
            layer.load_state_dict(
                {f"{name}_l0": state[f"lstm.{name}_l{i}"] for name in names}
            )
        self.linear.load_state_dict(
            {name: state[f"linear.{name}"] for name in ("weight", "bias")}
        )
        if f"lstm.weight_ih_l{len(self.layers)}" in state:
            raise RuntimeError("the file has more layers")


def weights_file(source: str | Path) -> Path:
    """Where the weights of a source lie; the package is not imported.

    Arguments
    ---------
    source : str or Path
        ``resemblyzer`` or a file.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If there is no such file or package.

    Example
    -------
    >>> weights_file("no/such/file.pt")
    Traceback (most recent call last):
    ...
    FileNotFoundError: there are no GE2E weights at no/such/file.pt
    """
    if str(source) == PACKAGE:
        # Found, not imported: importing it wants librosa and webrtcvad.
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(
                f"the package {PACKAGE} is not installed: pip install "
                f"--no-deps {PACKAGE}, or give the path of its {_WEIGHTS}"
            )
        source = Path(spec.origin).parent / _WEIGHTS
    if not Path(source).is_file():
        raise FileNotFoundError(f"there are no GE2E weights at {source}")
    return Path(source)
