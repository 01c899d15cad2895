"""Make a folder for others (``experiment -> published folder``).

=========================  ==================================================
file                       for whom
=========================  ==================================================
``config.json``            `read_published`: classes and numbers
``model.safetensors``      `read_published`: weights of network and classes
``labels.json``            `read_published`: names of the classes
``scoring.*``              both: back-end, score norm, calibration
``hyperparams.yaml``       SpeechBrain, and so the three ``.ckpt`` files
``README.md``              people and the hub: the model card
``metrics.json``           `denokd info`: the card's error rates
``sha256.txt``             everybody: the hash of each file
=========================  ==================================================
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from safetensors.torch import save

from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.model_folder import (
    LoadedModel,
    encoder_yaml,
    read_model_folder,
    write_model_folder,
)
from speechbrain_denokd.publish.card import Details, Facts, model_card
from speechbrain_denokd.publish.checksums import is_published, write_checksums
from speechbrain_denokd.publish.config import config_of_yaml
from speechbrain_denokd.publish.hyperparams_scan import check_page
from speechbrain_denokd.publish.record import RECORD_FILE, read_record
from speechbrain_denokd.publish.safe_folder import (
    CENTRES,
    CONFIG_FILE,
    FORMAT,
    LABELS_FILE,
    NETWORK,
    SAMPLE_RATE_HZ,
    WEIGHTS_FILE,
    read_published,
)
from speechbrain_denokd.scoring.run import scoring_of
from speechbrain_denokd.scoring.system import ScoringSystem

_PAGE = "hyperparams.yaml"
_SAME = 1e-5  # kernels may round otherwise where memory lies otherwise


def publish(
    source: str | Path,
    output: str | Path,
    details: Details,
    metrics: str | Path | None = None,
    force: bool = False,
) -> Path:
    """Write a published folder, whole or not at all, and load it once.

    Arguments
    ---------
    source : str or Path
        Experiment folder, or a model folder.
    output : str or Path
        Folder to write.
    details : Details
        For the model card.
    metrics : str or Path, optional
        ``metrics.json`` of training or evaluation; by default the source's
        own, if it has one.
    force : bool
        Whether an older published folder is replaced.

    Returns
    -------
    Path
        ``output``.

    Raises
    ------
    FileNotFoundError
        If the source holds no model.
    ValueError
        If the output exists, the model is made of classes that no published
        folder may name, or anything is damaged.
    """
    details.check()
    folder = model_folder_of(source)
    output = Path(output)
    _check_output(output, force)
    record = find_record(source, metrics)
    config = describe_page(folder)
    model, scoring = read_model_folder(folder), scoring_of(folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{output.name}.", dir=output.parent
    ) as made:
        draft = Path(made) / "draft"
        _write_model(draft, folder, model)
        _write_safe_files(draft, config, model)
        scoring.save(draft)
        if record is not None:
            _write_json(draft / RECORD_FILE, record)
        card = model_card(
            details, _facts(draft, config, model, scoring), record
        )
        write_whole(draft / "README.md", card)
        write_checksums(draft)
        _check_same(model, read_published(draft).model)
        if output.exists():
            output.rename(Path(made) / "replaced")
        draft.rename(output)
    return output


def model_folder_of(source: str | Path) -> Path:
    """The model folder of an experiment, or the folder itself.

    Raises
    ------
    FileNotFoundError
        If neither holds a model.

    Example
    -------
    >>> model_folder_of("pretrained/sample_teacher").name
    'sample_teacher'
    """
    source = Path(source)
    for folder in (source / "model", source):
        if (folder / "embedding_model.ckpt").is_file():
            return folder
    raise FileNotFoundError(
        f"{source} holds no model: give an experiment folder "
        "(results/METHOD/SETUP/SEED) whose training has ended, or its model/"
    )


def describe_page(folder: str | Path) -> dict[str, Any]:
    """``config.json`` of a model folder, from its page; nothing is run.

    Arguments
    ---------
    folder : str or Path
        With a ``hyperparams.yaml``.

    Returns
    -------
    dict
        As `safe_folder.read_config` returns it.

    Raises
    ------
    FileNotFoundError
        If there is no page.
    ValueError
        If the page names what no published folder may.

    Example
    -------
    >>> describe_page("pretrained/sample_teacher")["encoder"]["class"]
    'WavEncoder'
    """
    check_page(folder)
    path = Path(folder) / _PAGE
    page = YAML().load(path.read_text(encoding="utf-8"))
    missing = [k for k in ("encoder", "scale", "margin") if k not in page]
    if missing:
        raise ValueError(
            f"{path} has no {missing[0]}; it is no page of a model folder "
            "that training wrote"
        )
    try:
        encoder = config_of_yaml(page["encoder"])
    except ValueError as error:
        raise ValueError(f"{path} cannot be published: {error}") from error
    return {
        "sample_rate": SAMPLE_RATE_HZ,
        "scale": _plain(page["scale"]),
        "margin": _plain(page["margin"]),
        "encoder": encoder,
    }


def find_record(
    source: str | Path, metrics: str | Path | None = None
) -> dict[str, Any] | None:
    """Error rates that were given, or that the source has.

    Arguments
    ---------
    source : str or Path
        Experiment folder, or a model folder.
    metrics : str or Path, optional
        ``metrics.json`` to read instead.

    Returns
    -------
    dict or None
        Of `record.read_record`; None if nothing was measured.

    Raises
    ------
    FileNotFoundError, ValueError
        As `record.read_record`.

    Example
    -------
    >>> find_record("tests/samples") is None
    True
    """
    if metrics is not None:
        return read_record(metrics)
    path = Path(source) / RECORD_FILE
    return read_record(path) if path.is_file() else None


def _check_output(output: Path, force: bool) -> None:
    """Replace nothing unasked, and nothing but a published folder at all."""
    if not output.exists():
        return
    if not force:
        raise ValueError(
            f"{output} exists already; give another --output, or --force to "
            "replace it"
        )
    if not is_published(output):
        raise ValueError(
            f"{output} is no published folder, so --force does not replace "
            "it; give another --output"
        )


def _write_model(draft: Path, folder: Path, model: LoadedModel) -> None:
    """SpeechBrain's files: the page is written anew, not copied."""
    page = (folder / _PAGE).read_text(encoding="utf-8")
    write_model_folder(
        draft,
        encoder_yaml(page, ["encoder"]),
        model.encoder,
        model.classifier,
        model.speakers,
        model.scale,
        model.margin,
    )


def _write_safe_files(
    draft: Path, config: Mapping[str, Any], model: LoadedModel
) -> None:
    _write_json(draft / CONFIG_FILE, {"format": FORMAT, **config})
    _write_json(draft / LABELS_FILE, model.speakers)
    weights = {
        NETWORK + name: value
        for name, value in model.encoder.network.state_dict().items()
    }
    weights[CENTRES] = model.classifier.weight
    # Copies: safetensors takes no two tensors in one piece of memory.
    weights = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in weights.items()
    }
    # Not save_file: what it writes nobody but the user may read.
    content = save(weights, metadata={"format": "pt"})
    (draft / WEIGHTS_FILE).write_bytes(content)


def _write_json(path: Path, values: Any) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")


def _facts(
    draft: Path,
    config: dict[str, Any],
    model: LoadedModel,
    scoring: ScoringSystem,
) -> Facts:
    return Facts(
        config,
        sum(p.numel() for p in model.encoder.parameters()),
        model.encoder.embedding_dim,
        len(model.speakers),
        scoring.describe(),
        (draft / WEIGHTS_FILE).stat().st_size,
    )


@torch.no_grad()
def _check_same(model: LoadedModel, published: LoadedModel) -> None:
    """Refuse to publish what loads as another model."""
    wavs = 0.1 * torch.randn(
        1, 2 * SAMPLE_RATE_HZ, generator=torch.Generator().manual_seed(0)
    )
    lens = torch.ones(1)
    expected = model.encoder(wavs, lens).embedding
    found = published.encoder(wavs, lens).embedding
    if not torch.allclose(expected, found, rtol=0, atol=_SAME):
        raise ValueError(
            "the published folder gives other embeddings than the model "
            f"(largest difference {(expected - found).abs().max():.1e}); a "
            "number of hyperparams.yaml was read in two ways: please report it"
        )


def _plain(number: float) -> float:
    """A number of a page without the page's notation; 32 stays 32."""
    return int(number) if isinstance(number, int) else float(number)
