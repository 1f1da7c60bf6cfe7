"""The engine sees what the alert names first, then by distance, and how it hangs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from ontology import terms
from ontology.iris import service, thing
from ontology.nouns import Alert, Fact, Layer, Window
from ontology.terms import Kind
from workbench.graph import queries
from workbench.graph.store import GraphStore
from workbench.graph.view import View, spellings
from workbench.ports import GraphView

Make = Callable[..., Any]


def alert(labels: Mapping[str, str], title: str = "HighLatency", summary: str = "") -> Alert:
    window = Window.of("2026-01-01T02:50:00Z", "2026-01-01T03:00:00Z")
    return Alert("a-1", title, window, labels=labels, summary=summary)


def services(shop: GraphStore, about: Alert, hops: int) -> list[str]:
    return [each.name for each in View(shop).around(about, hops) if each.kind == Kind.SERVICE]


def test_nearest_first(shop: GraphStore) -> None:
    """Hops are counted between services, along calls in both directions, the alert's own service first."""
    about = alert({"service": "cart"})
    assert services(shop, about, 0) == ["cart"]
    assert services(shop, about, 1) == ["cart", "payment", "web"]
    assert services(shop, about, 2) == ["cart", "payment", "web", "ledger", "search"]


def test_other_descriptions_of_one_thing_are_free(shop: GraphStore) -> None:
    """The deployment of a service is found with it, and what it runs on one step further; its namespace is not."""
    found = View(shop).around(alert({"service": "cart"}), 0)
    assert [(each.kind, each.name) for each in found] == [("Service", "cart"), ("Deployment", "cart-deployment")]
    kinds = {each.kind for each in View(shop).around(alert({"service": "cart"}), 4)}
    assert {"Node", "Database"} <= kinds
    assert "Namespace" not in kinds


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        ({"service_name": "payment", "namespace": "shop"}, "payment"),
        ({"pod": "payment-5d8f7c9b6d-x2x7k"}, "payment"),
        ({"instance": "payment:8080", "job": "prometheus"}, "payment"),
        ({"job": "shop/payment"}, "payment"),
        ({"app": "Payment"}, "payment"),
        ({"service": "payment.shop.svc.cluster.local"}, "payment"),
        ({"deployment": "payment-deployment"}, "payment-deployment"),
        ({"severity": "critical", "service": "nobody", "component": "payment"}, "payment"),
    ],
)
def test_labels_lead_to_the_entity(labels: Mapping[str, str], first: str, shop: GraphStore) -> None:
    """Whatever the sender calls it, the most telling label that leads to a thing wins."""
    assert View(shop).around(alert(labels), 1)[0].name == first


def test_words_of_the_title_where_labels_say_nothing(shop: GraphStore) -> None:
    """Without a telling label, a service that the title or summary names is the start."""
    assert services(shop, alert({}, title="payment answers late", summary="web waits"), 0) == ["payment", "web"]


def test_a_namespace_stands_for_what_is_in_it(shop: GraphStore) -> None:
    """An alert on a namespace is around its workloads and their services."""
    assert set(services(shop, alert({"namespace": "shop"}), 0)) == {"web", "cart", "payment", "ledger", "search"}


def test_an_alert_on_nothing_is_around_every_service(shop: GraphStore) -> None:
    """Where nothing is named, every service counts and nothing else; an empty graph has nothing around it."""
    found = View(shop).around(alert({"alertname": "Watchdog"}), 1)
    assert {each.kind for each in found} == {"Service"}
    assert len(found) == 5
    assert View(GraphStore.memory()).around(alert({"service": "cart"})) == ()


def test_between_joins_only_what_is_asked(shop: GraphStore) -> None:
    """Facts have both ends among the entities, and come with their layer, confidence and evidence."""
    entities = [*View(shop).find("web"), *View(shop).find("cart"), *View(shop).find("search")]
    facts = View(shop).between(entities)
    assert [(each.subject, each.predicate, each.object) for each in facts] == [
        (service("search"), terms.REFERENCES, service("web")),
        (service("web"), terms.CALLS, service("cart")),
    ]
    assert (facts[0].layer, facts[0].confidence, facts[0].evidence) == (Layer.INFERRED, 0.7, "compose.yaml:12")


def test_between_says_a_fact_once(shop: GraphStore, scan: Make, said: Make) -> None:
    """A fact that two sources say is there once, as the surer source says it."""
    doubt = said(service("web"), terms.CALLS, service("cart"), confidence=0.5, layer=Layer.INFERRED)
    shop.replace(scan([doubt], source="names"))
    (fact,) = View(shop).between([*View(shop).find("web"), *View(shop).find("cart")])
    assert (fact.confidence, fact.source) == (1.0, "compose")


def test_find_and_entities(shop: GraphStore) -> None:
    """Names are found letter case aside; a kind holds the kinds below it."""
    view = View(shop)
    seen_by_the_engine: GraphView = view
    assert seen_by_the_engine is view
    assert [each.iri for each in view.find("PAYMENT")] == [service("payment")]
    assert View(shop).find("nobody") == ()
    assert {each.kind for each in View(shop).entities(Kind.WORKLOAD)} == {"Deployment"}
    assert len(View(shop).entities()) == 13


def test_named_questions(shop: GraphStore) -> None:
    """Callers, callees, label and blast radius of the small estate are right."""

    def names(found: tuple[Any, ...]) -> list[str]:
        return [each.name for each in found]

    assert names(queries.callers(shop, service("cart"))) == ["web"]
    assert names(queries.callees(shop, service("cart"))) == ["payment"]
    assert names(queries.blast_radius(shop, service("ledger"))) == ["cart", "payment", "web"]
    orders = thing("database", "shop", "orders")
    assert names(queries.blast_radius(shop, orders)) == ["cart", "ledger", "payment", "web"]
    assert set(names(queries.blast_radius(shop, thing("node", "n1")))) == {"cart", "cart-deployment"}
    assert queries.label(shop, service("cart")) == "cart"
    assert queries.label(shop, service("not-there")) == "not-there"


def test_a_cycle_ends(scan: Make, said: Make) -> None:
    """Services that call each other in a circle are each found once."""
    store = GraphStore.memory()
    ring = ("a", "b", "c", "a")
    facts: list[Fact] = [said(service(x), terms.CALLS, service(y)) for x, y in pairwise(ring)]
    facts += [said(service(x), terms.TYPE, terms.class_iri(Kind.SERVICE)) for x in "abc"]
    facts += [said(service(x), terms.LABEL, x) for x in "abc"]
    store.replace(scan(facts))
    assert services(store, alert({"service": "a"}), 9) == ["a", "b", "c"]


def test_spellings_of_a_stateful_set() -> None:
    """The number of a stateful set's pod is left out, a name that ends in a number stays as well."""
    assert spellings("kafka-0") == ("kafka-0", "kafka")
    assert "10.0.0.1" in spellings("10.0.0.1:9100")
