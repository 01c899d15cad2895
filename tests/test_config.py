"""Pages, set-ups and what the command line changes."""

import math
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML
from speechbrain import parse_arguments
from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.config import load_page, resolve_page
from speechbrain_denokd.encoders.redimnet import redimnet
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from speechbrain_denokd.losses.inter_top_k import InterTopK
from speechbrain_denokd.losses.margin import AamSoftmax
from speechbrain_denokd.metrics import SSRFNET
from speechbrain_denokd.model_folder import write_model_folder
from speechbrain_denokd.optim.two_stage import TwoStage
from speechbrain_denokd.score_mode import CropsAveraged
from speechbrain_denokd.training import settings
from tests.encoders.unispeech_layout import tiny_config
from tests.tiny import ENCODER_TEXT, tiny_encoder
from tests.tiny_setup import write_ssl_teacher

# Pages of other tasks have tests of their own in tests/tasks.
PAGES = [
    page
    for page in sorted(Path("hparams").glob("*.yaml"))
    if "\ntask: " not in page.read_text(encoding="utf-8")
]

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
    alone = resolve_page(page, "large", "seed: 5\nn_epochs: 2")
    assert alone == loaded.resolved


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

ALONE = {
    "ecapa",
    "ge2e_mean",
    "ge2e_mhfa",
    "late_fusion",
    "redimnet",
    "ssrfnet_alone",
    "ssrfnet_lmft",
    "ssl_ca_mhfa",
    "ssl_ecapa",
    "ssl_lap",
    "ssl_mhfa",
}
SSL_TAUGHT = {
    "dual_branch",
    "fgfm",
    "ptm_redimnet",
    "ssrfnet",
    "ssrfnet_transformer",
    "sum_fusion",
}


@pytest.fixture(scope="module")
def ssl_teacher_folder(tmp_path_factory):
    return write_ssl_teacher(tmp_path_factory.mktemp("ssl_teacher") / "model")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_law_every_page_loads(path, teacher_folder, ssl_teacher_folder):
    overrides = "seed: 3\nn_epochs: 2\nwarmup_epochs: 1"
    if path.stem in SSL_TAUGHT:
        overrides += f"\nssl_teacher_path: {ssl_teacher_folder}"
        overrides += "\nteacher_layers: [1, 2]"
    elif path.stem not in ALONE:
        overrides += f"\nteacher_path: {teacher_folder}"
    page = load_page(path, overrides=overrides)
    hparams, values = page.hparams, settings(page)
    assert values["method"] == values["setup"]["method"] == path.stem
    assert values["epoch_counter"].limit == values["lr_schedule"].n_epochs == 2
    assert values["output_folder"] == f"results/{path.stem}/samples/3"
    modules = hparams["modules"]
    assert modules["student"] is hparams["student"]["encoder"]
    if path.stem in ALONE:
        assert sorted(modules) == ["student"]
        return
    assert sorted(modules) == ["distiller", "student", "teacher"]
    weights = modules["distiller"].weights
    assert list(weights) == list(modules["distiller"].terms)
    if path.stem in SSL_TAUGHT:
        assert weights == {"hidden": 1}
        assert modules["teacher"].classifier is None
    else:
        assert modules["teacher"].speakers == ("a", "b")


# What a set-up says of training, and what reads it when --key changes it.
TRAINING = {
    "n_epochs": ("20", lambda v: v["epoch_counter"].limit == 20),
    "warmup_epochs": ("1", lambda v: _first_epochs(v["lr_schedule"]) == 1),
    "batch_size": ("7", lambda v: v["batch_size"] == 7),
    "lr": ("0.5", lambda v: v["lr_schedule"].highest == 0.5),
    "margin_start_epoch": (
        "1\nmargin_end_epoch: 9",
        lambda v: v["margin_schedule"].start_epoch == 1,
    ),
    "margin_end_epoch": ("9", lambda v: v["margin_schedule"].end_epoch == 9),
    "epoch_counter": ("7", lambda v: v["epoch_counter"] == 7),
    "opt_class": ("7", lambda v: v["opt_class"] == 7),
    "lr_schedule": ("7", lambda v: v["lr_schedule"] == 7),
    "margin_schedule": ("7", lambda v: v["margin_schedule"] == 7),
    "aam": ("7", lambda v: v["aam"] == 7),
}


def _first_epochs(schedule):
    return getattr(schedule, "first_epochs", None) or schedule.warmup_epochs


@pytest.mark.parametrize("key", TRAINING)
@pytest.mark.parametrize(
    "name", ["ecapa", "redimnet", "ssrfnet_alone", "ssrfnet_lmft", "ssl_mhfa"]
)
def test_law_no_option_of_training_is_ignored(name, key):
    """A page with a training of its own has every key of the set-up's."""
    value, is_read = TRAINING[key]
    page = load_page(f"hparams/{name}.yaml", overrides=f"{key}: {value}")
    assert is_read(settings(page))


def test_law_pages_of_two_stages_share_their_training():
    """Rows of one table differ in what they are about."""
    lines = {}
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        if "blocks/two_stage.yaml" in text:
            begin = text.index("# Training: ")
            lines[path.stem] = text[begin : text.index("\nmodules:")]
    assert set(lines) == SSL_TAUGHT | {"redimnet", "ssrfnet_alone"}
    assert len(set(lines.values())) == 1


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

# Set-ups that serve one task alone are tested with it, in tests/tasks.
SETUPS = sorted(
    path.stem
    for path in Path("hparams/setups").glob("*.yaml")
    if "\ncorpus: " in path.read_text(encoding="utf-8")
)


def load_setup(name):
    needed = "" if name == "samples" else "data_folder: some/folder"
    return load_page("hparams/ecapa.yaml", name, needed).hparams["setup"]


@pytest.mark.parametrize("name", SETUPS)
def test_law_setups_differ_in_values_not_in_what_they_offer(name):
    common = """
        name description next_line method seed data_folder
        corpus crop_s augment speed_perturb n_workers test_crops_s dev_batch_s
        ecapa redimnet ssrfnet wavlm wavlm_source wavlm_freeze wavlm_ecapa mhfa
        lap load_teacher load_ssl_teacher ssl_teacher_path teacher_layers
        classifier
        n_epochs batch_size epoch_counter aam margin_schedule lr lr_schedule
        opt_class two_stage large_margin
    """
    setup = load_setup(name)
    assert setup["name"] == name
    assert set(common.split()) <= set(setup)
    # Nothing is read and no teacher is loaded before it is asked for.
    assert callable(setup["load_teacher"])
    assert callable(setup["load_ssl_teacher"])


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


SSRFNET_TABLE_1 = {
    "dual_branch",
    "fgfm",
    "ptm_redimnet",
    "ssrfnet",
    "ssrfnet_alone",
    "ssrfnet_lmft",
    "ssrfnet_transformer",
    "sum_fusion",
}


@pytest.mark.parametrize("setup", ["samples", "voxceleb", "manifest"])
def test_fact_pages_of_ssrfnet_report_at_its_prior(setup):
    found = {}
    for path in PAGES:
        text = resolve_page(path, setup, "data_folder: some")
        values = YAML(typ="rt").load(text)["setup"]
        if "operating_point" in values:
            found[path.stem] = values["operating_point"]
            assert values["score_mode"] == "single"
    at_005 = {page for page, point in found.items() if point == "ssrfnet"}
    assert at_005 == SSRFNET_TABLE_1
    assert set(found.values()) == {"denokd", "ssrfnet"}


def test_fact_what_is_measured_is_chosen_before_training():
    page = load_page(
        "hparams/ssrfnet_alone.yaml",
        overrides="score_mode: 10x3\nfeature_augment: !new:"
        "speechbrain_denokd.encoders.feature_noise.FeatureNoise",
    )
    assert page.hparams["setup"]["dcf_points"] == SSRFNET
    assert page.hparams["setup"]["crops_averaged"] == CropsAveraged(10, 3.0)
    noise = page.hparams["student"]["encoder"].feature_augment
    # SSRFNet's code: 0.001 to 0.01 of a natural logarithm, here of dB.
    in_db = 10 / math.log(10)
    assert noise.lowest == pytest.approx(0.001 * in_db, rel=0.02)
    assert noise.highest == pytest.approx(0.01 * in_db, rel=0.02)
    for wrong in ("score_mode: 10", "operating_point: vox"):
        with pytest.raises(ValueError, match="use "):
            load_page("hparams/ecapa.yaml", overrides=wrong)


def voxceleb(name, *overrides):
    """A page and its set-up's values, together."""
    lines = ["data_folder: some", *overrides]
    return settings(
        load_page(f"hparams/{name}.yaml", "voxceleb", "\n".join(lines))
    )


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_fact_ssrfnet_has_its_papers_numbers():
    values = voxceleb("ssrfnet_alone")
    student = values["student"]["encoder"]
    # SV-Mixer, and the rest as the authors' code has it.
    assert n_parameters(student.ptm) == 49_680_460
    assert n_parameters(student) == 75_164_380
    assert (student.front_end.n_mels, student.embedding_dim) == (80, 192)
    assert (values["batch_size"], values["crop_s"]) == (128, 3.0)
    # 304,000 steps.
    assert round(304_000 / (1_092_009 // 128)) == values["epoch_counter"].limit
    rate = values["lr_schedule"]
    switch = rate.first_epochs
    assert switch == pytest.approx(5_000 / (1_092_009 // 128), abs=1e-3)
    assert [rate(e) for e in (0, switch - 1e-6, switch, 36)] == pytest.approx(
        [1e-3, 1e-4, 0.1, 1e-4], rel=1e-4
    )
    optimizer = values["opt_class"]([torch.nn.Parameter(torch.zeros(1))])
    assert isinstance(optimizer, TwoStage)
    assert optimizer.first_epochs == switch
    assert isinstance(optimizer.first, torch.optim.AdamW)
    (sgd,) = optimizer.second.param_groups
    assert (sgd["momentum"], sgd["nesterov"]) == (0.9, True)
    assert sgd["weight_decay"] == 2e-5
    aam = values["aam"]
    assert isinstance(aam, InterTopK)
    assert (aam.scale, aam.top_k, aam.penalty) == (30, 5, 0.1)
    assert [values["margin_schedule"](e) for e in (0, 36)] == [0.2, 0.2]


def test_fact_the_spectrogram_alone_is_redimnet_b2():
    student = voxceleb("redimnet")["student"]["encoder"]
    b2 = redimnet("B2")
    assert n_parameters(student.network) == n_parameters(b2) == 4_888_240
    student.network.load_state_dict(b2.state_dict())


def test_fact_ssrfnet_learns_three_layers_of_a_normalised_wavlm(tmp_path):
    source = save_random_wavlm(tiny_config(), tmp_path)
    values = voxceleb("ssrfnet", f"ssl_teacher_path: {source}")
    (term,) = values["distiller"].terms.values()
    assert term.layers == (8, 16, 24)
    assert values["teacher"].encoder.ptm.normalize_wav
    assert not any(p.requires_grad for p in values["teacher"].parameters())


SMALL_WAVLM = (
    "wavlm: {state_dim: 32, conv_dim: [8, 8, 8, 8, 8, 8, 8], n_layers: 2, "
    "n_heads: 2, ff_dim: 16}"
)


def test_fact_heads_are_trained_on_a_frozen_wavlm_at_first():
    values = voxceleb("ssl_mhfa", SMALL_WAVLM)
    student = values["student"]["encoder"]
    assert values["ptm_source"] == "microsoft/wavlm-large"
    assert not any(p.requires_grad for p in student.ptm.parameters())
    # Another front: 2,302,554 with 13 layers of 768 channels.
    head = 2 * 3 + 2 * (32 * 128 + 128) + 128 * 64 + 64 + 8192 * 256 + 256
    assert n_parameters(student.head) == head
    values = voxceleb("ssl_mhfa", SMALL_WAVLM, "freeze_ptm: false")
    ptm = values["student"]["encoder"].ptm
    assert all(p.requires_grad for p in ptm.parameters())


def test_fact_the_large_margin_is_wespeakers():
    values = voxceleb("ssrfnet_lmft")
    assert values["init_from"] == "results/ssrfnet/voxceleb/1/model"
    assert [values["margin_schedule"](e) for e in (0, 5)] == [0.5, 0.5]
    assert (values["crop_s"], values["batch_size"]) == (6.0, 64)
    assert values["speed_perturb"] is None
    assert type(values["aam"]) is AamSoftmax and values["aam"].scale == 30
    rate = values["lr_schedule"]
    assert [rate(e) for e in (0, 5)] == pytest.approx([1e-4, 2.5e-5])
