"""A real Prometheus from Debian, its store filled with fifteen minutes of two services."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from ontology import iris
from ontology.errors import PersonError
from ontology.nouns import Entity, Window, utc
from workbench.nouns import Answered, Failed, Modality, Question, Silent
from workbench.telemetry.prometheus import MOST_POINTS, MOST_SERIES, PrometheusSource
from workbench.telemetry.recorded import recorded_sources
from workbench.telemetry.recording import Recording, case_about

pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="needs prometheus and promtool (Debian: apt-get install prometheus)",
)
START = utc("2026-01-31T02:40:00Z")
FAULT = START + timedelta(minutes=10)
END = FAULT + timedelta(minutes=5)
PAYMENT = Entity(iris.service("payment"), "Service", "payment")


def openmetrics() -> str:
    """Return counters and gauges of two services in OpenMetrics text; payment is slow and failing after FAULT."""
    times = np.arange(START.timestamp(), END.timestamp() + 1, 5)
    late = times >= FAULT.timestamp()
    wanted: dict[str, np.ndarray] = {}
    for name in ("checkout", "payment"):
        slow = late if name == "payment" else np.zeros_like(late)
        requests, label = np.full(len(times), 50.0), f'job="{name}",instance="{name}:8080"'
        fast = np.where(slow, 10.0, 49.9)
        for edge, share in (("0.1", fast), ("1", np.maximum(fast, 15.0)), ("2.5", requests), ("+Inf", requests)):
            wanted[f'http_server_request_duration_seconds_bucket{{{label},le="{edge}"}}'] = share.cumsum()
        count = "http_server_request_duration_seconds_count"
        wanted[f'{count}{{{label},http_response_status_code="200"}}'] = np.where(slow, 30.0, 50.0).cumsum()
        wanted[f'{count}{{{label},http_response_status_code="503"}}'] = np.where(slow, 20.0, 0.0).cumsum()
        wanted[f"process_resident_memory_bytes{{{label}}}"] = np.full(len(times), 64e6)
        wanted[f"up{{{label}}}"] = np.ones(len(times))
    for n in range(MOST_SERIES + 30):
        wanted[f'crowd{{job="crowd",n="{n}"}}'] = np.ones(len(times))
    lines = [
        f"{series} {value:g} {at:.0f}"
        for series, values in wanted.items()
        for at, value in zip(times, values, strict=True)
    ]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Prometheus."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "samples.txt").write_text(openmetrics())
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    fill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "samples.txt", folder / "data"]
    subprocess.run(fill, check=True, capture_output=True, timeout=120)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
               "--storage.tsdb.retention.time=100y", f"--web.listen-address={address}"]  # fmt: skip
    with subprocess.Popen(["prometheus", *options], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if "Server is ready" in line:
                break
        else:
            pytest.fail("prometheus ended: " + "".join(said[-5:]))
        yield f"http://{address}"
        server.terminate()
        server.communicate(timeout=30)


def question(**changes: object) -> Question:
    """A question on metrics of the fault, with the ten minutes before as baseline."""
    return Question(Modality.METRICS, Window(FAULT, END), **{"baseline": Window(START, FAULT), **changes})


def test_the_catalogue_says_what_moved(prometheus: str) -> None:
    """Asked about payment, duration and errors are named as moved, in our names with units; memory is not."""
    reply = PrometheusSource(prometheus, step=5).ask(question(about=(PAYMENT,))).reply
    assert isinstance(reply, Answered), reply
    assert set(reply.table["entity"]) == {"payment"}
    assert {"http_server_requests_per_second", "process_resident_memory_bytes"} <= set(reply.table["metric"])
    assert "payment http_server_request_duration_p99_seconds" in reply.digest
    assert "payment http_server_errors_per_second: 0 /s -> 4 /s" in reply.digest
    assert "resident_memory" not in reply.digest
    assert reply.table["time"].max() <= END


def test_without_names_every_service_is_asked(prometheus: str) -> None:
    """A question about nobody in particular brings both services."""
    reply = PrometheusSource(prometheus, step=5).ask(question(what="up")).reply
    assert isinstance(reply, Answered)
    assert {"checkout", "payment"} <= set(reply.table["entity"])


def test_the_query_and_the_link_can_be_used_again(prometheus: str) -> None:
    """The query of an answer, asked as PromQL, brings the same values; the link leads to the graph page."""
    source = PrometheusSource(prometheus, step=5)
    first = source.ask(question(about=(PAYMENT,), what="process_resident_memory_bytes")).reply
    assert isinstance(first, Answered)
    again = source.ask(question(what=first.query)).reply
    assert isinstance(again, Answered)
    assert again.table["value"].tolist() == first.table["value"].tolist()
    assert first.link.startswith(f"{prometheus}/graph?g0.expr=")


def test_promql_of_ones_own_is_asked(prometheus: str) -> None:
    """Any PromQL may stand in `what`; labels that tell series apart stay in the metric's name."""
    promql = 'sum by (job, le) (rate(http_server_request_duration_seconds_bucket{job="payment"}[1m]))'
    reply = PrometheusSource(prometheus, step=5).ask(question(what=promql)).reply
    assert isinstance(reply, Answered)
    assert set(reply.table["entity"]) == {"payment"}
    assert reply.table["metric"].nunique() == 4


def test_a_wrong_query_fails_with_the_servers_words(prometheus: str) -> None:
    """A syntax error is Failed, with what the server said about it."""
    reply = PrometheusSource(prometheus).ask(question(what="rate(up[")).reply
    assert isinstance(reply, Failed)
    assert "parse error" in reply.reason
    assert reply.remedy


def test_unknown_names_and_empty_windows_are_silence(prometheus: str) -> None:
    """A service that no label holds, and a window without samples, are Silent."""
    ghost = Entity(iris.service("ghost"), "Service", "ghost")
    source = PrometheusSource(prometheus)
    assert isinstance(source.ask(question(about=(ghost,))).reply, Silent)
    old = Window.of("2025-01-31T02:40:00Z", "2025-01-31T02:50:00Z")
    assert isinstance(source.ask(Question(Modality.METRICS, old, (PAYMENT,))).reply, Silent)


def test_a_crowd_of_series_is_cut_and_said(prometheus: str) -> None:
    """More series than the limit are cut to it, and the digest says how many were left out."""
    reply = PrometheusSource(prometheus, step=60).ask(question(what="crowd")).reply
    assert isinstance(reply, Answered)
    assert reply.table["metric"].nunique() == MOST_SERIES
    assert "30 were left out" in reply.digest


def test_a_long_window_keeps_within_the_points(prometheus: str) -> None:
    """A window of forty days is asked with a step wide enough for the server's limit of points."""
    long = Window(END - timedelta(days=40), END)
    reply = PrometheusSource(prometheus, step=5).ask(Question(Modality.METRICS, long, what="up")).reply
    assert isinstance(reply, Answered)
    assert len(reply.table) <= 3 * MOST_POINTS


def test_a_live_window_replays_as_recorded(prometheus: str, tmp_path: Path) -> None:
    """What a real Prometheus answered, recorded and replayed, is the same table."""
    live, recording = PrometheusSource(prometheus, step=5), Recording()
    asked = question(about=(PAYMENT,))
    before = recording.around(live).ask(asked).reply
    alert = {"labels": {"alertname": "Slow"}, "startsAt": END.isoformat(), "fingerprint": "ab"}
    about = case_about(
        case_id="live", alert=alert, normal=Window(START, FAULT), abnormal=Window(FAULT, END), environment="x"
    )
    recording.save(tmp_path / "live", about)
    after = recorded_sources(tmp_path / "live")[Modality.METRICS].ask(asked).reply
    assert isinstance(before, Answered)
    assert isinstance(after, Answered)
    keys = ["metric", "time"]
    left, right = (each.table.sort_values(keys)["value"].to_numpy() for each in (before, after))
    assert np.allclose(left, right, rtol=1e-6, equal_nan=True)


def test_a_source_never_raises_for_what_is_outside(prometheus_double) -> None:
    """Pages, half JSON, foreign JSON, refusals and redirects all become Failed."""
    odd = [b"<html>", b'{"status"', b"{}", b'{"data": 7}', b'{"data": {"result": [1]}}']
    for status, body in [*((200, body) for body in odd), (401, b"no"), (403, b"{}"), (500, b""), (302, b"")]:
        headers = {"Location": "/login"} if status == 302 else {"Retry-After": "0"}
        prometheus_double.answers["/api/v1/query_range"] = (status, headers, body)
        try:
            reply = PrometheusSource(prometheus_double.url).ask(question(what="up", about=(PAYMENT,))).reply
        except PersonError as error:
            pytest.fail(f"{status} {body!r} raised {error}")
        assert isinstance(reply, Failed), (status, body, reply)
        assert reply.remedy
