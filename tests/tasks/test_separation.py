"""The pages of separation, from training to what others load."""

import csv
import json
import logging

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_denokd.config import load_page, resolve_page, settings
from speechbrain_denokd.separation.model_folder import read_separator_folder
from speechbrain_denokd.separation.premixed import PremixedCorpus
from speechbrain_denokd.tasks.separation import Separation
from speechbrain_denokd.training import main
from tests.tiny_setup import ROOT, write_pages

PAGES = ("upit", "voicefilter_enrolled", "voicefilter_mirnet")
GOLDEN = 18_876_001  # VoiceFilter's, with spectra of 601 bins


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The project's pages with the tiny set-up, and its corpus."""
    return write_pages(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _no_handlers_left():
    """SpeechBrain's log handlers outlive the streams that pytest gives."""
    yield
    logging.getLogger().handlers.clear()


def train(pages, page, folder, *overrides):
    return main(
        [
            str(pages / f"{page}.yaml"),
            "--setup=tiny",
            f"--output_folder={folder}",
            "--device=cpu",
            "--noprogressbar",
            *overrides,
        ]
    )


@pytest.mark.parametrize("setup", ["samples", "librimix"])
@pytest.mark.parametrize("page", PAGES)
def test_fact_the_project_s_own_set_ups_have_all_that_a_page_refers_to(
    page, setup
):
    """The tiny set-up of the other tests says nothing of these."""
    folder = "data_folder: there" if setup == "librimix" else ""
    text = resolve_page(ROOT / "hparams" / f"{page}.yaml", setup, folder)
    assert "!ref" not in text


@pytest.mark.parametrize("page", PAGES)
def test_law_a_page_trains_and_leaves_what_it_measured(
    pages, tmp_path, page, capsys
):
    record = train(pages, page, tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert stored == record and record["method"] == page
    found = record["tests"]["test"]["all"]
    assert (found["n_mixtures"], found["n_items"]) == (3, 6)
    for name in ("sdr_i", "si_sdr_i", "improved"):
        low, high = found[f"{name}_interval"]
        assert low <= found[name] <= high
    with open(tmp_path / "run" / "test" / "items.csv", newline="") as file:
        gains = [float(row["si_sdr_i"]) for row in csv.DictReader(file)]
    assert np.mean(gains) == pytest.approx(found["si_sdr_i"], abs=1e-3)
    printed = capsys.readouterr().out
    assert f"{page} on test (tiny)" in printed and "SDRi (dB)" in printed
    # What others load is what was trained.
    model = read_separator_folder(tmp_path / "run" / "model")
    n = sum(p.numel() for p in model.separator.parameters())
    assert n == record["n_parameters"]
    log = (tmp_path / "run" / "train_log.txt").read_text()
    assert log.count("SI_SDRi_dB") == 2
    assert ("magnitude" in log) and ("si_sdr" in log)


def test_law_a_page_learns_the_tones_of_the_corpus(pages, tmp_path):
    """Tones do not overlap in frequency: masks must find them.

    Those of the development set: the test set's are higher than any heard.
    """
    record = train(
        pages,
        "upit",
        tmp_path,
        "--n_epochs=12",
        "--lr=0.01",
        "--w_magnitude=0",
        "--w_si_sdr=1",
    )
    assert record["dev_neg_si_sdr_i"] < -2


def test_law_an_interrupted_run_ends_as_one_that_was_not(pages, tmp_path):
    train(pages, "upit", tmp_path / "whole")
    with pytest.raises(SystemExit):
        train(pages, "upit", tmp_path / "cut", "--dev_batch_size=x")
    train(pages, "upit", tmp_path / "again")
    for name in ("whole", "again"):
        assert (tmp_path / name / "model" / "separator.json").is_file()
    first, second = (
        read_separator_folder(tmp_path / name / "model").state_dict()
        for name in ("whole", "again")
    )
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_an_encoder_that_is_not_there_names_the_page_to_train(
    pages, tmp_path, capsys
):
    with pytest.raises(SystemExit) as ended:
        train(
            pages,
            "voicefilter_mirnet",
            tmp_path,
            f"--encoder_path={tmp_path / 'none'}",
        )
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "train its page first, such as hparams/mirnet.yaml" in said


def test_counts_of_speakers_that_differ_are_refused(pages):
    page = load_page(pages / "upit.yaml", "tiny")
    object.__setattr__(page.hparams["mixtures"], "n_speakers", 3)
    with pytest.raises(ValueError, match="3 speakers, but the separator is f"):
        Separation().modules(page)


def test_fact_the_librimix_setup_has_voicefilters_numbers(tmp_path):
    page = load_page(
        ROOT / "hparams" / "upit.yaml",
        "librimix",
        f"data_folder: {tmp_path}",
    )
    values = settings(page)
    assert isinstance(values["mixtures"], PremixedCorpus)
    separator = values["modules"]["separator"]
    assert separator.spectrum.n_bins == 257
    # The port's network at this FFT, with the last two layers doubled.
    sizes = separator.sizes | {"n_fft": 1200, "embedding_dim": 256}
    assert (sizes["lstm_dim"], sizes["hidden_dim"]) == (400, 600)
    assert sum(p.numel() for p in type(separator)(**sizes).parameters()) == (
        GOLDEN
    )
    assert (values["lr"], values["batch_size"]) == (0.001, 8)
    assert list(values["costs"].weights) == ["magnitude"]


@pytest.mark.parametrize("page", ["upit", "voicefilter_enrolled"])
def test_law_mixtures_on_disk_train_too(pages, tmp_path, page):
    """LibriMix's tables in place of the drawn mixtures."""
    rng = np.random.default_rng(0)
    names = [f"{a}-1-{k}_{b}-2-{k}" for k in range(4) for a, b in ("ab", "bc")]
    lines = ["mixture_ID,mixture_path,source_1_path,source_2_path,length"]
    for name in names:
        sources = 0.1 * rng.standard_normal((2, 6400))
        for part, wav in zip(
            ("mix", "s1", "s2"), (sources.sum(0), *sources), strict=True
        ):
            (tmp_path / part).mkdir(exist_ok=True)
            soundfile.write(tmp_path / part / f"{name}.wav", wav, 16000)
        paths = ",".join(f"{part}/{name}.wav" for part in ("mix", "s1", "s2"))
        lines.append(f"{name},{paths},6400")
    table = tmp_path / "t.csv"
    table.write_text("\n".join(lines) + "\n")
    corpus = f"""\
    mixtures: !new:speechbrain_denokd.separation.premixed.PremixedCorpus
        data_root: {tmp_path}
        train_table: {table}
        dev_table: {table}
        test_tables:
            eval: {table}
        n_dev: 2
    encoder_path"""
    tiny = (pages / "setups" / "tiny.yaml").read_text()
    begin = tiny.index("    mixtures: !new:speechbrain_denokd.separation")
    end = tiny.index("    encoder_path", begin) + len("    encoder_path")
    setup = pages / "setups" / "on_disk.yaml"
    setup.write_text(tiny[:begin] + corpus + tiny[end:])
    record = train(pages, page, tmp_path / "run", "--setup=on_disk")
    assert record["tests"]["eval"]["all"]["n_mixtures"] == len(names)
    assert record["n_steps"] == 2 * (len(names) // 8)
