"""Servers of our own that answer as vendors document, from the tables of a case: Loki, Jaeger, Tempo.

    with loki(tables["logs"]) as server:
        LokiSource(server.url).ask(question)

They stand in where the real server cannot be had; docs/sources.md says for which systems that is.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd

Answer = Callable[[str, Mapping[str, str]], "object | None"]
"""Path and parameters to what is answered as JSON; None for 404."""


class VendorServer:
    """A small HTTP server with JSON answers; use it as a context manager.

    Args:
        answer: what it says.
        canned: path to a (status, body) that is sent instead, for a test of what goes wrong.
    """

    def __init__(self, answer: Answer, canned: Mapping[str, tuple[int, bytes]] | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and parameters of each request, in order."""
        self.canned = dict(canned or {})
        self._answer = answer
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"play": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def reply(self, method: str, path: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        """Note the request and return status and body."""
        self.requests.append((method, path, parameters))
        if path in self.canned:
            return self.canned[path]
        said = self._answer(path, parameters)
        return (404, b"404 page not found") if said is None else (200, json.dumps(said).encode())

    def __enter__(self) -> VendorServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    play: VendorServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, whatever the method."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, body = self.play.reply(self.command, parts.path, query)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *parts: object) -> None:
        """Keep quiet."""


for _method in ("POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler.do_GET)


def loki(logs: pd.DataFrame) -> VendorServer:
    """Return a Loki that holds these lines, a stream an entity and severity, labelled `service_name`."""

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if label := re.fullmatch(r"/loki/api/v1/label/(\w+)/values", path):
            data = sorted(logs["entity"].unique()) if label[1] == "service_name" else []
            return {"status": "success", "data": data}
        if path != "/loki/api/v1/query_range":
            return None
        start, end = (pd.Timestamp(int(parameters[name]), tz="UTC") for name in ("start", "end"))
        names = re.search(r'service_name=~"([^"]*)"', parameters["query"])
        text = re.search(r'\|= "([^"]*)"', parameters["query"])
        rows = logs[(logs["time"] >= start) & (logs["time"] < end)]
        rows = rows[rows["entity"].str.fullmatch(names[1])] if names else rows
        rows = rows[rows["message"].str.contains(text[1], regex=False)] if text else rows
        rows = rows.sort_values("time", kind="stable").head(int(parameters["limit"]))
        streams = [
            {
                "stream": {"service_name": entity, "detected_level": severity},
                "values": [_line(each) for each in some.to_dict("records")],
            }
            for (entity, severity), some in rows.groupby(["entity", "severity"])
        ]
        return {"status": "success", "data": {"resultType": "streams", "result": streams}}

    return VendorServer(answer)


def _line(row: Mapping[Any, Any]) -> list[object]:
    return [str(row["time"].value), row["message"], {"trace_id": row["trace_id"]}]


def jaeger(traces: pd.DataFrame) -> VendorServer:
    """Return a Jaeger that holds these spans."""

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path == "/api/services":
            return {"data": sorted(traces["service"].unique()), "total": traces["service"].nunique()}
        if path != "/api/traces":
            return None
        start, end = (pd.Timestamp(int(parameters[name]), unit="us", tz="UTC") for name in ("start", "end"))
        rows = traces[(traces["start"] >= start) & (traces["start"] <= end)]
        meant = rows[rows["service"] == parameters["service"]]["trace_id"].unique()[: int(parameters["limit"])]
        return {"data": [_jaeger_trace(each, traces[traces["trace_id"] == each]) for each in meant]}

    return VendorServer(answer)


def _jaeger_trace(trace: str, rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "traceID": trace,
        "processes": {name: {"serviceName": name, "tags": []} for name in rows["service"]},
        "spans": [_jaeger_span(each) for each in rows.to_dict("records")],
    }


def _jaeger_span(row: Mapping[Any, Any]) -> dict[str, Any]:
    parent = [{"refType": "CHILD_OF", "traceID": row["trace_id"], "spanID": row["parent_id"]}]
    tags = [{"key": "span.kind", "type": "string", "value": row["kind"]}]
    if row["status"] == "error":
        tags.append({"key": "error", "type": "bool", "value": True})
    return {
        "traceID": row["trace_id"],
        "spanID": row["span_id"],
        "operationName": row["operation"],
        "references": parent if row["parent_id"] else [],
        "startTime": row["start"].value // 1000,
        "duration": round(row["duration_ms"] * 1000),
        "tags": tags,
        "logs": [{"fields": [{"key": "message", "value": row["message"]}]}] if row["message"] else [],
        "processID": row["service"],
    }


def tempo(traces: pd.DataFrame) -> VendorServer:
    """Return a Tempo that holds these spans; ids are base64, as it writes them."""
    ids = {_hex(trace): trace for trace in traces["trace_id"].unique()}

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if path == "/api/search":
            start, end = (pd.Timestamp(int(parameters[name]), unit="s", tz="UTC") for name in ("start", "end"))
            names = re.search(r'service.name =~ "([^"]*)"', parameters["q"])
            rows = traces[(traces["start"] >= start) & (traces["start"] <= end)]
            rows = rows[rows["service"].str.fullmatch(names[1])] if names else rows
            found = rows["trace_id"].unique()[: int(parameters["limit"])]
            return {"traces": [{"traceID": _hex(each), "rootServiceName": "checkout"} for each in found]}
        trace = ids.get(path.removeprefix("/api/traces/"))
        return None if trace is None else {"batches": _batches(traces[traces["trace_id"] == trace])}

    return VendorServer(answer)


def _batches(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"spans": [_otlp_span(each) for each in some.to_dict("records")]}],
        }
        for service, some in rows.groupby("service")
    ]


def _otlp_span(row: Mapping[Any, Any]) -> dict[str, Any]:
    begin = int(row["start"].value)
    failed = {"code": "STATUS_CODE_ERROR", "message": row["message"]}
    return {
        "traceId": _base64(row["trace_id"]),
        "spanId": _base64(row["span_id"]),
        "parentSpanId": _base64(row["parent_id"]) if row["parent_id"] else "",
        "name": row["operation"],
        "kind": f"SPAN_KIND_{row['kind'].upper()}",
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + round(row["duration_ms"] * 1e6)),
        "status": failed if row["status"] == "error" else {},
    }


def _hex(name: str) -> str:
    """Return an id of 16 bytes for a short name of a table."""
    return name.encode().hex().rjust(32, "0")


def _base64(name: str) -> str:
    return base64.b64encode(bytes.fromhex(_hex(name))).decode()
