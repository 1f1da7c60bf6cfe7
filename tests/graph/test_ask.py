"""Free-form SPARQL: right answers, bounded in rows and time, errors that show the place."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ontology import terms
from ontology.errors import BadInput
from ontology.iris import OTEL, service
from workbench.graph.ask import ask, results_json
from workbench.graph.store import GraphStore

Make = Callable[..., Any]

RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n2 ?o . ?p ?q ?r }"


def test_table(shop: GraphStore) -> None:
    """A SELECT is a table over the union of the graphs, with the prefixes known."""
    table = ask(shop, "SELECT ?a ?b { ?x wb:calls ?y . ?x rdfs:label ?a . ?y rdfs:label ?b } ORDER BY ?a")
    assert list(table.columns) == ["a", "b"]
    assert table.to_numpy().tolist() == [["cart", "payment"], ["payment", "ledger"], ["web", "cart"]]
    assert table.attrs["truncated"] is False


def test_what_two_sources_say_is_one_row(shop: GraphStore, scan: Make, said: Make) -> None:
    """A triple that stands in two graphs counts once, and GRAPH still tells who says it."""
    before = ask(shop, "SELECT (COUNT(*) AS ?n) { ?x wb:calls ?y }").loc[0, "n"]
    shop.replace(scan([said(service("web"), terms.CALLS, service("cart"))], source="another"))

    after = ask(shop, "SELECT (COUNT(*) AS ?n) { ?x wb:calls ?y }").loc[0, "n"]
    graphs = ask(shop, f"SELECT ?g {{ GRAPH ?g {{ <{service('web')}> wb:calls <{service('cart')}> }} }}")

    assert after == before
    assert len(graphs) == 2


def test_values_and_unbound(shop: GraphStore) -> None:
    """Numbers are numbers, what is unbound is None, and IRIs are short on request."""
    query = "SELECT ?x ?n ?none { ?x wb:replicas ?n OPTIONAL { ?x wb:port ?none } } ORDER BY ?x LIMIT 1"
    assert ask(shop, query).to_numpy().tolist()[0] == [
        "https://w3id.org/incident-workbench/id/deployment/shop:cart",
        2,
        None,
    ]
    assert ask(shop, query, short=True).loc[0, "x"] == "deployment/shop:cart"


def test_other_forms(shop: GraphStore) -> None:
    """ASK answers yes or no, CONSTRUCT and DESCRIBE rows of subject, predicate, object."""
    assert ask(shop, "ASK { ?x wb:calls ?y }").loc[0, "answer"]
    assert not ask(shop, "ASK { ?x wb:monitors ?y }").loc[0, "answer"]
    made = ask(shop, "CONSTRUCT { ?y wb:dependsOn ?x } { ?x wb:calls ?y }")
    assert (list(made.columns), len(made)) == (["subject", "predicate", "object"], 3)
    assert len(ask(shop, f"DESCRIBE <{service('web')}>")) >= 3


def test_results_json(shop: GraphStore, scan: Make, said: Make) -> None:
    """The JSON is that of SPARQL 1.1: vars, bindings, types; unbound variables are left out."""
    shop.replace(scan([said(service("web"), terms.otel("k8s.pod.name"), "é")], source="x"))
    query = f"SELECT ?s ?v ?n ?u {{ ?s <{OTEL}k8s.pod.name> ?v BIND(1 AS ?n) }}"
    assert json.loads(results_json(shop, query)) == {
        "head": {"vars": ["s", "v", "n", "u"]},
        "results": {
            "bindings": [
                {
                    "s": {"type": "uri", "value": service("web")},
                    "v": {"type": "literal", "value": "é"},
                    "n": {"type": "literal", "value": "1", "datatype": "http://www.w3.org/2001/XMLSchema#integer"},
                }
            ]
        },
    }
    assert json.loads(results_json(shop, "ASK { ?s ?p ?o }")) == {"head": {}, "boolean": True}


def test_rows_are_clamped(shop: GraphStore) -> None:
    """No more than the asked rows come, even of an endless product, and the table says so."""
    table = ask(shop, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", max_rows=7)
    assert (len(table), table.attrs["truncated"]) == (7, True)
    assert json.loads(results_json(shop, "SELECT * { ?a ?b ?c }", max_rows=2))["truncated"] is True


def test_a_runaway_query_is_stopped(shop: GraphStore) -> None:
    """A query that would take for ever ends soon after its time, with advice, and the next one is answered."""
    started = time.monotonic()
    with pytest.raises(BadInput, match="did not finish within 1 s") as caught:
        ask(shop, RUNAWAY, timeout=1)
    assert time.monotonic() - started < 5
    assert "path" in caught.value.next_step
    assert ask(shop, "ASK { ?x wb:calls ?y }").loc[0, "answer"]


def test_new_facts_are_seen(shop: GraphStore, scan: Make, said: Make) -> None:
    """A query sees what was written just before it; a query without a write between reuses the snapshot."""
    query = "SELECT ?y { ?x wb:calls ?y }"
    assert len(ask(shop, query)) == 3
    first = shop.snapshot()
    assert first == shop.snapshot()
    shop.replace(scan([said(service("web"), terms.CALLS, service("search"))], source="traces"))
    assert first != shop.snapshot()
    assert len(ask(shop, query)) == 4


def test_disk_store_is_asked_beside_its_writer(tmp_path: Path, estate: Any, scan: Make) -> None:
    """A store on disk is asked while it is open for writing, and a reader's copy too; nothing is left behind."""
    with GraphStore.open(tmp_path / "graph") as store:
        store.replace(scan(estate))
        assert len(ask(store, "SELECT ?y { ?x wb:calls ?y }")) == 3
        place = store.snapshot()
    assert not place.exists()
    with GraphStore.latest(tmp_path / "graph") as reader:
        assert len(ask(reader, "SELECT ?y { ?x wb:calls ?y }")) == 3


@pytest.mark.parametrize(
    ("query", "place", "hint"),
    [
        ("SELECT ?s WHERE {\n  ?s wb:calls ??\n}", "line 2, column 17", "Correct"),
        ("SELECT * { ?s foo:bar ?o }", "line 1", "prefix 'foo' is unknown"),
        ("SELECT * {\n ?s otel:k8s.pod.name ?o }", "line 2", f"<{OTEL}k8s.pod.name>"),
        ("SELECT * { ?s ?p ?o ", "line 1, column 21", "Correct"),
        ("hello", "line 1, column 6", "Begin with SELECT"),
        ("SELECT ?n {\n  ?a wb:calls ?n\n} ORDR BY ?n", "line 3, column 3", "Correct"),
        ("SELECT ?n { ?a wb:calls ?n }\n  LMT\n  4 # four", "line 2, column 3", "Correct"),
    ],
)
def test_syntax_errors_show_the_place(query: str, place: str, hint: str, shop: GraphStore) -> None:
    """A syntax error names line and column, draws the line with a caret, and says what helps."""
    with pytest.raises(BadInput) as caught:
        ask(shop, query)
    assert place in caught.value.problem
    assert hint in caught.value.next_step
    marked = caught.value.problem.splitlines()
    assert marked[2].endswith("^")
    line, column = (int(each) for each in place.replace("line ", "").split(", column ")) if "," in place else (0, 0)
    if line:
        assert marked[1].endswith(query.splitlines()[line - 1])
        assert marked[2].index("^") - marked[1].index("|") == column + 1


def test_an_empty_query(shop: GraphStore) -> None:
    """An empty text says what to type instead."""
    with pytest.raises(BadInput, match="empty") as caught:
        ask(shop, "  ")
    assert "SELECT" in caught.value.next_step
