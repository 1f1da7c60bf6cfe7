"""Log lines as JSON on standard output and over OTLP, with the trace they belong to."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger_provider, set_logger_provider

from . import tracing

SEVERITIES = {"INFO": SeverityNumber.INFO, "WARN": SeverityNumber.WARN, "ERROR": SeverityNumber.ERROR}


def start() -> None:
    """Let the SDK send log lines in the background."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=tracing.resource(), shutdown_on_exit=False)
    if tracing.endpoint("logs"):
        exporter = OTLPLogExporter(endpoint=tracing.endpoint("logs"), timeout=2)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=1000))
    set_logger_provider(provider)


def stop() -> None:
    """Send what was written."""
    flush: Callable[[int], object] | None = getattr(get_logger_provider(), "force_flush", None)
    if flush:
        flush(800)


def _write(severity: str, message: str, attributes: dict[str, str]) -> None:
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "severity": severity,
        "service": os.environ.get("OTEL_SERVICE_NAME", "unnamed"),
        "message": message,
        "trace_id": tracing.trace_id(),
        **attributes,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    record = LogRecord(
        timestamp=time.time_ns(),
        severity_text=severity,
        severity_number=SEVERITIES[severity],
        body=message,
        attributes=dict(attributes),
    )
    get_logger_provider().get_logger("shop").emit(record)


def info(message: str) -> None:
    """Something went as it should."""
    _write("INFO", message, {})


def warning(message: str) -> None:
    """Something is odd, and was dealt with."""
    _write("WARN", message, {})


def error(message: str, cause: BaseException | None = None) -> None:
    """Something failed, with the stack of its cause where that is our own code."""
    attributes = {}
    if cause is not None:
        attributes = {
            "exception.type": type(cause).__qualname__,
            "exception.message": str(cause),
            "exception.stacktrace": "".join(traceback.format_exception(cause))[-4000:],
        }
    _write("ERROR", message, attributes)
