"""The teacher: eval always, gradient never (``teacher(wavs, lens)``)."""

from collections.abc import Callable, Sequence

import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from torch import Tensor, nn

from speechbrain_denokd.distill.prediction import Prediction
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.losses.margin import AamSoftmax
from speechbrain_denokd.model_folder import read_model_folder


class FrozenTeacher(nn.Module):
    """A trained encoder, with its class head where there is one.

    It stays in eval mode whatever `train` is asked (``Brain.fit`` asks every
    epoch), its parameters need no gradient, and it belongs in no checkpoint.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``.
    classifier : speechbrain Classifier, optional
        Class centres; without them there are no logits, and label-level terms
        refuse.
    speakers : sequence of str, or callable
        Name of each class, in the order of the classifier's rows. A function
        without arguments that returns them is called when they are needed: a
        corpus may not be prepared before.
    scale, margin : float
        Of the loss the teacher was trained with.

    Raises
    ------
    ValueError
        If there are not as many names as classes.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> from speechbrain_denokd.encoders.wav_encoder import WavEncoder
    >>> encoder = WavEncoder(
    ...     FbankFrontEnd(n_mels=24),
    ...     EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ... )
    >>> head = Classifier(16, lin_neurons=16, out_neurons=2)
    >>> teacher = FrozenTeacher(encoder, head, speakers=["ann", "bob"])
    >>> teacher.train().training
    False
    >>> teacher.select_speakers(["bob"])
    >>> teacher(torch.randn(1, 8000), torch.ones(1)).logits.shape
    torch.Size([1, 1])
    """

    def __init__(
        self,
        encoder: nn.Module,
        classifier: Classifier | None = None,
        speakers: Sequence[str] | Callable[[], Sequence[str]] = (),
        scale: float = 32.0,
        margin: float = 0.2,
    ):
        super().__init__()
        self.encoder = encoder
        self.classifier = classifier
        self._speakers = (
            speakers if callable(speakers) else self._checked(speakers)
        )
        self.aam = AamSoftmax(scale, margin)
        self.requires_grad_(False)
        self.train(False)

    def _checked(self, speakers: Sequence[str]) -> tuple[str, ...]:
        """As many names as classes, or ValueError."""
        head = self.classifier
        if head is not None and len(speakers) != len(head.weight):
            raise ValueError(
                f"the teacher's classifier has {len(head.weight)} classes, "
                f"but {len(speakers)} speakers are named; they must come from "
                "the same model folder"
            )
        return tuple(speakers)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Name of each class, in the order of the classifier's rows."""
        if callable(self._speakers):
            self._speakers = self._checked(self._speakers())
        return self._speakers

    @property
    def frame_dim(self) -> int:
        """Channels of the frame-level tap, ``C``."""
        return self.encoder.frame_dim

    @property
    def embedding_dim(self) -> int:
        """Size of the embedding, ``D``."""
        return self.encoder.embedding_dim

    @property
    def frame_hop_ms(self) -> float:
        """Time between two frames of the frame-level tap."""
        return self.encoder.frame_hop_ms

    @property
    def first_frame_ms(self) -> float:
        """Centre of the first frame."""
        return self.encoder.first_frame_ms

    def train(self, mode: bool = True) -> "FrozenTeacher":
        """Stays in eval mode: Brain.fit calls modules.train() each epoch."""
        return super().train(False)

    def select_speakers(self, speakers: Sequence[str]):
        """Keep these classes, in this order: the student's.

        Raises
        ------
        ValueError
            If a speaker is not among the teacher's, or it has no class head.
        """
        if self.classifier is None:
            raise ValueError(
                "the teacher has no class head, which label distillation "
                "needs; use a teacher folder with classifier.ckpt, or a method "
                "without a label term"
            )
        row = {speaker: i for i, speaker in enumerate(self.speakers)}
        unknown = [speaker for speaker in speakers if speaker not in row]
        if unknown:
            raise ValueError(
                f"{len(unknown)} of {len(speakers)} training speakers are "
                f"unknown to the teacher, which has {len(self.speakers)} "
                f"classes (first: {unknown[0]!r}); train on its speakers, or "
                "use a method without a label term"
            )
        rows = torch.tensor([row[speaker] for speaker in speakers])
        weight = self.classifier.weight
        self.classifier.weight = nn.Parameter(
            weight[rows.to(weight.device)], requires_grad=False
        )
        self._speakers = tuple(speakers)

    @torch.no_grad()
    def forward(
        self, wavs: Tensor, lens: Tensor, labels: Tensor | None = None
    ) -> Prediction:
        """Taps, logits and, where labels are given, margin logits.

        Arguments
        ---------
        wavs : (B, S) torch.Tensor
        lens : (B,) torch.Tensor
            Relative lengths.
        labels : (B,) torch.Tensor of int64, optional
        """
        return self.predict(self.encoder(wavs, lens), labels)

    def hear(self, batch, labels: Tensor | None = None) -> Prediction:
        """What it says of a batch of training crops.

        Arguments
        ---------
        batch : PaddedBatch
            With ``sig``, on the teacher's device.
        labels : (B,) torch.Tensor of int64, optional
        """
        return self(*batch.sig, labels)

    @torch.no_grad()
    def predict(
        self, output: EncoderOutput, labels: Tensor | None = None
    ) -> Prediction:
        """Class scores of what the encoder has heard.

        Arguments
        ---------
        output : EncoderOutput
            The encoder's.
        labels : (B,) torch.Tensor of int64, optional
        """
        if self.classifier is None:
            return Prediction(output)
        embedding = output.embedding
        with torch.autocast(embedding.device.type, enabled=False):
            cosines = self.classifier(embedding.float().unsqueeze(1)).squeeze(1)
        margin_logits = None
        if labels is not None:
            margin_logits = self.aam.margin_logits(cosines, labels)
        return Prediction(output, self.aam.logits(cosines), margin_logits)


def build_teacher(load) -> FrozenTeacher:
    """Call a loader: lets a YAML page decide whether a teacher is loaded.

    A set-up names how its teacher is loaded (``!name:``); only the pages that
    distil apply this function to it.

    Arguments
    ---------
    load : callable
        ``() -> FrozenTeacher``.

    Example
    -------
    >>> build_teacher(lambda: "the teacher")
    'the teacher'
    """
    return load()


def teacher_from_folder(folder: str) -> FrozenTeacher:
    """A teacher from a model folder that training wrote.

    Arguments
    ---------
    folder : str
        Model folder.

    Returns
    -------
    FrozenTeacher

    Raises
    ------
    FileNotFoundError, ValueError
        As `speechbrain_denokd.model_folder.read_model_folder`.
    """
    model = read_model_folder(folder)
    return FrozenTeacher(
        model.encoder,
        model.classifier,
        model.speakers,
        model.scale,
        model.margin,
    )
