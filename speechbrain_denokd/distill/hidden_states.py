"""Match hidden states of pre-trained models (``student, teacher -> loss``).

A small pre-trained model learns to predict layers of a large one while it
learns to tell speakers apart (OS-KDFT, J. Heo et al., Interspeech 2023), with
the prediction heads and the loss of DistilHuBERT (H. Chang et al., ICASSP
2022, Eq. 1): one linear map per chosen teacher layer, on the student's last
hidden state; L1 minus the log-sigmoid of the cosine.
Differs: both parts are means over frames. The released code of SSRFNet sums
the cosine part over them, a hundred times the other's size.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speechbrain_denokd.distill.prediction import Prediction, TermOutput
from speechbrain_denokd.encoders.masks import frame_mask


class HiddenStateRegression(nn.Module):
    """L1 and cosine distance of predicted teacher layers.

    Arguments
    ---------
    student : torch.nn.Module
        An encoder with a pre-trained model inside: ``state_dim``.
    teacher : FrozenTeacher
        Of such an encoder.
    layers : sequence of int
        Teacher layers, E_1 is 1; WavLM-large has 24.
    cosine_weight : float
        Of the cosine part, lambda.

    Raises
    ------
    ValueError
        If there are no layers, or one is below 1.

    Example
    -------
    >>> from types import SimpleNamespace as Box
    >>> from speechbrain_denokd.encoders.output import EncoderOutput
    >>> sizes = Box(state_dim=4), Box(encoder=Box(state_dim=4))
    >>> term = HiddenStateRegression(*sizes, layers=[1])
    >>> head = term.heads[0]
    >>> _ = nn.init.eye_(head.weight), nn.init.zeros_(head.bias)
    >>> states = (torch.randn(1, 5, 4),)
    >>> output = EncoderOutput((), None, None, torch.tensor([5]), states)
    >>> loss = term(Prediction(output), Prediction(output)).loss
    >>> round(loss.item(), 4)  # only -log(sigmoid(1)) is left
    0.3133
    """

    def __init__(
        self,
        student: nn.Module,
        teacher: nn.Module,
        layers: Sequence[int] = (8, 16, 24),
        cosine_weight: float = 1.0,
    ):
        super().__init__()
        if not layers or min(layers) < 1:
            raise ValueError(
                f"layers={list(layers)} must name teacher layers from 1 on, "
                "such as [8, 16, 24] of WavLM-large"
            )
        self.layers = tuple(layers)
        self.cosine_weight = cosine_weight
        self.heads = nn.ModuleList(
            nn.Linear(student.state_dim, teacher.encoder.state_dim)
            for _ in layers
        )

    def forward(
        self,
        student: Prediction,
        teacher: Prediction,
        labels: Tensor | None = None,
    ) -> TermOutput:
        """Mean over layers and valid frames.

        Arguments
        ---------
        student, teacher : Prediction
            Their ``output.states`` are read.
        labels : ignored

        Raises
        ------
        ValueError
            If the teacher has none, or not as many, or the frames of both do
            not meet.
        """
        targets = teacher.output.states
        if not targets:
            raise ValueError(
                "the teacher gives no hidden states; they are not recorded in "
                "a pool of crops: train with --crop_pool=null"
            )
        if len(targets) < max(self.layers):
            raise ValueError(
                f"the teacher has {len(targets)} hidden states, but layer "
                f"{max(self.layers)} is asked for; choose among 1 to "
                f"{len(targets)} with --teacher_layers"
            )
        last = student.output.states[-1]
        n_frames = common_frames(last, targets[0])
        valid = torch.minimum(student.output.n_frames, teacher.output.n_frames)
        mask = frame_mask(valid.clamp(max=n_frames), n_frames)
        # Half precision would round what is regressed.
        with torch.autocast(last.device.type, enabled=False):
            last = last[:, :n_frames].float()[mask]
            parts = [
                _distances(
                    head(last), targets[layer - 1][:, :n_frames].float()[mask]
                )
                for head, layer in zip(self.heads, self.layers, strict=True)
            ]
        l1, cosine = (
            torch.stack(part).mean() for part in zip(*parts, strict=True)
        )
        loss = l1 + self.cosine_weight * cosine
        return TermOutput(loss, {"l1": l1, "cosine": cosine})


def common_frames(student: Tensor, teacher: Tensor) -> int:
    """Frames that both streams have.

    Arguments
    ---------
    student, teacher : (B, T, C) torch.Tensor

    Raises
    ------
    ValueError
        If they differ by more than one frame.

    Example
    -------
    >>> common_frames(torch.zeros(1, 149, 4), torch.zeros(1, 150, 8))
    149
    """
    lengths = student.shape[1], teacher.shape[1]
    if abs(lengths[0] - lengths[1]) > 1:
        raise ValueError(
            f"the student has {lengths[0]} frames and the teacher "
            f"{lengths[1]}; both need a front end of the same hop"
        )
    return min(lengths)


def _distances(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """L1 per component, and -log sigmoid(cosine) per frame, as means."""
    cosine = F.cosine_similarity(predicted, target, dim=-1)
    return F.l1_loss(predicted, target), -F.logsigmoid(cosine).mean()
