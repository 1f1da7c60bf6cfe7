"""Spans: made around work, carried on by W3C `traceparent`, sent as OTLP JSON to the collector once a second."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .resolving import resolve

KEPT = 5000
"""Spans that wait for a collector that is away."""
KINDS = {"internal": 1, "server": 2, "client": 3}
"""SpanKind numbers of OTLP."""


@dataclass
class Span:
    """One piece of work in a trace."""

    name: str
    kind: str
    trace_id: str
    parent_id: str
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    start: int = field(default_factory=time.time_ns)
    end: int = 0
    failed: str = ""
    """Why it failed; empty where it did not."""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def traceparent(self) -> str:
        """The header that carries the trace on."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def otlp(self) -> dict[str, Any]:
        """Return the span as OTLP JSON."""
        status = {"code": 2, "message": self.failed} if self.failed else {}
        pairs = [{"key": key, "value": {"stringValue": value}} for key, value in self.attributes.items()]
        return {
            "traceId": self.trace_id,
            "spanId": self.span_id,
            "parentSpanId": self.parent_id,
            "name": self.name,
            "kind": KINDS[self.kind],
            "startTimeUnixNano": str(self.start),
            "endTimeUnixNano": str(self.end),
            "attributes": pairs,
            "status": status,
        }


_current: ContextVar[Span | None] = ContextVar("span", default=None)
_finished: list[Span] = []
_lock = threading.Lock()


def current() -> Span | None:
    """Return the span that this thread works in."""
    return _current.get()


@contextlib.contextmanager
def span(name: str, kind: str = "internal", *, traceparent: str = "", **attributes: str) -> Iterator[Span]:
    """Work in a new span below the current one, or below the `traceparent` of a request."""
    above = _current.get()
    parts = traceparent.split("-") if traceparent else []
    trace_id = parts[1] if len(parts) == 4 else above.trace_id if above else secrets.token_hex(16)
    parent_id = parts[2] if len(parts) == 4 else above.span_id if above else ""
    made = Span(name, kind, trace_id, parent_id, attributes=attributes)
    token = _current.set(made)
    try:
        yield made
    except Exception as error:
        made.failed = made.failed or f"{type(error).__name__}: {error}"
        raise
    finally:
        _current.reset(token)
        made.end = time.time_ns()
        with _lock:
            _finished.append(made)


def flush(endpoint: str) -> None:
    """Send what is finished; what a collector that is away did not take is tried again, up to `KEPT` spans."""
    with _lock:
        batch, _finished[:] = list(_finished), []
    if not batch or not endpoint:
        return
    names = {"service.name": "OTEL_SERVICE_NAME", "service.version": "SERVICE_VERSION"}
    resource = [{"key": key, "value": {"stringValue": os.environ.get(name, "")}} for key, name in names.items()]
    scope = {"scope": {"name": "shop"}, "spans": [each.otlp() for each in batch]}
    body = {"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]}
    request = urllib.request.Request(  # noqa: S310  # the collector's address is our own configuration
        resolve(endpoint) + "/v1/traces", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            pass
    except OSError:
        with _lock:
            _finished[:0] = batch[-KEPT:]


def export() -> None:
    """Send spans once a second, for as long as the process lives."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    while True:
        time.sleep(1.0)
        flush(endpoint)
