"""From a table of spans to facts: who calls whom, by which operations, which stores and queues they use, and where.

    write_spans(ledger, table, environment_of)

A call is a span whose parent belongs to another service; a consumer of a queue is no callee of the producer. The
operation that a call serves is the entry span above it, so that `checkout POST /orders` needs `payment Charge`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ontology import iris, terms
from ontology.nouns import Iri
from ontology.terms import Kind
from scanners.ledger import Ledger
from scanners.observability.span_files import ATTRIBUTES, COLUMNS
from scanners.references import LIKELY

if TYPE_CHECKING:
    import pandas as pd

OPERATIONS = 200
"""Operations kept for one service, the most frequent: past that, names hold ids."""
INSTANCES = 200
"""Pods and hosts kept for one service."""
PEERS = 200
"""Stores and queues kept for one service: past that, names hold ids."""
_DEPTH = 64
"""Spans of one service above each other that are followed to its entry."""
_QUEUES = ("rabbitmq", "aws_sqs", "aws.sqs", "activemq", "servicebus", "jms", "amqp")
_CACHES = ("redis", "valkey", "memcached", "hazelcast")
Environment = Callable[[str, str], str]
"""Takes `deployment.environment.name` and `k8s.cluster.name`, empty where a span has none; returns our environment."""


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Return the spans of named services, once each, with a text column for every attribute."""
    table = table[table["service"].notna() & (table["service"] != "")]
    table = table.drop_duplicates(["trace_id", "span_id", "service"])
    missing = {name: "" for name in ATTRIBUTES if name not in table.columns}
    table = table.assign(**missing)[[*COLUMNS, *ATTRIBUTES]]
    return table.astype(object).fillna("").reset_index(drop=True)  # an attribute nobody has is a column of NaN


def write_spans(ledger: Ledger, table: pd.DataFrame, environment_of: Environment) -> None:
    """Write down what spans show.

    Args:
        ledger: where to write.
        table: a span a row, `COLUMNS` at least, text.
        environment_of: the scope binding.
    """
    spans = complete(table)
    places = {
        pair: environment_of(*pair) for pair in _distinct(spans, "deployment.environment.name", "k8s.cluster.name")
    }
    keys = zip(spans["deployment.environment.name"], spans["k8s.cluster.name"], strict=True)
    spans["environment"] = [places[pair] for pair in keys]
    _write_services(ledger, spans)
    kept = set(_write_operations(ledger, spans))
    _write_calls(ledger, spans, kept)
    _write_stores(ledger, spans)
    _write_queues(ledger, spans)
    _write_instances(ledger, spans)


def _distinct(spans: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the distinct values of columns, sorted."""
    yield from spans[list(columns)].drop_duplicates().sort_values(list(columns)).itertuples(index=False, name=None)


def _write_services(ledger: Ledger, spans: pd.DataFrame) -> None:
    for environment, name in _distinct(spans, "environment", "service"):
        service = ledger.thing(iris.service(name, environment), Kind.SERVICE, name)
        ledger.say(service, terms.OTEL_SERVICE_NAME, name)
    for environment, name, namespace, version, said in _distinct(
        spans, "environment", "service", "service.namespace", "service.version", "deployment.environment.name"
    ):
        service = iris.service(name, environment)
        ledger.say(service, terms.OTEL_SERVICE_NAMESPACE, namespace)
        ledger.say(service, terms.OTEL_SERVICE_VERSION, version)
        ledger.say(service, terms.OTEL_DEPLOYMENT_ENVIRONMENT_NAME, said)


def _write_operations(ledger: Ledger, spans: pd.DataFrame) -> Iterator[Iri]:
    """Write down the operations of the entry spans, at most `OPERATIONS` a service; yield them."""
    entries = spans[spans["kind"].isin(["server", "consumer"])]
    counts = entries.groupby(["environment", "service", "operation"]).size().reset_index(name="count")
    order = ["environment", "service", "count", "operation"]
    ranked = counts.sort_values(order, ascending=[True, True, False, True])
    kept = ranked.groupby(["environment", "service"]).head(OPERATIONS)
    for environment, name, operation in kept[["environment", "service", "operation"]].itertuples(
        index=False, name=None
    ):
        iri = ledger.thing(operation_iri(environment, name, operation), Kind.OPERATION, ledger.redact(operation))
        ledger.say(iris.service(name, environment), terms.PROVIDES, iri)
        yield iri


def operation_iri(environment: str, service: str, operation: str) -> Iri:
    """Return the IRI of an operation that a service offers."""
    return iris.thing("operation", environment, service, operation)


def _write_calls(ledger: Ledger, spans: pd.DataFrame, kept: set[Iri]) -> None:
    """Write down who calls whom, and which operation needs which; one trace shows each."""
    found = _crossing(spans)
    order = ["environment_parent", "service_parent", "environment", "service", "entry", "operation", "trace_id"]
    found = found.drop_duplicates(order[:-1]).sort_values(order)
    for place, caller, environment, callee, entry, operation, trace in found[order].itertuples(index=False, name=None):
        evidence = f"trace {trace}"
        service = iris.service(callee, environment)
        ledger.say(iris.service(caller, place), terms.CALLS, service, evidence=evidence)
        above, below = operation_iri(place, caller, entry), operation_iri(environment, callee, operation)
        if above in kept:
            ledger.say(above, terms.DEPENDS_ON, below if below in kept else service, evidence=evidence)


def _crossing(spans: pd.DataFrame) -> pd.DataFrame:
    """Return the spans whose parent belongs to another service, each with the entry operation of the caller."""
    spans = spans.assign(row=range(len(spans)))
    parents = spans[["trace_id", "span_id", "service", "kind", "environment", "row"]]
    joined = spans[spans["parent_id"] != ""].merge(
        parents, left_on=["trace_id", "parent_id"], right_on=["trace_id", "span_id"], suffixes=("", "_parent")
    )
    entries = _entries(spans, joined)
    joined["entry"] = [entries[row] for row in joined["row_parent"]]
    crossing = (joined["service"] != joined["service_parent"]) & (joined["kind_parent"] != "producer")
    return joined[crossing & (joined["kind"] != "consumer")]


def _entries(spans: pd.DataFrame, joined: pd.DataFrame) -> list[str]:
    """Return for each row the operation of the entry span at or above it in the same service; empty for none."""
    import numpy as np

    above = np.full(len(spans), -1)
    inside = joined[joined["service"] == joined["service_parent"]]
    above[inside["row"].to_numpy()] = inside["row_parent"].to_numpy()
    entry = spans["kind"].isin(["server", "consumer"]).to_numpy()
    at = np.arange(len(spans))
    for _ in range(_DEPTH):
        climbing = ~entry[at] & (above[at] >= 0)
        if not climbing.any():
            break
        at = np.where(climbing, above[at], at)
    operations = spans["operation"].to_numpy()
    return [str(operations[row]) if entry[row] else "" for row in at]


def _write_stores(ledger: Ledger, spans: pd.DataFrame) -> None:
    """Write down the databases and caches that clients talk to."""
    clients = spans[(spans["db.system.name"] != "") & (spans["server.address"] != "")]
    columns = ("environment", "service", "db.system.name", "server.address", "server.port", "db.namespace")
    seen: dict[tuple[str, str], int] = {}
    for environment, name, system, address, port, namespace in _distinct(clients, *columns):
        seen[environment, name] = seen.get((environment, name), 0) + 1
        if seen[environment, name] > PEERS:
            continue
        cache = system.lower() in _CACHES
        kind = Kind.CACHE if cache else Kind.DATABASE
        host = address.lower()
        iri = iris.thing(kind.value.lower(), environment, host, *(() if cache or not namespace else (namespace,)))
        ledger.thing(iri, kind, address if cache else namespace or address)
        ledger.say(iri, terms.OTEL_DB_SYSTEM_NAME, system)
        ledger.say(iri, terms.OTEL_SERVER_ADDRESS, address)
        ledger.say(iri, terms.OTEL_SERVER_PORT, int(port) if port.isdigit() else None)
        ledger.say(iris.service(name, environment), terms.USES_DATASTORE, iri)
        behind = host.split(".", 1)[0]
        if "." not in host or ".svc" in host:
            ledger.thing(iris.service(behind, environment), Kind.SERVICE, behind, confidence=LIKELY)
            ledger.say(iri, terms.PART_OF, iris.service(behind, environment), confidence=LIKELY)


def _write_queues(ledger: Ledger, spans: pd.DataFrame) -> None:
    """Write down the topics and queues that services publish to and consume from."""
    messages = spans[(spans["messaging.destination.name"] != "") & spans["kind"].isin(["producer", "consumer"])]
    columns = ("environment", "service", "messaging.system", "messaging.destination.name", "kind")
    seen: dict[tuple[str, str], int] = {}
    for environment, name, system, destination, kind in _distinct(messages, *columns):
        seen[environment, name] = seen.get((environment, name), 0) + 1
        if seen[environment, name] > PEERS:
            continue
        what = Kind.QUEUE if system.lower() in _QUEUES else Kind.TOPIC
        iri = iris.thing(what.value.lower(), environment, system or "messaging", destination)
        ledger.thing(iri, what, ledger.redact(destination))
        ledger.say(iri, terms.OTEL_MESSAGING_SYSTEM, system)
        ledger.say(iri, terms.OTEL_MESSAGING_DESTINATION_NAME, destination)
        predicate = terms.PUBLISHES_TO if kind == "producer" else terms.CONSUMES_FROM
        ledger.say(iris.service(name, environment), predicate, iri)


def _write_instances(ledger: Ledger, spans: pd.DataFrame) -> None:
    """Write down the pods, nodes and hosts that services were seen on."""
    pods = spans[(spans["k8s.pod.name"] != "") & (spans["k8s.namespace.name"] != "")]
    columns = ("k8s.namespace.name", "k8s.pod.name", "k8s.node.name", "k8s.container.name", "container.id")
    seen: dict[tuple[str, str], int] = {}
    for environment, name, namespace, pod, node, box, container in _distinct(pods, "environment", "service", *columns):
        seen[environment, name] = seen.get((environment, name), 0) + 1
        if seen[environment, name] > INSTANCES:
            continue
        iri = ledger.thing(iris.thing("pod", environment, namespace, pod), Kind.POD, pod)
        ledger.say(iri, terms.IMPLEMENTS, iris.service(name, environment))
        ledger.say(iri, terms.OTEL_K8S_POD_NAME, pod)
        if node:
            on = ledger.thing(iris.thing("node", environment, node), Kind.NODE, node)
            ledger.say(iri, terms.RUNS_ON, on)
        if box:
            inside = iris.thing("container", environment, namespace, "pod", pod, box)
            ledger.say(ledger.thing(inside, Kind.CONTAINER, box), terms.RUNS_ON, iri)
            ledger.say(inside, terms.PART_OF, iri)
            ledger.say(inside, terms.OTEL_CONTAINER_ID, container)
    hosts = spans[(spans["host.name"] != "") & (spans["k8s.pod.name"] == "")]
    for index, (environment, name, host) in enumerate(_distinct(hosts, "environment", "service", "host.name")):
        if index >= INSTANCES:
            break
        on = ledger.thing(iris.thing("host", host), Kind.HOST, host)
        ledger.say(iris.service(name, environment), terms.RUNS_ON, on)
