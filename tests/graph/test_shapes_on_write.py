"""What a scan changed is checked against the shapes when it is written, and only that."""

from __future__ import annotations

from datetime import UTC, datetime

from ontology import iris, terms
from ontology.nouns import Fact, Iri, Layer, Value
from scanners.protocol import Scan
from workbench.graph.rescan import rescan
from workbench.graph.shapes import MOST, checked
from workbench.graph.store import GraphStore

NOW = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
CART, REDIS = iris.service("cart"), iris.service("redis")


class Told:
    """A scanner that says what it is told of its scope."""

    name, layer = "compose", Layer.DECLARED

    def __init__(self, scope: str, *said: tuple[Iri, Iri, Iri | Value]) -> None:
        self.scope = scope
        facts = (Fact(*each, layer=self.layer, source=self.name, seen=NOW) for each in said)
        self.said = Scan(self.name, scope, self.layer, tuple(facts), (), complete=True, started=NOW, finished=NOW)

    def scan(self) -> Scan:
        return self.said


def service(iri: Iri) -> tuple[tuple[Iri, Iri, Iri | Value], ...]:
    name = iri.rpartition(":")[2]
    return ((iri, terms.TYPE, terms.class_iri(terms.Kind.SERVICE)), (iri, terms.LABEL, name))


def test_a_malformed_fact_is_reported_with_the_scan() -> None:
    """A port beyond the range is named with its thing and the sentence of the shape, and the fact is kept."""
    store = GraphStore.memory()
    (report,) = rescan(store, [Told("shop", *service(CART), (CART, terms.PORT, 99_999))])  # type: ignore[list-item]

    assert [(each.about, "65535" in each.message) for each in report.malformed] == [(CART, True)]
    assert "malformed: service/default:cart" in report.text
    assert not report.ok
    assert store.about(CART, terms.PORT)


def test_a_well_formed_scan_has_nothing_to_report() -> None:
    """A call between two services of different scopes is well formed, though each scan knows one end only."""
    store = GraphStore.memory()
    first, second = rescan(
        store,
        [Told("shop", *service(CART)), Told("billing", *service(REDIS), (CART, terms.CALLS, REDIS))],  # type: ignore[list-item]
    )

    assert first.malformed == second.malformed == ()
    assert second.ok


def test_only_what_changed_is_checked() -> None:
    """A violation that was there before is not reported again by a scan that touches something else."""
    store = GraphStore.memory()
    rescan(store, [Told("shop", *service(CART), (CART, terms.PORT, 99_999))])  # type: ignore[list-item]

    (report,) = rescan(store, [Told("billing", *service(REDIS))])  # type: ignore[list-item]

    assert report.malformed == ()


def test_a_fact_that_went_is_checked_too() -> None:
    """A thing that loses its label is malformed, though nothing was added."""
    store = GraphStore.memory()
    kind, label = service(CART)
    rescan(store, [Told("shop", kind, label)])  # type: ignore[list-item]

    (report,) = rescan(store, [Told("shop", kind)])  # type: ignore[list-item]

    assert [each.about for each in report.malformed] == [CART]


def test_a_change_that_is_too_large_says_so() -> None:
    """Where more things changed than are checked on the way, the report says that they were not."""
    store = GraphStore.memory()
    some = (service(iris.service(f"s{number}")) for number in range(MOST + 1))
    change = store.replace(Told("shop", *(fact for each in some for fact in each)).scan())

    assert checked(store, change) == ((), True)
