import pytest
import torch
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.losses.softmax import LinearClassifier


def test_fact_inner_products_not_cosines():
    head = LinearClassifier(2, 2, 2)
    head.weight.data = torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    found = head(torch.tensor([[[2.0, 4.0]]]))
    assert found.tolist() == [[[6.0, 2.0]]]


def test_law_its_weights_fit_speechbrains_classifier():
    """A model folder has one kind of head, whatever the loss was."""
    head = LinearClassifier(4, 4, 3)
    cosines = Classifier(4, lin_neurons=4, out_neurons=3)
    assert list(head.state_dict()) == ["weight"]
    cosines.load_state_dict(head.state_dict())


def test_error_a_layer_between():
    with pytest.raises(ValueError, match="lin_neurons is 8.*4 values"):
        LinearClassifier(4, 8, 3)
