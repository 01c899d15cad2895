import pytest

from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.prepare import prepare_mixtures
from speechbrain_denokd.overlap.trial_set import read_mixture_trial_set
from tests.overlap.voices import voices

SHAPE = MixtureShape(duration_s=0.2, overlaps=(0.5, 1.0))


@pytest.fixture
def corpus(tmp_path):
    rows = voices(tmp_path, "fffffmmmmm", 2, 2)
    write_manifest(tmp_path / "test.csv", rows, tmp_path)
    return tmp_path, rows


def prepare(root, save="save", **options):
    return prepare_mixtures(
        "unseen",
        root / "test.csv",
        root,
        root / save,
        **{"n_triples": 6, "n_presence_trials": 20, "shape": SHAPE, **options},
    )


def test_fact_outputs_are_whole_tests(corpus):
    root, rows = corpus
    outputs = prepare(root)
    assert list(outputs) == [
        "mixtures_unseen.csv",
        "trials_mixtures_unseen.txt",
        "trials_presence_unseen.txt",
    ]
    for kind, n_trials in (("mixtures", 12), ("presence", 20)):
        found = read_mixture_trial_set(
            kind,
            root / "test.csv",
            outputs["mixtures_unseen.csv"],
            outputs[f"trials_{kind}_unseen.txt"],
            root,
        )
        assert len(found.trials) == n_trials
        assert sum(trial.is_target for trial in found.trials) * 2 == n_trials
        item = MixtureSet(found.mixtures, found.sources)[0]
        assert item["sig"].shape == (3200,)


def test_law_options_decide(corpus):
    root, _ = corpus

    def text(save, **options):
        outputs = prepare(root, save, **options)
        return [path.read_text() for path in outputs.values()]

    first = text("one")
    assert text("two", n_threads=1) == first
    assert text("three", seed=1) != first
    assert text("four", match_genders=False) != first


def test_fact_done_once_and_again_for_another_manifest(corpus):
    root, rows = corpus
    outputs = prepare(root)
    before = outputs["mixtures_unseen.csv"].stat().st_mtime_ns
    prepare(root)
    assert outputs["mixtures_unseen.csv"].stat().st_mtime_ns == before
    kept = [row for row in rows if row.spk_id != "s0"]
    write_manifest(root / "test.csv", kept, root)
    prepare(root)
    assert "s0" not in outputs["mixtures_unseen.csv"].read_text()


def test_two_lists_share_a_folder(corpus):
    root, _ = corpus
    first = prepare(root)
    second = prepare_mixtures(
        "hard",
        root / "test.csv",
        root,
        root / "save",
        n_triples=2,
        n_presence_trials=4,
        shape=SHAPE,
    )
    assert not set(first) & set(second)
    assert all(path.is_file() for path in (first | second).values())


def test_no_manifest(tmp_path):
    with pytest.raises(FileNotFoundError, match="no manifest .*test.csv"):
        prepare(tmp_path)


def test_files_of_others_are_not_overwritten(corpus):
    root, _ = corpus
    (root / "save").mkdir()
    (root / "save" / "mixtures_unseen.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="not made by a preparation"):
        prepare(root)
