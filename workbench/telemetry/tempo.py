"""Grafana Tempo: traces found by TraceQL, then read one by one.

    TempoSource("http://localhost:3200").ask(Question(Modality.TRACES, window, about=(checkout,)))

`what`, where given, is TraceQL of its own: `{ duration > 1s && status = error }`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from ontology.nouns import Window
from workbench.nouns import Answered, Modality, Question, Reply, Silent
from workbench.telemetry.digest import digest
from workbench.telemetry.http_source import HttpSource, named, names_of, span, windows
from workbench.telemetry.jaeger import spans_table
from workbench.telemetry.live_source import parsed
from workbench.telemetry.readonly import Allowed

TRACES = 100
"""Traces a window: each is a request of its own."""
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


class TempoSource(HttpSource):
    """Answers questions on traces from a Tempo."""

    name = "tempo"
    modality: ClassVar[Modality] = Modality.TRACES
    reads = (Allowed("GET", "/api/search"), Allowed("GET", "/api/traces/{id}"))

    def reply(self, question: Question) -> Reply:
        """Return the spans of window and baseline."""
        query = question.what.strip() or traceql(question)
        found = [self._search(query, window) for window in windows(question)]
        ids = dict.fromkeys(each for some in found for each in some)
        documents = [self.get(f"/api/traces/{each}") for each in ids]
        spans = parsed(self.name, (row for each in documents for row in otlp_spans(each)))
        rows = spans_table(spans, question)
        if rows.empty:
            return Silent(f"{self.url} for {named(question)}, {span(question.window)}", query=query)
        cut = f"\nOnly {TRACES} traces a window were read." if any(len(some) >= TRACES for some in found) else ""
        link = f"{self.url}/api/search?{urlencode(_parameters(query, question.window))}"
        return Answered(digest(rows, question) + cut, rows, query=query, link=link)

    def _search(self, query: str, window: Window) -> list[str]:
        answer = self.get("/api/search", _parameters(query, window))
        traces = answer.get("traces") or []  # left out where there is none
        if not isinstance(traces, list) or not {"traces", "metrics"} & set(answer):
            raise self.foreign()
        found = parsed(self.name, ((each["traceID"],) for each in traces if each.get("traceID")))
        return [str(each) for (each,) in found]


def traceql(question: Question) -> str:
    """Return TraceQL for the traces in which one of the entities takes part.

    >>> traceql(Question(Modality.TRACES, Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z")))
    '{ }'
    """
    names = sorted(names_of(question))
    pattern = json.dumps("|".join(re.escape(each) for each in names))
    return f"{{ resource.service.name =~ {pattern} }}" if names else "{ }"


def _parameters(query: str, window: Window) -> dict[str, str]:
    """Return the parameters of a search; times in whole seconds."""
    times = {"start": str(int(window.start.timestamp())), "end": str(int(window.end.timestamp()) + 1)}
    return {"q": query, **times, "limit": str(TRACES)}


def otlp_spans(document: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the spans table (start in nanoseconds) of a document in the OTLP JSON encoding.

    Source: opentelemetry-proto, trace/v1; Tempo calls `resourceSpans` `batches` and writes ids in base64.
    """
    inner = document.get("trace") if isinstance(document.get("trace"), dict) else document
    for batch in (inner or {}).get("resourceSpans") or (inner or {}).get("batches") or ():
        service = str(attributes(batch.get("resource") or {}).get("service.name", ""))
        for scope in batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans") or ():
            for each in scope.get("spans") or ():
                yield _span(each, service)


def _span(span: Mapping[str, Any], service: str) -> tuple[object, ...]:
    begin, end = int(span.get("startTimeUnixNano") or 0), int(span.get("endTimeUnixNano") or 0)
    status = span.get("status") or {}
    bad = str(status.get("code", "")) in ("2", "STATUS_CODE_ERROR")
    return (
        identifier(span.get("traceId", "")),
        identifier(span.get("spanId", "")),
        identifier(span.get("parentSpanId", "")),
        service,
        str(span.get("name", "")),
        _kind(span.get("kind", 0)),
        begin,
        max(end - begin, 0) / 1e6,
        "error" if bad else "ok",
        (str(status.get("message", "")) or _exception(span)) if bad else "",
    )


def attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Return OTLP attributes as a plain mapping; nested values as they stand."""
    return {
        str(each.get("key")): next(iter((each.get("value") or {}).values()), None)
        for each in holder.get("attributes") or ()
    }


def identifier(text: object) -> str:
    """Return a trace or span id in hexadecimal, however it was encoded.

    >>> identifier("00f067aa0ba902b7"), identifier("APBnqgupArc="), identifier("")
    ('00f067aa0ba902b7', '00f067aa0ba902b7', '')
    """
    said = str(text or "")
    if re.fullmatch(r"(?:[0-9a-fA-F]{16}){1,2}", said):
        return said.lower()
    try:
        return base64.b64decode(said, validate=True).hex()
    except binascii.Error:  # neither: it stays what it is, so that children still find their parents
        return said


def _kind(said: object) -> str:
    number = int(str(said)) if str(said).isdigit() else 0
    word = _KINDS[number] if str(said).isdigit() and number < len(_KINDS) else str(said).removeprefix("SPAN_KIND_")
    return "internal" if word.lower() in ("", "unspecified") else word.lower()


def _exception(span: Mapping[str, Any]) -> str:
    said = (attributes(event).get("exception.message") for event in reversed(span.get("events") or ()))
    return next((str(each) for each in said if each), "")
