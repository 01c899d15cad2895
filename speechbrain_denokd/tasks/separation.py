"""Speaker-conditioned separation: mixtures with their sources.

Source: H. Han et al., "MIRNet", Interspeech 2020, Section 4.2: separation
with an enrolled embedding, with MIRNet's identities of the mixture, and with
none (uPIT).
"""

from pathlib import Path

import speechbrain as sb
from speechbrain.utils.distributed import run_on_main
from torch import nn
from torch.utils.data import DataLoader, Dataset

from speechbrain_denokd.config import Page, settings
from speechbrain_denokd.overlap.mixture_set import mixture_batch
from speechbrain_denokd.separation.evaluation import (
    evaluate_separation,
    separation_table,
)
from speechbrain_denokd.separation.metrics import available_metrics
from speechbrain_denokd.separation.model import SeparationModel
from speechbrain_denokd.separation.model_folder import (
    read_separator_folder,
    write_separator_folder,
)
from speechbrain_denokd.tasks.task import Task, unwrapped


class Separation(Task):
    """A separator, and a frozen encoder that tells it the speakers.

    Read from page and set-up: ``mixtures`` (`DrawnMixtures` or
    `PremixedCorpus`), ``crop_s``, ``enroll_s`` (None where nobody is
    enrolled), ``dev_batch_size``, ``encoder_path`` and what `SeparationBrain`
    reads.

    Example
    -------
    >>> from speechbrain_denokd.config import load_page
    >>> page = load_page("hparams/upit.yaml")
    >>> sorted(Separation().modules(page))
    ['identity', 'separator']
    """

    collate = staticmethod(mixture_batch)

    def prepare(self, page: Page):
        """Write the manifests that the mixtures are drawn from."""
        for prepare in settings(page)["mixtures"].prepare:
            run_on_main(prepare)

    def modules(self, page: Page) -> dict[str, nn.Module]:
        """Separator and identity; see `Task.modules`.

        Raises
        ------
        ValueError
            If mixtures, separator and identity count speakers differently.
        """
        modules = page.hparams["modules"]
        wanted = settings(page)["mixtures"].n_speakers
        for name in ("separator", "identity"):
            found = getattr(modules[name], "n_speakers", wanted)
            if found != wanted:
                raise ValueError(
                    f"the mixtures have {wanted} speakers, but the {name} is "
                    f"for {found}: make them equal"
                )
        return modules

    def train_data(self, page: Page) -> Dataset:
        """Random mixtures, new in every epoch where they are drawn."""
        values = settings(page)
        return values["mixtures"].train(
            values["crop_s"], values["seed"], values["enroll_s"]
        )

    def dev_loader(self, page: Page) -> DataLoader:
        """Whole development mixtures."""
        values = settings(page)
        return DataLoader(
            values["mixtures"].dev(values["enroll_s"]),
            batch_size=values["dev_batch_size"],
            collate_fn=mixture_batch,
        )

    def finish(self, brain: sb.Brain, page: Page) -> dict:
        """Model folder, then SDRi, PESQi and SI-SDRi; see `Task.finish`."""
        values = settings(page)
        folder = Path(values["output_folder"])
        separator = unwrapped(brain.modules["separator"])
        write_separator_folder(
            folder / "model",
            SeparationModel(separator, brain.modules["identity"]),
            values["encoder_path"],
        )
        # What is measured is what others will load.
        model = read_separator_folder(folder / "model", str(brain.device))
        tests = {}
        for name, mixtures in (
            values["mixtures"].tests(values["enroll_s"]).items()
        ):
            tests[name] = evaluate_separation(
                model,
                mixtures,
                folder / name,
                progress=not brain.noprogressbar,
            )
            print(f"\n{values['method']} on {name} ({values['name']})\n")
            print(separation_table(tests[name]))
        missing = {"sdr", "pesq"} - set(available_metrics())
        if missing:
            print(
                f"\nnot measured: {', '.join(sorted(missing))}; for them, "
                "pip install 'speechbrain-denokd[separation]'"
            )
        return {
            "tests": tests,
            "n_parameters": sum(p.numel() for p in separator.parameters()),
        }
