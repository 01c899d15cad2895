"""What 8 bits cost: error rates of two graphs on the same trials."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from speechbrain_denokd.data.corpus import TrialSet
from speechbrain_denokd.encoders.masks import valid_samples
from speechbrain_denokd.encoders.output import EncoderOutput
from speechbrain_denokd.evaluation import extract_embeddings
from speechbrain_denokd.known_scores import Scored, known_trials
from speechbrain_denokd.score_report import compare_scores, rates_of
from speechbrain_denokd.scoring.run import durations_of
from speechbrain_denokd.scoring.system import ScoringSystem


class GraphEncoder(nn.Module):
    """An exported graph wherever an encoder is taken.

    Arguments
    ---------
    embed : callable
        ``(wavs (B, S), n_samples (B,)) -> (B, D)``, all numpy.ndarray.

    Example
    -------
    >>> def embed(wavs, n_samples):
    ...     return wavs[:, :2] * n_samples[:, None]
    >>> encoder = GraphEncoder(embed)
    >>> encoder(torch.ones(1, 4), torch.tensor([0.75])).embedding.tolist()
    [[3.0, 3.0]]
    """

    def __init__(self, embed: Callable):
        super().__init__()
        self.embed = embed
        # Encoders are asked for the device of their tensors.
        self.register_buffer("on", torch.empty(0), persistent=False)

    def forward(self, wavs: Tensor, lens: Tensor) -> EncoderOutput:
        """Embeddings; a graph has no frames, so there are none here."""
        n_samples = valid_samples(lens, wavs.shape[1])
        found = self.embed(wavs.numpy(), n_samples.numpy())
        embedding = torch.from_numpy(found)
        none = embedding.new_zeros(len(embedding), 0, 0)
        return EncoderOutput((), none, embedding, torch.zeros_like(n_samples))


def int8_cost(
    float_embed: Callable,
    int8_embed: Callable,
    trial_set: TrialSet,
    system: ScoringSystem,
) -> dict[str, Any]:
    """Error rates before and after, and their difference.

    Arguments
    ---------
    float_embed, int8_embed : callable
        As for `GraphEncoder`.
    trial_set : TrialSet
    system : ScoringSystem
        Of the model folder: fitted to embeddings in full precision.

    Returns
    -------
    dict
        ``before`` and ``after`` as `score_report.rates_of`; ``difference`` of
        after and before, as `score_report.compare_scores`.
    """
    before, rates_before = _score(float_embed, trial_set, system)
    after, rates_after = _score(int8_embed, trial_set, system)
    difference = compare_scores(after, before)
    return {
        "before": rates_before,
        "after": rates_after,
        "difference": {k: row._asdict() for k, row in difference.items()},
    }


def _score(
    embed: Callable, trial_set: TrialSet, system: ScoringSystem
) -> tuple[Scored, dict]:
    rows = trial_set.utterances
    embeddings = extract_embeddings(GraphEncoder(embed), rows)
    scored = system.score_trials(
        embeddings, trial_set.trials, durations_of(rows)
    )
    known = known_trials(scored.normalised, trial_set)
    return known, rates_of(known, scored.llr)
