"""What a ``hyperparams.yaml`` would run (``page -> findings``).

HyperPyYAML imports and calls whatever a tag names, so a page from a stranger
is a program from a stranger. Here it is parsed and nothing of it is built.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from speechbrain_denokd.data.files import first_offenders
from speechbrain_denokd.publish.classes import CLASSES

_LARGEST_BYTES = 1_000_000
_PLAIN = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "seq", "map")
}
_REF = re.compile(r"<[A-Za-z]\w*(\.[A-Za-z]\w*)?>")


def allowed_tags() -> Mapping[str, frozenset[str]]:
    """Tags of the pages that this package writes, with their arguments.

    `Pretrainer` among them may not choose paths: it would link files into
    any folder.

    Example
    -------
    >>> sorted(allowed_tags()["!new:speechbrain_denokd.inference.PassOn"])
    []
    """
    inference = "speechbrain_denokd.inference"
    speechbrain = "!new:speechbrain"
    own = {
        f"!new:{inference}.PassOn": (),
        f"!new:{inference}.EmbeddingModel": ("encoder",),
        f"!name:{inference}.load_strict": (),
        f"{speechbrain}.lobes.models.ECAPA_TDNN.Classifier": (
            "input_size",
            "lin_neurons",
            "out_neurons",
        ),
        f"{speechbrain}.dataio.encoder.CategoricalEncoder": (),
        f"{speechbrain}.utils.parameter_transfer.Pretrainer": (
            "loadables",
            "custom_hooks",
        ),
    }
    own |= {entry.tag: entry.arguments for entry in CLASSES.values()}
    return {tag: frozenset(arguments) for tag, arguments in own.items()}


def scan_hyperparams(path: str | Path) -> list[str]:
    """List what a page asks for beyond this package's own classes.

    Arguments
    ---------
    path : str or Path
        A ``hyperparams.yaml``; it is parsed, and nothing is built.

    Returns
    -------
    list of str
        ``line N: what``, empty where the page may be loaded.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML, or too long for a page.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "hyperparams.yaml"
    >>> _ = path.write_text("a: !apply:os.system [ls]")
    >>> scan_hyperparams(path)
    ['line 1: !apply:os.system']
    >>> scan_hyperparams("pretrained/sample_teacher/hyperparams.yaml")
    []
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}; correct the path")
    if path.stat().st_size > _LARGEST_BYTES:
        raise ValueError(f"{path} is longer than a page ever is; not read")
    try:
        text = path.read_text(encoding="utf-8")
        strange = _strange_lines(text)
        page = YAML(typ="rt", pure=True).compose(text)
        return strange + list(_findings(page, allowed_tags(), set()))
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no YAML page ({reason})") from error


def check_page(folder: str | Path, name: str = "hyperparams.yaml") -> None:
    """Refuse a folder whose page would run more than this package's classes.

    Arguments
    ---------
    folder : str or Path
    name : str
        Of the page.

    Raises
    ------
    FileNotFoundError
        If the page is missing.
    ValueError
        Saying what it would run.

    Example
    -------
    >>> check_page("pretrained/sample_teacher")
    """
    path = Path(folder) / name
    findings = scan_hyperparams(path)
    if findings:
        raise ValueError(
            f"{path} would run what this package does not know "
            f"({first_offenders(findings, 3)}), so nothing of it was run; ask "
            "its author for a folder made by `denokd publish`, or, if you "
            "trust whoever wrote it, load it with trust=True (denokd: --trust)"
        )


def _strange_lines(text: str) -> list[str]:
    """Lines that two YAML parsers could read in two ways.

    HyperPyYAML parses a page with ruamel.yaml, and what comes out with PyYAML.
    They need not agree on which invisible characters end a line, or a comment.
    Directives rename tags.
    """
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.isprintable():
            found.append(f"line {number}: an invisible character")
        if line.startswith("%"):
            found.append(f"line {number}: a YAML directive")
    return found


def _findings(
    node: Node | None, tags: Mapping[str, frozenset[str]], seen: set[int]
) -> Iterator[str]:
    """Everything at or below a node that is not allowed."""
    if node is None or id(node) in seen:  # an alias leads to a node again
        return
    seen.add(id(node))
    line = f"line {node.start_mark.line + 1}"
    if node.tag == "!ref":
        if not (isinstance(node, ScalarNode) and _REF.fullmatch(node.value)):
            yield f"{line}: !ref of more than a name"
        return
    if node.tag not in _PLAIN and node.tag not in tags:
        yield f"{line}: {node.tag}"
    if isinstance(node, ScalarNode):
        return
    if not isinstance(node, MappingNode):
        if node.tag in tags:
            yield f"{line}: {node.tag} with arguments that have no names"
        for child in node.value:
            yield from _findings(child, tags, seen)
        return
    for key, child in node.value:
        allowed = tags.get(node.tag)
        if allowed is not None and str(key.value) not in allowed:
            yield f"{line}: {node.tag} with the argument {key.value!r}"
        yield from _findings(key, tags, seen)
        yield from _findings(child, tags, seen)
