"""What the one HTTP transport of live sources will not do."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from requests.adapters import HTTPAdapter

from ontology.errors import BadInput, NotAllowed, PersonError, Unavailable
from workbench.telemetry.pace import Limits, Pace
from workbench.telemetry.readonly import Allowed, ReadOnlySession

READS = (Allowed("GET", "/api/v1/query_range"), Allowed("GET", "/api/v1/label/{name}/values"))
RANGE = "/api/v1/query_range?query=up&start=0&end=1&step=1"
FUZZED = 10_000 if os.environ.get("WORKBENCH_SOAK") == "1" else 600


UNHURRIED = Limits(per_second=1e9, failures=10**9)


def unhurried(url: str) -> ReadOnlySession:
    return ReadOnlySession(url, READS, pace=Pace(url, UNHURRIED, sleep=lambda seconds: None))


@pytest.fixture
def session(prometheus_double) -> ReadOnlySession:
    """A session bound to the double, which does not wait between tries."""
    return unhurried(prometheus_double.url)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "TRACE"])
def test_only_the_listed_method_is_sent(session, prometheus_double, method: str) -> None:
    """A listed path with another method never reaches the server."""
    if method == "get":
        assert session.request(method, prometheus_double.url + RANGE).status_code == 200  # requests upper-cases it
        return
    with pytest.raises(NotAllowed):
        session.request(method, prometheus_double.url + RANGE)
    assert prometheus_double.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "/-/quit",
        "/api/v1/admin/tsdb/delete_series",
        "/api/v1/label/a/b/values",
        "/api/v1/label/..%2f..%2fadmin/values",
        "/api/v1/label/%2e%2e/values",
        "/api/v1/query_range/../admin/tsdb/snapshot",
        "/api/v1/query_range/",
        "//api/v1/query_range",
        "/api/v1/query_range;/-/quit",
        "/api/v1/query_range%00",
    ],
)
def test_only_listed_paths_are_sent(session, prometheus_double, path: str) -> None:
    """A path off the list, however it is dressed up, never reaches the server."""
    with pytest.raises(NotAllowed):
        session.get(prometheus_double.url + path)
    assert prometheus_double.requests == []


def test_only_the_configured_host_is_asked(session, prometheus_double) -> None:
    """Another host, port, scheme or a user in the address is refused before a connection is made."""
    port = prometheus_double.url.rsplit(":", 1)[1]
    for base in (
        "http://127.0.0.1:1",
        f"http://localhost:{port}",
        f"https://127.0.0.1:{port}",
        f"http://u:p@127.0.0.1:{port}",
        "http://169.254.169.254",
        f"http://127.0.0.1:{port}@evil.example",
        f"http://[::ffff:127.0.0.1]:{port}",
        f"http://2130706433:{port}",
    ):
        with pytest.raises((NotAllowed, requests.RequestException)):
            session.get(base + RANGE)
    assert prometheus_double.requests == []


@pytest.mark.parametrize("header", ["Upgrade", "upgrade", "Sec-WebSocket-Key", "X-HTTP-Method-Override"])
def test_no_upgrade_is_asked_for(session, prometheus_double, header: str) -> None:
    """A header that would turn a read into something else is refused."""
    with pytest.raises(NotAllowed):
        session.get(prometheus_double.url + RANGE, headers={header: "websocket"})
    assert prometheus_double.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(session, prometheus_double, status: int) -> None:
    """A redirect ends in NotAllowed after one request, even where the caller asks to follow it."""
    prometheus_double.answers["/api/v1/query_range"] = (status, {"Location": prometheus_double.url + "/-/quit"}, b"")
    with pytest.raises(NotAllowed):
        session.get(prometheus_double.url + RANGE, allow_redirects=True)
    assert [path for _, path, _ in prometheus_double.requests] == ["/api/v1/query_range"]


def test_a_foreign_adapter_changes_nothing(session, prometheus_double) -> None:
    """A client library that mounts its own adapter still cannot leave the list."""
    session.mount(prometheus_double.url, HTTPAdapter())
    session.mount("http://", HTTPAdapter())
    with pytest.raises(NotAllowed):
        session.get(prometheus_double.url + "/-/quit")
    assert len(session.adapters) == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_as_it_says(prometheus_double, status: int) -> None:
    """429 and 5xx are tried again after what Retry-After says, at most three times in all."""
    waited: list[float] = []
    session = ReadOnlySession(prometheus_double.url, READS, pace=Pace(sleep=waited.append))
    prometheus_double.answers["/api/v1/query_range"] = (status, {"Retry-After": "2"}, b"")
    assert session.get(prometheus_double.url + RANGE).status_code == status
    assert waited == [2.0, 2.0]
    assert len(prometheus_double.requests) == 3


def test_a_wait_beyond_the_limit_is_not_waited(prometheus_double) -> None:
    """Retry-After beyond the total limit ends the tries at once."""
    waited: list[float] = []
    session = ReadOnlySession(prometheus_double.url, READS, pace=Pace(sleep=waited.append))
    prometheus_double.answers["/api/v1/query_range"] = (429, {"Retry-After": "3600"}, b"")
    assert session.get(prometheus_double.url + RANGE).status_code == 429
    assert waited == []


def test_other_statuses_are_answers(session, prometheus_double) -> None:
    """400 is the server's word on the query: it is handed on, and not asked again."""
    prometheus_double.answers["/api/v1/query_range"] = (400, {}, b'{"status": "error"}')
    assert session.get(prometheus_double.url + RANGE).json() == {"status": "error"}
    assert len(prometheus_double.requests) == 1


@pytest.mark.parametrize("base", ["", "ftp://x", "x:9090", "http://", "http://u:p@h", "http://h?x=1", "http://[::1"])
def test_an_address_that_is_none_is_bad_input(base: str) -> None:
    """A base address that cannot be one is named at once."""
    with pytest.raises(BadInput):
        ReadOnlySession(base, READS)


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that promises a long answer and sends a byte at a time, for as long as someone reads."""
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            try:
                while True:
                    connection.sendall(b"x")
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_a_dripping_server_does_not_hold_us(dripping: str) -> None:
    """An answer that never ends is cut off at the total time limit."""
    ticks = iter(range(0, 10_000_000, 4))
    session = ReadOnlySession(dripping, READS, pace=Pace(clock=lambda: float(next(ticks))))
    with pytest.raises(Unavailable):
        session.get(dripping + RANGE)


def test_no_server_is_unavailable() -> None:
    """Nobody at the address is Unavailable, with what to do next."""
    with pytest.raises(Unavailable) as raised:
        ReadOnlySession("http://127.0.0.1:1", READS).get("http://127.0.0.1:1" + RANGE)
    assert raised.value.next_step


@pytest.mark.soak
def test_no_fuzzed_request_leaves_the_list(session, prometheus_double) -> None:
    """Of thousands of crafted requests, only those on the list reach the server."""
    dice = random.Random(20260131)
    port = prometheus_double.url.rsplit(":", 1)[1]
    words = ("api", "v1", "query_range", "label", "values", "admin", "tsdb", "-", "quit", "job")
    pieces = [
        *words,
        "..",
        ".",
        "%2e%2e",
        "%2f",
        "",
        ";",
        "\\",
        "%00",
        "é",
        "?",
        "#",
        "query_range?x=/-/quit",
        "@evil.x",
    ]
    hosts = [f"127.0.0.1:{port}"] * 6 + [
        f"localhost:{port}",
        f"u@127.0.0.1:{port}",
        f"evil.example\\@127.0.0.1:{port}",
        "127.0.0.1:1",
    ]
    methods = ["GET"] * 5 + ["POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "GE T", "get", "PROPFIND"]
    headers = [{}] * 5 + [{"Upgrade": "h2c"}, {"Host": "evil.example"}, {"X-HTTP-Method-Override": "DELETE"}]
    sent = 0
    for _ in range(FUZZED):
        path = "/" + "/".join(dice.choices(pieces, k=dice.randint(1, 6)))
        path = dice.choice([path, RANGE, "/api/v1/label/job/values", path])
        url = f"{dice.choice(['http', 'http', 'http', 'https', 'HTTP'])}://{dice.choice(hosts)}{path}"
        try:
            session.request(dice.choice(methods), url, headers=dice.choice(headers), data=dice.choice([None, b"x"]))
            sent += 1
        except (PersonError, requests.RequestException, ValueError):
            continue
    seen = {(method, path) for method, path, _ in prometheus_double.requests}
    listed = {("GET", "/api/v1/query_range"), *(("GET", f"/api/v1/label/{word}/values") for word in words)}
    assert seen <= listed
    assert sent > 0, "a fuzz in which nothing passes tells nothing"
