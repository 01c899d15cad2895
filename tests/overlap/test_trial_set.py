import pytest

from speechbrain_denokd.data.manifest import write_manifest
from speechbrain_denokd.data.trials import Trial, write_trials
from speechbrain_denokd.overlap.mixtures import write_mixtures
from speechbrain_denokd.overlap.plan import MixtureShape
from speechbrain_denokd.overlap.presence import draw_presence_trials
from speechbrain_denokd.overlap.trial_set import (
    check_mixture_trials,
    read_mixture_trial_set,
)
from speechbrain_denokd.overlap.triples import draw_triples
from tests.overlap.voices import voices


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Files of twelve voices, two triples, and both kinds of trials."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = voices(folder, "ffffffmmmmmm", 2, 2)
    shape = MixtureShape(duration_s=0.2, overlaps=(0.5, 1.0))
    mixtures, trials = draw_triples(rows, 2, shape)
    write_manifest(folder / "test.csv", rows, folder)
    write_mixtures(folder / "mixtures.csv", mixtures)
    write_trials(folder / "triples.txt", trials)
    presence = draw_presence_trials(rows, mixtures[:3], 8)
    write_trials(folder / "presence.txt", presence)
    return folder, rows, mixtures, trials, presence


def read(folder, trials):
    return read_mixture_trial_set(
        "unseen",
        folder / "test.csv",
        folder / "mixtures.csv",
        folder / trials,
        folder,
    )


def test_law_written_is_read(corpus):
    folder, rows, mixtures, trials, presence = corpus
    name, enrollments, used, sources, listed = read(folder, "triples.txt")
    assert (name, enrollments, used, listed) == (
        "unseen",
        [],
        mixtures,
        trials,
    )
    mixed = {s.utterance for mixture in mixtures for s in mixture.sources}
    assert sources == [row for row in rows if row.id in mixed]
    found = read(folder, "presence.txt")
    assert found.trials == presence
    assert found.mixtures == mixtures[:3]
    enrolled = {trial.enroll for trial in presence}
    assert {row.id for row in found.enrollments} == enrolled
    mixed = {s.utterance for mixture in mixtures[:3] for s in mixture.sources}
    assert {row.id for row in found.sources} == mixed


def test_wrong_trials_are_named(corpus):
    _, rows, mixtures, trials, presence = corpus
    accept, reject = trials[:2]
    source = mixtures[0].sources[0]
    wrong = {
        accept._replace(
            is_target=False
        ): f"share speaker .*{accept.test}|label",
        reject._replace(is_target=True): "share no speaker, but the label is 1",
        presence[1]._replace(is_target=True): "share no speaker",
        Trial(True, "nobody", accept.test): "nobody is neither an utterance",
        Trial(True, rows[0].id, rows[1].id): f"{rows[1].id} is no mixture",
        Trial(True, source.utterance, mixtures[0].id): (
            f"{mixtures[0].id} share utterance {source.utterance}"
        ),
    }
    for trial, message in wrong.items():
        with pytest.raises(ValueError, match=f"1 trial.*{message}"):
            check_mixture_trials([*trials, trial, *presence], rows, mixtures)


def test_first_five_and_the_count(corpus):
    _, rows, mixtures, trials, _ = corpus
    wrong = [Trial(True, f"x{n}", mixtures[0].id) for n in range(7)]
    with pytest.raises(ValueError, match="^7 trial.*x0 .*x4 .*and 2 more"):
        check_mixture_trials([*trials, *wrong], rows, mixtures)
