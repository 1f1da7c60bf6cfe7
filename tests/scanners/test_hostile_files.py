"""Files made to harm, beside a good one: each is set aside with its reason, and the good one is understood."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ontology import terms
from ontology.errors import PersonError
from scanners import bounded
from scanners.catalogue import scanner
from scanners.protocol import Problem, Scan
from scanners.source.reading import understood

DEEP = 100_000
TELL = (
    "# apiVersion kind flags variants defaultVariant groups: rules expr scrape_ datasourceUid datasources: title"
    ' "panels" jobs on steps stages script\n'
)
"""Words that make every reader of YAML look at a file."""


def _laughs(width: int = 9) -> str:
    return (
        TELL
        + "a0: &a0 [x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]\n" for n in range(1, 12))
    )


def _merges() -> str:
    rows = (f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
    return TELL + "a0: &a0 {x: 1}\n" + "".join(rows)


YAML: Mapping[str, str | bytes] = {
    "aliases": _laughs(),
    "merges": _merges(),
    "itself": TELL + "a: &a [*a]\n",
    "deep-flow": TELL + "[" * DEEP,
    "deep-map": TELL + "{a: " * DEEP,
    "deep-block": TELL + "".join(" " * n + "a:\n" for n in range(400)),
    "deep-closed": TELL + "[" * DEEP + "]" * DEEP,
    "wide": TELL + "[" + "a," * 210_000 + "]",
    "python-tag": TELL + "a: !!python/object/apply:os.system ['true']\n",
    "nul": TELL + "a: \0\n",
    "noise": TELL.encode() + bytes(range(256)) * 40,
    "utf-16": (TELL + "a: 1\n").encode("utf-16"),
    "latin-1": TELL.encode() + "a: 'é'\n".encode("latin-1"),
    "unterminated": TELL + 'a: "' + "b" * 10_000,
    "huge": TELL + "a: " + "b" * (bounded.SIZE + 1),
    "bad-indent": TELL + "a:\n  b: 1\n c: 2\n",
}
"""Bad as YAML, whoever reads it."""
HARMLESS: Mapping[str, str | bytes] = {
    "long-line": TELL + "a: " + "b" * 200_000,
    "empty": "",
    "mark": b"\xef\xbb\xbf",
    "scalar": TELL + "just text",
    "numbers": TELL + "1: {2: 3}\n? [4]\n: 5\n",
    "surprise": TELL
    + "kind: [Deployment]\napiVersion: {a: 1}\nspec: 7\nmetadata: []\ngroups: 3\nflags: [1]\njobs: no\n",
    "nulls": TELL
    + "kind: Deployment\napiVersion: v1\nmetadata: ~\nspec: ~\ngroups: [~]\nflags: {a: ~}\nservices: {a: ~}\n",
}
"""Odd, and no reason to set anything aside."""


@dataclass(frozen=True)
class Yard:
    """A scanner, the good file, what must be known of it, and what the names of its files end with."""

    scanner: str
    good: Mapping[str, str]
    label: str
    suffix: str
    target: str = ""


YARDS = (
    Yard(
        "kubernetes",
        {"good.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {ports: [{port: 1}]}\n"},
        "cart",
        ".yaml",
    ),
    Yard(
        "flags",
        {"good.json": '{"flags": {"newCart": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}}}'},
        "newCart",
        ".yaml",
    ),
    Yard(
        "prometheus",
        {"good.yaml": "groups: [{name: g, rules: [{alert: CartDown, expr: up == 0}]}]\n"},
        "CartDown",
        ".yaml",
    ),
    Yard(
        "grafana",
        {"good.json": '{"title": "Cart", "uid": "cart", "panels": [], "schemaVersion": 39}'},
        "Cart",
        ".yaml",
    ),
    Yard(
        "pipelines",
        {".github/workflows/good.yml": "name: Ship\non: push\njobs: {build: {runs-on: x, steps: [{run: make}]}}\n"},
        "Ship",
        ".yml",
        ".github/workflows",
    ),
    Yard(
        "compose",
        {"compose.yaml": "services: {cart: {image: c}}\n"},
        "cart",
        ".yaml",
        "compose.",
    ),
)
SOURCE: Mapping[str, str | bytes] = {
    "nul.go": "package a\0",
    "noise.rb": bytes(range(256)) * 40,
    "latin.java": b'class A { String s = "\xe9"; }',
    "huge.js": "x" * (bounded.SIZE + 1),
    "deep.py": "x = " + "(" * DEEP + ")" * DEEP,
    "unary.py": "x = " + "-" * DEEP + "1",
    "chain.py": "x = a" + ".b" * DEEP,
    "elif.py": "if a:\n pass\n" + "elif a:\n pass\n" * 50_000,
    "broken.py": "def (:\n",
}
"""Code that is set aside."""
SURVIVES: Mapping[str, str] = {
    f"{name}{suffix}": text
    for suffix in (".go", ".ts", ".java", ".kt", ".cs", ".rs", ".rb", ".php", ".cpp", ".ex")
    for name, text in {
        "deep": "(" * DEEP,
        "open": '"' + "\\" * 50_000,
    }.items()
} | {
    "line.js": "f(a);" * 20_000,
    "deep.js": "[" * DEEP,
    "deep.sh": "${A:-" * 20_000,
    "deep.yaml": "${env:A:-" * 20_000,
}
"""Code that ends soon, in a reason or in nothing."""


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _scan(name: str, folder: Path) -> Scan:
    return scanner(name, folder).scan()


def _reasons(scan: Scan) -> dict[str, str]:
    """Return file to reason."""
    return {each.where.rsplit("/", 1)[-1].split(":")[0]: each.reason for each in (*scan.problems, *scan.skipped)}


def _labels(scan: Scan) -> set[str]:
    return {str(fact.object) for fact in scan.facts if fact.predicate == terms.LABEL}


@pytest.fixture(scope="module")
def yards(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Yard], Scan]:
    """One scan of each yard, with every hostile file in it, and what is no file at all."""
    known: dict[str, Scan] = {}

    def scanned(yard: Yard) -> Scan:
        if yard.scanner not in known:
            root = tmp_path_factory.mktemp(yard.scanner)
            for name, text in yard.good.items():
                _write(root / name, text)
            for name, content in {**YAML, **HARMLESS}.items():
                _write(root / _name(yard, name), content)
            where = (root / _name(yard, "x")).parent
            os.mkfifo(where / f"{yard.target if yard.scanner == 'compose' else ''}pipe{yard.suffix}")
            (where / f"loop{yard.suffix}").symlink_to(where / f"loop{yard.suffix}")
            (where / "round").symlink_to(where, target_is_directory=True)
            (where / f"device{yard.suffix}").symlink_to("/dev/zero")
            known[yard.scanner] = _scan(yard.scanner, root)
        return known[yard.scanner]

    return scanned


def _name(yard: Yard, name: str) -> str:
    """Return the path of a hostile file where that scanner looks."""
    if yard.scanner == "compose":
        return f"compose.{name}{yard.suffix}"
    return f"{yard.target}/{name}{yard.suffix}".lstrip("/")


@pytest.mark.parametrize("yard", YARDS, ids=lambda yard: yard.scanner)
def test_the_good_file_is_understood_and_the_scan_says_that_it_is_not_whole(
    yard: Yard, yards: Callable[[Yard], Scan]
) -> None:
    """Beside twenty hostile files the good one gives its facts, and the scan does not claim to be whole."""
    scan = yards(yard)

    assert yard.label in _labels(scan)
    assert not scan.complete


@pytest.mark.parametrize("name", YAML)
@pytest.mark.parametrize("yard", YARDS, ids=lambda yard: yard.scanner)
def test_a_hostile_file_is_set_aside_with_its_reason(yard: Yard, name: str, yards: Callable[[Yard], Scan]) -> None:
    """Each bomb, wrong encoding and broken text is named among the problems, with a reason of its own."""
    reasons = _reasons(yards(yard))

    assert reasons[Path(_name(yard, name)).name]


@pytest.mark.parametrize(
    "yard", [each for each in YARDS if each.scanner == "kubernetes"], ids=lambda yard: yard.scanner
)
def test_what_is_no_file_is_not_opened(yard: Yard, yards: Callable[[Yard], Scan]) -> None:
    """A pipe is a problem and never waited for; links, to themselves or to a device, are not followed."""
    reasons = _reasons(yards(yard))

    assert reasons["pipe.yaml"] == "no regular file"
    assert not {"loop.yaml", "device.yaml"} & reasons.keys()


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    root = tmp_path_factory.mktemp("code")
    for name, content in {**SOURCE, **SURVIVES}.items():
        _write(root / name, content)
    _write(root / "good.py", "import os\ndef buy():\n    return os.environ['CART_URL']\n")
    _write(root / "good.go", 'package a\nfunc pay() string { return os.Getenv("PAY_URL") }\n')
    os.mkfifo(root / "pipe.py")
    return _scan("source", root)


@pytest.mark.parametrize("name", [*SOURCE, "pipe.py"])
def test_hostile_code_is_set_aside_with_its_reason(name: str, code: Scan) -> None:
    """Binary, wrong encoding, endless nesting: each is named among the problems with its reason."""
    assert _reasons(code)[name]


def test_good_code_beside_hostile_code(code: Scan) -> None:
    """The good files' functions and reads are there, whatever stands beside them, in every language."""
    assert {"buy", "pay", "CART_URL", "PAY_URL"} <= _labels(code)


def test_code_that_takes_too_long_is_ended_and_set_aside() -> None:
    """A reader over its time is ended, and the file that it was at is a problem that says so; with time it is read."""
    texts = {".py": {"app.py": "def f(): pass\n"}}

    assert understood(texts, seconds=0.0) == ({}, [Problem("app.py", "took longer than 0 seconds to understand")])
    assert set(understood(texts)[0]) == {"app.py"}


HCL: Mapping[str, str | bytes] = {
    "deep.tf": "a = " + "[" * DEEP,
    "blocks.tf": "a {\n" * DEEP,
    "large.tf": 'resource "a" "b" {\n  c = "' + "d" * 20_000_000 + '"\n}\n',
    "nul.tf": "a = \0",
    "noise.tf": bytes(range(256)) * 40,
    "unterminated.tf": 'resource "aws_vpc" "x" {\n  a = "',
    "state.tfstate": '{"version": 4, "resources": ' + "[" * DEEP,
    "plan.json": '{"format_version": "1.0", "planned_values": ' + '{"a":' * DEEP,
}


def test_hostile_infrastructure_code(tmp_path: Path) -> None:
    """HCL of 20 MB, endless nesting in HCL, state and plan: each a problem, and the good resource is there."""
    _write(tmp_path / "good.tf", 'resource "aws_vpc" "shop" {\n  cidr_block = "10.0.0.0/16"\n}\n')
    for name, content in HCL.items():
        _write(tmp_path / name, content)
    scan = _scan("terraform", tmp_path)

    assert any("shop" in label for label in _labels(scan))
    assert {name for name in HCL if name.endswith(".tf")} <= _reasons(scan).keys()


def test_includes_that_go_in_a_circle(tmp_path: Path) -> None:
    """Compose files that include and extend each other, and themselves, are read once each."""
    _write(tmp_path / "compose.yaml", "include: [a.yaml]\nservices: {cart: {image: c, extends: {service: cart}}}\n")
    _write(
        tmp_path / "a.yaml", "include: [compose.yaml, a.yaml]\nservices: {a: {extends: {file: a.yaml, service: b}}}\n"
    )

    assert {"cart"} <= _labels(_scan("compose", tmp_path))


def test_kustomizations_that_go_in_a_circle(tmp_path: Path) -> None:
    """Two kustomizations that hold each other end, and the good manifest is there."""
    text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{}]\n"
    _write(tmp_path / "a/kustomization.yaml", text.format("../b"))
    _write(tmp_path / "b/kustomization.yaml", text.format("../a"))
    _write(tmp_path / "good.yaml", YARDS[0].good["good.yaml"])

    assert "cart" in _labels(_scan("kubernetes", tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"PAR1" + b"\0" * 100 + b"PAR1", gzip.compress(b"\0" * 50_000_000), b"[" * DEEP, b'{"resourceSpans": ' * 10_000],
    ids=["parquet", "gzip", "json", "spans"],
)
@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_hostile_spans_are_refused_in_a_sentence(content: bytes, suffix: str, tmp_path: Path) -> None:
    """A span file that is none, a bomb or a nest is refused with what to do, and nothing else happens."""
    _write(tmp_path / f"spans{suffix}", content)

    with pytest.raises(PersonError):
        _scan("traces", tmp_path / f"spans{suffix}")
