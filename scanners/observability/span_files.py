"""Spans as rows: OTLP JSON and Jaeger's JSON, read into one table. Pure.

A row has `COLUMNS`, and what `ATTRIBUTES` of its resource and itself are known, under OpenTelemetry's present names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

COLUMNS = ("trace_id", "span_id", "parent_id", "service", "operation", "kind")
"""Columns that are needed: text."""
RESOURCE = (
    "deployment.environment.name",
    "service.namespace",
    "service.version",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "k8s.node.name",
    "host.name",
    "container.id",
)
"""Attributes of who sent the span."""
PEER = (
    "db.system.name",
    "db.namespace",
    "server.address",
    "server.port",
    "messaging.system",
    "messaging.destination.name",
)
"""Attributes of whom the span talks to."""
ATTRIBUTES = (*RESOURCE, *PEER)
FORMER: Mapping[str, str] = {
    "deployment.environment": "deployment.environment.name",
    "db.system": "db.system.name",
    "db.name": "db.namespace",
    "net.peer.name": "server.address",
    "net.peer.port": "server.port",
    "messaging.destination": "messaging.destination.name",
}
"""Names that conventions had before, and senders still use."""
_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
_KNOWN = frozenset((*ATTRIBUTES, *FORMER))
Row = dict[str, str]


def bodies(text: str) -> list[Any]:
    """Return the JSON values of a text: one, or one a line.

    Raises:
        ValueError: it is empty, or no JSON.
    """
    if not text.strip():
        raise ValueError("it is empty")
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except RecursionError:
        raise ValueError("it nests too deep") from None


def spans(body: Any) -> Iterator[Row]:
    """Yield the spans of one body, of whichever of the two formats.

    Raises:
        KeyError, TypeError, AttributeError: it is neither.
    """
    if isinstance(body, list):
        for each in body:
            yield from spans(each)
    elif "data" in body or ("spans" in body and "processes" in body):
        yield from jaeger(body.get("data", [body]))
    else:
        yield from otlp(body)


def otlp(body: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the spans of OTLP JSON, as the collector's file exporter and the HTTP protocol write it."""
    for resource in body.get("resourceSpans", []):
        sender = _attributes(resource.get("resource", {}).get("attributes", []))
        about = _kept(sender)
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                yield {
                    **about,
                    **_kept(_attributes(span.get("attributes", []))),
                    "trace_id": span["traceId"],
                    "span_id": span["spanId"],
                    "parent_id": span.get("parentSpanId", ""),
                    "service": sender.get("service.name", ""),
                    "operation": span.get("name", ""),
                    "kind": _kind(span.get("kind", 1)),
                }


def jaeger(traces: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield the spans of Jaeger's JSON, as its API and its interface write it."""
    for trace in traces:
        processes = trace.get("processes", {})
        for span in trace.get("spans", []):
            process = span.get("process") or processes.get(span.get("processID"), {})
            tags = _tags(span.get("tags", []))
            references = span.get("references") or []
            children = [each for each in references if each.get("refType") == "CHILD_OF"]
            parent: Mapping[str, Any] = next(iter([*children, *references]), {})
            yield {
                **_kept(_tags(process.get("tags", []))),
                **_kept(tags),
                "trace_id": span["traceID"],
                "span_id": span["spanID"],
                "parent_id": str(parent.get("spanID") or span.get("parentSpanID") or ""),
                "service": str(process.get("serviceName", "")),
                "operation": str(span.get("operationName", "")),
                "kind": tags.get("span.kind", "internal").lower(),
            }


def _kind(kind: Any) -> str:
    """Return the kind of a span in a word.

    >>> _kind(2), _kind("SPAN_KIND_CLIENT")
    ('server', 'client')
    """
    return _KINDS.get(kind, "internal") if isinstance(kind, int) else str(kind).removeprefix("SPAN_KIND_").lower()


def _kept(attributes: Mapping[str, str]) -> Row:
    """Return what we ask of the attributes, under their present names."""
    former = {now: attributes[then] for then, now in FORMER.items() if then in attributes}
    return former | {key: value for key, value in attributes.items() if key in _KNOWN and key not in FORMER}


def _attributes(every: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the scalar attributes of OTLP."""
    found: dict[str, str] = {}
    for each in every:
        for kind in ("stringValue", "intValue", "doubleValue"):
            if kind in each.get("value", {}):
                found[str(each.get("key"))] = str(each["value"][kind])
    return found


def _tags(every: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of Jaeger."""
    return {str(each.get("key")): str(each.get("value", "")) for each in every}
