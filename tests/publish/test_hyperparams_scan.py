"""What a page would run, found without running it."""

import pytest

from speechbrain_denokd.publish.hyperparams_scan import (
    check_page,
    scan_hyperparams,
)

PASS_ON = "!new:speechbrain_denokd.inference.PassOn"
PRETRAINER = "!new:speechbrain.utils.parameter_transfer.Pretrainer"


@pytest.fixture
def scan(tmp_path):
    def scan(text):
        path = tmp_path / "hyperparams.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return scan_hyperparams(path)

    return scan


def test_fact_what_this_package_writes_is_clean(source, made):
    assert scan_hyperparams(source / "hyperparams.yaml") == []
    assert scan_hyperparams(made / "hyperparams.yaml") == []


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("a: 1\nb: !apply:os.system [ls]", ["line 2: !apply:os.system"]),
        ("a: [x, {b: !new:os.X {}}]", ["line 1: !new:os.X"]),
        ("a: !name:os.system", ["line 1: !name:os.system"]),
        ("a: !module:antigravity", ["line 1: !module:antigravity"]),
        ("a: !applyref:os.system [ls]", ["line 1: !applyref:os.system"]),
        ("a: !include:/etc/passwd", ["line 1: !include:/etc/passwd"]),
        ("a: !tuple (1, 2)", ["line 1: !tuple"]),
        ("a: !copy <b>", ["line 1: !copy"]),
        ("? !name:os.system\n: 1", ["line 1: !name:os.system"]),
        ("? [1]\n: 1", []),
        (
            "a: !!python/object/apply:os.system [ls]",
            ["line 1: tag:yaml.org,2002:python/object/apply:os.system"],
        ),
        # An allowed class is not another tag, nor another argument.
        (
            f"a: {PASS_ON.replace('!new', '!apply')} []",
            [f"line 1: {PASS_ON.replace('!new', '!apply')}"],
        ),
        (f"a: {PASS_ON}s", [f"line 1: {PASS_ON}s"]),
        (f"a: {PASS_ON}", []),
        (
            f"a: {PASS_ON} {{x: 1}}",
            [f"line 1: {PASS_ON} with the argument 'x'"],
        ),
        (
            f"a: {PASS_ON} [1]",
            [f"line 1: {PASS_ON} with arguments that have no names"],
        ),
        (
            f"a: {PRETRAINER}\n  loadables: {{}}\n  collect_in: /home",
            [f"line 1: {PRETRAINER} with the argument 'collect_in'"],
        ),
        (
            f"a: {PRETRAINER} {{paths: {{m: 'x/y'}}}}",
            [f"line 1: {PRETRAINER} with the argument 'paths'"],
        ),
        (
            f"a: &m {PRETRAINER}\n  ? [paths]\n  : 1",
            [f"line 1: {PRETRAINER} with the argument"],
        ),
        ("a: !ref <b>\nc: !ref <b.network>", []),
        ("a: !ref <b> * 9", ["line 1: !ref of more than a name"]),
        ("a: !ref <b.__class__>", ["line 1: !ref of more than a name"]),
        ("a: !ref [!name:os.system '']", ["line 1: !ref of more than a name"]),
    ],
)
def test_fact_findings(scan, text, findings):
    found = scan(text)
    assert len(found) == len(findings)
    for one, expected in zip(found, findings, strict=True):
        assert one.startswith(expected)


def test_renamed_tags_are_seen_through(scan):
    found = scan("%TAG !e! !apply:os.\n---\na: !e!system [ls]\n")
    assert found == ["line 1: a YAML directive", "line 3: !apply:os.system"]


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u200b", "\t"])
def test_characters_that_nobody_sees_are_findings(scan, character):
    """Parsers differ in which of them end a line."""
    found = scan(f"a: 1\nb: 'x{character}y'  # {character}\n")
    assert found == ["line 2: an invisible character"]


def test_pages_that_never_end_are_walked_once(scan):
    assert scan("&a\nb: *a\nc: !new:os.X {}") == ["line 3: !new:os.X"]
    doubled = ["a0: &a0 [x, x]"]
    doubled += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    assert scan("\n".join(doubled)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is no YAML page"),
        ("a: 1\n---\nb: 2", "is no YAML page"),
        ("a: *b", "is no YAML page"),
        ("[" * 20_000, "is no YAML page"),
        ("\ud800", "is no YAML page"),
        ("#" * 1_000_001, "longer than a page ever is"),
    ],
)
def test_what_is_no_page_is_refused(scan, text, message):
    with pytest.raises(ValueError, match=message):
        scan(text)


def test_a_missing_page_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no .*hyperparams"):
        scan_hyperparams(tmp_path / "hyperparams.yaml")


def test_the_refusal_names_the_first_findings_and_the_way_out(tmp_path):
    lines = [f"a{i}: !apply:os.f{i} []" for i in range(5)]
    (tmp_path / "page.yaml").write_text("\n".join(lines))
    with pytest.raises(
        ValueError,
        match=r"page.yaml would run .* \(line 1: !apply:os.f0; .*; and 2 more\)"
        r", so nothing of it was run; .* trust=True",
    ):
        check_page(tmp_path, "page.yaml")
