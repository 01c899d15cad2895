"""WavLM without weights: nothing drawn or fetched, everything to be loaded."""

import pytest
import torch

from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_folder import (
    check_source,
    is_hub_id,
    save_random_wavlm,
    save_wavlm_config,
    wavlm_large_config,
)
from speechbrain_denokd.encoders.wavlm_unfilled import UnfilledWavLM
from tests.encoders.unispeech_layout import tiny_config


@pytest.mark.parametrize("normalise", [True, False])
def test_reference_filled_it_equals_a_loaded_model(tmp_path, normalise):
    """Every tensor that matters is in the state dict: poison the rest."""
    loaded = WavLM(save_random_wavlm(tiny_config(), tmp_path, normalise))
    wavlm = UnfilledWavLM(tiny_config(), normalise)
    for tensor in (*wavlm.model.parameters(), *wavlm.model.buffers()):
        tensor.data.fill_(float("nan"))
    wavlm.model.load_state_dict(loaded.model.state_dict(), strict=True)
    wavs = torch.randn(2, 8000)
    lens = torch.tensor([1.0, 0.6])
    for ours, theirs in zip(
        wavlm(wavs, lens).stages, loaded(wavs, lens).stages, strict=True
    ):
        assert torch.equal(ours, theirs)


def test_fact_large_has_nothing_outside_its_state_dict():
    """What `to_empty` leaves undefined, a strict load defines."""
    wavlm = UnfilledWavLM(wavlm_large_config())
    names = {name for name, _ in wavlm.model.named_parameters()}
    names |= {name for name, _ in wavlm.model.named_buffers()}
    assert names == set(wavlm.model.state_dict())
    assert len(names) == 488


def test_law_it_is_frozen():
    wavlm = UnfilledWavLM(tiny_config()).train()
    assert not wavlm.model.training
    assert not any(p.requires_grad for p in wavlm.parameters())


def test_error_a_folder_without_weights_is_no_loadable_model(tmp_path):
    folder = save_wavlm_config(tiny_config(), tmp_path)
    check_source(folder, needs_weights=False)
    with pytest.raises(FileNotFoundError, match="lacks weights"):
        WavLM(folder)


def test_fact_hub_ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_hub_id("microsoft/wavlm-large")
    (tmp_path / "microsoft").mkdir()
    assert not is_hub_id("microsoft/wavlm-large")
    for path in ("wavlm", "./a/b", "a/b/c", "/a"):
        assert not is_hub_id(path)
