"""The model of a classifier's training is not chosen by the EER."""

from types import SimpleNamespace

import pytest
import torch

from speechbrain_denokd.brains.classifier import ClassifierBrain
from speechbrain_denokd.data.trials import Trial

EMBEDDINGS = {"a": [1.0, 0.0], "b": [0.9, 0.1], "c": [0.0, 1.0]}


@pytest.mark.parametrize("loss", [7.5, 0.25])
def test_fact_the_training_loss_chooses_and_the_eer_is_shown(loss):
    modules = {"student": torch.nn.Linear(1, 1)}
    trials = [Trial(True, "a", "b"), Trial(False, "a", "c")]
    dev_set = SimpleNamespace(trials=trials, utterances=list(EMBEDDINGS))
    brain = ClassifierBrain(modules, hparams={"dev_set": dev_set})
    brain.dev_embeddings = {k: torch.tensor(v) for k, v in EMBEDDINGS.items()}
    brain.dev_embeddings = {
        k: v.numpy() for k, v in brain.dev_embeddings.items()
    }
    brain.train_stats = {"speaker": loss}
    assert brain.measure == "speaker_loss"
    assert brain.development() == (loss, {"EER_percent": 0.0})
