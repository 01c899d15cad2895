"""Pages, set-ups and what the command line changes."""

from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain import parse_arguments
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.config import load_page
from speechbrain_denokd.model_folder import write_model_folder
from tests.tiny import ENCODER_TEXT, tiny_encoder

PAGES = sorted(Path("hparams").glob("*.yaml"))

PAGE = """\
seed: 1
method: toy
setup: !include:setups/small.yaml
    method: !ref <method>
    seed: !ref <seed>
folder: !ref results/<method>/<setup[name]>/<seed>
weight: 1.0
"""
SMALL = """\
name: small
method: null
seed: 0
n_epochs: 3
lr: 0.1
schedule:
    highest: !ref <lr>
"""


@pytest.fixture
def page(tmp_path):
    """A page with two set-ups, in files."""
    (tmp_path / "setups").mkdir()
    (tmp_path / "setups" / "small.yaml").write_text(SMALL)
    (tmp_path / "setups" / "large.yaml").write_text(
        SMALL.replace("small", "large").replace("3", "70") + "extra: 5\n"
    )
    (tmp_path / "toy.yaml").write_text(PAGE)
    return tmp_path / "toy.yaml"


@pytest.fixture(scope="module")
def teacher_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher") / "model"
    head = Classifier(16, lin_neurons=16, out_neurons=2)
    write_model_folder(
        folder, ENCODER_TEXT, tiny_encoder(), head, ["a", "b"], 32, 0.2
    )
    return folder


def test_fact_a_page_passes_its_own_values_to_the_setup(page):
    hparams = load_page(page).hparams
    setup = hparams["setup"]
    assert (setup["name"], setup["method"], setup["seed"]) == (
        "small",
        "toy",
        1,
    )
    assert (setup["n_epochs"], setup["schedule"]) == (3, {"highest": 0.1})
    assert hparams["folder"] == "results/toy/small/1"


def test_fact_another_setup_takes_its_place(page):
    hparams = load_page(page, setup="large").hparams
    setup = hparams["setup"]
    assert (setup["name"], setup["method"], setup["seed"]) == (
        "large",
        "toy",
        1,
    )
    assert (setup["n_epochs"], setup["extra"]) == (70, 5)
    assert hparams["folder"] == "results/toy/large/1"


@pytest.mark.parametrize("setup", [None, "large"])
def test_fact_overrides_find_the_page_or_the_setup(page, setup):
    overrides = "weight: 2.5\nn_epochs: 9\nlr: 0.5\n"
    hparams = load_page(page, setup, overrides).hparams
    assert hparams["weight"] == 2.5
    assert hparams["setup"]["n_epochs"] == 9
    # References to a changed value follow it.
    assert hparams["setup"]["schedule"] == {"highest": 0.5}
    # What the page passes on is not lost.
    assert hparams["setup"]["method"] == "toy"
    assert hparams["setup"]["seed"] == 1


def test_fact_a_key_of_both_is_the_pages(page):
    hparams = load_page(page, overrides="seed: 7").hparams
    assert hparams["seed"] == hparams["setup"]["seed"] == 7
    assert hparams["folder"] == "results/toy/small/7"


def test_fact_overrides_come_from_the_command_line(page):
    _, _, overrides = parse_arguments(
        [str(page), "--n_epochs=4", "--weight=null", "--lr=1e-3"]
    )
    hparams = load_page(page, overrides=overrides).hparams
    assert hparams["setup"]["n_epochs"] == 4
    assert hparams["weight"] is None
    assert hparams["setup"]["lr"] == pytest.approx(1e-3)


def test_law_the_record_gives_the_same_values_without_files(page):
    loaded = load_page(page, "large", "seed: 5\nn_epochs: 2")
    assert "!include" not in loaded.resolved
    assert load_hyperpyyaml(loaded.resolved) == loaded.hparams
    again = load_page(page, "large", "seed: 5\nn_epochs: 2")
    assert again.resolved == loaded.resolved


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("n_epoch", "; did you mean n_epochs"),
        ("wieght", "; did you mean weight"),
        ("extra", "its set-up$"),  # of the other set-up
        ("zzz", "its set-up$"),
        ("highest", "its set-up"),  # below a key
    ],
)
def test_unknown_keys_are_refused(page, key, hint):
    with pytest.raises(ValueError, match=f"--{key} is read by nothing.*{hint}"):
        load_page(page, overrides=f"weight: 2\n{key}: 1")


def test_unknown_setup_lists_those_there_are(page):
    with pytest.raises(
        FileNotFoundError, match="no set-up 'tiny'; use one of: large, small"
    ):
        load_page(page, setup="tiny")


def test_unknown_page(tmp_path):
    with pytest.raises(FileNotFoundError, match="no page at .*nothing.yaml"):
        load_page(tmp_path / "nothing.yaml")


def test_a_page_needs_a_setup(page):
    page.write_text("seed: 1\n")
    with pytest.raises(ValueError, match="includes no set-up; it needs the"):
        load_page(page)


def test_a_malformed_override_is_refused(page):
    with pytest.raises(ValueError, match="n_epochs"):
        load_page(page, overrides="n_epochs: [1, 2")


# -- the pages of this project ---------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_law_every_page_loads(path, teacher_folder):
    overrides = "seed: 3\nn_epochs: 2"
    if path.stem != "ecapa":
        overrides += f"\nteacher_path: {teacher_folder}"
    hparams = load_page(path, overrides=overrides).hparams
    setup = hparams["setup"]
    assert hparams["method"] == setup["method"] == path.stem
    assert setup["epoch_counter"].limit == setup["lr_schedule"].n_epochs == 2
    assert hparams["output_folder"] == f"results/{path.stem}/samples/3"
    modules = hparams["modules"]
    assert modules["student"] is hparams["student"]["encoder"]
    if path.stem == "ecapa":
        assert sorted(modules) == ["student"]
        return
    assert sorted(modules) == ["distiller", "student", "teacher"]
    assert modules["teacher"].speakers == ("a", "b")
    weights = modules["distiller"].weights
    assert list(weights) == list(modules["distiller"].terms)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("kd_label", {"label": 1}),
        ("kd_frame", {"label": 1, "frame": 1}),
        ("kd_embedding", {"label": 1, "embedding": 1, "cosine": 0}),
        ("denokd_frame", {"label": 1, "frame": 1}),
        ("denokd_embedding", {"label": 1, "embedding": 1}),
        (
            "denokd_frame_embedding",
            {"label": 1, "frame": 1, "embedding": 1},
        ),
    ],
)
def test_fact_the_papers_terms_have_weight_one(name, terms, teacher_folder):
    page = load_page(
        f"hparams/{name}.yaml", overrides=f"teacher_path: {teacher_folder}"
    )
    assert page.hparams["distiller"].weights == terms


def test_fact_denokd_pages_have_the_papers_diffusion(teacher_folder):
    page = load_page(
        "hparams/denokd_frame_embedding.yaml",
        overrides=f"teacher_path: {teacher_folder}",
    )
    terms = page.hparams["distiller"].terms
    for name in ("frame", "embedding"):
        assert terms[name].timesteps == [499, 399, 299, 199, 99]
        assert terms[name].noise_adapter is not None
        assert terms[name].schedule.n_timesteps == 1000


@pytest.mark.parametrize(
    ("override", "check"),
    [
        ("n_steps: 0", lambda term: not hasattr(term, "denoiser")),
        ("n_steps: 15", lambda term: len(term.timesteps) == 15),
        ("grid: diffkd", lambda term: term.timesteps[0] == 400),
        ("embedding_noise_adapter: null", lambda t: t.noise_adapter is None),
        ("projection: null", lambda term: term.projection is None),
        ("standardize: false", lambda t: t.mapped_tap.standardizer is None),
        ("train_denoiser: false", lambda term: term.train_denoiser is False),
        ("noise_schedule: cosine", lambda t: t.schedule.kind == "cosine"),
    ],
)
def test_fact_each_switch_of_the_method_is_a_key(
    override, check, teacher_folder
):
    page = load_page(
        "hparams/denokd_embedding.yaml",
        overrides=f"teacher_path: {teacher_folder}\n{override}",
    )
    term = page.hparams["distiller"].terms["embedding"]
    assert check(term)


def test_law_the_seed_decides_the_first_weights():
    def first_weights(seed):
        page = load_page("hparams/ecapa.yaml", overrides=f"seed: {seed}")
        student = page.hparams["modules"]["student"]
        return torch.cat([p.flatten() for p in student.parameters()])

    assert torch.equal(first_weights(1), first_weights(1))
    assert not torch.equal(first_weights(1), first_weights(2))


# -- the set-ups -------------------------------------------------------------

SETUPS = sorted(path.stem for path in Path("hparams/setups").glob("*.yaml"))


def load_setup(name):
    needed = "" if name == "samples" else "data_folder: some/folder"
    return load_page("hparams/ecapa.yaml", name, needed).hparams["setup"]


@pytest.mark.parametrize("name", SETUPS)
def test_law_setups_differ_in_values_not_in_what_they_offer(name):
    common = """
        name description next_line method seed data_folder
        corpus crop_s augment speed_perturb n_workers test_crops_s dev_batch_s
        ecapa load_teacher classifier
        n_epochs batch_size epoch_counter aam margin_schedule lr lr_schedule
        opt_class
    """
    setup = load_setup(name)
    assert setup["name"] == name
    assert set(common.split()) <= set(setup)
    # Nothing is read and no teacher is loaded before it is asked for.
    assert callable(setup["load_teacher"])


@pytest.mark.parametrize("name", sorted(set(SETUPS) - {"samples"}))
def test_a_setup_without_data_asks_for_it(name):
    with pytest.raises(ValueError, match="'data_folder' is a !PLACEHOLDER"):
        load_page("hparams/ecapa.yaml", name)


def test_fact_the_voxceleb_setup_has_the_papers_numbers():
    page = load_page("hparams/ecapa.yaml", "voxceleb", "data_folder: some")
    setup = page.hparams["setup"]
    student = page.hparams["student"]["encoder"]
    assert (student.frame_dim, student.embedding_dim) == (1536, 192)
    assert sum(p.numel() for p in student.parameters()) == 6_194_048
    assert student.front_end.n_mels == 80
    assert setup["batch_size"] == 256
    assert setup["opt_class"].func is torch.optim.AdamW
    assert setup["aam"].scale == 32
    margin = setup["margin_schedule"]
    assert [margin(epoch) for epoch in (0, 20, 40, 60)] == pytest.approx(
        [0, 0, 0.2, 0.2]
    )
    assert setup["lr_schedule"].warmup_epochs == 5
    assert setup["test_crops_s"] == [None, 4, 3, 2]
