"""What SV-Mixer's ways with a recording's length cost in error rate.

    python -m benchmarks.length_policies results/ssrfnet_alone/samples/1/model
    python -m benchmarks.length_policies MODEL --data_root DIR --seconds 1 3

The model was trained on crops of one length; nothing is trained here. On test
recordings cut to some durations, ``windows`` and ``interpolate`` give one
embedding of what is heard; ``fixed`` knows the length of training alone and
is scored as in SSRFNet's code: by the mean of the cosines of evenly spaced
crops of that length, of recordings that are repeated where they are shorter.
Cosine scores, without calibration.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from benchmarks.record import provenance
from speechbrain_denokd.cli.inputs import open_trial_set
from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.encoders.sv_mixer import LENGTH_POLICIES, SvMixer
from speechbrain_denokd.evaluation import evaluate
from speechbrain_denokd.model_folder import read_model_folder
from speechbrain_denokd.score_mode import CropsAveraged
from speechbrain_denokd.tables import markdown_table

SECONDS = (0.5, 1.0, 2.0, 3.0)
SAMPLE_RATE_HZ = 16000


@exit_on_user_error
def main(argv: Sequence[str] | None = None) -> dict:
    """Command line: see ``--help``. Returns the record."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(argv)
    encoder = read_model_folder(args.model, args.device).encoder
    mixer = mixer_of(encoder, args.model)
    trial_set = open_trial_set(args.data_root, args.manifest, args.trials)
    folder = Path(args.output_folder)
    rows = {}
    for policy in args.policies:
        mixer.length_policy = policy
        mode = trained_crops(mixer, args.n_crops)
        rows[policy] = evaluate(
            encoder,
            trial_set,
            folder / policy,
            [*args.seconds, None],
            origin={"model": args.model, "length_policy": policy},
            progress=True,
            score_mode=mode if policy == "fixed" else None,
        )
    record = {
        "model": args.model,
        "trained_s": trained_crops(mixer, 1).crop_s,
        "n_trials": len(trial_set.trials),
        "rows": rows,
        **provenance(["python", "-m", "benchmarks.length_policies", *argv]),
    }
    text = as_markdown(record)
    print(text)
    write_whole(folder / "length_policies.md", text + "\n")
    write_whole(
        folder / "length_policies.json", json.dumps(record, indent=2) + "\n"
    )
    return record


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.length_policies",
        description="Error rates of SV-Mixer's length policies by duration.",
    )
    parser.add_argument("model", help="model folder of a page with SV-Mixer")
    parser.add_argument("--data_root", default="tests/samples")
    parser.add_argument("--manifest", help="default: DATA_ROOT/test.csv")
    parser.add_argument("--trials", help="default: DATA_ROOT/trials_test.txt")
    parser.add_argument(
        "--seconds", type=float, nargs="*", default=SECONDS, metavar="S"
    )
    parser.add_argument(
        "--policies",
        nargs="+",
        default=LENGTH_POLICIES,
        choices=LENGTH_POLICIES,
    )
    parser.add_argument("--n_crops", type=int, default=10)
    parser.add_argument("--output_folder", default="results/length_policies")
    parser.add_argument("--device", default="cpu")
    return parser


def mixer_of(encoder: nn.Module, name: str) -> SvMixer:
    """The SV-Mixer of an encoder.

    Arguments
    ---------
    encoder : torch.nn.Module
    name : str
        Of the model, for the message.

    Raises
    ------
    ValueError
        If it has none.

    Example
    -------
    >>> mixer_of(nn.Linear(1, 1), "ecapa")
    Traceback (most recent call last):
    ...
    ValueError: ecapa holds no SV-Mixer, so no length policy can be changed; ...
    """
    for module in encoder.modules():
        if isinstance(module, SvMixer):
            return module
    raise ValueError(
        f"{name} holds no SV-Mixer, so no length policy can be changed; give "
        "a model of a page such as hparams/ssrfnet_alone.yaml"
    )


def trained_crops(mixer: SvMixer, n_crops: int) -> CropsAveraged:
    """Crops of the length that a mixer's weights over time are for.

    Arguments
    ---------
    mixer : SvMixer
    n_crops : int

    Returns
    -------
    CropsAveraged

    Example
    -------
    >>> from speechbrain_denokd.encoders.waveform_conv import WaveformConv
    >>> trained_crops(SvMixer(WaveformConv(16, conv_dim=8), 1), 10)
    CropsAveraged(n_crops=10, crop_s=3.0)
    """
    n_samples = (mixer.n_tokens + 1) * mixer.front_end.hop_samples
    return CropsAveraged(n_crops, n_samples / SAMPLE_RATE_HZ)


def as_markdown(record: dict) -> str:
    """The record as a Markdown table."""
    machine = record["hardware"]
    names = list(next(iter(record["rows"].values())))
    cells = []
    for policy, conditions in record["rows"].items():
        mode = conditions[names[0]]["score_mode"]
        if mode["kind"] != "single embedding":
            policy += f", {mode['n_crops']} crops of {mode['crop_s']:g} s"
        cells.append([policy, *(_eer(conditions[name]) for name in names)])
    header = ["length policy", *(f"EER (%), {name}" for name in names)]
    return (
        "# Length policies of SV-Mixer\n\n"
        f"`{record['command']}`, commit {record['commit']}, {record['date']}, "
        f"on {machine['gpu'] or machine['processor']}. "
        f"{record['n_trials']:,} trials; the model's weights over time are "
        f"for {record['trained_s']:g} s. Both sides are cut to a duration; "
        "brackets are 95 % intervals over speakers.\n\n"
        f"{markdown_table(header, cells)}"
    )


def _eer(rates: dict) -> str:
    low, high = (100 * limit for limit in rates["eer_interval"])
    return f"{100 * rates['eer']:.2f} [{low:.2f}–{high:.2f}]"


if __name__ == "__main__":
    main()
