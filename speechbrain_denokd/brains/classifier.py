"""Trains the classifier of an encoder that does not learn.

The development trials hear the encoder alone; its EER cannot choose among
classifiers.
"""

from speechbrain_denokd.brains.speaker import SpeakerBrain


class ClassifierBrain(SpeakerBrain):
    """A `SpeakerBrain` whose model is that of the lowest training loss.

    Between epochs of different margins losses do not compare: let the margin
    be the same in all of them.
    """

    measure = "speaker_loss"

    def development(self) -> tuple[float, dict[str, float]]:
        """The epoch's mean classification loss; the EER is shown."""
        _, shown = super().development()
        return self.train_stats["speaker"], shown
