"""YAML pages: one method, one set-up, and what the command line changes.

A page includes its set-up (``setup: !include:setups/samples.yaml``). Any key
of the page or of the set-up can be changed as ``--key=value``; a key that
neither has is an error, where HyperPyYAML alone would ignore it.
"""

import difflib
import io
import re
from pathlib import Path
from typing import NamedTuple

from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_SETUP_LINE = re.compile(r"^(setup:\s*!include:setups/)(\w+)(\.yaml)", re.M)
_TOP_LEVEL_KEY = re.compile(r"^(\w+):", re.M)


class Page(NamedTuple):
    """A method page with its set-up.

    Attributes
    ----------
    hparams : dict
        Objects and values of the page; the set-up's are under ``setup``.
    resolved : str
        The YAML text with every reference resolved: the record of the run.
    """

    hparams: dict
    resolved: str


class _NamedText(io.StringIO):
    """Text that HyperPyYAML resolves relative includes for."""

    def __init__(self, text: str, name: str):
        super().__init__(text)
        self.name = name


def load_page(
    path: str | Path, setup: str | None = None, overrides: str = ""
) -> Page:
    """Read a method page, swap its set-up, apply overrides.

    Arguments
    ---------
    path : str or Path
        ``hparams/<method>.yaml``.
    setup : str, optional
        Name of a file in ``setups/`` beside the page; the page's own by
        default.
    overrides : str
        YAML text, one ``key: value`` a line, as
        ``speechbrain.parse_arguments`` returns it.

    Returns
    -------
    Page

    Raises
    ------
    FileNotFoundError
        If there is no such page or set-up.
    ValueError
        If the page has no set-up line, or an override has no reader.

    Example
    -------
    >>> page = load_page("hparams/ecapa.yaml", overrides="n_epochs: 4")
    >>> page.hparams["setup"]["name"], page.hparams["setup"]["n_epochs"]
    ('samples', 4)
    """
    text, routed = _read(path, setup, overrides)
    resolved = resolve_references(_NamedText(text, str(path)), routed)
    hparams = load_hyperpyyaml(_NamedText(text, str(path)), routed)
    return Page(hparams, resolved.getvalue())


def resolve_page(
    path: str | Path, setup: str | None = None, overrides: str = ""
) -> str:
    """The record of a page, without building what it names.

    Arguments
    ---------
    path, setup, overrides
        As for `load_page`, whose errors it raises.

    Returns
    -------
    str
        ``Page.resolved``.

    Example
    -------
    >>> text = resolve_page("hparams/ecapa.yaml", overrides="seed: 4")
    >>> "seed: 4" in text.splitlines(), "!ref" in text
    (True, False)
    """
    text, routed = _read(path, setup, overrides)
    return resolve_references(_NamedText(text, str(path)), routed).getvalue()


def _read(
    path: str | Path, setup: str | None, overrides: str
) -> tuple[str, str]:
    """A page's text with its set-up chosen, and the routed overrides."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no page at {path}; the methods are in hparams/, e.g. "
            "hparams/denokd_frame.yaml"
        )
    text = path.read_text(encoding="utf-8")
    text, setup_path = _choose_setup(text, path, setup)
    setup_text = setup_path.read_text(encoding="utf-8")
    return text, _route(overrides, text, setup_text, path)


def settings(page: Page) -> dict:
    """What a page and its set-up say, together.

    A method with a training of its own has keys such as ``opt_class`` on its
    page; they take the place of the set-up's.

    Arguments
    ---------
    page : Page

    Returns
    -------
    dict

    Example
    -------
    >>> page = Page({"seed": 1, "lr": 2, "setup": {"lr": 3, "n": 4}}, "")
    >>> values = settings(page)
    >>> values["seed"], values["lr"], values["n"]
    (1, 2, 4)
    """
    return {**page.hparams["setup"], **page.hparams}


def _choose_setup(text: str, path: Path, setup: str | None) -> tuple[str, Path]:
    """The page's text with the wanted set-up, and that set-up's file."""
    line = _SETUP_LINE.search(text)
    if line is None:
        raise ValueError(
            f"{path} includes no set-up; it needs the line "
            "'setup: !include:setups/samples.yaml'"
        )
    name = setup or line[2]
    folder = path.parent / "setups"
    setup_path = folder / f"{name}.yaml"
    if not setup_path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise FileNotFoundError(f"no set-up {name!r}; use one of: {known}")
    return _SETUP_LINE.sub(rf"\g<1>{name}\g<3>", text), setup_path


def _route(overrides: str, text: str, setup_text: str, path: Path) -> str:
    """Overrides of the page as they are, those of the set-up below it."""
    page_keys = set(_TOP_LEVEL_KEY.findall(text))
    setup_keys = set(_TOP_LEVEL_KEY.findall(setup_text))
    of_page, of_setup = [], []
    for line in overrides.splitlines():
        if not line.strip():
            continue
        key = line.split(":", 1)[0].strip()
        if key in page_keys:
            of_page.append(line)
        elif key in setup_keys:
            of_setup.append("    " + line)
        else:
            close = difflib.get_close_matches(key, page_keys | setup_keys, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise ValueError(
                f"--{key} is read by nothing in {path} or its set-up{hint}"
            )
    if of_setup:
        of_page += ["setup:", *of_setup]
    routed = "\n".join(of_page)
    try:
        YAML(typ="rt").load(routed)
    except YAMLError as error:
        raise ValueError(
            f"an override cannot be read as YAML ({str(error).splitlines()[0]}"
            f"): {overrides.strip()!r}; quote values with colons or brackets"
        ) from error
    return routed
