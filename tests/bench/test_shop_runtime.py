"""The three runtimes of the shop behave alike: one caller of each language runs before a callee that we play."""

import json
import os
import queue
import re
import shutil
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.bench.estate import build
from workbench.bench.estate.processes import HOST, Process, Processes, answers, number, reserve
from workbench.bench.estate.receiver import Lines, Server, handler

SHOP = Path(__file__).parents[2] / "workbench" / "bench" / "estate" / "shop"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SERVER, CLIENT = (2, "SPAN_KIND_SERVER"), (3, "SPAN_KIND_CLIENT")
"""The kinds of spans, as JSON may write them."""
FAMILIES = {
    "http_server_request_duration_seconds", "http_client_request_duration_seconds", "process_cpu_seconds_total",
    "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_threads",
    "http_server_active_requests",
}  # fmt: skip
"""What every service shows in every language."""


@dataclass(frozen=True)
class Caller:
    """A service that needs nothing but the one that it calls."""

    service: str
    callee: str
    method: str
    path: str
    body: Any = None


CALLERS = {
    "python": Caller("recommendations", "catalog", "GET", "/suggestions/p1"),
    "node": Caller("gateway", "catalog", "GET", "/products"),
    "java": Caller("pricing", "ledger", "POST", "/quotes", {"items": [{"product": "p1", "cents": 100, "count": 2}]}),
}


@dataclass
class Callee:
    """Plays every service that is called: answers as it is told to, and keeps the headers that it was sent."""

    status: int = 200
    held: threading.Event = field(default_factory=threading.Event)
    """Set while replies are given at once."""
    seen: list[dict[str, str]] = field(default_factory=list)

    def reply(self, path: str) -> Any:
        """Return what catalog or ledger would say."""
        if self.status != 200:
            return {"error": "as told"}
        return {"rates": {"tax": 190, "handling": 10, "season": 0}} if path == "/rates" else {"products": ["p2"]}


@dataclass
class Heard(Lines):
    """What the receiver took in, as an event for each document."""

    documents: queue.Queue[Any] = field(default_factory=queue.Queue)

    def add(self, line: str) -> None:
        """Keep a document."""
        self.documents.put(json.loads(line))


@dataclass
class Running:
    """One service that runs, with what surrounds it."""

    caller: Caller
    url: str
    process: Process
    log: Path
    hosts: Path
    callee: Callee
    spans: Heard
    records: Heard

    def ask(self, header: bool = False) -> tuple[int, Any]:
        """Send the caller's request; return status and reply."""
        data = None if self.caller.body is None else json.dumps(self.caller.body).encode()
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"} if header else {}
        request = urllib.request.Request(self.url + self.caller.path, data, headers, method=self.caller.method)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def metrics(self) -> str:
        """Return what Prometheus would read."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=20) as reply:
            return str(reply.read().decode())

    def lines(self) -> list[dict[str, Any]]:
        """Return the log lines on standard output."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def playing(callee: Callee) -> ThreadingHTTPServer:
    """Return a server that answers for the callee."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            callee.held.wait(30)
            callee.seen.append({key.lower(): value for key, value in self.headers.items()})
            text = json.dumps(callee.reply(self.path)).encode()
            try:
                self.send_response(callee.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except ConnectionError:
                pass  # the caller did not wait: that is one of the tests

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return ThreadingHTTPServer((HOST, 0), Page)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """What starts programs, and ends them."""
    held = Processes()
    yield held
    held.close()
    held.dismiss()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shop."""
    folder = tmp_path_factory.mktemp("runtime") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module", params=sorted(CALLERS))
def running(request: pytest.FixtureRequest, processes: Processes, shop: Path) -> Iterator[Running]:
    """A caller of one language, started as the Compose file says."""
    program = {"python": "python3", "node": "npm", "java": "javac"}[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine")
    caller = CALLERS[request.param]
    declared = yaml.safe_load((shop / "compose.yaml").read_text())["services"][caller.service]
    logs = shop.parent
    if request.param == "node":
        build.packages(processes, shop / "package-lock.json", logs)
    build.compiled(processes, shop, [tuple(step) for step in declared["x-process"].get("build", [])], logs)
    callee, spans, records = Callee(), Heard(logs / "spans.jsonl"), Heard(logs / "records.jsonl")
    callee.held.set()
    play, collect = playing(callee), Server((HOST, 0), handler({"/v1/traces": spans, "/v1/logs": records}))
    for each in (play, collect):
        threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True).start()
    hosts = logs / f"{caller.service}.json"
    known = {f"{caller.callee}:8080": play.server_address[1], "otel-collector:4318": collect.server_address[1]}
    hosts.write_text(json.dumps({name: f"{HOST}:{port}" for name, port in known.items()}))
    port = reserve()
    settings = {key: str(value) for key, value in declared["environment"].items()} | {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(shop.parent), "LISTEN_HOST": HOST, "PORT": str(number(port)),
        "SHOP_HOSTS_FILE": str(hosts), f"{caller.callee.upper()}_TIMEOUT_MS": "1000", "RATES_TTL_S": "0",
    }  # fmt: skip
    words, log, url = declared["x-process"]["run"], logs / f"{caller.service}.log", f"http://{HOST}:{number(port)}"
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
    process = processes.start(caller.service, words, log=log, env=settings, folder=shop)
    answers(f"{url}/health", process, name=caller.service, log=log)
    yield Running(caller, url, process, log, hosts, callee, spans, records)
    processes.end(process)
    for each in (play, collect):
        each.shutdown()
        each.server_close()
    port.close()


def attributes(held: dict[str, Any]) -> dict[str, Any]:
    """Return attributes by name."""
    return {each["key"]: next(iter(each["value"].values())) for each in held["attributes"]}


def of_trace(heard: Heard, scopes: str, items: str, enough: Callable[[list[Any]], bool]) -> list[dict[str, Any]]:
    """Return what the receiver heard of our trace, once it is enough."""
    found: list[dict[str, Any]] = []
    while not enough(found):
        said = heard.documents.get(timeout=15)
        for resource in next(iter(said.values())):
            names = attributes(resource["resource"])
            assert {"service.name", "service.version"} <= names.keys()
            held = [item for scope in resource[scopes] for item in scope[items]]
            found += [item for item in held if item.get("traceId", "") == TRACE]
    return found


def test_trace_is_carried_on(running: Running) -> None:
    """A trace goes through the service: a server span below the caller's, a client span below it, the callee told."""
    status, _ = running.ask(header=True)
    spans = of_trace(running.spans, "scopeSpans", "spans", lambda found: any(each["kind"] in SERVER for each in found))

    assert status == 200
    server = next(each for each in spans if each["kind"] in SERVER)
    client = next(each for each in spans if each["kind"] in CLIENT)
    assert server["parentSpanId"] == PARENT
    assert client["parentSpanId"] == server["spanId"]
    assert f"00-{TRACE}-{client['spanId']}-01" in {each.get("traceparent") for each in running.callee.seen}
    assert attributes(client)["server.address"] == running.caller.callee
    where = attributes(server)
    assert (SHOP / where["code.file.path"]).is_file()
    assert where["code.file.path"].startswith(f"{running.caller.service}/")
    name = where["code.function.name"].rpartition(".")[2]
    assert re.search(rf"\b{name}\(", (SHOP / where["code.file.path"]).read_text())


def test_metrics_have_the_same_names(running: Running) -> None:
    """Every language shows the same families, and counts a request under the same labels."""
    running.ask()
    page = running.metrics()

    assert set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE)) >= FAMILIES
    route = running.caller.path.replace("p1", "{id}")
    served = (
        f'http_server_request_duration_seconds_count{{http_request_method="{running.caller.method}",'
        f'http_route="{route}",http_response_status_code="200"}}'
    )
    called = (
        f'http_client_request_duration_seconds_count{{server_address="{running.caller.callee}",'
        'http_response_status_code="200"}'
    )
    assert served in page and called in page
    assert 'http_server_request_duration_seconds_bucket{http_request_method="' in page and 'le="0.045"}' in page


@pytest.mark.parametrize(("theirs", "ours"), [(500, 502), (503, 502), (404, 404)])
def test_status_of_the_callee_passes_on(running: Running, theirs: int, ours: int) -> None:
    """A refusal of the callee is the caller's reply too; its failure becomes a 502."""
    running.callee.status = theirs
    try:
        assert running.ask()[0] == ours
    finally:
        running.callee.status = 200


def test_silence_becomes_a_504(running: Running) -> None:
    """A callee that does not answer in time makes a 504, a log line with the time limit, and a count of time-outs."""
    running.callee.held.clear()
    try:
        status, reply = running.ask()
    finally:
        running.callee.held.set()

    assert (status, reply["error"]) == (504, f"{running.caller.callee} timed out")
    assert any("timed out after" in line["message"] for line in running.lines() if line["severity"] == "ERROR")
    assert 'http_response_status_code="timeout"' in running.metrics()


def test_unknown_name_is_a_resolver_error(running: Running) -> None:
    """A name that is no longer in the hosts file fails at the next connect, in the resolver's own words."""
    before = running.hosts.read_text()
    known = json.loads(before)
    del known[f"{running.caller.callee}:8080"]
    running.hosts.write_text(json.dumps(known))
    try:
        status, _ = running.ask()
    finally:
        running.hosts.write_text(before)

    assert status == 502
    said = [line["message"] for line in running.lines() if line["severity"] == "ERROR"]
    assert any(re.search("Name or service not known|ENOTFOUND", each) for each in said)
    assert running.ask()[0] == 200


def test_log_lines_leave_twice_with_their_trace(running: Running) -> None:
    """A line on standard output carries the trace of its request, and the same line goes out over OTLP."""
    running.callee.status = 500
    try:
        running.ask(header=True)
    finally:
        running.callee.status = 200
    failed = "ERROR"
    records = of_trace(
        running.records, "scopeLogs", "logRecords", lambda found: failed in {each["severityText"] for each in found}
    )
    record = next(each for each in records if each["severityText"] == failed)

    lines = [line for line in running.lines() if line["trace_id"] == TRACE]
    assert record["body"]["stringValue"] in {line["message"] for line in lines}
    assert all({"time", "severity", "service", "message"} <= line.keys() for line in lines)


def test_bad_body_is_the_callers_own_fault(running: Running) -> None:
    """A body that is no JSON is answered with a 400, not with a failure."""
    request = urllib.request.Request(running.url + running.caller.path, b"{", method=running.caller.method)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    assert caught.value.code == 400


def test_flags_are_read_anew(running: Running, shop: Path) -> None:
    """A changed flags file changes what the code does at the next request, in the languages that ask here."""
    if running.caller.service != "pricing":
        pytest.skip("this caller asks for no flag on this path")
    flags = json.loads((shop / "flags.json").read_text())
    flags["flags"]["fresh-prices"]["defaultVariant"] = "on"
    (shop / "flags.json").write_text(json.dumps(flags))
    before = len(running.callee.seen)
    running.ask()
    assert len(running.callee.seen) == before + 3  # each of the three rates is asked for


def test_z_sigterm_ends_it_at_once(running: Running) -> None:
    """SIGTERM ends a service while a request hangs in it, and frees its port."""
    running.callee.held.clear()
    with socket.create_connection((HOST, int(running.url.rpartition(":")[2]))) as hanging:
        hanging.sendall(f"GET /nowhere HTTP/1.1\r\nHost: {running.caller.service}\r\n".encode())  # never ended
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(10)
    running.callee.held.set()
    assert code in (0, 143, -signal.SIGTERM)
    assert "ending" in {line["message"] for line in running.lines()}
