"""The model card: ``README.md`` of a published folder.

Its first lines are the YAML that the Hugging Face hub reads.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from huggingface_hub import EvalResult, ModelCardData

from speechbrain_denokd.publish.config import class_tree
from speechbrain_denokd.publish.record import record_table, table_note

_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_TAGS = ("speechbrain", "speechbrain_denokd", "speaker-verification")
_SYNTHETIC = """\
> **Synthetic voices only.** This model was trained and measured on a \
synthesiser's
> voices; it has never heard a person. It is for learning and tests. No \
number here
> says anything about real speech."""
_SAFETY = """\
`SpeakerEmbedder` reads `config.json` (names of this package's classes, and
numbers), `labels.json`, `model.safetensors` and `scoring.*`. It checks every
file against `sha256.txt` and every key and shape of the weights, and runs
nothing from the folder. SpeechBrain's `from_hparams` runs the classes that
`hyperparams.yaml` names, as with any SpeechBrain model: use it on folders that
you trust. `sha256sum -c sha256.txt` finds damage; it does not prove who made
the folder."""


class Details(NamedTuple):
    """What a model's author says of it.

    Attributes
    ----------
    title : str
    licence : str
        Of the weights: an identifier that the hub knows, such as
        ``apache-2.0``, ``cc-by-4.0`` or ``other``.
    data : str
        What it was trained on.
    synthetic : bool
        Whether that is no real speech.
    notes : str
        Anything else, in Markdown.
    repo_id : str, optional
        ``user/name`` on the hub.
    """

    title: str
    licence: str
    data: str
    synthetic: bool = False
    notes: str = ""
    repo_id: str | None = None

    def check(self) -> None:
        """Refuse a card that says nothing.

        Raises
        ------
        ValueError
            If title or data are empty or the licence is no identifier.

        Example
        -------
        >>> Details("ECAPA", "Apache 2.0", "VoxCeleb2").check()
        Traceback (most recent call last):
        ...
        ValueError: 'Apache 2.0' is no licence identifier; ...
        """
        if not _LICENCE.fullmatch(self.licence):
            raise ValueError(
                f"{self.licence!r} is no licence identifier; give one of the "
                "hub's, such as apache-2.0, cc-by-4.0, cc-by-nc-4.0 or other"
            )
        for name in ("title", "data"):
            if not getattr(self, name).strip():
                raise ValueError(
                    f"the model card needs the {name}: --{name} TEXT"
                )


class Facts(NamedTuple):
    """What the folder itself says.

    Attributes
    ----------
    config : dict
        Of `safe_folder.read_config`.
    n_parameters, embedding_dim, n_speakers : int
    scoring : dict
        ``ScoringSystem.describe()``.
    weights_bytes : int
        Of ``model.safetensors``.
    """

    config: dict[str, Any]
    n_parameters: int
    embedding_dim: int
    n_speakers: int
    scoring: dict[str, Any]
    weights_bytes: int


def model_card(
    details: Details, facts: Facts, record: Mapping[str, Any] | None
) -> str:
    """Write the card.

    Arguments
    ---------
    details : Details
    facts : Facts
    record : mapping, optional
        Of `record.read_record`; the card says so if nothing was measured.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> encoder = {"class": "FbankFrontEnd", "arguments": {"n_mels": 24}}
    >>> scoring = {"backend": {"transforms": [], "scorer": {"kind": "Cosine"}},
    ...            "norm": {"kind": "none"}, "calibration": None}
    >>> card = model_card(
    ...     Details("Small", "mit", "ten voices"),
    ...     Facts({"encoder": encoder}, 10, 4, 2, scoring, 40),
    ...     None,
    ... )
    >>> card.splitlines()[:3]
    ['---', 'library_name: speechbrain', 'license: mit']
    """
    parts = [
        f"---\n{_front_matter(details, record)}\n---\n\n# {details.title}",
        "Speaker verification: 16 kHz recordings in, embeddings and decisions "
        "out. Made with speechbrain_denokd, a toolkit on SpeechBrain.",
    ]
    if details.synthetic:
        parts.append(_SYNTHETIC)
    parts += ["## Use", _use(details.repo_id), "## Results"]
    if record is None:
        parts.append("Not measured.")
    else:
        parts += [record_table(record), table_note(record)]
    parts += ["## Training data", details.data + _training(record)]
    parts += ["## Model", _model(facts)]
    if details.notes:
        parts += ["## Notes", details.notes]
    parts += ["## Safety", _SAFETY, "## Limits", _limits(facts)]
    parts += ["## Licence", f"The weights: {details.licence}."]
    return "\n\n".join(parts) + "\n"


def _front_matter(details: Details, record: Mapping[str, Any] | None) -> str:
    """YAML for the hub; rates on synthetic voices are none for its lists."""
    results = []
    if record is not None and not details.synthetic:
        results = [
            EvalResult(
                task_type="speaker-verification",
                dataset_type=test,
                dataset_name=f"{test}, {condition}",
                metric_type="eer",
                metric_name="EER (%)",
                metric_value=round(100 * rates["eer"], 2),
            )
            for test, conditions in record["tests"].items()
            for condition, rates in conditions.items()
        ]
    return ModelCardData(
        license=details.licence,
        library_name="speechbrain",
        tags=list(_TAGS),
        model_name=details.title if results else None,
        eval_results=results or None,
    ).to_yaml()


def _use(repo_id: str | None) -> str:
    name = repo_id or "THIS_FOLDER"
    return f"""\
```python
from speechbrain_denokd.inference import SpeakerEmbedder

model = SpeakerEmbedder.from_hparams("{name}")
print(model.verify_files("a.wav", "b.wav"))  # score, LLR, decision
embedding = model.encode_file("a.wav")
```

From a shell: `denokd verify a.wav b.wav --model {name}`, and what it is:
`denokd info {name}`. SpeechBrain's own classes load it too, where
speechbrain_denokd is installed:

```python
from speechbrain.inference.classifiers import EncoderClassifier

model = EncoderClassifier.from_hparams(source="{name}")
embeddings = model.encode_batch(wavs)  # (batch, 1, size)
```"""


def _training(record: Mapping[str, Any] | None) -> str:
    names = ("method", "setup", "seed", "n_steps", "date")
    known = [f"{n} {record[n]}" for n in names if record and n in record]
    return f"\n\nTraining: {', '.join(known)}." if known else ""


def _model(facts: Facts) -> str:
    tree = "\n".join(class_tree(facts.config["encoder"]))
    return f"""\
```
{tree}
```

{facts.n_parameters:,} parameters; embeddings of {facts.embedding_dim} values;
class head over {facts.n_speakers:,} training speakers;
`model.safetensors` has {facts.weights_bytes / 1e6:.2f} MB.
Scores: {scoring_phrase(facts.scoring)}."""


def scoring_phrase(scoring: Mapping[str, Any]) -> str:
    """A scoring system in a few words.

    Arguments
    ---------
    scoring : mapping
        ``ScoringSystem.describe()``.

    Example
    -------
    >>> scoring_phrase({
    ...     "backend": {"transforms": [{"kind": "LengthNorm"}],
    ...                 "scorer": {"kind": "Cosine"}},
    ...     "norm": {"kind": "as"}, "calibration": {"prior": 0.5},
    ... })
    'LengthNorm, Cosine; score norm as; calibrated for a prior of 0.5'
    """
    backend = scoring["backend"]
    kinds = [part["kind"] for part in backend["transforms"]]
    calibration = scoring["calibration"]
    last = (
        "not calibrated: no decisions"
        if calibration is None
        else f"calibrated for a prior of {calibration['prior']:g}"
    )
    chain = ", ".join([*kinds, backend["scorer"]["kind"]])
    return f"{chain}; score norm {scoring['norm']['kind']}; {last}"


def _limits(facts: Facts) -> str:
    text = (
        "Error rates elsewhere depend on language, channel, noise and length: "
        "measure on recordings like yours. Embeddings of voices are biometric "
        "data; in many places the speaker must agree to them."
    )
    if facts.scoring["calibration"] is not None:
        text += (
            " The decision threshold was fitted to development trials like "
            "the training data; `denokd calibrate` fits it to yours."
        )
    return text
