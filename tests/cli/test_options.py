"""What several commands share: a folder that would run code is refused."""

import pytest

# Words of each command that loads a model, with the model's place in them.
COMMANDS = {
    "verify": ["verify", "{a}", "{b}", "--model", "{model}"],
    "embed": ["embed", "{model}", "{a}", "--output", "{folder}/a.npz"],
    "enroll": [
        *("enroll", "ann", "{a}", "--model", "{model}"),
        *("--gallery", "{folder}/new.safetensors"),
    ],
    "identify": [
        *("identify", "{a}", "--model", "{model}"),
        *("--gallery", "{folder}/people.safetensors"),
    ],
    "diarize": [
        *("diarize", "{a}", "--model", "{model}"),
        *("--output", "{folder}/a.rttm", "--n_speakers", "1"),
    ],
    "score": [
        *("score", "{model}", "--data_root", "{corpus}"),
        *("--output", "{folder}/scores.txt"),
    ],
    "calibrate": ["calibrate", "{model}", "--data_root", "{corpus}"],
    "export": [
        *("export", "{model}", "--data_root", "{corpus}"),
        *("--output", "{folder}/exported", "--format", "torchscript"),
    ],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_fact_a_pages_code_is_run_only_when_trusted(place, denokd, words):
    names = {
        "a": f"{place.corpus}/audio/spk00_0.wav",
        "b": f"{place.corpus}/audio/spk00_1.wav",
        "model": place.model,
        "corpus": place.corpus,
        "folder": str(place.folder),
    }
    ran = place.folder / "ran"
    page = place.folder / "model" / "hyperparams.yaml"
    trap = f"x: !apply:os.mkdir ['{ran}']\n"
    page.write_text(trap + page.read_text(encoding="utf-8"), encoding="utf-8")
    if words[0] == "identify":  # a gallery knows the page that it is of
        enrolled = [word.format(**names) for word in COMMANDS["enroll"]]
        enrolled[-1] = f"{place.folder}/people.safetensors"
        assert denokd(*enrolled, "--trust").exit_code == 0
        ran.rmdir()
    words = [word.format(**names) for word in words]
    result = denokd(*words)
    assert result.exit_code == 2
    assert "would run" in result.stderr and "--trust" in result.stderr
    assert not ran.exists()
    result = denokd(*words, "--trust")
    assert result.exit_code == 0, result.output
    assert ran.is_dir()
