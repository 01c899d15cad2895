"""The separator: masks on the mixture's spectrum, and laws of its output."""

import pytest
import torch

from speechbrain_denokd.separation.separator import Separator
from tests.separation.tiny import SIZES, tiny_separator


def test_fact_masks_of_one_give_back_the_mixture():
    separator = tiny_separator()
    torch.nn.init.zeros_(separator.network.layers[-1].weight)
    torch.nn.init.constant_(separator.network.layers[-1].bias, 30.0)
    wavs = torch.randn(2, 700)
    found = separator(wavs, torch.tensor([1.0, 0.5])).wavs
    torch.testing.assert_close(found[0], wavs[:1].expand(2, -1))
    torch.testing.assert_close(found[1, 0, :350], wavs[1, :350])
    assert not found[1, :, 350:].any()


def test_fact_a_mask_of_half_halves_the_mixture():
    separator = tiny_separator()
    for parameter in separator.network.layers[-1].parameters():
        torch.nn.init.zeros_(parameter)
    wavs = torch.randn(1, 700)
    found = separator(wavs, torch.ones(1)).wavs
    torch.testing.assert_close(found[0, 1], 0.5 * wavs[0])


@pytest.mark.parametrize("embedding_dim", [None, 3])
def test_law_padding_is_invisible(embedding_dim):
    separator = tiny_separator(embedding_dim)
    embeddings = None if embedding_dim is None else torch.randn(3, 2, 3)
    wavs, lens = torch.randn(3, 800), torch.tensor([1.0, 0.7, 0.31])
    together = separator(wavs, lens, embeddings).wavs
    for k, n_samples in enumerate((800, 560, 248)):
        alone = separator(
            wavs[k : k + 1, :n_samples],
            torch.ones(1),
            None if embeddings is None else embeddings[k : k + 1],
        ).wavs
        torch.testing.assert_close(
            together[k : k + 1, :, :n_samples], alone, atol=1e-5, rtol=1e-4
        )


def test_law_the_level_passes_through():
    separator, wavs = tiny_separator(), torch.randn(2, 800)
    quiet = separator(0.01 * wavs, torch.ones(2))
    loud = separator(wavs, torch.ones(2))
    torch.testing.assert_close(quiet.masks, loud.masks, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(quiet.wavs, 0.01 * loud.wavs)
    torch.testing.assert_close(loud.level, wavs.square().mean(1).sqrt())


def test_law_the_length_of_an_embedding_says_nothing():
    separator, embeddings = tiny_separator(3), torch.randn(1, 2, 3)
    wavs = torch.randn(1, 800)
    masks = separator(wavs, torch.ones(1), embeddings).masks
    longer = separator(wavs, torch.ones(1), 7 * embeddings).masks
    torch.testing.assert_close(masks, longer)


def test_fact_silence_stays_silence():
    found = tiny_separator()(torch.zeros(1, 400), torch.ones(1))
    assert torch.equal(found.wavs, torch.zeros(1, 2, 400))


def test_law_sizes_build_the_same_again():
    separator = tiny_separator(5, fusion="film", n_speakers=3, power=0.5)
    twin = Separator(**separator.sizes)
    twin.load_state_dict(separator.state_dict())
    wavs, embeddings = torch.randn(1, 500), torch.randn(1, 3, 5)
    torch.testing.assert_close(
        twin.eval()(wavs, torch.ones(1), embeddings).wavs,
        separator(wavs, torch.ones(1), embeddings).wavs,
    )


@pytest.mark.parametrize("power", [0.0, 1.5, float("nan")])
def test_a_power_outside_0_to_1_is_refused(power):
    with pytest.raises(ValueError, match=f"power is {power}"):
        Separator(None, **SIZES, power=power)
