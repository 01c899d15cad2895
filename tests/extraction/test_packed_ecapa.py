"""The rewritten ECAPA-TDNN gives the embeddings of the original."""

import numpy as np
import pytest
import torch
from torch import nn

from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.extraction import packed_ecapa
from speechbrain_denokd.extraction.packed_ecapa import PackedEcapa, is_packable

SHAPES = {
    "usual": {},
    "shortcuts": {"channels": [16, 24, 24, 24, 48], "res2net_scale": 4},
    "no context": {"global_context": False},
    "kernels": {"kernel_sizes": [3, 5, 1, 3, 3], "dilations": [2, 1, 1, 3, 2]},
}


def encoder_of(**kwargs):
    """With norms that scale, shift and flip, as training leaves them."""
    torch.manual_seed(0)
    kwargs = {"channels": [16, 16, 16, 16, 48], "lin_neurons": 12, **kwargs}
    encoder = WavEncoder(FbankFrontEnd(n_mels=20), EcapaTdnn(20, **kwargs))
    encoder(0.1 * torch.randn(4, 8000), torch.ones(4))
    for parameter in encoder.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.7 * torch.randn_like(parameter)
    return encoder.eval()


def wavs_of(*lengths):
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in lengths]


def alone(encoder, wav):
    with torch.inference_mode():
        output = encoder(torch.from_numpy(wav)[None], torch.ones(1))
    return output.embedding[0].numpy()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("onednn", [True, False])
def test_reference_embeddings_are_those_of_the_encoder(
    monkeypatch, name, onednn
):
    if not onednn:
        monkeypatch.setattr(packed_ecapa, "_has_onednn", lambda dtype: False)
    encoder = encoder_of(**SHAPES[name])
    wavs = wavs_of(16000, 1600, 9999, 5121)
    found = PackedEcapa(encoder)(wavs)
    for wav, embedding in zip(wavs, found, strict=True):
        np.testing.assert_allclose(
            embedding, alone(encoder, wav), rtol=0, atol=1e-5
        )


def test_reference_at_the_size_of_the_paper():
    encoder = encoder_of(channels=[512, 512, 512, 512, 1536], lin_neurons=192)
    wavs = wavs_of(20000, 8000)
    found = PackedEcapa(encoder)(wavs)
    expected = [alone(encoder, wav) for wav in wavs]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("onednn", [True, False])
def test_law_half_precision_points_in_the_same_direction(monkeypatch, onednn):
    if not onednn:
        monkeypatch.setattr(packed_ecapa, "_has_onednn", lambda dtype: False)
    encoder = encoder_of(channels=[64, 64, 64, 64, 192])
    wavs = wavs_of(16000, 9000)
    one = PackedEcapa(encoder)(wavs)
    two = PackedEcapa(encoder, torch.bfloat16)(wavs)
    assert two.dtype == np.float32
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    assert ((one * two).sum(axis=1) / norms > 0.9995).all()
    assert np.abs(one - two).max() > 1e-4  # it was computed in bfloat16


def test_law_the_number_of_spare_rows_does_not_matter(monkeypatch):
    encoder = encoder_of()
    wavs = wavs_of(9000, 3000)
    expected = PackedEcapa(encoder)(wavs)
    for step in (1, 7, 128):
        monkeypatch.setattr(packed_ecapa, "_ROW_STEP", step)
        np.testing.assert_allclose(
            PackedEcapa(encoder)(wavs), expected, rtol=0, atol=1e-6
        )


def test_law_features_that_are_not_finite_stay_visible():
    wavs = wavs_of(8000, 9000, 7000)
    expected = PackedEcapa(encoder_of())(wavs)
    wavs[1][0] = 1e30
    found = PackedEcapa(encoder_of())(wavs)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], atol=1e-6)


def test_law_the_weights_are_copies():
    encoder = encoder_of(channels=[16, 24, 24, 24, 48])
    packed, wavs = PackedEcapa(encoder), wavs_of(8000)
    expected = packed(wavs)
    for tensor in [*encoder.network.parameters(), *encoder.network.buffers()]:
        tensor.data.fill_(7)
    np.testing.assert_array_equal(packed(wavs), expected)


def test_short_recordings_are_refused():
    packed = PackedEcapa(encoder_of())
    n_samples = (packed.min_frames - 1) * 160
    assert packed(wavs_of(n_samples)).shape == (1, 12)
    with pytest.raises(ValueError, match="4 frames, but .* at least 5"):
        packed(wavs_of(8000, n_samples - 1))


def with_other_activation():
    return encoder_of(activation=nn.LeakyReLU)


def with_groups():
    return encoder_of(groups=[1, 2, 2, 2, 1])


def without_front_end():
    return encoder_of().network


@pytest.mark.parametrize(
    "make", [with_other_activation, with_groups, without_front_end]
)
def test_fact_what_it_cannot_do_it_says(make):
    encoder = make()
    assert not is_packable(encoder)
    with pytest.raises(ValueError, match="is no ECAPA-TDNN with ReLU"):
        PackedEcapa(encoder)


def test_fact_a_subclass_may_compute_something_else():
    class Other(EcapaTdnn):
        pass

    encoder = WavEncoder(
        FbankFrontEnd(n_mels=20),
        Other(20, channels=[16, 16, 16, 16, 48], lin_neurons=12),
    )
    assert not is_packable(encoder)
