"""Traces: who was seen to call whom."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ontology import iris, terms
from ontology.errors import BadInput, NotFound
from ontology.nouns import Layer
from scanners.binding import Binding
from scanners.observability.traces import TracesScanner

Saying = Callable[[Any], set[tuple[str, str, Any]]]
ROWS = [
    ("t1", "a", "", "web", "GET /", "server"),
    ("t1", "b", "a", "web", "POST", "client"),
    ("t1", "c", "b", "cart", "POST /items", "server"),
    ("t1", "d", "c", "cart", "inner", "internal"),
    ("t1", "e", "c", "cart", "send", "producer"),
    ("t1", "f", "e", "audit", "receive", "consumer"),
    ("t2", "c", "nowhere", "lost", "GET /lost", "server"),
]


def table() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["trace_id", "span_id", "parent_id", "service", "operation", "kind"])


def test_a_parent_in_another_service_is_a_call(said: Saying) -> None:
    """Calls cross services; a consumer is no callee, an unknown parent no caller."""
    scan = TracesScanner(table()).scan()
    facts = said(scan.facts)

    assert {fact for fact in facts if fact[1] == "calls"} == {("web", "calls", "cart")}
    assert ("cart", "provides", "POST /items") in facts
    assert ("cart", "provides", "inner") not in facts
    assert {fact.layer for fact in scan.facts} == {Layer.RUNNING}


def test_parquet_and_otlp_say_the_same(tmp_path: Path) -> None:
    """The same spans as parquet in a folder, as OTLP JSON and as JSON lines give the same statements."""
    words = {"server": 2, "client": "SPAN_KIND_CLIENT", "internal": 1, "producer": 4, "consumer": 5}
    resources = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": row[3]}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": row[0],
                            "spanId": row[1],
                            "parentSpanId": row[2],
                            "name": row[4],
                            "kind": words[row[5]],
                        }
                    ]
                }
            ],
        }
        for row in ROWS
    ]
    table().to_parquet(tmp_path / "traces.parquet")
    (tmp_path / "spans.json").write_text(json.dumps({"resourceSpans": resources}))
    (tmp_path / "spans.jsonl").write_text("\n".join(json.dumps({"resourceSpans": [each]}) for each in resources))

    def statements(path: Path) -> set[tuple[Any, ...]]:
        return {(fact.subject, fact.predicate, fact.object) for fact in TracesScanner(path).scan().facts}

    assert statements(tmp_path) == statements(tmp_path / "spans.json") == statements(tmp_path / "spans.jsonl")


@pytest.mark.parametrize("content", [b"PAR1 broken", b""])
def test_a_corrupt_table_is_told(tmp_path: Path, content: bytes) -> None:
    """A corrupt file ends in a sentence with the next step, for parquet and JSON alike."""
    for name in ("traces.parquet", "traces.json"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match="Next:"):
            TracesScanner(tmp_path / name).scan()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """A table without parents is refused by the name of what it lacks; a folder without traces too."""
    with pytest.raises(BadInput, match="parent_id"):
        TracesScanner(table().drop(columns="parent_id")).scan()
    with pytest.raises(NotFound, match="Next:"):
        TracesScanner(tmp_path).scan()


def otlp(attributes: dict[str, str], *spans: dict[str, Any]) -> dict[str, Any]:
    def listed(values: dict[str, str]) -> list[dict[str, Any]]:
        return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]

    written = [{**each, "attributes": listed(each.get("attributes", {}))} for each in spans]
    return {"resource": {"attributes": listed(attributes)}, "scopeSpans": [{"spans": written}]}


def span(key: str, parent: str, name: str, kind: int, **attributes: str) -> dict[str, Any]:
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    return {"traceId": "t1", "spanId": key, "parentSpanId": parent, "name": name, "kind": kind, "attributes": told}


def written(tmp_path: Path, *resources: dict[str, Any]) -> Path:
    path = tmp_path / "spans.json"
    path.write_text(json.dumps({"resourceSpans": list(resources)}))
    return path


def test_an_operation_needs_what_is_called_below_it(tmp_path: Path, said: Saying) -> None:
    """The entry operation of the caller needs that of the callee, however many inner spans lie between."""
    web = otlp(
        {"service.name": "web"},
        span("a", "", "GET /", 2),
        span("b", "a", "inner", 1),
        span("c", "b", "call", 3),
        span("x", "", "background", 1),
        span("y", "x", "call", 3),
    )
    cart = otlp({"service.name": "cart"}, span("d", "c", "POST /items", 2), span("z", "y", "GET /health", 2))
    facts = said(TracesScanner(written(tmp_path, web, cart)).scan().facts)

    needs = {fact for fact in facts if fact[1] == "dependsOn"}
    assert needs == {("GET /", "dependsOn", "POST /items")}
    assert ("web", "calls", "cart") in facts


def test_stores_and_queues(tmp_path: Path) -> None:
    """A database by system, host and name, a cache by its host, a topic and a queue by system and destination."""
    shop = otlp(
        {"service.name": "shop"},
        span("a", "", "q", 3, db__system__name="postgresql", server__address="orders-db", server__port="5432",
             db__namespace="orders"),
        span("b", "", "g", 3, db__system="redis", net__peer__name="Cache.example.com"),
        span("c", "", "s", 4, messaging__system="kafka", messaging__destination__name="paid"),
        span("d", "", "r", 5, messaging__system="rabbitmq", messaging__destination__name="mails"),
    )  # fmt: skip
    facts = TracesScanner(written(tmp_path, shop)).scan().facts

    wanted = (terms.USES_DATASTORE, terms.PUBLISHES_TO, terms.CONSUMES_FROM)
    assert {(fact.predicate, fact.object) for fact in facts if fact.predicate in wanted} == {
        (terms.USES_DATASTORE, iris.thing("database", "default", "orders-db", "orders")),
        (terms.USES_DATASTORE, iris.thing("cache", "default", "cache.example.com")),
        (terms.PUBLISHES_TO, iris.thing("topic", "default", "kafka", "paid")),
        (terms.CONSUMES_FROM, iris.thing("queue", "default", "rabbitmq", "mails")),
    }
    behind = [(fact.object, fact.confidence) for fact in facts if fact.predicate == terms.PART_OF]
    assert behind == [(iris.service("orders-db"), 0.7)]


def test_where_a_service_runs(tmp_path: Path) -> None:
    """Pod, node and host have the IRIs that other scanners give them; a pod needs its namespace."""
    pod = {"k8s.namespace.name": "shop", "k8s.pod.name": "cart-1", "k8s.node.name": "n1"}
    pod |= {"k8s.container.name": "app", "container.id": "ab"}
    facts = TracesScanner(
        written(
            tmp_path,
            otlp({"service.name": "cart", **pod}, span("a", "", "x", 2)),
            otlp({"service.name": "lost", "k8s.pod.name": "lost-1"}, span("b", "", "x", 2)),
            otlp({"service.name": "old", "host.name": "vm1"}, span("c", "", "x", 2)),
        )
    ).scan().facts  # fmt: skip

    told = {(fact.subject, fact.predicate, fact.object) for fact in facts}
    assert {
        (iris.thing("pod", "default", "shop", "cart-1"), terms.IMPLEMENTS, iris.service("cart")),
        (iris.thing("pod", "default", "shop", "cart-1"), terms.RUNS_ON, iris.thing("node", "default", "n1")),
        (iris.thing("container", "default", "shop", "pod", "cart-1", "app"), terms.OTEL_CONTAINER_ID, "ab"),
        (iris.service("old"), terms.RUNS_ON, iris.thing("host", "vm1")),
    } <= told
    assert not [fact for fact in facts if "lost-1" in fact.subject]


@pytest.mark.parametrize("name", ["deployment.environment.name", "deployment.environment", "k8s.cluster.name"])
def test_attributes_are_bound_to_environments(tmp_path: Path, name: str) -> None:
    """What a span says of its environment or cluster is looked up; what nobody bound is the scan's own."""
    path = written(
        tmp_path,
        otlp({"service.name": "cart", name: "prod"}, span("a", "", "x", 2)),
        otlp({"service.name": "cart", name: "other"}, span("b", "", "x", 2)),
    )
    facts = TracesScanner(path, "lab", binding=Binding({"traces:prod": "prod-eu1"})).scan().facts

    services = {fact.subject for fact in facts if fact.object == terms.class_iri("Service")}
    assert services == {iris.service("cart", "prod-eu1"), iris.service("cart", "lab")}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"data": 7}', '{"data": [{"spans": [{}]}]}', "[1]", "7"])
def test_hostile_json_is_told(tmp_path: Path, text: str) -> None:
    """Depth, and JSON of another shape, end in a sentence with the next step."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadInput, match="Next:"):
        TracesScanner(tmp_path / "x.json").scan()
