"""``denokd enroll``: recordings into a gallery."""

import json

import pytest

from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.inference.gallery_file import read_gallery_file


@pytest.fixture
def enroll(place, denokd):
    """Enrol recordings of the corpus in a gallery of the test's folder."""

    def run(name, *recordings):
        return denokd(
            *("enroll", name),
            *(f"{place.corpus}/audio/{r}.wav" for r in recordings),
            *("--gallery", place.folder / "people.safetensors"),
            *("--model", place.model, "--json"),
        )

    return run


def test_reference_the_file_holds_the_models_embeddings(place, enroll):
    assert enroll("ann", "spk10_0", "spk10_1").exit_code == 0
    assert enroll("bob", "spk11_0").exit_code == 0
    result = enroll("ann", "spk10_2")
    assert json.loads(result.stdout) == {
        "gallery": str(place.folder / "people.safetensors"),
        "name": "ann",
        "n_recordings": 3,
        "n_names": 2,
    }
    stored = read_gallery_file(place.folder / "people.safetensors")
    assert (stored.names, stored.counts) == (["ann", "bob"], [3, 1])
    embedder = SpeakerEmbedder.from_hparams(place.model)
    recordings = ("spk10_0", "spk10_1", "spk10_2", "spk11_0")
    for row, name in zip(stored.embeddings, recordings, strict=True):
        expected = embedder.encode_file(f"{place.corpus}/audio/{name}.wav")
        assert row.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        (["spk10_1", "missing"], "missing.wav"),
        (["spk10_1", "spk10_0"], "enrolled already"),
        (["spk10_1", "spk10_1"], "given twice"),
    ],
)
def test_fact_all_recordings_are_enrolled_or_none(
    place, enroll, recordings, message
):
    path = place.folder / "people.safetensors"
    enroll("ann", "spk10_0")
    before = path.read_bytes()
    result = enroll("ann", *recordings)
    assert result.exit_code == 2
    assert message in result.stderr
    assert path.read_bytes() == before


def test_fact_a_file_that_is_no_gallery_is_left_alone(place, enroll):
    path = place.folder / "people.safetensors"
    path.write_text("my thesis")
    result = enroll("ann", "spk10_0")
    assert result.exit_code == 2
    assert "no safetensors file" in result.stderr
    assert path.read_text() == "my thesis"
