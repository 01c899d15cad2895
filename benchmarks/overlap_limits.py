r"""What masks before an encoder could reach on mixtures, if they were perfect.

    python -m benchmarks.overlap_limits
    python -m benchmarks.overlap_limits --setup manifest --data_folder=DIR \
        --inner_from=MODEL_FOLDER

An encoder of single speakers, the page ``mirnet_masks``'s, on the trials of
mixture against mixture (MIRNet, Eq. 6 and 7), and what it hears:

- the mixture: what every page of MIRNet is to beat;
- the mixture, masked by the sources' ideal ratio masks;
- each source alone, without the silence around it.

The last two are told the sources, which no model is: they say how much of an
error rate is the encoder's and the trials' own. Cosines.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.record import provenance
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.config import load_page
from speechbrain_denokd.distill.clean_sources import hear_sources
from speechbrain_denokd.encoders.speaker_masks import (
    DB,
    Masked,
    SpeakerMaskedEncoder,
)
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.overlap.identities import closest_pair_scores
from speechbrain_denokd.overlap.mixture_set import MixtureSet
from speechbrain_denokd.overlap.rates import overlap_rates, overlap_table
from speechbrain_denokd.overlap.trial_set import MixtureTrialSet
from speechbrain_denokd.tasks.overlap import OverlappedSpeech

PAGE = Path("hparams/mirnet_masks.yaml")


def ideal_masks(encoder: SpeakerMaskedEncoder, sources: Tensor) -> Masked:
    """A mixture and the shares of its sources' powers.

    Arguments
    ---------
    encoder : SpeakerMaskedEncoder
    sources : (K, S) torch.Tensor
        The mixture is their sum.

    Returns
    -------
    Masked
        Of a batch of one.
    """
    levels, n_frames = encoder.levels(
        sources.sum(dim=0, keepdim=True), torch.ones(1)
    )
    alone, _ = encoder.levels(sources, torch.ones(len(sources)))
    return Masked((alone / DB).log_softmax(dim=0)[None], levels, n_frames)


def limits(encoder: WavEncoder, trial_set: MixtureTrialSet) -> dict[str, dict]:
    """Error rates by what the encoder hears.

    Arguments
    ---------
    encoder : WavEncoder
        Of single speakers.
    trial_set : MixtureTrialSet
        Mixture against mixture.

    Returns
    -------
    dict of str to dict
        `overlap_rates`.
    """
    masked = SpeakerMaskedEncoder(encoder).eval()
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "the mixture": lambda sources: (
            encoder(sources.sum(dim=0, keepdim=True), torch.ones(1)).embedding
        ),
        "the mixture with ideal ratio masks": lambda sources: masked.embed(
            ideal_masks(masked, sources)
        ).embeddings[0],
        "each source alone": lambda sources: hear_sources(
            encoder, sources[None]
        )[0],
    }
    found = {way: {} for way in ways}
    with torch.no_grad():
        for item in MixtureSet(trial_set.mixtures, trial_set.sources):
            for way, hear in ways.items():
                found[way][item["id"]] = hear(item["sources"]).numpy()
    return {way: _rates(rows, trial_set) for way, rows in found.items()}


def _rates(
    embeddings: dict[str, np.ndarray], trial_set: MixtureTrialSet
) -> dict:
    scores, _ = closest_pair_scores(embeddings, trial_set.trials, "cosine")
    return overlap_rates(scores, trial_set)


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> str:
    """Command line: see the head of this file.

    Arguments
    ---------
    argv : sequence of str, optional

    Returns
    -------
    str
        The tables, in Markdown.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overlap_limits", allow_abbrev=False
    )
    parser.add_argument("--setup", default="samples")
    args, others = parser.parse_known_args(argv)
    overrides = "\n".join(
        option.removeprefix("--").replace("=", ": ", 1) for option in others
    )
    page = load_page(PAGE, args.setup, overrides)
    task: OverlappedSpeech = page.hparams["task"]
    task.prepare(page)
    encoder = read_model_folder(task.inner_from).encoder.eval()
    parts = [
        f"{test.name}, what the encoder in {task.inner_from} hears:\n\n"
        + overlap_table(limits(encoder, test.mixtures))
        for test in task.lists.test_sets
    ]
    command = ["python", "-m", "benchmarks.overlap_limits", *argv]
    origin = provenance(command)
    parts.append(
        f"`{origin['command']}`, commit {origin['commit']}, {origin['date']}, "
        f"{origin['hardware']['threads']} CPU thread(s)."
    )
    text = "\n\n".join(parts)
    print(text)
    return text


if __name__ == "__main__":
    main()
