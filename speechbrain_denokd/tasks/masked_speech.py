"""Overlapped speech by masks before an encoder that knows speakers already."""

from collections.abc import Sequence

import torch

from speechbrain_denokd.config import Page
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.tasks.overlap import OverlappedSpeech


class MaskedSpeech(OverlappedSpeech):
    """`OverlappedSpeech` learnt from the clean sources, not from labels.

    The class centres are those of ``inner_from`` where it knows the same
    speakers; nothing is learnt from them.

    Arguments
    ---------
    lists, crop_s, **options
        As `OverlappedSpeech`; ``inner_from`` is needed.
    speeds : sequence of float
        What a training speaker may be played at, which makes other voices;
        from few voices, masks learn them by heart.

    Example
    -------
    >>> from speechbrain_denokd.overlap.lists import MixtureLists
    >>> lists = MixtureLists("lists", "data", "dev.csv", {"unseen": "test.csv"})
    >>> MaskedSpeech(lists, crop_s=2.0, inner_from="teacher").speeds
    (1.0,)
    """

    def __init__(
        self, lists, crop_s: float, speeds: Sequence[float] = (1.0,), **options
    ):
        super().__init__(lists, crop_s, **options)
        self.speeds = tuple(speeds)

    def modules(self, page: Page) -> dict[str, torch.nn.Module]:
        """As `OverlappedSpeech`, with frozen class centres.

        Raises
        ------
        ValueError
            If there is no model of single speakers to start from.
        """
        if not self.inner_from:
            raise ValueError(
                f"inner_from={self.inner_from}, but masks are learnt before an "
                "encoder that knows speakers; train one (python train.py "
                "hparams/ecapa.yaml) and give its model folder: "
                "--inner_from=FOLDER"
            )
        modules = super().modules(page)
        modules["classifier"].requires_grad_(False)
        return modules

    def speed_perturb(self, n_speakers: int) -> SpeedPerturb | None:
        """What makes other voices of the training speakers."""
        if self.speeds == (1.0,):
            return None
        return SpeedPerturb(n_speakers, self.speeds)

    def augmentation(self, page: Page) -> None:
        """None: of an augmented mixture, the sources are not the sum's."""

    def scale_and_margin(self, page: Page) -> tuple[float, float]:
        """Of the model that the class centres are taken from."""
        model = read_model_folder(self.inner_from)
        return model.scale, model.margin
