"""WavLM built from its sizes alone."""

import torch

from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_blank import BlankWavLM
from speechbrain_denokd.encoders.wavlm_folder import save_random_wavlm
from tests.encoders.unispeech_layout import tiny_config

WAVS, LENS = torch.randn(2, 8000), torch.tensor([1.0, 0.6])


def blank(seed=0, **kwargs):
    torch.manual_seed(seed)
    return BlankWavLM(tiny_config(), **kwargs)


def test_reference_it_is_a_wavlm_once_it_has_its_weights(tmp_path):
    wavlm = WavLM(save_random_wavlm(tiny_config(), tmp_path))
    filled = blank()
    state = wavlm.model.state_dict()
    state.pop("masked_spec_embed", None)
    filled.model.load_state_dict(state)
    with torch.no_grad():
        stages, expected = filled.eval()(WAVS, LENS), wavlm(WAVS, LENS)
    for ours, theirs in zip(stages.stages, expected.stages, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_law_the_seed_decides_its_weights():
    first, again, other = (
        blank(seed).eval()(WAVS, LENS).stages[-1] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_law_training_reaches_all_its_parameters():
    wavlm = blank().train()
    stages, _ = wavlm(WAVS, torch.ones(2))
    (stages[-1] * torch.randn_like(stages[-1])).sum().backward()
    for name, parameter in wavlm.named_parameters():
        # Attention does not change with the bias of its keys.
        if not name.endswith("k_proj.bias"):
            assert parameter.grad.abs().max() > 1e-9, name


def test_law_a_frozen_one_stays_as_it_is():
    wavlm = blank(freeze=True).train()
    assert not wavlm.model.training
    assert not any(p.requires_grad for p in wavlm.parameters())
    assert not wavlm(WAVS, LENS).stages[-1].requires_grad
