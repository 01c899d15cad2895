from collections import Counter

import numpy as np
import pytest
import torch
from speechbrain.dataio.batch import PaddedBatch
from torch.utils.data import DataLoader

from speechbrain_denokd.data.augment import kaldi_augment
from speechbrain_denokd.data.batches import EpochBatches
from speechbrain_denokd.data.manifest import read_manifest
from speechbrain_denokd.data.speed import SpeedPerturb
from speechbrain_denokd.overlap.crops import OverlapCrops
from speechbrain_denokd.overlap.levels import measured_sir_db
from speechbrain_denokd.overlap.mix import stagger
from tests.overlap.voices import voices
from tests.tiny import voice_rows

SAMPLES = "tests/samples"
LABELS = {f"s{n}": n for n in range(8)}


def jitter(wav, rng):
    """Every sample depends on the generator; the result runs backwards."""
    return (wav + rng.standard_normal(wav.size, np.float32))[::-1]


def speaker_heard(source):
    """Hums of `voice_rows` have a pitch of 150 Hz per speaker."""
    spectrum = np.abs(np.fft.rfft(source.numpy()))
    pitch = spectrum.argmax() * 16000 / source.numel()
    return round(pitch / 150) - 1


def signature(item):
    tensors = [item[name].numpy().tobytes() for name in ("sig", "sources")]
    return item["id"], item["genders"], *tensors, item["label"].tolist()


def test_law_items_do_not_depend_on_order_or_global_seeds(tmp_path):
    crops = OverlapCrops(
        voices(tmp_path, "fm", n_each=1),
        LABELS,
        0.05,
        seed=1,
        overlap=(0.2, 0.9),
        sir_db=(-5, 5),
        augment=jitter,
        source_augment=jitter,
    )
    keys = [(epoch, i) for epoch in (1, 2) for i in range(len(crops))]
    np.random.seed(0)
    torch.manual_seed(0)
    first = {key: signature(crops[key]) for key in keys}
    np.random.seed(1)
    torch.manual_seed(1)
    again = {key: signature(crops[key]) for key in reversed(keys)}
    assert first == again
    assert len(set(map(str, first.values()))) == len(keys)


@pytest.mark.parametrize("n_sources", [2, 3])
def test_law_a_label_is_its_sources_speaker(tmp_path, n_sources):
    rows = voice_rows(tmp_path, n_speakers=4, n_each=2)
    crops = OverlapCrops(
        rows, LABELS, 0.25, seed=1, n_sources=n_sources, sir_db=(-6, 6)
    )
    for epoch in range(1, 6):
        for index, row in enumerate(rows):
            item = crops[epoch, index]
            labels = item["label"].tolist()
            assert labels == [speaker_heard(s) for s in item["sources"]]
            assert len(set(labels)) == n_sources
            assert row.id in item["id"].split("+")
            heard = [f"s{label}" for label in labels]
            assert heard == [i.split("-")[0] for i in item["id"].split("+")]


def test_law_the_mixture_is_the_sum_and_does_not_clip(tmp_path):
    rows = voices(tmp_path, "fmf", n_each=1)
    crops = OverlapCrops(rows, LABELS, 0.1, seed=1, sir_db=(-20, 20))
    lowered = 0
    for index in range(len(crops)):
        item = crops[1, index]
        assert torch.equal(item["sig"], item["sources"][0] + item["sources"][1])
        peak = item["sig"].abs().max()
        assert peak <= 1
        lowered += peak > 0.9999
    assert lowered


def test_law_overlap_and_level_are_the_requested_ones(tmp_path):
    rows = voices(tmp_path, "fmf", n_each=1)
    crops = OverlapCrops(
        rows, LABELS, 0.2, seed=1, overlap=(0.5, 0.5), sir_db=(3, 3)
    )
    length, offsets = stagger(3200, 2, 0.5)
    for index in range(len(crops)):
        sources = crops[1, index]["sources"].numpy()
        spans = [np.flatnonzero(source) for source in sources]
        assert [span[0] for span in spans] == pytest.approx(offsets, abs=2)
        assert [np.ptp(s) for s in spans] == pytest.approx([length] * 2, abs=3)
        heard = [sources[0, :length], sources[1, -length:]]
        found = measured_sir_db(heard, offsets)
        assert found[0] == pytest.approx(3, abs=1e-3)


def test_law_ranges_are_drawn_from(tmp_path):
    rows = voices(tmp_path, "fm", 1, 1)
    crops = OverlapCrops(
        rows, LABELS, 0.1, seed=1, overlap=(0.4, 1.0), sir_db=(-5, 5)
    )
    ratios, levels = [], []
    for epoch in range(1, 100):
        sources = crops[epoch, 0]["sources"].numpy()
        present = [np.ptp(np.flatnonzero(source)) + 1 for source in sources]
        ratios.append(sum(present) / 1600 - 1)
        powers = [np.mean(source[source != 0] ** 2) for source in sources]
        levels.append(10 * np.log10(powers[0] / powers[1]))
    assert 0.38 < min(ratios) < 0.45 and 0.95 < max(ratios) <= 1
    assert np.mean(ratios) == pytest.approx(0.7, abs=0.06)
    assert np.mean(levels) == pytest.approx(0, abs=1)
    assert min(levels) < -3 and max(levels) > 3


def test_law_partners_and_places_are_even(tmp_path):
    rows = voices(tmp_path, "ffmm", 1, 1)
    # A speaker with many rows is no more likely a partner.
    rows += [rows[3]] * 20
    crops = OverlapCrops(rows, LABELS, 0.05, seed=1)
    partners, first = Counter(), 0
    for epoch in range(1, 601):
        labels = crops[epoch, 0]["label"].tolist()
        first += labels[0] == 0
        partners[sum(labels)] += 1
    assert set(partners) == {1, 2, 3}
    assert all(
        count == pytest.approx(200, abs=45) for count in partners.values()
    )
    assert first == pytest.approx(300, abs=50)


def test_fact_the_mixture_alone_is_augmented_by_augment(tmp_path):
    rows = voices(tmp_path, "fm", 1, 1)
    plain = OverlapCrops(rows, LABELS, 0.05, seed=1)[3, 1]
    heard = []

    def negate(wav, rng):
        heard.append(wav.copy())
        return -wav

    item = OverlapCrops(rows, LABELS, 0.05, seed=1, augment=negate)[3, 1]
    assert np.array_equal(heard[0], plain["sig"].numpy())
    assert torch.equal(item["sig"], -plain["sig"])
    assert torch.equal(item["sources"], plain["sources"])
    assert plain["genders"] == "f-m"


def test_fact_sources_are_augmented_before_they_are_mixed(tmp_path):
    rows = voices(tmp_path, "fm", 1, 1)
    sources = OverlapCrops(rows, LABELS, 0.05, seed=1)[1, 0]["sources"]
    item = OverlapCrops(
        rows, LABELS, 0.05, seed=1, source_augment=lambda wav, rng: -wav
    )[1, 0]
    assert torch.equal(item["sources"], -sources)
    assert torch.equal(item["sig"], item["sources"][0] + item["sources"][1])


def test_fact_speed_makes_other_classes_and_pitches(tmp_path):
    rows = voice_rows(tmp_path, n_speakers=2, n_each=1)
    crops = OverlapCrops(
        rows,
        {"s0": 0, "s1": 1},
        0.4,
        seed=1,
        speed_perturb=SpeedPerturb(2, factors=(1.0, 1.5)),
    )
    seen = set()
    for epoch in range(1, 30):
        item = crops[epoch, 0]
        for source, label in zip(item["sources"], item["label"], strict=True):
            spectrum = np.abs(np.fft.rfft(source.numpy()))
            pitch = spectrum.argmax() / 0.4
            speed = 1.5 if label >= 2 else 1.0
            assert pitch == pytest.approx(150 * (label % 2 + 1) * speed, abs=5)
            seen.add(label.item())
    assert seen == {0, 1, 2, 3}


def test_law_workers_do_not_change_batches():
    """The bundled corpus through 0 and 2 workers, bit for bit."""
    rows = read_manifest(f"{SAMPLES}/train.csv", SAMPLES, check_audio=False)
    rows = rows[::64]
    speakers = sorted({row.spk_id for row in rows})
    crops = OverlapCrops(
        rows,
        {speaker: i for i, speaker in enumerate(speakers)},
        crop_s=0.5,
        seed=3,
        overlap=(0.5, 1.0),
        sir_db=(-5, 5),
        augment=kaldi_augment(
            f"{SAMPLES}/noise.csv", f"{SAMPLES}/rir.csv", SAMPLES
        ),
        speed_perturb=SpeedPerturb(len(speakers)),
    )
    found = []
    for n_workers in (0, 2):
        loader = DataLoader(
            crops,
            batch_sampler=EpochBatches(len(crops), batch_size=4, seed=3),
            num_workers=n_workers,
            collate_fn=PaddedBatch,
        )
        found.append(
            [
                (b.id, b.genders, b.sig.data, b.sources.data, b.label.data)
                for b in loader
            ]
        )
    assert len(found[0]) == 2
    for one, two in zip(*found, strict=True):
        assert one[:2] == two[:2]
        assert all(
            torch.equal(a, b) for a, b in zip(one[2:], two[2:], strict=True)
        )
    _, genders, sig, sources, labels = found[0][0]
    assert set(genders) <= {"f-f", "f-m", "m-m"}
    assert sig.shape == (4, 8000) and labels.shape == (4, 2)
    assert sources.shape == (4, 2, 8000)


def test_speakers_without_label_are_named(tmp_path):
    rows = voices(tmp_path, "fm", 1, 1)
    with pytest.raises(ValueError, match=r"1 speakers .* \(first: 's1'\)"):
        OverlapCrops(rows, {"s0": 0}, 0.05, seed=1)


def test_one_speaker_is_no_mixture(tmp_path):
    rows = voices(tmp_path, "f")
    with pytest.raises(ValueError, match="of 2 speakers .* manifest has 1"):
        OverlapCrops(rows, LABELS, 0.05, seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sir_db": (5, -5)}, "sir_db is 5 to -5"),
        ({"overlap": (1.0, 0.5)}, "overlap is 1.0 to 0.5"),
        ({"overlap": (0.5, 1.5)}, "overlap is 1.5: choose a share"),
        ({"n_sources": 1}, "1 sources cannot be laid out"),
    ],
)
def test_impossible_options(tmp_path, options, message):
    rows = voices(tmp_path, "fm", 1, 1)
    with pytest.raises(ValueError, match=message):
        OverlapCrops(rows, LABELS, 0.05, seed=1, **options)
