"""Pages of overlapped speech, from their command line to what is left."""

import json
import logging

import numpy as np
import pytest
import torch

from speechbrain_denokd.brains.multi_identity import MultiIdentityBrain
from speechbrain_denokd.config import load_page, resolve_page
from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.overlap.evaluate import main as evaluate
from speechbrain_denokd.scoring.score_file import read_scores
from speechbrain_denokd.training import main, task_of
from tests.test_training import arguments, last_weights, losses, weights
from tests.tiny_setup import ROOT, write_pages

PAGES = sorted(page.stem for page in (ROOT / "hparams").glob("mirnet*.yaml"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages with the tiny set-up, and its corpus."""
    return write_pages(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _no_handlers_left():
    """SpeechBrain's log handlers outlive the streams that pytest gives."""
    yield
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("page", PAGES)
def test_law_every_page_trains_and_leaves_a_model(
    pages, tmp_path, capsys, page
):
    folder = tmp_path / page
    record = main(arguments(pages, page, folder, "--n_epochs=4"))
    assert json.loads((folder / "metrics.json").read_text()) == record
    named = "mask" if page == "mirnet_masks" else "speaker"
    first, *others = losses(folder, named)
    assert min(others) < first
    assert len(losses(folder, "swap_rate")) == 4
    systems = record["tests"]["unseen"]
    assert set(systems) == {page, "baseline"}
    for rates in systems.values():
        assert rates["mixtures"]["euclidean"]["n_targets"] == 12
        assert 0 <= rates["presence"]["cosine"]["eer"] <= 1
    assert f"{page}, mixtures, cosine" in capsys.readouterr().out
    for plot in ("attention.png", "identities.png"):
        assert (folder / "unseen" / plot).read_bytes()[:4] == b"\x89PNG"
    model = SpeakerEmbedder.from_hparams(folder / "model")
    rows = read_manifest(
        pages.parent / "corpus/test.csv", pages.parent / "corpus"
    )
    size = 12 if "ecapa" in page or "masks" in page else 8
    assert model.encode_overlapped(rows[0].wav).shape == (2, size)
    kept = {name.split(".")[0] for name in weights(folder)}
    assert kept == {"embedding_model", "classifier"}


def test_fact_the_scores_on_disk_are_the_rates(pages, tmp_path):
    """The same lists, measured again by the command line."""
    folder = tmp_path / "mirnet"
    record = main(arguments(pages, "mirnet", folder, "--n_epochs=1"))
    found = read_scores(folder / "unseen" / "scores_mixtures_cosine.txt")
    assert len(found.trials) == 24
    rates = record["tests"]["unseen"]["mirnet"]["mixtures"]["cosine"]
    is_target = np.array([trial.is_target for trial in found.trials])
    # Below any threshold between two scores: the EER's own definition.
    gaps = [
        abs(
            np.mean(found.scores[is_target] < t)
            - np.mean(found.scores[~is_target] >= t)
        )
        for t in np.sort(found.scores)
    ]
    t = np.sort(found.scores)[int(np.argmin(gaps))]
    miss = np.mean(found.scores[is_target] < t)
    assert rates["eer"] == pytest.approx(miss, abs=1 / 12 + 1e-9)


class _Killed(BaseException):
    """Nothing catches it: as a kill, and in this process."""


@pytest.mark.parametrize("setup", ["samples", "manifest", "librispeech"])
@pytest.mark.parametrize("page", PAGES)
def test_fact_the_project_s_own_set_ups_have_all_that_a_page_refers_to(
    page, setup
):
    """The tiny set-up of the other tests says nothing of these."""
    folder = "" if setup == "samples" else "data_folder: there"
    text = resolve_page(ROOT / "hparams" / f"{page}.yaml", setup, folder)
    assert "!ref" not in text


def test_law_stopped_and_resumed_equals_uninterrupted(
    pages, tmp_path, monkeypatch
):
    """With a teacher, in the middle of the second epoch."""
    options = ("--n_epochs=2", "--ckpt_interval_steps=1")
    main(arguments(pages, "mirnet_kd", tmp_path / "whole", *options))
    argv = arguments(pages, "mirnet_kd", tmp_path / "stopped", *options)
    start = MultiIdentityBrain.on_fit_batch_start

    def stopping(brain, batch, should_step):
        if (brain.epoch, brain.step) == (2, 3):
            raise _Killed
        start(brain, batch, should_step)

    with monkeypatch.context() as patch:
        patch.setattr(MultiIdentityBrain, "on_fit_batch_start", stopping)
        with pytest.raises(_Killed):
            main(argv)
    main(argv)
    expected = last_weights(tmp_path / "whole")
    resumed = last_weights(tmp_path / "stopped")
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)


def test_law_a_softmax_head_trains_too(pages, tmp_path):
    """The paper's; its class centres lie in the same model folder."""
    linear = "!name:speechbrain_denokd.losses.softmax.LinearClassifier"
    loss = "!new:speechbrain_denokd.losses.multi_identity.PitIdentityLoss"
    folder = tmp_path / "softmax"
    main(
        arguments(
            pages,
            "mirnet",
            folder,
            "--n_epochs=2",
            f"--classifier={linear}",
            f"--identity_loss={loss}",
        )
    )
    assert losses(folder, "speaker")[1] < losses(folder, "speaker")[0]
    text = (folder / "model" / "hyperparams.yaml").read_text()
    assert "scale: 1.0\nmargin: 0.0\n" in text


def test_fact_librispeech_has_the_papers_values(tmp_path):
    page = load_page(
        ROOT / "hparams/mirnet.yaml", "librispeech", "data_folder: there"
    )
    task, values = task_of(page), page.hparams
    assert task.crop_s == 3.0 and task.sir_db == (0, 0)
    # 93 hours of mixtures of 3 s, and 15 hours: three for each triple.
    assert task.n_mixtures * 3.0 == 93 * 3600
    assert task.lists.n_dev_triples * 3 * 3.0 == 15 * 3600
    assert task.lists.n_triples == 200 and set(task.lists.tests) == {
        "seen",
        "unseen",
    }
    assert values["identity_loss"].head is None
    network = values["student"]["encoder"].network
    convs = sum(p.numel() for p in network.analysis.parameters())
    assert convs == 4_035_990
    assert values["distance"] == "euclidean"


def test_law_any_model_folder_is_measured(pages, tmp_path, capsys):
    corpus = pages.parent / "corpus"
    evaluate(
        [
            str(corpus / "teacher"),
            f"--data_root={corpus}",
            f"--output_folder={tmp_path / 'found'}",
            "--n_triples=4",
            "--n_presence_trials=8",
            "--duration_s=0.4",
        ]
    )
    assert "model, presence, cosine" in capsys.readouterr().out
    record = json.loads((tmp_path / "found/metrics.json").read_text())
    assert record["rates"]["model"]["mixtures"]["cosine"]["n_targets"] == 4


def test_error_a_test_named_dev(pages, tmp_path, capfd):
    mixtures = (
        "--mixtures=!new:speechbrain_denokd.overlap.lists.MixtureLists "
        "{save_folder: a, data_root: b, dev: c, tests: {dev: d}}"
    )
    with pytest.raises(SystemExit):
        main(arguments(pages, "mirnet", tmp_path, mixtures))
    assert "a test is named 'dev'" in capfd.readouterr().err


def test_error_masks_before_no_encoder(pages, tmp_path, capfd):
    argv = arguments(pages, "mirnet_masks", tmp_path, "--inner_from=null")
    with pytest.raises(SystemExit):
        main([*argv, "--baseline=null"])
    assert (
        "give its model folder: --inner_from=FOLDER" in capfd.readouterr().err
    )
