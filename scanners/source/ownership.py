"""Whose code is it? What the Compose files beside the code say: which folder builds which service.

From the facts of the Compose scanner, so that code and configuration meet at the same things. All but `owners_below`,
which reads the files, is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ontology import terms
from ontology.errors import PersonError
from ontology.nouns import Fact, Iri
from ontology.terms import Kind
from scanners import bounded
from scanners.compose.files import COMPOSE_FILES
from scanners.compose.scanner import ComposeScanner
from scanners.protocol import Now, Redact

_TESTS = re.compile(
    r"(?:.*/)?(?:tests?|__tests__|specs?|testdata|fixtures|\w+\.Tests?)/.*"
    r"|(?:.*/)?(?:test_[^/]+|conftest\.py|[^/]+[_.\-](?:test|tests|spec)\.\w+|[^/]+(?:Test|Tests|Spec|IT)\.(?:java|kt|cs|php))"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """A service whose code we see."""

    service: Iri
    name: str
    settings: Mapping[str, Iri] = field(default_factory=dict)
    """Name of a variable to the setting that its workload gives it."""
    means: Mapping[str, tuple[tuple[Iri, str], ...]] = field(default_factory=dict)
    """Name of a variable to the other services (and their names) that it means, telemetry left out."""


class _Said:
    """Facts by what one asks of them."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.links = [(fact.subject, fact.predicate, fact.object) for fact in facts if isinstance(fact.object, Iri)]
        self.labels = {fact.subject: str(fact.object) for fact in facts if fact.predicate == terms.LABEL}

    def of(self, predicate: Iri) -> list[tuple[Iri, Iri]]:
        """Return what the predicate joins."""
        return [(subject, target) for subject, known, target in self.links if known == predicate]


def is_test(path: str) -> bool:
    """Say whether a file tests a service, by where it stands and its name: it is not what the service runs.

    >>> is_test("cart/cart_test.go"), is_test("cart/src/test/java/CartTest.java"), is_test("cart/latest.go")
    (True, True, False)
    """
    return _TESTS.fullmatch(path) is not None


def owners(facts: Iterable[Fact]) -> dict[str, Owner]:
    """Return folder (path in the repository) to the service built from it; one that builds two is left out."""
    said = _Said(tuple(facts))
    implements = dict(said.of(terms.IMPLEMENTS))
    found: dict[str, Owner] = {}
    shared: set[str] = set()
    for workload, dockerfile in said.of(terms.BUILT_FROM):
        if workload not in implements:
            continue
        folder = PurePosixPath(said.labels[dockerfile]).parent.as_posix()
        owner = _owner(said, workload, implements[workload])
        if found.setdefault(folder, owner).service != owner.service:
            shared.add(folder)
    return {folder: owner for folder, owner in found.items() if folder not in shared}


def _owner(said: _Said, workload: Iri, service: Iri) -> Owner:
    """Return a service with what its workload is told."""
    settings = {said.labels[setting]: setting for subject, setting in said.of(terms.SETS_ENV) if subject == workload}
    exports = {target for subject, target in said.of(terms.EXPORTS_TO) if subject == service}
    services = {each for each, kind in said.of(terms.TYPE) if kind == terms.class_iri(Kind.SERVICE)}
    means: dict[str, tuple[tuple[Iri, str], ...]] = {}
    for setting, target in said.of(terms.REFERENCES):
        name = said.labels[setting]
        if settings.get(name) == setting and target in services - exports - {service}:
            means[name] = (*means.get(name, ()), (target, said.labels[target]))
    return Owner(service, said.labels[service], settings, means)


def owners_below(target: Path, environment: str, redact: Redact, now: Now) -> dict[str, Owner]:
    """Return whose code the folders below a folder are, by every Compose file in it; none where there is none."""
    known: dict[str, Owner] = {}
    folders = {path.parent for path in bounded.files(target, *COMPOSE_FILES)} if target.is_dir() else set()
    for folder in sorted(folders):
        try:
            known |= owners(ComposeScanner(folder, environment, redact, now).scan().facts)
        except PersonError:  # the Compose scanner says what is wrong; here it only means that nothing is known
            continue
    return known


def owner_of(path: str, known: Mapping[str, Owner]) -> Owner | None:
    """Return the service whose code a file is: that of the longest folder above it.

    >>> cart = Owner(Iri("urn:cart"), "cart")
    >>> owner_of("src/cart/app.py", {"src/cart": cart}) is cart, owner_of("src/cartoon/app.py", {"src/cart": cart})
    (True, None)
    """
    for folder in PurePosixPath(path).parents:
        if folder.as_posix() in known:
            return known[folder.as_posix()]
    return None
