"""What a real Prometheus and a real VictoriaMetrics tell beside values: metadata, exemplars, alerts and rules."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ontology import iris
from ontology.nouns import Entity, Window
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.prometheus import PrometheusSource
from workbench.telemetry.prometheus_rules import PrometheusRules
from workbench.telemetry.prometheus_scrapes import Scrapes
from workbench.telemetry.recorded import load_case
from workbench.telemetry.recorded_metrics import reply
from workbench.telemetry.recording import Recording, case_about
from workbench.testing.vendors import VendorServer
from workbench.testing.vendors_prometheus import metrics

PAYMENT = Entity(iris.service("payment", "shop"), "Service", "payment")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EXPOSED = f"""# HELP http_request_duration_seconds How long requests took.
# TYPE http_request_duration_seconds histogram
# UNIT http_request_duration_seconds seconds
http_request_duration_seconds_bucket{{le="0.1"}} 3
http_request_duration_seconds_bucket{{le="2.5"}} 9 # {{trace_id="{TRACE}"}} 1.9
http_request_duration_seconds_bucket{{le="+Inf"}} 9
http_request_duration_seconds_sum 12.5
http_request_duration_seconds_count 9
# HELP db_pool_in_use Connections that are taken.
# TYPE db_pool_in_use gauge
db_pool_in_use{{pool="a"}} 7
db_pool_in_use{{pool="b"}} 8
# EOF
"""
RULES = """
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: PoolFull
        expr: sum by (job) (db_pool_in_use) > 10
        labels: {severity: page}
        annotations: {summary: "The pool of {{ $labels.job }} is full"}
      - alert: Fine
        expr: db_pool_in_use > 1000
      - alert: CannotFire
        expr: db_pool_in_use * on (job) db_pool_in_use > 0
"""


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.loads(answer.read() or b"null")


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; a server that starts, scrapes and evaluates takes a few seconds."""
    pause = threading.Event()
    for _ in range(600):
        try:
            if holds():
                return
        except OSError:
            pass
        pause.wait(0.05)
    pytest.fail("it never came to hold")


@contextmanager
def running(command: list[str], ready: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: urllib.request.urlopen(ready, timeout=5).status == 200)
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Something to scrape: a histogram with an exemplar, and a pool that is nearly used up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.end_headers()
            self.wfile.write(EXPOSED.encode())

        def log_message(self, *parts: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, target: str) -> Iterator[str]:
    """A Prometheus that scrapes the target, and whose first alert fires."""
    if shutil.which("prometheus") is None:
        pytest.skip("needs prometheus (Debian: apt-get install prometheus)")
    folder: Path = tmp_path_factory.mktemp("beside")
    (folder / "rules.yml").write_text(RULES)
    scrape = {"job_name": "payment", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    settings = {"global": {"evaluation_interval": "1s"}, "rule_files": ["rules.yml"], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    address = free()
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    more = [f"--web.listen-address={address}", "--enable-feature=exemplar-storage"]
    with running(["prometheus", *options, *more], f"http://{address}/-/ready"):
        query = f"http://{address}/api/v1/query?query={urllib.parse.quote('ALERTS')}"
        until(lambda: bool(asked(query)["data"]["result"]))
        until(lambda: any(rule["health"] == "err" for rule in rules(address)))
        yield f"http://{address}"


def rules(address: str) -> list[dict[str, Any]]:
    return [rule for group in asked(f"http://{address}/api/v1/rules")["data"]["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A VictoriaMetrics with ten minutes of one series."""
    if shutil.which("victoria-metrics") is None:
        pytest.skip("needs victoria-metrics (Debian: apt-get install victoria-metrics)")
    address, now = free(), datetime.now(UTC).timestamp()
    folder = tmp_path_factory.mktemp("victoria")
    options = [f"-storageDataPath={folder}", f"-httpListenAddr={address}"]
    with running(["victoria-metrics", *options], f"http://{address}/health"):
        lines = [f'process_open_fds{{job="payment"}} {n} {int((now - 600 + 10 * n) * 1000)}' for n in range(60)]
        body = "\n".join(lines).encode()
        with urllib.request.urlopen(f"http://{address}/api/v1/import/prometheus", body, timeout=10):
            pass
        find = f"http://{address}/api/v1/series?match[]=process_open_fds&start={now - 900:.0f}"
        flush = f"http://{address}/internal/force_flush"
        urllib.request.urlopen(flush, timeout=10).close()
        until(lambda: bool(asked(find)["data"]))
        yield f"http://{address}"


def recent(modality: Modality, *about: Entity, what: str = "") -> Question:
    now = datetime.now(UTC)
    return Question(modality, Window(now - timedelta(minutes=5), now + timedelta(seconds=5)), about, what=what)


def test_metadata_is_told_with_the_metrics(prometheus: str) -> None:
    """The digest says what a metric is: type and help, of a histogram by its parts too."""
    source = PrometheusSource(prometheus, step=1)
    pool = source.ask(recent(Modality.METRICS, PAYMENT, what="db_pool_in_use")).reply
    parts = source.ask(recent(Modality.METRICS, what="http_request_duration_seconds_count")).reply

    assert isinstance(pool, Answered), pool
    assert "db_pool_in_use is a gauge: Connections that are taken." in pool.digest
    assert isinstance(parts, Answered), parts
    assert "_count is a histogram, seconds: How long requests took." in parts.digest


def test_an_exemplar_leads_to_its_trace(prometheus: str) -> None:
    """The slowest request that was counted is told with its trace, and linked where a store of traces is set up."""
    source = PrometheusSource(prometheus, step=1, traces="http://jaeger/trace/{trace_id}")
    reply = source.ask(recent(Modality.METRICS, PAYMENT, what="http_request_duration_seconds_bucket")).reply

    assert isinstance(reply, Answered), reply
    assert f"trace {TRACE} http://jaeger/trace/{TRACE}" in reply.digest
    assert "payment http_request_duration_seconds: 1.9 s at" in reply.digest


def test_a_rate_is_taken_over_some_scrapes_and_no_less_than_the_least(prometheus: str) -> None:
    """Scraped every second, rates are taken over twenty seconds, the least; those of wide steps over more."""
    about = recent(Modality.METRICS, PAYMENT, what="process_cpu_percent")
    anyone = recent(Modality.METRICS, what="process_cpu_percent")
    fine, coarse = (PrometheusSource(prometheus, step=step) for step in (1, 30))

    assert [source.ask(about).reply.query.rpartition("[")[2] for source in (fine, coarse)] == ["20s]))", "31s]))"]
    assert "[20s]" in fine.ask(anyone).reply.query


def test_a_recording_takes_rates_over_the_same_range(prometheus: str, tmp_path: Path) -> None:
    """How often was scraped is recorded with the series, so that a question is the same query live and recorded."""
    asked, live, recording = recent(Modality.METRICS, PAYMENT), PrometheusSource(prometheus, step=1), Recording()
    window = Window(asked.window.start, asked.window.end)
    recording.ask_all({Modality.METRICS: recording.around(live)}, window)
    alert = {"labels": {"alertname": "PoolFull"}, "startsAt": window.end.isoformat(), "fingerprint": "ab"}
    recording.save(
        tmp_path / "live", case_about(case_id="live", alert=alert, normal=window, abnormal=window, environment="x")
    )
    before, after = live.ask(asked).reply, reply(load_case(tmp_path / "live"), asked)

    assert isinstance(after, Answered)
    assert after.query == before.query
    assert "[20s]" in after.query


def test_alerts_are_told_by_their_rule(prometheus: str) -> None:
    """An alert that fires is a row with its rule's expression; one that does not is none; a broken rule is told."""
    reply = PrometheusRules(prometheus).ask(recent(Modality.STATE)).reply

    assert isinstance(reply, Answered), reply
    rows = {row.field: row for row in reply.table.itertuples()}
    assert rows["PoolFull"].entity == "payment"
    assert rows["PoolFull"].kind == "alert"
    assert rows["PoolFull"].value == (
        "firing (page): The pool of payment is full; watches sum by (job) (db_pool_in_use) > 10"
    )
    assert rows["CannotFire"].kind == "monitor"
    assert rows["CannotFire"].value.startswith("cannot be evaluated: ")
    assert "Fine" not in rows
    assert reply.link == f"{prometheus}/alerts"


def test_alerts_of_a_service_are_its_own(prometheus: str) -> None:
    """A question about payment has the alert of payment alone."""
    reply = PrometheusRules(prometheus).ask(recent(Modality.STATE, PAYMENT)).reply

    assert isinstance(reply, Answered)
    assert set(reply.table["field"]) == {"PoolFull"}


def test_yesterday_no_alert_fired(prometheus: str) -> None:
    """A window before the server was there is Silent."""
    window = Window(datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(days=1))

    assert isinstance(PrometheusRules(prometheus).ask(Question(Modality.STATE, window)).reply, Silent)


def test_victoria_metrics_answers_with_what_it_has(victoria: str) -> None:
    """Values come; what it does not serve is left out and said; nothing fails."""
    reply = PrometheusSource(victoria, step=10).ask(recent(Modality.METRICS, PAYMENT, what="process_open_fds")).reply

    assert isinstance(reply, Answered), reply
    assert set(reply.table["entity"]) == {"payment"}
    assert reply.table["value"].max() >= 50


def test_victoria_metrics_without_rules_is_silent_and_says_so(victoria: str) -> None:
    """Without vmalert there are no rules: Silent, with the words that this server has none."""
    reply = PrometheusRules(victoria).ask(recent(Modality.STATE)).reply

    assert isinstance(reply, Silent), reply
    assert "no alert rules" in reply.searched


@pytest.mark.parametrize("path", ["/api/v1/metadata", "/api/v1/query_exemplars"])
@pytest.mark.parametrize("body", [b"{}", b'{"data": 7}', b"<html>", b'{"data": [{"x": 1}]}', b'{"data": {"up": 3}}'])
def test_what_stands_beside_never_costs_the_answer(
    path: str, body: bytes, case_tables: dict[str, pd.DataFrame], fault_window: Window
) -> None:
    """Whatever a server says on metadata or exemplars, the values are answered, and what is left out is said."""
    name = "process_resident_memory_bytes"
    with metrics(case_tables["metrics"]) as server:
        server.canned = {path: (200, body)}
        reply = PrometheusSource(server.url, step=5).ask(Question(Modality.METRICS, fault_window, what=name)).reply

    assert isinstance(reply, Answered), reply
    word = "Metadata" if "metadata" in path else "Exemplars"
    assert f"{word} left out" in reply.digest or body == b'{"data": {"up": 3}}'


@pytest.mark.parametrize(
    "body", [b"{}", b'{"data": 7}', b"<html>", b'{"data": {"activeTargets": [{"labels": {}}, {"x": 1}]}}']
)
def test_who_does_not_tell_its_scrapes_gets_a_minute(body: bytes, fault_window: Window) -> None:
    """Whatever a server says on its targets, the values are asked for, rates over the usual minute."""
    name = "process_cpu_percent"
    with metrics(
        pd.DataFrame({"entity": ["payment"], "metric": [name], "time": [fault_window.start], "value": [1.0]})
    ) as server:
        server.canned = {"/api/v1/targets": (200, body)}
        reply = PrometheusSource(server.url, step=5).ask(Question(Modality.METRICS, fault_window, what=name)).reply

    assert not isinstance(reply, Failed), reply
    assert "[60s]" in reply.query


def test_the_slowest_that_is_asked_about_decides(fault_window: Window) -> None:
    """Of targets that are scraped unequally, the range is that of the slowest asked about; of all, that of most."""
    often = {"gateway": "2s", "payment": "1m", "ledger": "2s"}
    told = [{"labels": {"service": name}, "scrapeInterval": said} for name, said in often.items()]

    def answer(path: str, _: object) -> object:
        return {"status": "success", "data": {"activeTargets": told}} if path == "/api/v1/targets" else None

    with VendorServer(answer) as server:
        scrapes = Scrapes(PrometheusSource(server.url))
        asked = [("gateway",), ("payment", "gateway"), (), ("unheard",)]
        assert [scrapes.range("service", each, 2.0) for each in asked] == [20, 240, 20, 60]


def test_a_server_without_rules_of_its_own_still_tells_what_fired(fault_window: Window) -> None:
    """Where only the series of alerts are kept, they are told with their labels, and that the rules are left out."""
    start = fault_window.start.timestamp()
    labels = {"__name__": "ALERTS", "alertname": "Slow", "alertstate": "firing", "service": "payment", "zone": "b"}
    found = {"resultType": "matrix", "result": [{"metric": labels, "values": [[start + 60, "1"], [start + 75, "1"]]}]}

    def answer(path: str, _: object) -> object:
        return {"status": "success", "data": found} if path == "/api/v1/query_range" else None

    with VendorServer(answer) as server:
        reply = PrometheusRules(server.url).ask(Question(Modality.STATE, fault_window)).reply

    assert isinstance(reply, Answered), reply
    assert list(reply.table["value"]) == ["firing: service=payment, zone=b"]
    assert "Rules left out" in reply.digest


def test_a_server_that_tells_neither_is_failure(fault_window: Window) -> None:
    """Without the series of alerts nobody looked: Failed."""
    with VendorServer(lambda _path, _query: None) as server:
        reply = PrometheusRules(server.url).ask(Question(Modality.STATE, fault_window)).reply

    assert isinstance(reply, Failed)
    assert "404" in reply.reason


def test_clamps_are_said(case_tables: dict[str, pd.DataFrame]) -> None:
    """A window that needs more points than a series may have is asked with wider steps, and the digest says so."""
    end = datetime(2026, 1, 31, 2, 55, tzinfo=UTC)
    long = Question(Modality.METRICS, Window(end - timedelta(days=10), end), what="process_resident_memory_bytes")
    with metrics(case_tables["metrics"]) as server:
        reply = PrometheusSource(server.url, step=5).ask(long).reply
        asked = [query for _, path, query in server.requests if path == "/api/v1/query_range"]

    assert isinstance(reply, Answered), reply
    assert "Points are 79 s apart instead of 5 s: 11,000 a series at most." in reply.digest
    assert {query["timeout"] for query in asked} == {"10s"}
