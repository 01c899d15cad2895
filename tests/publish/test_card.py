"""The model card, as people and the hub read it."""

import pytest
from huggingface_hub import ModelCard

from speechbrain_denokd.publish.card import Details, Facts, model_card
from tests.publish.test_record import RATES

ENCODER = {
    "class": "WavEncoder",
    "arguments": {
        "front_end": {"class": "FbankFrontEnd", "arguments": {"n_mels": 24}},
        "network": {"class": "redimnet", "arguments": {"size": "B0"}},
    },
}
SCORING = {
    "backend": {
        "transforms": [{"kind": "LengthNorm"}],
        "scorer": {"kind": "Cosine"},
    },
    "norm": {"kind": "none"},
    "calibration": {"prior": 0.05},
}
FACTS = Facts({"encoder": ENCODER}, 1234567, 192, 7205, SCORING, 4_930_000)
RECORD = {"tests": {"vox1_o": {"full": RATES}}, "method": "ecapa", "seed": 3}
DETAILS = Details('A: "small" one', "cc-by-4.0", "VoxCeleb2, dev part")


def test_reference_the_hub_reads_its_first_lines():
    data = ModelCard(model_card(DETAILS, FACTS, RECORD)).data
    assert data.license == "cc-by-4.0"
    assert data.library_name == "speechbrain"
    assert "speaker-verification" in data.tags
    assert data.model_name == 'A: "small" one'
    (result,) = data.eval_results
    assert (result.dataset_name, result.metric_value) == ("vox1_o, full", 5.84)


def test_synthetic_rates_go_to_no_leader_board():
    details = DETAILS._replace(synthetic=True)
    text = model_card(details, FACTS, RECORD)
    assert ModelCard(text).data.eval_results is None
    assert "**Synthetic voices only.**" in text
    assert "5.84 [2.91 – 9.37]" in text
    assert "Synthetic" not in model_card(DETAILS, FACTS, RECORD)


def test_fact_everything_that_is_known_is_on_the_card():
    details = DETAILS._replace(notes="Trained twice.", repo_id="ann/small")
    text = model_card(details, FACTS, RECORD)
    for phrase in (
        '# A: "small" one',
        "VoxCeleb2, dev part",
        "Training: method ecapa, seed 3.",
        "1,234,567 parameters; embeddings of 192 values",
        "7,205 training speakers",
        "has 4.93 MB",
        "  network: redimnet (size B0)",
        "LengthNorm, Cosine; score norm none; calibrated for a prior of 0.05",
        "Trained twice.",
        'SpeakerEmbedder.from_hparams("ann/small")',
        'EncoderClassifier.from_hparams(source="ann/small")',
        "The weights: cc-by-4.0.",
        "360 + 1440",
        "95 % intervals over speakers",
    ):
        assert phrase in text, phrase


def test_what_is_not_known_is_not_claimed():
    scoring = {**SCORING, "calibration": None}
    text = model_card(DETAILS, FACTS._replace(scoring=scoring), None)
    assert "Not measured." in text
    assert "not calibrated: no decisions" in text
    assert "threshold was fitted" not in text
    assert "Training:" not in text
    assert "## Notes" not in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"licence": "Apache 2.0"}, "'Apache 2.0' is no licence identifier"),
        ({"licence": ""}, "'' is no licence identifier"),
        ({"licence": "mit\nx: y"}, "is no licence identifier"),
        ({"title": " "}, "needs the title: --title TEXT"),
        ({"data": ""}, "needs the data: --data TEXT"),
    ],
)
def test_a_card_that_says_nothing_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        DETAILS._replace(**change).check()
