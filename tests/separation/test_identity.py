"""What tells a separator the speakers: frozen encoders, clear refusals."""

import pytest
import torch

from speechbrain_denokd.encoders.log_spectrum import LogSpectrum
from speechbrain_denokd.encoders.mirnet import MirNet
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.separation.identity import (
    EnrolledIdentity,
    MixtureIdentity,
    enrolled_from_folder,
    mixture_from_folder,
)
from speechbrain_denokd.separation.model import (
    SeparationModel,
    build_separator,
)
from tests.separation.tiny import SIZES, tiny_model, tiny_separator

TEACHER = "pretrained/sample_teacher"


def mirnet(n_speakers=2):
    network = MirNet(
        n_bins=33,
        n_speakers=n_speakers,
        channels=[8] * 5,
        resnet_channels=4,
        embedding_dim=16,
    )
    return WavEncoder(LogSpectrum(64, window_ms=4, hop_ms=2), network)


@pytest.fixture(scope="module")
def enrolled():
    return EnrolledIdentity(read_model_folder(TEACHER).encoder)


def test_reference_enrolled_embeddings_are_the_encoders(enrolled):
    torch.manual_seed(0)
    enroll = torch.randn(2, 2, 8000)
    embeddings = enrolled(None, None, enroll)
    for b in range(2):
        for k in range(2):
            alone = enrolled.encoder(enroll[b, k][None], torch.ones(1))
            torch.testing.assert_close(
                embeddings[b, k], alone.embedding[0], atol=1e-4, rtol=1e-4
            )


def test_reference_mixture_embeddings_are_mirnets():
    torch.manual_seed(0)
    identity = MixtureIdentity(mirnet(3))
    assert (identity.n_speakers, identity.embedding_dim) == (3, 16)
    wavs, lens = torch.randn(2, 1600), torch.tensor([1.0, 0.5])
    embeddings = identity(wavs, lens, None)
    assert torch.equal(embeddings, identity.encoder(wavs, lens).embeddings)


def test_law_encoders_never_learn(enrolled):
    for identity in (enrolled, MixtureIdentity(mirnet())):
        identity.train()
        assert not any(module.training for module in identity.modules())
        assert not any(p.requires_grad for p in identity.parameters())
    assert not enrolled(None, None, torch.randn(1, 1, 8000)).requires_grad


def test_fact_a_separator_fits_its_identity(enrolled):
    separator = build_separator(enrolled, SIZES)
    model = SeparationModel(separator, enrolled).eval()
    found = model(torch.randn(1, 900), torch.ones(1), torch.randn(1, 1, 8000))
    assert found.wavs.shape == (1, 1, 900)  # one enrolled, one separated
    with pytest.raises(ValueError, match="size 5, but .* have size 128"):
        SeparationModel(tiny_separator(5), enrolled)


def test_fact_without_identity_enrolled_speech_changes_nothing():
    model, wavs = tiny_model(), torch.randn(1, 800)
    found = model(wavs, torch.ones(1), torch.randn(1, 2, 400)).wavs
    assert torch.equal(found, model(wavs, torch.ones(1)).wavs)


def test_nobody_enrolled_is_an_error(enrolled):
    with pytest.raises(ValueError, match="none is given: enroll one"):
        enrolled(torch.zeros(1, 800), torch.ones(1), None)


def test_an_encoder_of_the_wrong_kind_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="one embedding .* hparams/mirnet"):
        mixture_from_folder(TEACHER)
    monkeypatch.setattr(
        "speechbrain_denokd.separation.identity.read_model_folder",
        lambda folder: type("Loaded", (), {"encoder": mirnet().eval()}),
    )
    with pytest.raises(ValueError, match="some/mirnet holds an encoder of mix"):
        enrolled_from_folder("some/mirnet")


def test_a_missing_mirnet_names_the_page_that_trains_it(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"nowhere; train its page first, .*hparams/mirnet",
    ):
        mixture_from_folder(tmp_path / "nowhere")
