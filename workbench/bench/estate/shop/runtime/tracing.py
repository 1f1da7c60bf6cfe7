"""Spans by the OpenTelemetry SDK: made around work, carried on by W3C `traceparent`, sent over OTLP once a second."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .resolving import address

KINDS = {kind.name.lower(): kind for kind in SpanKind}
_carrier = TraceContextTextMapPropagator()


def resource() -> Resource:
    """Return who sends: the name and the version of this service."""
    return Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", "unnamed"),
            "service.version": os.environ.get("SERVICE_VERSION", "0"),
        }
    )


def endpoint(signal: str) -> str:
    """Return where spans (`traces`) or log lines (`logs`) go; empty where nobody collects."""
    parts = urlsplit(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
    if not parts.hostname:
        return ""
    host, port = address(parts.hostname, parts.port or 4318)
    return f"http://{host}:{port}/v1/{signal}"


def start() -> None:
    """Let the SDK send spans in the background, as many as `OTEL_TRACES_SAMPLER` says."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource(), shutdown_on_exit=False)
    if endpoint("traces"):
        exporter = OTLPSpanExporter(endpoint=endpoint("traces"), timeout=2)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)


def stop() -> None:
    """Send what is finished."""
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush:
        flush(800)


def carried() -> dict[str, str]:
    """Return the header that carries the trace on."""
    headers: dict[str, str] = {}
    _carrier.inject(headers)
    return headers


def trace_id() -> str:
    """Return the trace that this thread works in, or nothing."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def failed(span: Span, error: BaseException) -> None:
    """Say on the span that it failed, and by which exception."""
    span.record_exception(error)
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))


@contextlib.contextmanager
def span(
    name: str, kind: str = "internal", attributes: Mapping[str, str | int] | None = None, *, above: str = ""
) -> Iterator[Span]:
    """Work in a new span below the current one, or below the `traceparent` of a request or message.

    What escapes marks it failed, unless it says that it is the caller's own fault (a `status` below 500).
    """
    context = _carrier.extract({"traceparent": above}) if above else None
    tracer = trace.get_tracer("shop")
    with tracer.start_as_current_span(
        name, context, KINDS[kind], attributes, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except Exception as error:
            if getattr(error, "status", 500) >= 500 or kind == "client":
                failed(made, error)
            raise
