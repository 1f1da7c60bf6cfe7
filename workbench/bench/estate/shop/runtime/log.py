"""Log lines as JSON on standard output, with the trace they belong to."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

from . import tracing


def _write(severity: str, message: str) -> None:
    span = tracing.current()
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "severity": severity,
        "service": os.environ.get("OTEL_SERVICE_NAME", "unnamed"),
        "message": message,
        "trace_id": span.trace_id if span else "",
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def info(message: str) -> None:
    """Something went as it should."""
    _write("INFO", message)


def warning(message: str) -> None:
    """Something is odd, and was dealt with."""
    _write("WARN", message)


def error(message: str) -> None:
    """Something failed."""
    _write("ERROR", message)
