"""How far separated speech is from its sources (``Separated -> costs``).

A loss compares every output with every source: which output is whose may be
known (an enrolled speaker), or found for each mixture as the assignment of
least cost (PIT over the utterance).

Source: Q. Wang et al., "VoiceFilter", Interspeech 2019, Section 2.2
(power-law compressed magnitudes); M. Kolbaek et al., "Multitalker speech
separation with utterance-level permutation invariant training of deep
recurrent neural networks", TASLP 2017, Section III; J. Le Roux et al.,
"SDR - half-baked or well done?", ICASSP 2019, Eq. (3).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.masks import frame_mask
from speechbrain_denokd.losses.assignment import best_assignment
from speechbrain_denokd.separation.separator import Separated
from speechbrain_denokd.separation.spectrum import Spectrum

# A mask of zero has no slope to a power below one.
_LOWEST_MASK = 1e-6
_LEAST_RATIO = 1e-8  # an SI-SDR of +-80 dB


class MagnitudeMse(nn.Module):
    """Mean squared error of magnitudes to a power.

    Arguments
    ---------
    spectrum : Spectrum
        That of the separator.
    power : float
        What the magnitudes are raised to: 1 compares them as they are, 0.3 is
        VoiceFilter's.

    Raises
    ------
    ValueError
        If the power is not in (0, 1].

    Example
    -------
    >>> spectrum = Spectrum(64, 64, 32)
    >>> magnitudes = spectrum(torch.ones(1, 200), torch.tensor([200]))[0].abs()
    >>> separated = Separated(
    ...     torch.zeros(1, 2, 200), torch.ones(1, 2, 7, 33), magnitudes,
    ...     torch.ones(1), torch.tensor([7]),
    ... )
    >>> sources = torch.ones(1, 2, 200)
    >>> costs = MagnitudeMse(spectrum)(separated, sources, torch.tensor([200]))
    >>> costs.round(decimals=6).tolist()
    [[[0.0, 0.0], [0.0, 0.0]]]
    """

    def __init__(self, spectrum: Spectrum, power: float = 0.3):
        super().__init__()
        if not 0 < power <= 1:
            raise ValueError(
                f"power is {power}: give one above 0 and up to 1, which is no "
                "compression"
            )
        self.spectrum = spectrum
        self.power = power

    def forward(
        self, separated: Separated, sources: Tensor, n_samples: Tensor
    ) -> Tensor:
        """Cost of each pair of an output and a source.

        Arguments
        ---------
        separated : Separated
        sources : (B, K, S) torch.Tensor
        n_samples : (B,) torch.Tensor of int64
            Valid samples.

        Returns
        -------
        (B, K, K) torch.Tensor
            Rows are outputs, columns sources; means over valid frames.
        """
        n_sources = sources.shape[1]
        alone = sources / separated.level[:, None, None]
        valid = frame_mask(n_samples, sources.shape[2]).unsqueeze(1)
        spectra, _ = self.spectrum(
            (alone * valid).flatten(0, 1),
            n_samples.repeat_interleave(n_sources),
        )
        wanted = spectra.abs().unflatten(0, (-1, n_sources)) ** self.power
        masks = separated.masks.clamp(min=_LOWEST_MASK) ** self.power
        found = masks * separated.magnitudes.unsqueeze(1) ** self.power
        frames = frame_mask(separated.n_frames, found.shape[2])
        errors = [  # one output at a time: all pairs at once take K times more
            (
                (output.unsqueeze(1) - wanted).square().mean(dim=3)
                * frames.unsqueeze(1)
            ).sum(dim=2)
            for output in found.unbind(dim=1)
        ]
        return torch.stack(errors, dim=1) / separated.n_frames[:, None, None]


class NegativeSiSdr(nn.Module):
    """SI-SDR of the waveforms with its sign changed, in dB.

    Example
    -------
    >>> wavs = torch.tensor([[[1.0, -1.0, 0.0, 0.0], [1.0, 0.0, -1.0, 0.0]]])
    >>> separated = Separated(wavs, *[torch.zeros(1)] * 4)
    >>> costs = NegativeSiSdr()(separated, wavs, torch.tensor([4]))
    >>> costs.round().tolist()[0][1]
    [5.0, -80.0]
    """

    def forward(
        self, separated: Separated, sources: Tensor, n_samples: Tensor
    ) -> Tensor:
        """As `MagnitudeMse`."""
        valid = frame_mask(n_samples, sources.shape[2]).unsqueeze(1)
        found = _centred(separated.wavs, valid)
        wanted = _centred(sources, valid)
        # The mixture's energy bounds what a silent source is divided by.
        loudest = wanted.square().sum(dim=2).amax(dim=1)
        floor = (_LEAST_RATIO * loudest).clamp(min=_LEAST_RATIO)[:, None, None]
        energy = wanted.square().sum(dim=2).unsqueeze(1) + floor
        # Eq. (3): alpha s is the projection of the output on the source.
        products = found @ wanted.transpose(1, 2)
        projected = products.square() / energy
        total = found.square().sum(dim=2).unsqueeze(2) + floor
        rest = (total - projected).clamp(min=0) + _LEAST_RATIO * total
        return -10 * torch.log10((projected + _LEAST_RATIO * total) / rest)


class WeightedCosts(nn.Module):
    """Several costs, each with a weight; those of weight 0 are left out.

    Arguments
    ---------
    terms : mapping of str to torch.nn.Module
        Such as `MagnitudeMse` and `NegativeSiSdr`.
    weights : mapping of str to float
        One for each term.

    Raises
    ------
    ValueError
        If terms and weights have other names, or no weight is above 0.

    Example
    -------
    >>> costs = WeightedCosts(
    ...     {"si_sdr": NegativeSiSdr(), "other": NegativeSiSdr()},
    ...     {"si_sdr": 0.5, "other": 0.0},
    ... )
    >>> wavs = torch.tensor([[[1.0, -1.0, 0.0, 0.0], [1.0, 0.0, -1.0, 0.0]]])
    >>> separated = Separated(wavs, *[torch.zeros(1)] * 4)
    >>> found = costs(separated, wavs, torch.tensor([4]))
    >>> list(found), round(found["si_sdr"][0, 0, 0].item())
    (['si_sdr'], -40)
    """

    def __init__(
        self, terms: Mapping[str, nn.Module], weights: Mapping[str, float]
    ):
        super().__init__()
        if set(terms) != set(weights):
            raise ValueError(
                f"terms are {', '.join(sorted(terms))}, but weights are of "
                f"{', '.join(sorted(weights))}: give each term one weight"
            )
        if min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                f"weights are {dict(weights)}: none may be below 0, and one "
                "must be above"
            )
        self.weights = {name: w for name, w in weights.items() if w}
        self.terms = nn.ModuleDict({name: terms[name] for name in self.weights})

    def forward(
        self, separated: Separated, sources: Tensor, n_samples: Tensor
    ) -> dict[str, Tensor]:
        """Weighted costs (B, K, K) by name; arguments as `MagnitudeMse`."""
        return {
            name: weight * self.terms[name](separated, sources, n_samples)
            for name, weight in self.weights.items()
        }


def assigned_cost(costs: Tensor, permute: bool) -> tuple[Tensor, Tensor]:
    """Cost of each mixture, and which source each output is held to be.

    Arguments
    ---------
    costs : (B, K, K) torch.Tensor
        Of each pair of an output and a source.
    permute : bool
        Whether outputs have no order: then the assignment of least cost is
        taken, one for the whole utterance.

    Returns
    -------
    cost : (B,) torch.Tensor
        Mean over speakers.
    assignment : (B, K) torch.Tensor of int64
        Source of each output.

    Example
    -------
    >>> costs = torch.tensor([[[1.0, 0.0], [0.5, 2.0]]])
    >>> [assigned_cost(costs, p)[0].item() for p in (False, True)]
    [1.5, 0.25]
    """
    if permute:
        assignment = best_assignment(costs)
    else:
        outputs = torch.arange(costs.shape[1], device=costs.device)
        assignment = outputs.expand(len(costs), -1)
    chosen = costs.gather(2, assignment.unsqueeze(2)).squeeze(2)
    return chosen.mean(dim=1), assignment


def _centred(wavs: Tensor, valid: Tensor) -> Tensor:
    """Without their mean over the valid samples; zero in the padding."""
    n_samples = valid.sum(dim=2, keepdim=True)
    mean = (wavs * valid).sum(dim=2, keepdim=True) / n_samples
    return (wavs - mean) * valid
