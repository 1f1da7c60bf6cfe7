"""The receiver keeps what OpenTelemetry's exporters send, in every encoding, as the trace source reads it."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ontology.nouns import Window
from workbench.bench.estate.receiver import READS, Lines, Server, handler
from workbench.nouns import Answered, Modality, Question
from workbench.telemetry.trace_files import TraceFiles

proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="the extra: estate")
NOW = datetime.now(UTC)
NANOS = int(NOW.timestamp() * 1e9)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A receiver on a free port, and the folder that it writes into."""
    files = {path: Lines(tmp_path / f"{name}.jsonl") for path, (name, _, _) in READS.items()}
    server = Server(("127.0.0.1", 0), handler(files))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], tmp_path
    server.shutdown()
    server.server_close()


def exported() -> bytes:
    """Return one span as the protobuf exporter sends it."""
    request = proto.ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    name = resource.resource.attributes.add(key="service.name")
    name.value.string_value = "payment"
    span = resource.scope_spans.add().spans.add(name="POST /charges", kind=2)
    span.trace_id, span.span_id = bytes.fromhex(TRACE), bytes.fromhex(SPAN)
    span.start_time_unix_nano, span.end_time_unix_nano = NANOS, NANOS + 25_000_000
    span.attributes.add(key="http.response.status_code").value.int_value = 503
    span.status.code = 2
    return bytes(request.SerializeToString())


def as_json() -> bytes:
    """Return the same span as an exporter of JSON sends it."""
    attribute = {"key": "http.response.status_code", "value": {"intValue": "503"}}
    span = {"traceId": TRACE, "spanId": SPAN, "parentSpanId": "", "name": "POST /charges", "kind": 2,
            "startTimeUnixNano": str(NANOS), "endTimeUnixNano": str(NANOS + 25_000_000), "status": {"code": 2},
            "attributes": [attribute]}  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()


def sent(port: int, body: bytes, kind: str, *, path: str = "/v1/traces", chunked: bool = False, **more: str) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    pieces = (body[:40], body[40:]) if chunked else body
    link.request("POST", path, pieces, {"Content-Type": kind, **more}, encode_chunked=chunked)
    first = link.getresponse()
    first.read()
    link.request("GET", "/")  # on the same connection: nothing of the body was left over
    assert link.getresponse().status == 200
    link.close()
    return first.status


@pytest.mark.parametrize("how", ["protobuf", "json", "chunks", "gzip"])
def test_a_span_is_the_same_in_every_encoding(receiver: tuple[int, Path], how: str) -> None:
    """Protobuf, JSON, in chunks, compressed: the trace source reads the same span from the file."""
    port, folder = receiver
    protobuf = "application/x-protobuf"
    if how == "chunks":
        code = sent(port, as_json(), "application/json", chunked=True, **{"Transfer-Encoding": "chunked"})
    elif how == "gzip":
        code = sent(port, gzip.compress(exported()), protobuf, **{"Content-Encoding": "gzip"})
    else:
        code = sent(port, *((exported(), protobuf) if how == "protobuf" else (as_json(), "application/json")))
    window = Window(NOW - timedelta(minutes=1), NOW + timedelta(minutes=1))
    reply = TraceFiles((str(folder / "traces*.jsonl"),)).ask(Question(Modality.TRACES, window)).reply

    assert code == 200
    assert isinstance(reply, Answered), reply
    (row,) = reply.table.to_dict("records")
    assert (row["trace_id"], row["span_id"], row["service"], row["kind"]) == (TRACE, SPAN, "payment", "server")
    assert (row["operation"], row["status"], round(row["duration_ms"])) == ("POST /charges", "error", 25)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"resourceLogs": []}', b"\xff\xff\xff"])
def test_what_is_no_export_is_refused_and_not_written(receiver: tuple[int, Path], body: bytes) -> None:
    """Half JSON, foreign JSON, what is no JSON: 400, and no line in the file."""
    port, folder = receiver

    assert sent(port, body, "application/json") == 400
    assert sent(port, as_json(), "application/json", path="/v1/metrics") == 404
    assert (folder / "traces.jsonl").read_text() == ""
