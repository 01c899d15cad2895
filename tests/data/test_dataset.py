"""Items that depend on seed, epoch and row, and on nothing else."""

import numpy as np
import pytest
import torch
from speechbrain.dataio.batch import PaddedBatch
from torch.utils.data import DataLoader

from speechbrain_denokd.data import dataset
from speechbrain_denokd.data.audio import load_audio
from speechbrain_denokd.data.augment import kaldi_augment
from speechbrain_denokd.data.batches import EpochBatches
from speechbrain_denokd.data.crop import crop_from_id
from speechbrain_denokd.data.dataset import TrainingCrops, WholeUtterances
from speechbrain_denokd.data.manifest import Utterance, read_manifest
from speechbrain_denokd.data.speed import SpeedPerturb
from tests.tiny import ramp_file, voice_rows

SAMPLES = "tests/samples"
CROP_S = 0.05  # 800 samples


def jitter(wav, rng):
    """Every sample depends on the generator; the result runs backwards."""
    return (wav + rng.standard_normal(wav.size, np.float32))[::-1]


def ramp_row(folder, n_samples, start=0, stop="end", row_id="u"):
    path = ramp_file(folder / f"{row_id}.wav", n_samples)
    stop = n_samples if stop == "end" else stop
    duration = ((n_samples if stop is None else stop) - start) / 16000
    return Utterance(row_id, duration, path, start, stop, "ann")


def places(item):
    """Positions in the file of a crop of a ramp."""
    return (65536 * item["sig"]).numpy()


@pytest.fixture
def crops(tmp_path):
    rows = voice_rows(tmp_path)
    labels = {"s0": 0, "s1": 1, "s2": 2}
    return TrainingCrops(
        rows,
        labels,
        CROP_S,
        seed=1,
        augment=jitter,
        speed_perturb=SpeedPerturb(3),
    )


def signature(item):
    return item["id"], item["sig"].numpy().tobytes(), item["label"].tolist()


def test_law_items_do_not_depend_on_order_or_global_seeds(crops):
    keys = [(epoch, i) for epoch in (1, 2) for i in range(len(crops))]
    np.random.seed(0)
    torch.manual_seed(0)
    first = {key: signature(crops[key]) for key in keys}
    np.random.seed(1)
    torch.manual_seed(1)
    again = {key: signature(crops[key]) for key in reversed(keys)}
    assert first == again


def test_law_epoch_seed_and_row_change_an_item(tmp_path):
    row = ramp_row(tmp_path, 32000)
    twice = TrainingCrops([row, row], {"ann": 0}, CROP_S, seed=1)
    other = TrainingCrops([row, row], {"ann": 0}, CROP_S, seed=2)
    items = [twice[1, 0], twice[2, 0], twice[1, 1], other[1, 0]]
    assert len({places(item)[0] for item in items}) == 4


@pytest.mark.parametrize("augmented", [False, True])
def test_law_workers_do_not_change_batches(augmented):
    """The bundled corpus through 0 and 2 workers, bit for bit."""
    rows = read_manifest(f"{SAMPLES}/train.csv", SAMPLES, check_audio=False)
    rows = rows[::40]
    speakers = sorted({row.spk_id for row in rows})
    crops = TrainingCrops(
        rows,
        {speaker: i for i, speaker in enumerate(speakers)},
        crop_s=0.5,
        seed=3,
        augment=augmented
        and kaldi_augment(f"{SAMPLES}/noise.csv", f"{SAMPLES}/rir.csv", SAMPLES)
        or None,
        speed_perturb=SpeedPerturb(len(speakers)) if augmented else None,
    )
    found = []
    for n_workers in (0, 2):
        batches = EpochBatches(len(crops), batch_size=4, seed=3)
        loader = DataLoader(
            crops,
            batch_sampler=batches,
            num_workers=n_workers,
            collate_fn=PaddedBatch,
            persistent_workers=n_workers > 0,
        )
        found.append([])
        for epoch in (1, 2):
            batches.set_epoch(epoch)
            found[-1] += [
                (batch.id, batch.sig.data, batch.sig.lengths, batch.label.data)
                for batch in loader
            ]
    assert len(found[0]) == 2 * (len(rows) // 4)
    for one, two in zip(*found, strict=True):
        assert one[0] == two[0]
        assert all(
            torch.equal(a, b) for a, b in zip(one[1:], two[1:], strict=True)
        )
    assert found[0][0][1].shape == (4, 8000)


@pytest.mark.parametrize("stop", [1903, None])
def test_law_crops_are_stretches_of_the_row(tmp_path, stop):
    row = ramp_row(tmp_path, 1903 if stop is None else 4000, 1000, stop)
    crops = TrainingCrops([row], {"ann": 0}, CROP_S, seed=1)
    starts = set()
    for epoch in range(1, 300):
        found = places(crops[epoch, 0])
        assert found.size == 800
        assert (np.diff(found) == 1).all()
        assert 1000 <= found[0] and found[-1] < 1903
        starts.add(found[0])
    assert len(starts) > 60


def test_law_every_place_occurs(tmp_path):
    """Both ends included: a row three samples longer than the crop."""
    row = ramp_row(tmp_path, 2000, 500, 1303)
    crops = TrainingCrops([row], {"ann": 0}, CROP_S, seed=1)
    starts = {places(crops[epoch, 0])[0] for epoch in range(1, 80)}
    assert starts == {500, 501, 502, 503}


def test_fact_no_more_than_the_crop_is_read(tmp_path, monkeypatch):
    read = []

    def watched(path, start, stop, sample_rate):
        read.append((start, stop))
        return load_audio(path, start, stop, sample_rate)

    monkeypatch.setattr(dataset, "load_audio", watched)
    rows = [
        ramp_row(tmp_path, 60000, row_id="known"),
        ramp_row(tmp_path, 60000, stop=None, row_id="open"),
    ]
    plain = TrainingCrops(rows, {"ann": 0}, CROP_S, seed=1)
    plain[1, 0], plain[1, 1]
    assert [stop - start for start, stop in read] == [800, 800]
    read.clear()
    fast = TrainingCrops(
        rows, {"ann": 0}, CROP_S, 1, speed_perturb=SpeedPerturb(1)
    )
    fast[1, 0], fast[1, 1]
    # 1.1 times as many, for a crop that is played at 1.1.
    assert [stop - start for start, stop in read] == [881, 881]


@pytest.mark.parametrize("stop", [300, None])
def test_fact_short_rows_wrap(tmp_path, stop):
    row = ramp_row(tmp_path, 300, stop=stop)
    found = places(TrainingCrops([row], {"ann": 0}, CROP_S, seed=1)[1, 0])
    assert found.tolist() == [i % 300 for i in range(800)]


@pytest.mark.parametrize("error_s", [-0.09, -0.04, 0.04, 0.09])
def test_law_a_rounded_duration_stays_inside_the_file(tmp_path, error_s):
    """Manifests may be off by 0.1 s where no ``stop`` is given."""
    path = ramp_file(tmp_path / "a.wav", 3200)
    manifest = tmp_path / "train.csv"
    manifest.write_text(
        "ID,duration,wav,start,stop,spk_id\n"
        f"u,{0.2 + error_s:.2f},{path},,,ann\n"
    )
    rows = read_manifest(manifest, tmp_path)
    crops = TrainingCrops(rows, {"ann": 0}, CROP_S, seed=1)
    for epoch in range(1, 100):
        assert (np.diff(places(crops[epoch, 0])) == 1).all()


def test_fact_speed_makes_other_classes(tmp_path):
    """Slopes of a ramp: 1, 0.9 and 1.1, each with its own label."""
    row = ramp_row(tmp_path, 40000)
    perturb = SpeedPerturb(n_speakers=5, factors=(1.0, 0.9, 1.1))
    crops = TrainingCrops(
        [row], {"ann": 3}, CROP_S, seed=1, speed_perturb=perturb
    )
    slopes = {}
    for epoch in range(1, 40):
        item = crops[epoch, 0]
        assert item["sig"].shape == (800,)
        # Without the ends, where the resampling filter sees silence.
        steps = np.diff(places(item))[100:-100]
        slopes.setdefault(item["label"].item(), []).append(steps.mean())
    assert sorted(slopes) == [3, 8, 13]
    for label, slope in ((3, 1.0), (8, 0.9), (13, 1.1)):
        assert np.allclose(slopes[label], slope, atol=0.04)


def test_fact_augmentation_gets_the_crop_and_the_items_generator(tmp_path):
    row = ramp_row(tmp_path, 800)
    crops = TrainingCrops([row], {"ann": 0}, CROP_S, 1, augment=jitter)
    item = crops[4, 0]
    rng = np.random.default_rng([1, 4, 0])
    clean = np.arange(800, dtype=np.float32) / 65536
    assert np.array_equal(item["sig"].numpy(), jitter(clean, rng))
    assert item["sig"].dtype == torch.float32


def test_speakers_without_label_are_named(tmp_path):
    row = ramp_row(tmp_path, 800)
    with pytest.raises(ValueError, match=r"1 speakers .* \(first: 'ann'\)"):
        TrainingCrops([row], {"bob": 0}, CROP_S, seed=1)


def test_a_missing_file_is_named():
    row = Utterance("u", 1.0, "absent.wav", 0, 16000, "ann")
    crops = TrainingCrops([row], {"ann": 0}, CROP_S, seed=1)
    with pytest.raises(FileNotFoundError, match="absent.wav"):
        crops[1, 0]


def test_fact_whole_utterances_are_whole(tmp_path):
    rows = [
        ramp_row(tmp_path, 3000, 100, 2900, "cut"),
        ramp_row(tmp_path, 3000, stop=None, row_id="open"),
    ]
    whole = WholeUtterances(rows)
    assert places(whole[0]).tolist() == list(range(100, 2900))
    assert places(whole[1]).tolist() == list(range(3000))
    assert [whole[i]["id"] for i in range(len(whole))] == ["cut", "open"]


def test_fact_test_crops_are_placed_by_the_id(tmp_path):
    rows = [
        ramp_row(tmp_path, 9000, 100, 8000, "long"),
        ramp_row(tmp_path, 2000, row_id="short"),
    ]
    items = WholeUtterances(rows, crop_s=0.2)
    expected = crop_from_id(np.arange(100, 8000), 3200, "long")
    for _ in range(2):
        assert places(items[0]).tolist() == expected.tolist()
        assert places(items[1]).tolist() == list(range(2000))


@pytest.mark.parametrize(
    ("n_samples", "refused"), [(1599, True), (1600, False)]
)
def test_utterances_of_no_length_are_named(tmp_path, n_samples, refused):
    items = WholeUtterances([ramp_row(tmp_path, n_samples, row_id="tiny")])
    if not refused:
        assert places(items[0]).size == n_samples
        return
    with pytest.raises(
        ValueError, match="tiny lasts 0.100 s, .* of the trials"
    ):
        items[0]
