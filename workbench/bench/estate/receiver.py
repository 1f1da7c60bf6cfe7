"""Take in OTLP over HTTP, JSON and protobuf, and keep it as JSON lines: `python receiver.py PORT FOLDER`.

Stands for the OpenTelemetry Collector with its file exporter: a document of OTLP JSON a line, `traces.jsonl` and
`logs.jsonl`, rotated by size. Ids are hexadecimal there, as the specification wants them in JSON.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO

ROTATED = 32 * 2**20
"""Bytes after which a file gets a number and a new one begins."""
KEPT = 20
"""Rotated files that are kept of each kind."""
Json = dict[str, Any]


@dataclass
class Lines:
    """A file that grows by lines and is rotated: `traces.jsonl`, then `traces-0001.jsonl` and so on."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    turn: int = 0

    def __post_init__(self) -> None:
        self.file: TextIO = self.path.open("a")

    def add(self, line: str) -> None:
        """Write a line; it is on its way to the disk when this returns."""
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()
            if self.file.tell() >= ROTATED:
                self._rotate()

    def _rotate(self) -> None:
        self.file.close()
        self.turn += 1
        self.path.rename(self.path.with_stem(f"{self.path.stem}-{self.turn:04}"))
        self.path.with_stem(f"{self.path.stem}-{self.turn - KEPT:04}").unlink(missing_ok=True)
        self.file = self.path.open("a")


def value(held: Any) -> Json:
    """Return an attribute's value of the protocol as JSON writes it."""
    kind = held.WhichOneof("value")
    if kind == "array_value":
        return {"arrayValue": {"values": [value(each) for each in held.array_value.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": attributes(held.kvlist_value.values)}}
    if kind == "int_value":
        return {"intValue": str(held.int_value)}
    names = {"string_value": "stringValue", "bool_value": "boolValue", "double_value": "doubleValue"}
    return {names[kind]: getattr(held, kind)} if kind in names else {}


def attributes(held: Iterable[Any]) -> list[Json]:
    """Return attributes as JSON writes them."""
    return [{"key": each.key, "value": value(each.value)} for each in held]


def span(held: Any) -> Json:
    """Return a span as JSON writes it."""
    said: Json = {
        "traceId": held.trace_id.hex(),
        "spanId": held.span_id.hex(),
        "parentSpanId": held.parent_span_id.hex(),
        "name": held.name,
        "kind": held.kind,
        "startTimeUnixNano": str(held.start_time_unix_nano),
        "endTimeUnixNano": str(held.end_time_unix_nano),
        "attributes": attributes(held.attributes),
        "status": {"code": held.status.code, "message": held.status.message},
    }
    if held.events:
        said["events"] = [
            {"timeUnixNano": str(each.time_unix_nano), "name": each.name, "attributes": attributes(each.attributes)}
            for each in held.events
        ]
    if held.links:
        said["links"] = [
            {"traceId": each.trace_id.hex(), "spanId": each.span_id.hex(), "attributes": attributes(each.attributes)}
            for each in held.links
        ]
    return said


def record(held: Any) -> Json:
    """Return a log record as JSON writes it."""
    return {
        "timeUnixNano": str(held.time_unix_nano or held.observed_time_unix_nano),
        "severityNumber": held.severity_number,
        "severityText": held.severity_text,
        "body": value(held.body),
        "attributes": attributes(held.attributes),
        "traceId": held.trace_id.hex(),
        "spanId": held.span_id.hex(),
    }


def traces(body: bytes) -> Json:
    """Return an export of spans, protobuf, as JSON writes it."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(each.resource.attributes)},
                "scopeSpans": [
                    {"scope": {"name": part.scope.name}, "spans": [span(one) for one in part.spans]}
                    for part in each.scope_spans
                ],
            }
            for each in ExportTraceServiceRequest.FromString(body).resource_spans
        ]
    }


def logs(body: bytes) -> Json:
    """Return an export of log records, protobuf, as JSON writes it."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return {
        "resourceLogs": [
            {
                "resource": {"attributes": attributes(each.resource.attributes)},
                "scopeLogs": [
                    {"scope": {"name": part.scope.name}, "logRecords": [record(one) for one in part.log_records]}
                    for part in each.scope_logs
                ],
            }
            for each in ExportLogsServiceRequest.FromString(body).resource_logs
        ]
    }


READS: dict[str, tuple[str, str, Callable[[bytes], Json]]] = {
    "/v1/traces": ("traces", "resourceSpans", traces),
    "/v1/logs": ("logs", "resourceLogs", logs),
}
"""Path to file, the key that its JSON must have, and the reader of its protobuf."""


def document(path: str, kind: str, body: bytes) -> str:
    """Return an export as one line of JSON.

    Raises:
        ValueError: it is none.
    """
    _, key, read = READS[path]
    try:
        said = json.loads(body) if kind == "application/json" else read(body)
    except Exception as error:  # protobuf has an error of its own that is no ValueError
        raise ValueError(str(error)) from error
    if not isinstance(said, dict) or not isinstance(said.get(key), list):
        raise ValueError(f"no {key}")
    return json.dumps(said, separators=(",", ":"))


def handler(files: dict[str, Lines]) -> type[BaseHTTPRequestHandler]:
    """Return what answers a request, writing to these files by path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:  # the name that http.server calls
            body = self._body()
            kind = self.headers.get_content_type()
            if self.path not in files:
                self._say(404, kind)
                return
            try:
                body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                files[self.path].add(document(self.path, kind, body))
            except (ValueError, OSError, EOFError):
                self._say(400, kind)
                return
            self._say(200, kind)

        def do_GET(self) -> None:
            self._say(200, "application/json")

        def _body(self) -> bytes:
            """Return what was sent, with its length said before, or in chunks as Node's exporter sends it."""
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers, and the empty line after them
                pass
            return b"".join(parts)

        def _say(self, status: int, kind: str) -> None:
            said = b"{}" if kind == "application/json" else b""  # an empty message is no bytes in protobuf
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


class Server(ThreadingHTTPServer):
    """Listens with a queue long enough for all services at once."""

    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    """Listen until ended."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    files = {path: Lines(folder / f"{name}.jsonl") for path, (name, _, _) in READS.items()}
    import opentelemetry.proto.collector.logs.v1.logs_service_pb2
    import opentelemetry.proto.collector.trace.v1.trace_service_pb2  # noqa: F401  # before the first request waits

    Server(("127.0.0.1", port), handler(files)).serve_forever()


if __name__ == "__main__":
    main()
