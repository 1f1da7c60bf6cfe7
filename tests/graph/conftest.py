"""A small estate: four services on two nodes, a database, a namespace, settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from ontology import terms
from ontology.iris import service, thing
from ontology.nouns import Fact, Iri, Layer, Value
from ontology.terms import Kind
from scanners.protocol import Scan
from workbench.graph.store import GraphStore

NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
SERVICES = ("web", "cart", "payment", "ledger", "search")
CALLS = (("web", "cart"), ("cart", "payment"), ("payment", "ledger"))


@pytest.fixture
def said() -> Callable[..., Fact]:
    """Make a fact of the scanner `compose`."""

    def make(subject: Iri, predicate: Iri, value: Iri | Value, **more: object) -> Fact:
        keywords = {"layer": Layer.DECLARED, "source": "compose", "seen": NOW} | more
        return Fact(subject, predicate, value, **keywords)  # type: ignore[arg-type]

    return make


@pytest.fixture
def scan() -> Callable[..., Scan]:
    """Make a scan of those facts."""

    def make(facts: Sequence[Fact], **more: object) -> Scan:
        keywords: dict[str, object] = {
            "source": "compose",
            "scope": "shop",
            "layer": Layer.DECLARED,
            "problems": (),
            "complete": True,
            "started": NOW,
            "finished": NOW,
        }
        return Scan(facts=tuple(facts), **(keywords | more))  # type: ignore[arg-type]

    return make


@pytest.fixture
def estate(said: Callable[..., Fact]) -> tuple[Fact, ...]:
    """Say what the small estate is made of."""

    def named(iri: Iri, kind: str, name: str) -> list[Fact]:
        return [said(iri, terms.TYPE, terms.class_iri(kind)), said(iri, terms.LABEL, name)]

    facts = named(thing("namespace", "shop"), Kind.NAMESPACE, "shop")
    facts += named(thing("database", "shop", "orders"), Kind.DATABASE, "orders")
    facts += named(thing("node", "n1"), Kind.NODE, "n1")
    for name in SERVICES:
        deployment = thing("deployment", "shop", name)
        facts += named(service(name), Kind.SERVICE, name)
        facts += named(deployment, Kind.DEPLOYMENT, f"{name}-deployment")
        facts.append(said(deployment, terms.IMPLEMENTS, service(name)))
        facts.append(said(deployment, terms.PART_OF, thing("namespace", "shop")))
        facts.append(said(deployment, terms.REPLICAS, 2))
    facts += [said(service(caller), terms.CALLS, service(callee)) for caller, callee in CALLS]
    facts.append(said(service("ledger"), terms.USES_DATASTORE, thing("database", "shop", "orders")))
    facts.append(said(thing("deployment", "shop", "cart"), terms.RUNS_ON, thing("node", "n1")))
    facts.append(
        said(
            service("search"),
            terms.REFERENCES,
            service("web"),
            layer=Layer.INFERRED,
            confidence=0.7,
            evidence="compose.yaml:12",
        )
    )
    return tuple(facts)


@pytest.fixture
def shop(estate: tuple[Fact, ...], scan: Callable[..., Scan]) -> GraphStore:
    """Keep the small estate in memory."""
    store = GraphStore.memory()
    store.replace(scan(estate))
    return store
