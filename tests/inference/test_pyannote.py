"""A model behind the interface of pyannote.audio's speaker embeddings."""

import numpy as np
import pytest
import torch

from speechbrain_denokd.inference import SpeakerEmbedder
from speechbrain_denokd.inference.pyannote import PyannoteEmbedding
from tests.tiny_setup import write_teacher


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = write_teacher(tmp_path_factory.mktemp("pyannote") / "model")
    return SpeakerEmbedder.from_hparams(folder, run_opts={"device": "cpu"})


@pytest.fixture
def chunks():
    torch.manual_seed(0)
    return 0.1 * torch.randn(3, 1, 16000)


def alone(model, wav):
    return model.encode_batch(wav[None])[0].numpy()


def test_fact_what_a_pipeline_asks_for(model):
    embedding = PyannoteEmbedding(model)
    assert embedding.sample_rate == 16000
    assert embedding.dimension == 12
    assert embedding.metric == "cosine"
    assert embedding.min_num_samples == 1600
    assert embedding.to(torch.device("cpu")) is embedding
    assert embedding.device == torch.device("cpu")


def test_law_without_masks_rows_are_the_models(model, chunks):
    rows = PyannoteEmbedding(model)(waveforms=chunks)
    assert rows.dtype == np.float32
    for row, chunk in zip(rows, chunks, strict=True):
        np.testing.assert_allclose(row, alone(model, chunk[0]), atol=1e-5)


def test_fact_samples_of_masked_frames_are_cut_out(model, chunks):
    masks = torch.zeros(3, 10)
    masks[0, [0, 1, 2, 5]] = 1.0
    masks[1, 4:] = 0.6
    masks[2, 3:] = 0.5  # not above one half
    masks[2, :2] = 1.0
    rows = PyannoteEmbedding(model)(chunks, masks=masks)
    wavs = [
        torch.cat([chunks[0, 0, :4800], chunks[0, 0, 8000:9600]]),
        chunks[1, 0, 6400:],
        chunks[2, 0, :3200],
    ]
    for row, wav in zip(rows, wavs, strict=True):
        np.testing.assert_allclose(row, alone(model, wav), atol=1e-4)


def test_fact_frames_need_not_divide_the_samples(model):
    wav = torch.arange(1, 16001.0)[None, None] / 16000
    masks = torch.tensor([[False, True, False]])
    row = PyannoteEmbedding(model)(wav, masks=masks)
    # Sample i is in frame floor(3 i / 16000).
    expected = alone(model, wav[0, 0, 5334:10667])
    np.testing.assert_allclose(row[0], expected, atol=1e-5)


def test_fact_too_short_rows_are_nan_and_leave_others_alone(model, chunks):
    masks = torch.zeros(3, 1000)
    masks[0, :99] = 1.0  # 1584 samples
    masks[1, :100] = 1.0
    embedding = PyannoteEmbedding(model)
    rows = embedding(chunks, masks=masks)
    assert np.isnan(rows).all(axis=1).tolist() == [True, False, True]
    np.testing.assert_allclose(
        rows[1], alone(model, chunks[1, 0, :1600]), atol=1e-5
    )
    assert np.isnan(embedding(chunks, masks=0 * masks)).all()
    assert np.isnan(embedding(chunks[:, :, :1599])).all()


def test_fact_other_shapes_are_refused(model, chunks):
    embedding = PyannoteEmbedding(model)
    with pytest.raises(ValueError, match="mix the channels first"):
        embedding(chunks.expand(3, 2, -1))
    with pytest.raises(ValueError, match="one mask a chunk"):
        embedding(chunks, masks=torch.ones(2, 10))
