"""``denokd info``: what a folder is."""

import json

import pytest

from speechbrain_denokd.publish.card import Details
from speechbrain_denokd.publish.describe import describe_folder
from speechbrain_denokd.publish.publish import publish
from tests.publish.test_record import RATES


@pytest.fixture
def published(place):
    metrics = place.folder / "metrics.json"
    metrics.write_text(json.dumps({"conditions": {"full": RATES}}))
    return publish(
        place.model,
        place.folder / "out",
        Details("Tiny", "mit", "tones"),
        metrics=metrics,
    )


def test_fact_json_is_the_description(denokd, place, published):
    for folder in (place.model, published):
        result = denokd("info", folder, "--json")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout) == describe_folder(folder)


def test_fact_what_is_printed(denokd, published):
    result = denokd("info", published)
    assert result.exit_code == 0
    for phrase in (
        f"{published}: published, SHA-256 ",
        "hashes: every file is as sha256.txt says",
        "  network: EcapaTdnn (input_size 20, channels [16, 16, 16, 16, 48]",
        "embeddings of 12 values, 16000 Hz, 6 training speakers",
        "Cosine; score norm none; not calibrated: no decisions",
        "5.84 [2.91 – 9.37]",
        "minDCF is normalised, at p_target 0.01.",
    ):
        assert phrase in result.stdout, phrase


def test_fact_a_folder_that_is_not_published(denokd, place):
    result = denokd("info", place.model)
    assert result.exit_code == 0
    assert "not published, SHA-256" in result.stdout
    assert "hashes" not in result.stdout
    assert "error rates: not in the folder" in result.stdout


def test_a_changed_folder_ends_with_1(denokd, published):
    (published / "README.md").write_text("changed")
    result = denokd("info", published)
    assert result.exit_code == 1
    assert "do not load it: " in result.stdout
    assert "README.md has another SHA-256" in result.stdout
    assert "EcapaTdnn" not in result.stdout


def test_a_page_that_runs_something_ends_with_1(denokd, place):
    ran = place.folder / "ran"
    page = place.folder / "model" / "hyperparams.yaml"
    with open(page, "a", encoding="utf-8") as file:
        file.write(f"x: !apply:os.mkdir ['{ran}']\n")
    result = denokd("info", place.model, "--json")
    assert result.exit_code == 1
    assert "!apply:os.mkdir" in json.loads(result.stdout)["problem"]
    assert not ran.exists()


def test_no_folder_is_a_user_error(denokd):
    result = denokd("info", "results/missing/model")
    assert result.exit_code == 2
    assert "no model folder at results/missing/model" in result.stderr
