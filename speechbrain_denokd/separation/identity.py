"""Who is to be separated (``mixture, enrolled speech -> embeddings``).

Source: H. Han et al., "MIRNet", Interspeech 2020, Section 4.2: VoiceFilter
knows its target from another utterance; MIRNet finds the speakers in the
mixture itself; uPIT knows nothing of them.
Differs: the paper does not say which of MIRNet's two identities, which have no
order, stands for which source in training; here both are separated, and the
assignment of least cost is taken, as for uPIT.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.multi_output import MultiIdentityOutput
from speechbrain_denokd.model_folder import read_model_folder

_PROBE_SAMPLES = 16_000


class NoIdentity(nn.Module):
    """Nothing is known of the speakers.

    Attributes
    ----------
    kind : str
        How a model folder names it.
    ordered : bool
        Whether output ``k`` belongs to source ``k``.
    embedding_dim : int or None
        Size of what it returns, ``D``.

    Example
    -------
    >>> NoIdentity()(torch.zeros(1, 800), torch.ones(1), None) is None
    True
    """

    kind = "none"
    ordered = False
    embedding_dim = None

    def forward(self, wavs: Tensor, lens: Tensor, enroll: Tensor | None):
        """No embeddings."""
        return None


class _Frozen(nn.Module):
    """An encoder that never learns; it is in no checkpoint."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder.requires_grad_(False).eval()

    def train(self, mode: bool = True):
        """Stays in eval mode: its batch norms must not move."""
        return super().train(False)


class EnrolledIdentity(_Frozen):
    """Embeddings of another utterance of each speaker wanted.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``; it is frozen.

    Example
    -------
    >>> from speechbrain_denokd.model_folder import read_model_folder
    >>> folder = "pretrained/sample_teacher"
    >>> identity = EnrolledIdentity(read_model_folder(folder).encoder)
    >>> identity(None, None, torch.randn(1, 2, 16000)).shape
    torch.Size([1, 2, 128])
    """

    kind = "enrolled"
    ordered = True

    @property
    def embedding_dim(self) -> int:
        """Size of an embedding, ``D``."""
        return self.encoder.embedding_dim

    @torch.no_grad()
    def forward(
        self, wavs: Tensor | None, lens: Tensor | None, enroll: Tensor | None
    ) -> Tensor:
        """Embed the enrolled speech; the mixture is not heard.

        Arguments
        ---------
        wavs, lens
            Of the mixtures; not used.
        enroll : (B, K, S) torch.Tensor
            Speech of each speaker wanted, all of it valid.

        Returns
        -------
        (B, K, D) torch.Tensor

        Raises
        ------
        ValueError
            If nobody is enrolled.
        """
        if enroll is None:
            raise ValueError(
                "this separator extracts an enrolled speaker, and none is "
                "given: enroll one (--enroll FILE)"
            )
        flat = enroll.flatten(0, 1)
        output = self.encoder(flat, torch.ones(len(flat), device=flat.device))
        return output.embedding.unflatten(0, enroll.shape[:2])


class MixtureIdentity(_Frozen):
    """Embeddings that MIRNet finds in the mixture itself.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> MultiIdentityOutput``; it is frozen.

    Raises
    ------
    ValueError
        If the encoder gives one embedding of a recording.

    Example
    -------
    >>> from speechbrain_denokd.encoders.log_spectrum import LogSpectrum
    >>> from speechbrain_denokd.encoders.mirnet import MirNet
    >>> from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    >>> network = MirNet(
    ...     n_bins=33, channels=[8] * 5, resnet_channels=4, embedding_dim=16
    ... )
    >>> encoder = WavEncoder(LogSpectrum(64, window_ms=4, hop_ms=2), network)
    >>> identity = MixtureIdentity(encoder)
    >>> identity(torch.randn(1, 800), torch.ones(1), None).shape
    torch.Size([1, 2, 16])
    """

    kind = "mixture"
    ordered = False

    def __init__(self, encoder: nn.Module):
        super().__init__(encoder)
        with torch.no_grad():
            output = encoder(torch.zeros(1, _PROBE_SAMPLES), torch.ones(1))
        if not isinstance(output, MultiIdentityOutput):
            raise ValueError(
                f"the encoder is a {type(encoder).__name__} that gives one "
                "embedding of a recording, but the identities of a mixture "
                "are wanted: give the model folder of hparams/mirnet.yaml"
            )
        self.n_speakers = output.embeddings.shape[1]

    @property
    def embedding_dim(self) -> int:
        """Size of an embedding, ``D``."""
        return self.encoder.embedding_dim

    @torch.no_grad()
    def forward(
        self, wavs: Tensor, lens: Tensor, enroll: Tensor | None
    ) -> Tensor:
        """Embed the speakers of the mixtures, in no order.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
            Mixtures.
        lens : (B,) torch.Tensor
            Relative lengths in (0, 1].
        enroll
            Not used.

        Returns
        -------
        (B, K, D) torch.Tensor
        """
        return self.encoder(wavs, lens).embeddings


def enrolled_from_folder(folder: str | Path) -> EnrolledIdentity:
    """Enrolled speakers by the encoder of a model folder.

    Arguments
    ---------
    folder : str or Path
        Of any page that trains an encoder of single speakers.

    Returns
    -------
    EnrolledIdentity

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_model_folder`, or if it is an encoder of mixtures.

    Example
    -------
    >>> enrolled_from_folder("pretrained/sample_teacher").embedding_dim
    128
    """
    encoder = read_model_folder(folder).encoder
    with torch.no_grad():
        output = encoder(torch.zeros(1, _PROBE_SAMPLES), torch.ones(1))
    if isinstance(output, MultiIdentityOutput):
        raise ValueError(
            f"{folder} holds an encoder of mixtures; enrolled speech has one "
            "speaker: give a model folder such as hparams/ecapa.yaml trains"
        )
    return EnrolledIdentity(encoder)


def mixture_from_folder(folder: str | Path) -> MixtureIdentity:
    """Speakers of the mixture by a MIRNet's model folder.

    Arguments
    ---------
    folder : str or Path
        Of the page ``mirnet``.

    Returns
    -------
    MixtureIdentity

    Raises
    ------
    FileNotFoundError
        If there is no such folder: with the command that trains it.
    ValueError
        As `read_model_folder` and `MixtureIdentity`.

    Example
    -------
    >>> mixture_from_folder("results/nowhere/model")
    Traceback (most recent call last):
    ...
    FileNotFoundError: no encoder of mixtures at results/nowhere/model; train \
its page first, such as hparams/mirnet.yaml (or give --encoder_path=FOLDER)
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no encoder of mixtures at {folder}; train its page first, such "
            "as hparams/mirnet.yaml (or give --encoder_path=FOLDER)"
        )
    return MixtureIdentity(read_model_folder(folder).encoder)
