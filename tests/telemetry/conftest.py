"""A small case of our own layout: two services, ten quiet minutes, then five in which payment is slow."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from ontology.nouns import Window, utc

START = utc("2026-01-31T02:40:00Z")
FAULT = START + timedelta(minutes=10)
END = FAULT + timedelta(minutes=5)
SHARED = Path(__file__).parents[2].parent / "shared" / "cases"


def tables() -> dict[str, pd.DataFrame]:
    """Return the four tables of the case."""
    times = pd.date_range(START, END, freq="5s").as_unit("us")
    late = np.asarray(times >= FAULT)
    noise = np.random.default_rng(7).normal(1.0, 0.03, (4, len(times)))
    series = {
        ("payment", "http_server_request_duration_p99_seconds"): np.where(late, 1.3, 0.12) * noise[0],
        ("checkout", "http_server_request_duration_p99_seconds"): np.where(late, 1.4, 0.2) * noise[1],
        ("payment", "process_resident_memory_bytes"): 64e6 * noise[2],
        ("checkout", "http_server_requests_per_second"): 12.0 * noise[3],
    }
    metrics = pd.concat(
        [pd.DataFrame({"time": times, "entity": e, "metric": m, "value": v}) for (e, m), v in series.items()]
    )
    ends = [START + timedelta(seconds=20 * n) for n in range(44)]
    spans, lines = [], []
    for n, at in enumerate(ends):
        slow = 1200.0 if at >= FAULT else 90.0
        status = "error" if at >= FAULT and n % 3 == 0 else "ok"
        spans += [
            (f"t{n}", f"a{n}", "", "checkout", "POST /checkout", "server", at, slow + 30, status, ""),
            (f"t{n}", f"b{n}", f"a{n}", "payment", "POST /charge", "server", at, slow, status, ""),
        ]
        lines.append((at, "checkout", "info", f"order {1000 + n} accepted", f"t{n}"))
        if at >= FAULT:
            lines.append((at, "payment", "error", f"timeout after 1000 ms calling bank for order {n}", f"t{n}"))
    columns = "trace_id span_id parent_id service operation kind start duration_ms status message"
    change = (
        FAULT - timedelta(seconds=30),
        "payment",
        "deploy",
        "payment 1.4.2 rolled out",
        "v1.4.2",
        "password=hunter22",
    )
    return {
        "metrics": metrics,
        "traces": pd.DataFrame(spans, columns=columns.split()),
        "logs": pd.DataFrame(lines, columns=["time", "entity", "severity", "message", "trace_id"]),
        "changes": pd.DataFrame([change], columns=["time", "entity", "kind", "summary", "ref", "detail"]),
    }


def described() -> dict[str, object]:
    """Return what case.json says, without its files."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "CheckoutSlow", "service": "checkout", "severity": "critical"},
        "annotations": {"summary": "Checkout p99 is above 1 s", "onset": f"{FAULT:%Y-%m-%dT%H:%M:%SZ}"},
        "startsAt": f"{END:%Y-%m-%dT%H:%M:%SZ}",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph?g0.expr=1",
        "fingerprint": "c0ffee1234567890",
    }
    spans = {"window_normal": (START, FAULT), "window_abnormal": (FAULT, END)}
    return {
        "case_id": "shop-1",
        "dataset": "incident-workbench",
        "system": "shop",
        "summary": "Checkout is slow",
        "alert": alert,
        **{name: [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in pair] for name, pair in spans.items()},
        "sampling_s": 5,
        "environment": "shop",
        "note": "",
    }


@pytest.fixture
def case_folder(tmp_path: Path) -> Path:
    """A case folder with metrics, traces, logs and changes; state was not recorded."""
    folder = tmp_path / "shop-1"
    folder.mkdir()
    files = {}
    for name, table in tables().items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
        files[name] = [f"{name}.parquet", len(table)]
    (folder / "case.json").write_text(json.dumps({**described(), "files": files}))
    return folder


@pytest.fixture
def case_tables() -> dict[str, pd.DataFrame]:
    """The five tables: the four of the case, and a state that its folder does not have."""
    broken = (FAULT + timedelta(seconds=40), "payment", "container", "payment last terminated", "OOMKilled")
    ready = (START + timedelta(seconds=5), "checkout", "pod", "checkout-0 Ready", "True")
    return {**tables(), "state": pd.DataFrame([ready, broken], columns=["time", "entity", "kind", "field", "value"])}


@pytest.fixture
def fault_window() -> Window:
    """The five minutes of the fault."""
    return Window(FAULT, END)


@pytest.fixture
def quiet_window() -> Window:
    """The ten minutes before."""
    return Window(START, FAULT)


@pytest.fixture
def shared_cases() -> Path:
    """The folder of benchmark cases, where it is at hand."""
    if not SHARED.is_dir():
        pytest.skip(f"no benchmark cases in {SHARED}")
    return SHARED


@dataclass
class PrometheusDouble:
    """A small HTTP server that speaks as much of the Prometheus API as a source asks: honest errors included."""

    url: str
    requests: list[tuple[str, str, dict[str, list[str]]]]
    """Method, path and parameters of each request, in order."""
    answers: dict[str, tuple[int, dict[str, str], bytes]]
    """Path to a canned (status, headers, body) that is sent instead."""


@pytest.fixture
def prometheus_double() -> Iterator[PrometheusDouble]:
    """Two services; only process_resident_memory_bytes and up have series, from START to END."""
    double = PrometheusDouble("", [], {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            double.requests.append((self.command, parts.path, query))
            status, headers, body = double.answers.get(parts.path) or (200, {}, _answer(parts.path, query))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *parts: object) -> None:
            """Keep quiet."""

    for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    yield double
    server.shutdown()
    server.server_close()


def _answer(path: str, query: dict[str, list[str]]) -> bytes:
    if path == "/api/v1/label/service/values":
        return b'{"status": "success", "data": ["checkout", "payment"]}'
    if path.startswith("/api/v1/label/"):
        return b'{"status": "success", "data": []}'
    promql = query.get("query", [""])[0]
    start, end, step = (float(query[name][0]) for name in ("start", "end", "step"))
    names = [name for name in ("checkout", "payment") if name in promql or '!=""' in promql]
    known = promql.startswith(("sum by (service) (process_resident", "min by (service) (up"))
    first, last = max(start, START.timestamp()), min(end, END.timestamp())
    times = np.arange(start, end + step / 2, step)
    values = [[float(at), "1"] for at in times[(times >= first) & (times <= last)]]
    series = [{"metric": {"service": name}, "values": values} for name in names if known and values]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()
