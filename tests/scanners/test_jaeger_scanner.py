"""Jaeger: its query API in the documented shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ontology import iris, terms
from ontology.errors import BadInput, Unavailable
from ontology.nouns import Fact, Layer
from scanners.binding import Binding
from scanners.observability.jaeger import JaegerScanner
from scanners.observability.traces import TracesScanner
from workbench.telemetry.clients import LiveClients

Saying = Callable[[Iterable[Fact]], set[tuple[str, str, Any]]]


def span(
    key: str, process: str, name: str, kind: str, parent: str = "", reference: str = "CHILD_OF", **tags: str
) -> dict[str, Any]:
    references = [{"refType": reference, "traceID": "t1", "spanID": parent}] if parent else []
    told = [{"key": "span.kind", "type": "string", "value": kind}]
    told += [{"key": key.replace("__", "."), "type": "string", "value": value} for key, value in tags.items()]
    return {"traceID": "t1", "spanID": key, "operationName": name, "references": references, "startTime": 1,
            "duration": 5, "tags": told, "logs": [], "processID": process}  # fmt: skip


TRACE = {
    "traceID": "t1",
    "spans": [
        span("a", "p1", "GET /", "server"),
        span("b", "p1", "call", "client", "a"),
        span("c", "p2", "POST /orders", "server", "b"),
        span("d", "p2", "publish", "producer", "c", messaging__system="kafka", messaging__destination__name="orders"),
        span("e", "p3", "receive", "consumer", "d", "FOLLOWS_FROM", messaging__system="kafka",
             messaging__destination="orders"),
        span("f", "p2", "SELECT", "client", "c", db__system="postgresql", net__peer__name="orders-db",
             net__peer__port="5432", db__name="shop"),
    ],
    "processes": {
        "p1": {"serviceName": "web", "tags": [{"key": "deployment.environment", "value": "prod"}]},
        "p2": {"serviceName": "orders", "tags": [{"key": "deployment.environment", "value": "prod"}]},
        "p3": {"serviceName": "mailer", "tags": []},
    },
}  # fmt: skip


def api() -> dict[str, Any]:
    operations = {
        "web": [{"name": "GET /", "spanKind": "server"}, {"name": "call", "spanKind": "client"}],
        "orders": [{"name": "POST /orders", "spanKind": "server"}, {"name": "GET /old", "spanKind": "server"}],
    }
    return {
        "/api/services": {"data": ["web", "orders", "mailer"], "total": 3, "errors": None},
        "/api/operations": lambda query: {"data": operations.get(query["service"], [])},
        "/api/traces": lambda query: {"data": [TRACE] if query["service"] != "mailer" else [], "errors": None},
        "/api/dependencies": {
            "data": [
                {"parent": "web", "child": "orders", "callCount": 9},
                {"parent": "orders", "child": "mailer", "callCount": 9},
                {"parent": "orders", "child": "stock", "callCount": 1},
            ]
        },
    }


@pytest.mark.parametrize("live", [False, True])
def test_calls_operations_and_messages(vendor: Any, said: Saying, live: bool) -> None:
    """A trace makes a call sure, the dependency table adds one at 0.9, a message is no call; by the live client too."""
    jaeger = vendor(api())
    scan = JaegerScanner(jaeger.url, clients=LiveClients() if live else jaeger).scan()
    calls = {(fact.subject, fact.object): (fact.confidence, fact.evidence) for fact in scan.facts
             if fact.predicate == terms.CALLS}  # fmt: skip

    assert scan.complete
    assert scan.layer is Layer.RUNNING
    assert {key: sure for key, (sure, _) in calls.items()} == {
        (iris.service("web"), iris.service("orders")): 1.0,
        (iris.service("orders"), iris.service("stock")): 0.9,
    }
    assert calls[iris.service("web"), iris.service("orders")][1] == "trace t1"
    facts = said(scan.facts)
    assert {
        ("GET /", "dependsOn", "POST /orders"),
        ("orders", "provides", "GET /old"),
        ("orders", "publishesTo", "orders"),
        ("mailer", "consumesFrom", "orders"),
        ("orders", "usesDatastore", "shop"),
    } <= facts
    assert ("web", "provides", "call") not in facts


def test_the_window_is_the_last_hour(vendor: Any, noon: Callable[[], datetime]) -> None:
    """Traces are asked in microseconds, dependencies in milliseconds, both of the hour before now."""
    jaeger = vendor(api())
    JaegerScanner(jaeger.url, now=noon, clients=jaeger).scan()
    end = int(noon().timestamp())

    traces = [query for path, query in jaeger.asked if path == "/api/traces"]
    assert {(each["start"], each["end"]) for each in traces} == {(str((end - 3600) * 1_000_000), str(end * 1_000_000))}
    dependencies = next(query for path, query in jaeger.asked if path == "/api/dependencies")
    assert dependencies == {"endTs": str(end * 1000), "lookback": "3600000"}


def test_the_scope_binding_names_the_environment(vendor: Any) -> None:
    """A service whose spans say `prod` belongs to what that is bound to; one that says nothing to the scan's own."""
    jaeger = vendor(api())
    binding = Binding({"traces:deployment.environment.name=prod": "prod-eu1"})

    facts = JaegerScanner(jaeger.url, "lab", clients=jaeger, binding=binding).scan().facts

    services = {fact.subject for fact in facts if fact.object == terms.class_iri("Service")}
    assert {
        iris.service("web", "prod-eu1"),
        iris.service("orders", "prod-eu1"),
        iris.service("mailer", "lab"),
    } <= services
    assert iris.service("web", "lab") not in services


def test_an_export_says_what_the_api_says(vendor: Any, tmp_path: Path) -> None:
    """The JSON that Jaeger's interface saves gives the calls, stores and topics that its API gives."""
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"data": [TRACE]}))
    jaeger = vendor(api() | {"/api/dependencies": {"data": []}})

    def statements(facts: Iterable[Fact]) -> set[tuple[Any, ...]]:
        wanted = (terms.CALLS, terms.USES_DATASTORE, terms.PUBLISHES_TO, terms.CONSUMES_FROM, terms.DEPENDS_ON)
        return {(fact.subject, fact.predicate, fact.object) for fact in facts if fact.predicate in wanted}

    saved = statements(TracesScanner(path).scan().facts)
    assert saved == statements(JaegerScanner(jaeger.url, clients=jaeger).scan().facts)
    assert len(saved) == 5


def test_a_part_that_fails_is_a_problem(vendor: Any) -> None:
    """Traces that are none, and operations that are refused, leave the rest and an incomplete scan."""
    answers = api() | {"/api/operations": 403, "/api/traces": {"data": [{"spans": [{"no": "span"}]}]}}
    jaeger = vendor(answers)

    scan = JaegerScanner(jaeger.url, clients=jaeger).scan()

    assert not scan.complete
    assert {each.where for each in scan.problems} == {
        f"{path}?service={name}" for path in ("/api/operations", "/api/traces") for name in ("web", "orders", "mailer")
    }
    assert iris.service("web") in {fact.subject for fact in scan.facts}


def test_an_old_jaeger_lists_operations_elsewhere(vendor: Any, said: Saying) -> None:
    """Where `/api/operations` is not known yet, the older path is asked."""
    answers = api() | {
        f"/api/services/{name}/operations": {"data": ["GET /old"]} for name in ("web", "orders", "mailer")
    }
    del answers["/api/operations"]
    jaeger = vendor(answers)

    scan = JaegerScanner(jaeger.url, clients=LiveClients()).scan()

    assert scan.complete
    assert ("mailer", "provides", "GET /old") in said(scan.facts)


def test_no_jaeger_is_told(vendor: Any) -> None:
    """A folder, a server that fails and a page that is no JSON end in an error with the next step."""
    with pytest.raises(BadInput, match="Next:"):
        JaegerScanner("./traces").scan()
    for answer in (503, b"<html>"):
        jaeger = vendor({"/api/services": answer})
        with pytest.raises(Unavailable, match="Next:"):
            JaegerScanner(jaeger.url, clients=jaeger).scan()
