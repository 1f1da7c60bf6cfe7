"""Facts of a case, facts that were accepted, and doubts about what a source said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ontology import iris, terms
from ontology.iris import graph
from ontology.nouns import Fact, Iri, Layer
from scanners.protocol import Scan
from workbench.graph.ask import ask
from workbench.graph.rescan import rescan
from workbench.graph.store import GraphStore
from workbench.graph.writeback import accept, doubt, doubts, hold, take_back

NOW = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
CART, REDIS = iris.service("cart"), iris.service("redis")


def learned(callee: Iri = REDIS, confidence: float = 0.9) -> Fact:
    return Fact(
        CART, terms.CALLS, callee, layer=Layer.LEARNED, source="case-1", seen=NOW, confidence=confidence, evidence="o-1"
    )


def scanned(*callees: Iri, at: datetime = NOW) -> Scan:
    facts = tuple(Fact(CART, terms.CALLS, each, layer=Layer.DECLARED, source="compose", seen=at) for each in callees)
    return Scan("compose", "shop", Layer.DECLARED, facts, (), complete=True, started=at, finished=at)


class Compose:
    """A scanner that says what it is told."""

    name, scope, layer = "compose", "shop", Layer.DECLARED

    def __init__(self, said: Scan) -> None:
        self.said = said

    def scan(self) -> Scan:
        return self.said


@pytest.fixture
def store() -> GraphStore:
    return GraphStore.memory(now=lambda: NOW)


def callees(store: GraphStore) -> set[str]:
    return set(ask(store, f"SELECT ?it {{ <{CART}> wb:calls ?it }}")["it"])


def test_what_a_case_no_longer_holds_is_gone_from_the_graph(store: GraphStore) -> None:
    """A fact that the engineer rejected is not answered any more, the others are."""
    other = iris.service("mail")
    hold(store, "case-1", [learned(), learned(other)])
    hold(store, "case-1", [learned(other)])

    assert callees(store) == {other}


def test_what_was_accepted_outlives_the_case(store: GraphStore) -> None:
    """An accepted fact stays when the case forgets it, with its evidence, confidence, source and time."""
    hold(store, "case-1", [learned()])
    accept(store, [learned()], NOW + timedelta(hours=1))
    hold(store, "case-1", [])

    (kept,) = store.about(CART, terms.CALLS)
    assert (kept.object, kept.confidence, kept.evidence, kept.source, kept.seen) == (REDIS, 0.9, "o-1", "case-1", NOW)


def test_accepting_a_second_fact_keeps_the_first(store: GraphStore) -> None:
    """What was accepted before stays, and is not doubled."""
    accept(store, [learned()], NOW)
    accept(store, [learned(iris.service("mail"))], NOW + timedelta(hours=1))
    accept(store, [learned()], NOW + timedelta(hours=2))

    assert sorted(str(each.object) for each in store.about(CART, terms.CALLS)) == [iris.service("mail"), REDIS]


def test_what_was_accepted_can_be_taken_back(store: GraphStore) -> None:
    """A fact that was accepted by mistake goes, and the history has it."""
    accept(store, [learned()], NOW)
    take_back(store, learned(), NOW + timedelta(hours=1))

    assert store.about(CART, terms.CALLS) == ()
    assert store.history.last_of(CART, terms.CALLS, REDIS) is not None


def test_a_doubt_asks_for_a_rescan_and_deletes_nothing(store: GraphStore) -> None:
    """A scanner's fact that is doubted stays in the graph, and its source is named as wanting another look."""
    store.replace(scanned(REDIS))
    found = doubt(store, learned(), "the traces show no such call", NOW)

    assert found == (graph("fact", "compose", "shop"),)
    assert callees(store) == {REDIS}
    (said,) = doubts(store)
    assert (said.graph, said.at) == (found[0], NOW)
    assert "no such call" in said.because


def test_a_doubt_goes_when_the_source_has_looked_again(store: GraphStore) -> None:
    """A rescan of the doubted scope answers the doubt, whatever it finds; another scope's does not."""
    store.replace(scanned(REDIS))
    doubt(store, learned(), "not so", NOW)
    other = Scan("compose", "billing", Layer.DECLARED, (), (), complete=True, started=NOW, finished=NOW)

    rescan(store, [Compose(other)])  # type: ignore[list-item]  # as much of a scanner as a rescan needs
    assert len(doubts(store)) == 1
    rescan(store, [Compose(scanned(REDIS, at=NOW + timedelta(hours=1)))])  # type: ignore[list-item]
    assert doubts(store) == ()


def test_what_an_investigation_said_is_not_asked_for_again(store: GraphStore) -> None:
    """A learned or an accepted fact has no source to look again: doubting it asks nobody."""
    hold(store, "case-1", [learned()])
    accept(store, [learned()], NOW)

    assert doubt(store, learned(), "not so", NOW) == ()
