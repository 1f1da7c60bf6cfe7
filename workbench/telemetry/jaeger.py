"""Jaeger: spans over a window, by the JSON API of its query service.

    JaegerSource("http://localhost:16686").ask(Question(Modality.TRACES, window, about=(checkout,)))

`what`, where given, is the name of an operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import pandas as pd

from ontology.nouns import Window
from workbench.nouns import Answered, Modality, Question, Reply, Silent
from workbench.telemetry.digest import digest
from workbench.telemetry.http_source import HttpSource, named, names_of, span, windows
from workbench.telemetry.layouts import COLUMNS
from workbench.telemetry.live_source import parsed
from workbench.telemetry.readonly import Allowed

TRACES = 200
"""Traces a service and window: Jaeger returns whole traces, and the latest first."""
SERVICES = 40
"""Services that are asked for; a trace holds those of its neighbours too."""


class JaegerSource(HttpSource):
    """Answers questions on traces from a Jaeger."""

    name = "jaeger"
    modality: ClassVar[Modality] = Modality.TRACES
    reads = (Allowed("GET", "/api/services"), Allowed("GET", "/api/traces"))

    def reply(self, question: Question) -> Reply:
        """Return the spans of window and baseline."""
        services = self._services(question)
        asked = [_search(each, window, question.what) for window in windows(question) for each in services]
        query = "\n".join(f"/api/traces?{urlencode(each)}" for each in asked)
        answers = [{"data": self._data("/api/traces", each)} for each in asked]
        rows = spans_table(parsed(self.name, (row for answer in answers for row in _spans(answer))), question)
        if rows.empty:
            return Silent(f"{self.url} for {named(question)}, {span(question.window)}", query=query)
        full = sum(len(answer["data"]) >= TRACES for answer in answers)
        cut = f"\nOf {full} searches only the latest {TRACES} traces were read." if full else ""
        link = f"{self.url}/search?{urlencode(_search(services[0], question.window, question.what))}"
        return Answered(digest(rows, question) + cut, rows, query=query, link=link)

    def _services(self, question: Question) -> list[str]:
        """Return the services to search for: those that the question names and Jaeger knows, or all that it knows."""
        known = [str(each) for each in self._data("/api/services")]
        names = names_of(question)
        return [each for each in sorted(known) if not names or each in names][:SERVICES]

    def _data(self, path: str, parameters: Mapping[str, str] | None = None) -> list[Any]:
        """Return the data of an answer, which Jaeger writes as null where there is none.

        Raises:
            Unavailable: it has no data.
        """
        answer = self.get(path, parameters)
        if not isinstance(answer.get("data", 0), list | None):
            raise self.foreign()
        return answer["data"] or []


def spans_table(spans: list[tuple[object, ...]], question: Question) -> pd.DataFrame:
    """Return spans (start in nanoseconds) as the table of a traces question: each once, in time order, within it."""
    rows = pd.DataFrame(spans, columns=list(COLUMNS[Modality.TRACES]))
    rows = rows.drop_duplicates(["trace_id", "span_id"])
    rows["start"] = pd.to_datetime(rows["start"].astype("int64"), unit="ns", utc=True).dt.as_unit("us")
    within = [(rows["start"] >= each.start) & (rows["start"] <= each.end) for each in windows(question)]
    rows = rows[pd.concat(within, axis=1).any(axis=1)]
    names = names_of(question)
    rows = rows[rows["service"].isin(names)] if names else rows
    return rows.sort_values("start", kind="stable", ignore_index=True)


def _search(service: str, window: Window, operation: str) -> dict[str, str]:
    """Return the parameters of a search; times in microseconds."""
    times = {"start": str(int(window.start.timestamp() * 1e6)), "end": str(int(window.end.timestamp() * 1e6))}
    return {"service": service, **({"operation": operation} if operation else {}), **times, "limit": str(TRACES)}


def _spans(answer: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for trace in answer.get("data") or ():
        services = {key: str(each.get("serviceName", "")) for key, each in (trace.get("processes") or {}).items()}
        for each in trace.get("spans") or ():
            yield _span(each, services.get(each.get("processID", ""), ""))


def _span(span: Mapping[str, Any], service: str) -> tuple[object, ...]:
    """Return one row of the spans table from a span as Jaeger has it: times in microseconds, tags as a list."""
    tags = {str(tag.get("key")): tag.get("value") for tag in span.get("tags") or ()}
    bad = str(tags.get("error", "")).lower() == "true" or tags.get("otel.status_code") == "ERROR"
    begin = int(span["startTime"]) * 1000
    return (
        span.get("traceID", ""),
        span.get("spanID", ""),
        _parent(span),
        service,
        span.get("operationName", ""),
        str(tags.get("span.kind", "internal")),
        begin,
        float(span.get("duration", 0)) / 1000.0,
        "error" if bad else "ok",
        _message(span, tags) if bad else "",
    )


def _parent(span: Mapping[str, Any]) -> str:
    """Return the id of the span that this one is a child of; a span it merely follows is no parent."""
    found = (each for each in span.get("references") or () if each.get("refType") == "CHILD_OF")
    return str(next((each["spanID"] for each in found if each.get("traceID") == span.get("traceID")), ""))


def _message(span: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
    """Return why a span failed: its status, or the last exception or error among its events."""
    if tags.get("otel.status_description"):
        return str(tags["otel.status_description"])
    fields = [{str(f.get("key")): f.get("value") for f in log.get("fields") or ()} for log in span.get("logs") or ()]
    names = ("exception.message", "error.object", "message")
    return next((str(each[name]) for each in reversed(fields) for name in names if each.get(name)), "")
