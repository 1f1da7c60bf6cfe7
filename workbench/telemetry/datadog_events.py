"""Datadog: log lines and spans over a window, by the lists of its API v2.

    DatadogLogs("https://api.datadoghq.com", headers=keys(api_key, application_key)).ask(question)

The lists are asked with GET, not through the searches of the same name that want a POST. `what`, where given, is a
search in Datadog's own words: `status:error @http.status_code:500`. Spans are limited to 300 requests an hour there.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from ontology.nouns import Window, utc
from workbench.nouns import Modality, Question, Reply
from workbench.telemetry.datadog import services, site
from workbench.telemetry.http_source import HttpSource
from workbench.telemetry.layouts import service_of
from workbench.telemetry.live_source import Row, parsed, replied, windows
from workbench.telemetry.readonly import Allowed

PAGE = 1_000
"""Items of one answer, the most that Datadog gives."""
PAGES = 5
"""Answers a window; beyond it the reply says that it is cut off."""
_TRACE = ("dd.trace_id", "trace_id", "otel.trace_id")


class DatadogEvents(HttpSource):
    """What logs and spans have in common: a search, in pages with a cursor."""

    path: ClassVar[str]
    page: ClassVar[str]
    """Where a person sees them."""

    def reply(self, question: Question) -> Reply:
        """Return the items of window and baseline."""
        search, remarks = _search(question), dict[str, None]()
        found = {str(item.get("id")): item for each in windows(question) for item in self._items(search, each, remarks)}
        rows = parsed(self.name, map(self.row, found.values()))
        times = {name: str(int(at.timestamp() * 1000)) for name, at in _ends(question.window)}
        link = f"{site(self.url)}{self.page}?{urlencode({'query': search, **times, 'live': 'false'})}"
        return replied(rows, question, searched=self.url, query=search, link=link, remark=" ".join(remarks))

    @abstractmethod
    def row(self, item: Mapping[str, Any]) -> Row:
        """Return an item as a row; what raises there is another shape than documented."""

    def _items(self, search: str, window: Window, remarks: dict[str, None]) -> Iterator[dict[str, Any]]:
        """Yield the items of a window; what is not whole is added to `remarks`.

        Raises:
            Unavailable: no answer, a refusal, or another shape.
        """
        asked = {"filter[query]": search, "sort": "timestamp", "page[limit]": str(PAGE)}
        asked |= {f"filter[{name}]": at.isoformat() for name, at in (("from", window.start), ("to", window.end))}
        for _ in range(PAGES):
            answer = self.get(self.path, asked)
            found, meta = answer.get("data"), answer.get("meta") or {}
            if not isinstance(found, list) or not all(isinstance(each, dict) and each.get("id") for each in found):
                raise self.foreign()
            if not isinstance(meta, dict):
                raise self.foreign()
            if meta.get("status") == "timeout" or meta.get("warnings"):
                remarks["Datadog gave up before all of it was searched: some is missing."] = None
            yield from found
            after = (meta.get("page") or {}).get("after")
            if not after:
                return
            asked["page[cursor]"] = str(after)
        remarks[f"Only the first {PAGES * PAGE:,} of a window were read."] = None


def _search(question: Question) -> str:
    """Return the search: whose, and what."""
    names = " OR ".join(json.dumps(each) for each in services(question))
    return " ".join(each for each in (f"service:({names})" if names else "", question.what.strip()) if each) or "*"


def _ends(window: Window) -> tuple[tuple[str, Any], ...]:
    return ("from_ts", window.start), ("to_ts", window.end)


def _line(item: Mapping[str, Any]) -> Row:
    said = item["attributes"]
    more = said.get("attributes") or {}
    trace = next((str(_inner(more, each)) for each in _TRACE if _inner(more, each)), "")
    level = str(said.get("status") or "").lower()
    return said["timestamp"], service_of(said.get("service") or ""), level, str(said.get("message") or ""), trace


def _inner(fields: Mapping[str, Any], name: str) -> Any:
    """Return a field that is written with dots, or nested."""
    head, _, rest = name.partition(".")
    inner = fields.get(head)
    return fields.get(name) or (inner.get(rest) if rest and isinstance(inner, dict) else None)


def _span(item: Mapping[str, Any]) -> Row:
    said = item["attributes"]
    custom = said.get("custom") or {}
    begin, end = utc(said["start_timestamp"]), utc(said["end_timestamp"])
    length = custom.get("duration")
    error = custom.get("error") or said.get("error") or {}
    bad = bool(error) or said.get("status") == "error"
    message = error.get("message") if isinstance(error, dict) else ""
    kind = _inner(custom, "span.kind") or {"web": "server", "http": "client"}.get(str(said.get("type")), "internal")
    return (
        str(said["trace_id"]),
        str(said["span_id"]),
        "" if str(said.get("parent_id") or "0") == "0" else str(said["parent_id"]),
        str(said.get("service") or ""),
        str(said.get("resource_name") or ""),
        str(kind),
        begin,
        float(length) / 1e6 if length is not None else (end - begin).total_seconds() * 1000,
        "error" if bad else "ok",
        str(message or ""),
    )


class DatadogLogs(DatadogEvents):
    """Answers questions on logs from Datadog."""

    name = "datadog logs"
    modality: ClassVar[Modality] = Modality.LOGS
    path = "/api/v2/logs/events"
    page = "/logs"
    reads = (Allowed("GET", path),)

    def row(self, item: Mapping[str, Any]) -> Row:
        """Return a line."""
        return _line(item)


class DatadogTraces(DatadogEvents):
    """Answers questions on traces from Datadog."""

    name = "datadog traces"
    modality: ClassVar[Modality] = Modality.TRACES
    path = "/api/v2/spans/events"
    page = "/apm/traces"
    reads = (Allowed("GET", path),)

    def row(self, item: Mapping[str, Any]) -> Row:
        """Return a span."""
        return _span(item)
