import hashlib

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from speechbrain_denokd.data.batches import batches_by_duration
from speechbrain_denokd.data.manifest import Utterance
from speechbrain_denokd.overlap.draw import draw_mixtures
from speechbrain_denokd.overlap.mixture_set import MixtureSet, mixture_batch
from speechbrain_denokd.overlap.mixtures import (
    Mixture,
    Source,
    read_mixtures,
    write_mixtures,
)
from speechbrain_denokd.overlap.plan import MixtureShape
from tests.overlap.voices import voices
from tests.tiny import ramp_file


def second(n_samples):
    return n_samples / 16000


def ramp_rows(folder):
    return [
        Utterance(
            name,
            second(800),
            ramp_file(folder / f"{name}.wav", 1000),
            200,
            1000,
            name,
            gender=gender,
        )
        for name, gender in (("ann", "f"), ("bob", "m"))
    ]


def mixture(name, n_samples, offset=0):
    """ann from sample 10 of her row, bob from sample 5 and 6 dB louder."""
    return Mixture(
        name,
        second(offset + n_samples),
        (
            Source("ann", "ann", second(10), second(n_samples), 0.0, 0.0),
            Source(
                "bob", "bob", second(5), second(n_samples), second(offset), 20
            ),
        ),
    )


def test_fact_stretches_places_and_gains(tmp_path):
    item = MixtureSet([mixture("m1", 4, 2)], ramp_rows(tmp_path))[0]
    # Rows begin at sample 200 of the file; sample i is i / 65536.
    ann = [210, 211, 212, 213, 0, 0]
    bob = [0, 0, 2050, 2060, 2070, 2080]
    assert (item["sources"] * 65536).tolist() == [ann, bob]
    both = [a + b for a, b in zip(ann, bob, strict=True)]
    assert (item["sig"] * 65536).tolist() == both
    assert item["id"] == "m1" and item["genders"] == "f-m"
    assert "label" not in item


def test_fact_labels_follow_the_sources(tmp_path):
    rows, labels = ramp_rows(tmp_path), {"bob": 7, "ann": 3}
    item = MixtureSet([mixture("m1", 4)], rows, labels)[0]
    assert item["label"].tolist() == [3, 7]


def test_golden_samples(tmp_path):
    """The same bytes on every machine."""
    rows = []
    for name, factor in (("ann", 7919), ("bob", 6007), ("cyd", 4999)):
        wav = (np.arange(500) * factor % 18000 - 9000).astype(np.int16)
        soundfile.write(tmp_path / f"{name}.flac", wav, 16000)
        path = str(tmp_path / f"{name}.flac")
        rows.append(Utterance(name, second(500), path, 0, 500, name))
    sources = tuple(
        Source(row.id, row.id, second(k), second(400), second(9 * k), gain_db)
        for k, (row, gain_db) in enumerate(
            zip(rows, (0.0, -3.1415, 2.7182), strict=True)
        )
    )
    item = MixtureSet([Mixture("m1", second(418), sources)], rows)[0]
    digest = hashlib.sha256(item["sig"].numpy().astype("<f4").tobytes())
    assert digest.hexdigest()[:16] == "99765a2b8fa26f1f"


def test_law_a_written_list_sounds_the_same(tmp_path):
    rows = voices(tmp_path, "ffmm", 1, 1)
    drawn = draw_mixtures(rows, 6, MixtureShape(duration_s=0.2), seed=2)
    write_mixtures(tmp_path / "m.csv", drawn)
    read = read_mixtures(tmp_path / "m.csv", rows)
    before, after = MixtureSet(drawn, rows), MixtureSet(read, rows)
    for index in reversed(range(6)):
        assert torch.equal(before[index]["sig"], after[index]["sig"])
        assert before[index]["sig"].abs().max() <= 1


def test_law_padding_in_a_batch_is_silence(tmp_path):
    mixtures = [mixture("m1", 40), mixture("m2", 400, 9), mixture("m3", 90)]
    items = MixtureSet(mixtures, ramp_rows(tmp_path), {"ann": 0, "bob": 1})
    loader = DataLoader(
        items,
        batch_sampler=batches_by_duration(mixtures, batch_s=1),
        collate_fn=mixture_batch,
    )
    [batch] = loader
    assert batch.id == ["m1", "m3", "m2"]
    assert batch.label.data.tolist() == [[0, 1]] * 3
    for place, index in enumerate((0, 2, 1)):
        single = items[index]
        size = single["sig"].numel()
        assert round(batch.sig.lengths[place].item() * 409) == size
        assert torch.equal(batch.sig.data[place, :size], single["sig"])
        sources = batch.sources.data[place]
        assert torch.equal(sources[:, :size], single["sources"])
        assert not sources[:, size:].any()
    assert torch.equal(batch.sources.lengths, batch.sig.lengths)


def test_mixtures_of_two_and_of_three_are_no_batch():
    items = [{"sources": torch.ones(k, 4)} for k in (2, 3)]
    with pytest.raises(ValueError, match="have 2 to 3 sources"):
        mixture_batch(items)


def test_another_manifest_is_noticed(tmp_path):
    rows = ramp_rows(tmp_path)
    with pytest.raises(ValueError, match=r"1 utterances .* \(first: bob\)"):
        MixtureSet([mixture("m1", 4)], rows[:1])


def test_speakers_without_label_are_named(tmp_path):
    rows = ramp_rows(tmp_path)
    with pytest.raises(ValueError, match=r"1 speakers .* \(first: 'bob'\)"):
        MixtureSet([mixture("m1", 4)], rows, {"ann": 0})
