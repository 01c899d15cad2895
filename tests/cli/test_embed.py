"""``denokd embed``: many recordings, one file, and what was skipped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.evaluation import extract_embeddings
from speechbrain_denokd.extraction import read_embeddings
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.scoring.fingerprints import file_sha256
from tests.cli.conftest import Place
from tests.extraction.damaged import damaged_files
from tests.extraction.exported import write_graph


@pytest.mark.parametrize("suffix", [".npz", ".ark", ".parquet"])
def test_reference_a_manifest_as_score_embeds_it(place, denokd, suffix):
    from speechbrain_denokd.data.manifest import read_manifest

    output = place.folder / f"a{suffix}"
    manifest = f"{place.corpus}/test.csv"
    result = denokd(
        *("embed", place.model, manifest, "--data_root", place.corpus),
        *("--output", output),
    )
    assert result.exit_code == 0, result.output
    assert str(output) in result.stdout
    rows = read_manifest(manifest, place.corpus)
    expected = extract_embeddings(read_model_folder(place.model).encoder, rows)
    found = read_embeddings(output)
    assert found.ids == list(expected)
    np.testing.assert_allclose(
        found.vectors, list(expected.values()), rtol=0, atol=1e-4
    )


def test_fact_the_answer_in_json(place, denokd):
    output = place.folder / "a.npz"
    result = denokd(
        "embed",
        place.model,
        f"{place.corpus}/audio",
        "--output",
        output,
        "--json",
        "--precision=bf16",
        "--window_s=0.3",
        "--overlap_s=0.1",
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["n_embedded"] == 56 and found["n_skipped"] == 0
    assert found["precision"] == "bf16"
    assert (found["window_s"], found["overlap_s"]) == (0.3, 0.1)
    assert found == json.loads((place.folder / "a.npz.report.json").read_text())


def test_reference_windows_are_averaged(place, denokd):
    path, output = place.folder / "long.wav", place.folder / "a.npz"
    wav = 0.1 * np.random.default_rng(0).standard_normal(40000)
    soundfile.write(path, wav, 16000, subtype="FLOAT")
    result = denokd(
        "embed", place.model, path, "--output", output, "--window_s=1"
    )
    assert result.exit_code == 0, result.output
    embedder = SpeakerEmbedder.from_hparams(
        place.model, run_opts={"device": "cpu"}
    )
    parts = []
    for start in (0, 12000, 24000):
        part = place.folder / "part.wav"
        soundfile.write(part, wav[start : start + 16000], 16000, "FLOAT")
        parts.append(embedder.encode_file(part))
    np.testing.assert_allclose(
        read_embeddings(output).vectors[0],
        np.mean(parts, axis=0),
        rtol=0,
        atol=1e-4,
    )


@pytest.fixture(scope="module")
def graph(made, tmp_path_factory):
    return write_graph(made / "model", tmp_path_factory.mktemp("graph"))


def test_reference_an_onnx_file_embeds_as_its_model_folder(
    place, denokd, graph
):
    audio = place.folder / "audio"
    paths = damaged_files(audio, 26)
    found = {}
    for model in (place.model, graph):
        output = place.folder / f"{len(found)}.npz"
        result = denokd("embed", model, audio, "--output", output)
        assert result.exit_code == 1, result.output
        report = json.loads(Path(f"{output}.report.json").read_text())
        found[model] = read_embeddings(output), report
    (one, of_folder), (two, of_graph) = found.values()
    assert one.ids == two.ids and 3 < len(one.ids) < len(paths)
    np.testing.assert_allclose(one.vectors, two.vectors, rtol=0, atol=1e-4)
    assert of_folder["skipped"] == of_graph["skipped"]
    assert of_graph["model"] == str(graph)
    assert of_graph["model_sha256"] == file_sha256(graph)
    assert of_graph["exported_from"] == of_folder["model_sha256"]
    assert of_graph["precision"] == "float32"


def test_fact_another_model_does_not_go_on_with_finished_parts(
    place, denokd, graph, many
):
    output = place.folder / "a.npz"
    words = ("--batch_s=6", "--n_threads=1")
    process = started(place, many, output, *words, model=graph)
    parts = place.folder / "a.npz.parts"
    while not list(parts.glob("*.npz")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    result = denokd("embed", place.model, many, "--output", output)
    assert result.exit_code == 2
    assert "parts of another extraction" in result.stderr
    assert f"model_sha256 was '{file_sha256(graph)}', now" in result.stderr
    # The same one does.
    result = denokd("embed", graph, many, "--output", output)
    assert result.exit_code == 0, result.output
    assert len(read_embeddings(output).ids) == 96


def test_fact_corrupt_files_are_named_and_the_exit_code_is_1(place, denokd):
    audio = place.folder / "audio"
    paths = damaged_files(audio, 13)
    output = place.folder / "a.npz"
    result = denokd("embed", place.model, audio, "--output", output)
    assert result.exit_code == 1
    skipped = json.loads((place.folder / "a.npz.report.json").read_text())
    names = {one["id"] for one in skipped["skipped"]}
    assert names | set(read_embeddings(output).ids) == {p.name for p in paths}
    assert len(names) > 3
    assert "recordings skipped" in result.stdout
    assert "Traceback" not in result.output
    # The other command says the same of the same files.
    good = next(audio.glob("eight_bits*"))
    for path in paths:
        answer = denokd("verify", good, path, "--model", place.model)
        assert answer.exit_code == (2 if path.name in names else 0), path
        assert "Traceback" not in answer.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere"),
        ([".", "--output=a.txt"], "choose one of these suffixes"),
        ([".", "--precision=fp64"], "no precision 'fp64'"),
        ([".", "--window_s=1", "--overlap_s=1"], "an overlap of 16000"),
        ([".", "--n_threads=-1"], "must be above 0"),
    ],
)
def test_fact_what_a_user_can_mend_ends_with_2(place, denokd, words, message):
    result = denokd("embed", place.model, *words)
    assert result.exit_code == 2
    assert message in result.stderr


# Processes of their own: a real kill, and several ranks.


def started(place: Place, audio, output, *words, model=None, **environment):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "speechbrain_denokd.cli.app", "embed"),
            *(model or place.model, audio, "--output", output, *words),
        ],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def many(place):
    """Enough recordings that a process can be caught at work."""
    audio = place.folder / "audio"
    audio.mkdir()
    rng = np.random.default_rng(0)
    for i in range(96):
        wav = 0.1 * rng.standard_normal(96000)
        soundfile.write(audio / f"{i:03d}.wav", wav, 16000)
    return audio


def test_fact_after_a_kill_the_same_command_goes_on(place, denokd, many):
    output = place.folder / "a.npz"
    process = started(place, many, output, "--batch_s=6", "--n_threads=1")
    parts = place.folder / "a.npz.parts"
    while not list(parts.glob("*.npz")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # Of 96 recordings 16 are done, and perhaps some more.
    assert list(parts.glob("*.npz")) and not output.exists()
    result = denokd("embed", place.model, many, "--output", output)
    assert result.exit_code == 0, result.output
    whole = place.folder / "whole.npz"
    assert denokd("embed", place.model, many, "--output", whole).exit_code == 0
    one, two = read_embeddings(output), read_embeddings(whole)
    assert one.ids == two.ids == [f"{i:03d}.wav" for i in range(96)]
    np.testing.assert_allclose(one.vectors, two.vectors, rtol=0, atol=1e-5)


def test_fact_ranks_share_the_recordings(place):
    output = place.folder / "a.npz"
    ranks = [
        started(
            *(place, f"{place.corpus}/audio", output),
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE="2",
            LOCAL_WORLD_SIZE="2",
        )
        for rank in range(2)
    ]
    answers = [rank.communicate()[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0]
    assert "56 embeddings" in answers[0] and not answers[1]
    assert len(read_embeddings(output).ids) == 56
    assert not (place.folder / "a.npz.parts").exists()
