"""A shop of eleven services, each in its own language: what we say of its code against what was written down by hand.

`polyglot/expected.json` was written before the readers were looked at (its `hosts` and `uses` after that, and before
the first run), and says what each of its lists means. Only
what the graph says of the code of a service counts: facts of files that implement it, and of their functions.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.nouns import Fact, Iri
from scanners.source.scanner import SourceScanner

SHOP = Path(__file__).parent / "polyglot"
KINDS = {"env": terms.READS_ENV, "flags": terms.READS_FLAG, "calls": terms.CLIENT_OF, "hosts": terms.MENTIONS}
PRECISION, RECALL = 0.95, 0.90
Saying = tuple[str, str, str]
"""Name of a variable, flag or host; file; function, empty at the top of a file, and for a host that is named."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of one kind, in one service or in several."""

    right: frozenset[Saying]
    wrong: frozenset[Saying]
    missed: frozenset[Saying]

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(self.right | other.right, self.wrong | other.wrong, self.missed | other.missed)

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return len(self.right) / (len(self.right) + len(self.wrong)) if self.right or self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of what there is that was found."""
        return len(self.right) / (len(self.right) + len(self.missed)) if self.right or self.missed else 1.0

    def __str__(self) -> str:
        counts = f"{self.precision:.2f} precision, {self.recall:.2f} recall"
        return f"{counts}; wrong: {sorted(self.wrong)}; missed: {sorted(self.missed)}"


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    """What was written down by hand: service to its lists."""
    told: dict[str, Any] = json.loads((SHOP / "expected.json").read_text())
    return {name: lists for name, lists in told.items() if name != "about"}


@pytest.fixture(scope="module")
def measured(shop: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Measured]:
    """Return service and kind to what was found."""
    folder = tmp_path_factory.mktemp("shop")
    for name in shop:
        shutil.copytree(SHOP / name, folder / name)
    scan = SourceScanner(folder, services={name: name for name in shop}).scan()
    assert not scan.problems
    said = _said(scan.facts)
    return {
        (name, kind): _compare(kind, lists, said.get((name, kind), set()))
        for name, lists in shop.items()
        for kind in KINDS
    }


def _said(facts: Iterable[Fact]) -> dict[tuple[str, str], set[Saying]]:
    """Return service and kind to what the facts say of its code."""
    facts = list(facts)
    labels = {fact.subject: str(fact.object) for fact in facts if fact.predicate == terms.LABEL}
    labels |= {fact.subject: str(fact.object) for fact in facts if fact.predicate == terms.HOST}
    services = {fact.subject: labels[Iri(fact.object)] for fact in facts if fact.predicate == terms.IMPLEMENTS}
    homes = {fact.subject: Iri(fact.object) for fact in facts if fact.predicate == terms.DEFINED_IN}
    kinds = {predicate: kind for kind, predicate in KINDS.items()}
    said: dict[tuple[str, str], set[Saying]] = {}
    for fact in facts:
        file = homes.get(fact.subject, fact.subject)
        if fact.predicate in kinds and file in services:
            function = labels[fact.subject].rpartition(".")[2] if fact.subject in homes else ""
            saying = (labels[Iri(fact.object)], fact.evidence.partition(":")[0], function)
            said.setdefault((services[file], kinds[fact.predicate]), set()).add(saying)
    return said


def _compare(kind: str, told: Mapping[str, Any], found: set[Saying]) -> Measured:
    """Compare what was found of a kind with what was written down of a service."""
    wanted = {_where(kind, *each) for each in told[kind]}
    found = {_where(kind, *each) for each in found}
    found = {(name, _tail(file, wanted), function) for name, file, function in found}
    free = {tuple(each) for each in told["uses"]} if kind == "calls" else set()
    hosts = set(told["defaults"]) if kind == "calls" else set()
    wrong = {each for each in found - wanted - free if each[0] not in hosts}
    return Measured(frozenset(found & wanted), frozenset(wrong), frozenset(wanted - found))


def _where(kind: str, name: str, file: str, function: str = "") -> Saying:
    return name, file, "" if kind == "hosts" else function


def _tail(file: str, wanted: Iterable[Saying]) -> str:
    """Return a path as it was written down: without the folders above."""
    return next((short for _, short, _ in wanted if file.endswith("/" + short)), file)


def _named(service: str, part: Iterable[Saying]) -> frozenset[Saying]:
    """Return what was found with the service before each name, so that services do not mix."""
    return frozenset((f"{service}:{name}", file, function) for name, file, function in part)


def _total(measured: Mapping[tuple[str, str], Measured], kind: str) -> Measured:
    total = Measured(frozenset(), frozenset(), frozenset())
    for (service, each), found in measured.items():
        if each == kind:
            total += Measured(_named(service, found.right), _named(service, found.wrong), _named(service, found.missed))
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_code_of_many_languages(kind: str, measured: dict[tuple[str, str], Measured]) -> None:
    """Over all languages what is found of a kind is right, and nearly all of it is found."""
    total = _total(measured, kind)

    assert total.precision >= PRECISION, f"{kind}: {total}"
    assert total.recall >= RECALL, f"{kind}: {total}"


@pytest.mark.parametrize("kind", KINDS)
def test_no_language_is_left_behind(kind: str, shop: dict[str, Any], measured: dict[tuple[str, str], Measured]) -> None:
    """Every language has at most one saying wrong and two missed of a kind: a total hides what one language lacks."""
    counts = {lists["language"]: measured[service, kind] for service, lists in shop.items()}

    behind = {name: str(found) for name, found in counts.items() if len(found.wrong) > 1 or len(found.missed) > 2}

    assert len(counts) == 11
    assert behind == {}


def test_traps_are_not_believed(shop: dict[str, Any], measured: dict[tuple[str, str], Measured]) -> None:
    """Of names in comments, logs and tests, and of variables that are only written, two at the most are believed."""
    said = {(service, name) for (service, _), found in measured.items() for name, _, _ in found.wrong}

    believed = {(service, name) for service, name in said if name in shop[service]["traps"]}

    assert believed <= {("labels", "carrier.example"), ("quotes", "QUOTES_TEST_ABSENT")}
