"""Bulk extraction as a whole, with a real model folder."""

import json
import threading

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.extraction import (
    Effort,
    Job,
    Share,
    Windowing,
    read_embeddings,
    run_job,
)
from speechbrain_denokd.extraction.shards import Shards
from speechbrain_denokd.inference import SpeakerEmbedder
from tests.tiny_setup import write_corpus, write_teacher

EFFORT = Effort(2.0, 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    write_corpus(folder / "corpus", n_utterances=4)
    write_teacher(folder / "model")
    return folder


@pytest.fixture
def job(made, tmp_path):
    return Job(
        str(made / "model"),
        str(made / "corpus/audio"),
        str(tmp_path / "out/a.npz"),
    )


@pytest.fixture(scope="module")
def embedder(made):
    return SpeakerEmbedder.from_hparams(
        made / "model", run_opts={"device": "cpu"}
    )


@pytest.fixture
def written(monkeypatch):
    """Shards in the order of writing."""
    written, write = [], Shards.write

    def watched(self, shard, *args):
        written.append(shard)
        write(self, shard, *args)

    monkeypatch.setattr(Shards, "write", watched)
    return written


def test_reference_embeddings_are_those_of_single_files(made, job, embedder):
    report = run_job(job, EFFORT, Share())
    assert report.n_embedded == 56 and report.skipped == []
    found = read_embeddings(job.output)
    audio = made / "corpus/audio"
    assert found.ids == sorted(path.name for path in audio.iterdir())
    for name, embedding in zip(found.ids, found.vectors, strict=True):
        np.testing.assert_allclose(
            embedding, embedder.encode_file(audio / name), rtol=0, atol=1e-4
        )
    assert not job.parts.exists()
    record = json.loads(job.report.read_text())
    assert record["n_embedded"] == 56 and record["skipped"] == []
    assert record["precision"] == "fp32" and record["window_s"] == 120.0


def test_fact_a_manifest_embeds_its_stretches(made, job, embedder, tmp_path):
    manifest = tmp_path / "a.csv"
    manifest.write_text(
        "ID,duration,wav,start,stop,spk_id\n"
        "u1,0.25,{data_root}/spk00_0.wav,2000,6000,s\n"
    )
    one = Job(job.model, str(manifest), job.output, job.source)
    run_job(one, EFFORT, Share())
    found = read_embeddings(one.output)
    wav, rate = soundfile.read(made / "corpus/audio/spk00_0.wav")
    soundfile.write(tmp_path / "cut.wav", wav[2000:6000], rate)
    assert found.ids == ["u1"]
    np.testing.assert_allclose(
        found.vectors[0], embedder.encode_file(tmp_path / "cut.wav"), atol=1e-4
    )


def test_fact_after_a_kill_the_rest_is_done_and_nothing_twice(
    monkeypatch, job, written
):
    whole = Job(job.model, job.source, job.output + "2.npz")
    run_job(whole, EFFORT, Share())
    assert sorted(written) == [0, 1, 2, 3]
    written.clear()

    class Killed(BaseException):
        pass

    write = Shards.write

    def stops(self, *args):
        if len(written) == 2:
            raise Killed
        write(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Shards, "write", stops)
        with pytest.raises(Killed):
            run_job(job, EFFORT, Share())
    assert not job.report.exists()
    assert len(list(job.parts.glob("*.npz"))) == 2
    assert run_job(job, EFFORT, Share()).n_embedded == 56
    assert sorted(written) == [0, 1, 2, 3]
    one, two = read_embeddings(job.output), read_embeddings(whole.output)
    assert one.ids == two.ids
    np.testing.assert_allclose(one.vectors, two.vectors, rtol=0, atol=1e-5)


def test_fact_ranks_share_the_work_and_the_first_merges(job, written):
    done = []
    first = threading.Thread(
        target=lambda: done.append(run_job(job, EFFORT, Share(0, 3)))
    )
    assert run_job(job, EFFORT, Share(1, 3)) is None
    assert written == [1]
    first.start()
    assert run_job(job, EFFORT, Share(2, 3)) is None
    first.join()
    assert sorted(written) == [0, 1, 2, 3]
    assert done[0].n_embedded == 56
    assert len(read_embeddings(job.output).ids) == 56


def test_fact_ranks_come_from_torchrun(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert Share.from_environment() == Share(0, 1)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert Share.from_environment() == Share(2, 4)


def test_fact_a_rank_without_work_leaves_nothing_behind(job):
    run_job(job, EFFORT, Share())
    assert run_job(job, EFFORT, Share(7, 8)) is None
    assert not job.parts.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "nowhere"}, "no folder, manifest or list at nowhere"),
        ({"model": "nowhere"}, "no model folder at nowhere"),
        ({"output": "a.csv"}, "choose one of these suffixes"),
        ({"precision": "int3"}, "no precision 'int3'"),
        ({"windowing": Windowing(1.0, 1.0)}, "an overlap of 16000"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(job, change, message):
    changed = Job(**{**job.__dict__, **change})
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        run_job(changed, EFFORT, Share())


def test_other_settings_do_not_mix_with_finished_parts(monkeypatch, job):
    def stops(self, *args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Shards, "write", stops)
        with pytest.raises(KeyboardInterrupt):
            run_job(job, EFFORT, Share())
    other = Job(job.model, job.source, job.output, precision="bf16")
    with pytest.raises(ValueError, match="precision was 'fp32', now 'bf16'"):
        run_job(other, EFFORT, Share())
