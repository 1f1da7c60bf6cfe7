"""Servers of our own that answer as vendors document, from the tables of a case: Loki, Jaeger, Tempo, Elasticsearch.

    with loki(tables["logs"]) as server:
        LokiSource(server.url).ask(question)

They stand in where the real server cannot be had; docs/sources.md says for which systems that is.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd

Answer = Callable[[str, Mapping[str, str]], "object | None"]
"""Path and parameters to what is answered as JSON, or a `Page`; None for 404."""
BODY = "(body)"
"""The parameter that holds the text of a request's body."""
ANY = "*"
"""The path of a canned answer to whatever is asked."""


class Fault(StrEnum):
    """What can go wrong with a server, for the contract suite of sources."""

    DOWN = "down"
    """Nobody listens there: asked at another address."""
    SLOW = "slow"
    """It takes the request and says nothing for as long as it is there."""
    BROKEN = "5xx"
    """It answers 503."""
    HALF = "half an answer"
    """It breaks off in the middle."""
    MALFORMED = "malformed"
    """It ends its answer in the middle as if that were the end."""
    CLOCK = "clock ten minutes off"
    """Its clock is ahead of ours."""


OFF = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer with headers of its own, such as `Link`, or another status, or that is plain text."""

    said: object
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


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
        self.fault: Fault | None = None
        """What goes wrong from now on."""
        self.over = threading.Event()
        self._answer = answer
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"play": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def reply(self, method: str, path: str, parameters: dict[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        """Note the request and return status, body and headers."""
        self.requests.append((method, path, parameters))
        if canned := self.canned.get(path) or self.canned.get(ANY):
            return (*canned, {})
        said = self._answer(path, parameters)
        if said is None:
            return 404, b"404 page not found", {}
        page = said if isinstance(said, Page) else Page(said)
        body = page.said.encode() if isinstance(page.said, str) else json.dumps(page.said).encode()
        return page.status, body, page.headers

    def __enter__(self) -> VendorServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    play: VendorServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # headers and body are two writes: the second would wait 40 ms for an acknowledgement
    )

    def do_GET(self) -> None:
        """Answer, whatever the method."""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if sent := self.rfile.read(int(self.headers.get("Content-Length") or 0)):
            query[BODY] = sent.decode()
        status, body, headers = self.play.reply(self.command, parts.path, query)
        fault = self.play.fault
        if fault is Fault.SLOW:
            self.play.over.wait()
            self.close_connection = True
            return
        if fault is Fault.BROKEN:
            status, body, headers = 503, b"upstream is gone", {"Retry-After": "0"}
        body = body[: len(body) // 2] if fault is Fault.MALFORMED else body
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection |= fault is Fault.HALF
        self.wfile.write(body[: len(body) // 2] if fault is Fault.HALF else body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time of the `Date` header."""
        ahead = OFF.total_seconds() if self.play.fault is Fault.CLOCK else 0.0
        return super().date_time_string((time.time() if timestamp is None else timestamp) + ahead)

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


def elasticsearch(logs: pd.DataFrame, *, ecs: bool = True) -> VendorServer:
    """Return an Elasticsearch that holds these lines, in the fields of ECS or of OpenTelemetry."""
    rows = logs.sort_values("time", kind="stable")
    hits = [_hit(number, each, ecs) for number, each in enumerate(rows.to_dict("records"))]

    def answer(path: str, parameters: Mapping[str, str]) -> object | None:
        if not path.endswith("/_search"):
            return None
        body = json.loads(parameters[BODY])
        after = body.get("search_after", [-1])[0]
        kept = [each for each in hits if each["sort"][0] > after and _matches(each["_source"], body["query"])]
        shards = {"total": 3, "successful": 3, "skipped": 0, "failed": 0}
        found = {"max_score": None, "hits": kept[: body["size"]]}
        return {"took": 4, "timed_out": False, "_shards": shards, "hits": found}

    return VendorServer(answer)


def _hit(number: int, row: Mapping[Any, Any], ecs: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "@timestamp": row["time"].isoformat(),
        "service": {"name": row["entity"]},
        "log": {"level": row["severity"].upper()},
        "message": row["message"],
        "trace": {"id": row["trace_id"]},
    }
    otel = {
        "@timestamp": row["time"].isoformat(),
        "resource": {"attributes": {"service.name": row["entity"]}},
        "severity_text": row["severity"],
        "body": {"text": row["message"]},
        "trace_id": row["trace_id"],
    }
    return {"_index": "logs-1", "_id": f"d{number}", "_source": said if ecs else otel, "sort": [row["time"].value]}


def _matches(said: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Say whether a document fits a query of the kinds that are asked: bool, range, terms, term, match_phrase."""
    kind, rest = next(iter(query.items()))
    if kind == "bool":
        must = all(_matches(said, each) for each in rest.get("filter", ()))
        return must and (not rest.get("should") or any(_matches(said, each) for each in rest["should"]))
    name, wanted = next(iter(rest.items()))
    value = _leaf(said, name.removesuffix(".keyword"))
    if kind == "range":
        at = pd.Timestamp(str(value))
        return pd.Timestamp(wanted["gte"]) <= at <= pd.Timestamp(wanted["lte"])
    if kind == "match_phrase":
        return str(wanted).lower() in str(value or "").lower()
    return value in wanted if kind == "terms" else value == wanted


def _leaf(said: Any, name: str) -> Any:
    """Return a field by its path, written nested or with dots."""
    if not isinstance(said, dict) or name in said:
        return said.get(name) if isinstance(said, dict) else None
    head = next((each for each in said if name.startswith(each + ".")), None)
    return None if head is None else _leaf(said[head], name[len(head) + 1 :])


def alertmanager(state: pd.DataFrame) -> VendorServer:
    """Return an Alertmanager in which each row is an alert that fires since its time."""
    alerts = [
        {
            "labels": {"alertname": row["field"], "service": row["entity"], "severity": "page"},
            "annotations": {"summary": row["value"]},
            "startsAt": row["time"].isoformat(),
            "endsAt": (row["time"] + pd.Timedelta(hours=1)).isoformat(),
            "updatedAt": row["time"].isoformat(),
            "fingerprint": f"{number:016x}",
            "receivers": [{"name": "pager"}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            "generatorURL": "http://prometheus.example/graph",
        }
        for number, row in enumerate(state.to_dict("records"))
    ]
    return VendorServer(lambda path, _: alerts if path == "/api/v2/alerts" else None)


class Lines:
    """A file of log lines, written from a case's logs; use it as a context manager."""

    def __init__(self, logs: pd.DataFrame) -> None:
        self._logs = logs
        self._folder = tempfile.TemporaryDirectory(prefix="lines-")
        self.url = str(Path(self._folder.name) / "shop.log")

    def __enter__(self) -> Lines:
        rows = self._logs.sort_values("time").to_dict("records")
        said = [
            {"time": row["time"].isoformat(), "level": row["severity"], "service": row["entity"], "msg": row["message"]}
            for row in rows
        ]
        Path(self.url).write_text("\n".join(map(json.dumps, said)) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


class Journalctl:
    """A program that stands for journalctl: a case's logs as its JSON export; use it as a context manager."""

    PROGRAM = """#!{python}
import json, sys
said = dict(each.lstrip("-").partition("=")[::2] for each in sys.argv[1:])
since, until = (float(said[name].lstrip("@")) * 1e6 for name in ("since", "until"))
for each in json.load(open({entries!r})):
    unit = said.get("unit", each["_SYSTEMD_UNIT"])
    if since <= int(each["__REALTIME_TIMESTAMP"]) <= until and unit == each["_SYSTEMD_UNIT"]:
        print(json.dumps(each))
"""

    def __init__(self, logs: pd.DataFrame) -> None:
        self._logs = logs
        self._folder = tempfile.TemporaryDirectory(prefix="journal-")
        self.url = str(Path(self._folder.name) / "journalctl")

    def __enter__(self) -> Journalctl:
        levels = {"error": "3", "warn": "4", "info": "6"}
        said = [
            {
                "__REALTIME_TIMESTAMP": str(row["time"].value // 1000),
                "__CURSOR": f"s=1;i={number:x}",
                "_SYSTEMD_UNIT": f"{row['entity']}.service",
                "PRIORITY": levels.get(row["severity"], "6"),
                "MESSAGE": row["message"],
            }
            for number, row in enumerate(self._logs.sort_values("time").to_dict("records"))
        ]
        entries = Path(self._folder.name) / "entries.json"
        entries.write_text(json.dumps(said))
        Path(self.url).write_text(self.PROGRAM.format(python=sys.executable, entries=str(entries)))
        Path(self.url).chmod(0o700)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


class OtlpLines:
    """A file of OTLP JSON, a trace a line, written from a case's traces; use it as a context manager."""

    def __init__(self, traces: pd.DataFrame) -> None:
        self._traces = traces
        self._folder = tempfile.TemporaryDirectory(prefix="traces-")
        self.url = str(Path(self._folder.name) / "traces.json")

    def __enter__(self) -> OtlpLines:
        every = [{"resourceSpans": _batches(some)} for _, some in self._traces.groupby("trace_id")]
        Path(self.url).write_text("\n".join(map(json.dumps, every)) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


class StateLines:
    """A file of state, a row a line, written from a case's states; use it as a context manager."""

    def __init__(self, states: pd.DataFrame) -> None:
        self._states = states
        self._folder = tempfile.TemporaryDirectory(prefix="states-")
        self.url = str(Path(self._folder.name) / "events.jsonl")

    def __enter__(self) -> StateLines:
        rows = self._states.assign(time=[each.isoformat() for each in self._states["time"]]).to_dict("records")
        Path(self.url).write_text("\n".join(map(json.dumps, rows)) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()
