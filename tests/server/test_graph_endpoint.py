"""The graph over HTTP: a token of its own, SPARQL 1.1 for queries, fact sets and never an update."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from ontology import terms
from ontology.iris import service
from ontology.nouns import Fact, Layer
from scanners.protocol import Scan
from workbench.graph.handed import facts_json, scan_json
from workbench.graph.store import GraphStore

NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
CALLS = Fact(service("web"), terms.CALLS, service("cart"), layer=Layer.DECLARED, source="compose", seen=NOW)


def scan(*facts: Fact) -> Scan:
    return Scan("compose", "shop", Layer.DECLARED, facts, (), complete=True, started=NOW, finished=NOW)


@pytest.fixture
def send(jp_base_url, http_server_client, backend, graph) -> Callable[..., Any]:
    """Send a request below /workbench/ with the graph's token; give the answer."""

    async def request(path: str, body: Any = None, authorization: str | None = None, **headers: str) -> Any:
        token = f"Bearer {graph.token}" if authorization is None else authorization
        sent = {"Authorization": token} if token else {}
        return await http_server_client.fetch(
            f"{jp_base_url}workbench/{path}",
            method="GET" if body is None else "POST",
            body=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
            headers=sent | {name.replace("_", "-"): value for name, value in headers.items()},
            raise_error=False,
            follow_redirects=False,
            request_timeout=60,
        )

    return request


@pytest.fixture
def filled(graph) -> None:
    """Hand over one call of one service."""
    graph._owner().write("scan", json.dumps(scan_json(scan(CALLS))).encode())


ASKED = "SELECT ?a ?b { ?a wb:calls ?b }"


async def test_a_query_by_get_by_form_and_by_body(send, filled):
    """The three ways of the SPARQL 1.1 protocol give one answer, in the JSON of the standard."""
    by_get = await send("sparql?" + urlencode({"query": ASKED}))
    by_form = await send("sparql", urlencode({"query": ASKED}).encode(), **FORM)
    by_body = await send("sparql", ASKED.encode(), Content_Type="application/sparql-query")

    for answer in (by_get, by_form, by_body):
        assert answer.code == 200
        assert answer.headers["Content-Type"] == "application/sparql-results+json"
        (row,) = json.loads(answer.body)["results"]["bindings"]
        assert (row["a"]["value"], row["b"]["value"]) == (service("web"), service("cart"))


async def test_other_formats(send, filled):
    """CSV where that is asked for, N-Triples for CONSTRUCT, true or false for ASK."""
    table = await send("sparql?" + urlencode({"query": ASKED}), Accept="text/csv")
    made = await send("sparql?" + urlencode({"query": "CONSTRUCT { ?b wb:name 'é' } WHERE { ?a wb:calls ?b }"}))
    truth = await send("sparql?" + urlencode({"query": "ASK { ?a wb:calls ?b }"}))

    assert table.body.decode().splitlines() == ["a,b", f"{service('web')},{service('cart')}"]
    assert made.headers["Content-Type"] == "application/n-triples"
    assert made.body.decode() == f'<{service("cart")}> <{terms.NAME}> "é" .\n'
    assert json.loads(truth.body) == {"head": {}, "boolean": True}


@pytest.mark.parametrize("path", ["sparql?query=ASK%20%7B%7D", "graph/scan", "graph/query", "graph/ping"])
async def test_without_the_token_nobody_gets_in(path, send, graph, jp_serverapp):
    """No token, another one, the server's own login, or the right one in another form: 401, and nothing is opened."""
    body = None if "sparql" in path else b"{}"
    server = jp_serverapp.identity_provider.token
    other = ["", "Bearer", "Bearer ", "Bearer x", f"token {server}", f"Bearer {server}", f"Basic {graph.token}"]
    for each in (*other, f"Bearer {graph.token[:-1]}", f"Bearer {graph.token}x", graph.token, "Bearer é"):
        answer = await send(path, body, authorization=each)
        assert answer.code == 401, each
        assert graph.token not in answer.body.decode()
    assert (await send(f"{path}{'&' if '?' in path else '?'}token={server}", body, authorization="")).code == 401


async def test_a_server_that_owns_nothing_lets_nobody_in(send, graph):
    """Without a claim there is no token, and an empty one does not match it."""
    graph.token = ""
    for each in ("", "Bearer", "Bearer ", "Bearer x"):
        assert (await send("graph/ping", b"", authorization=each)).code == 401


async def test_only_this_machine_is_answered(send, graph, jp_serverapp, jp_base_url):
    """A peer that is not on loopback gets 403 even with the token; what a header says of the peer does not count."""
    assert (await send("graph/ping", b"", X_Forwarded_For="192.0.2.7", X_Real_Ip="192.0.2.7")).code == 200
    own = address_of_this_machine()
    if own is None:
        pytest.skip("this machine has no address but loopback")
    outer = HTTPServer(jp_serverapp.web_app)
    (listening,) = bind_sockets(0, own)
    outer.add_socket(listening)
    url = f"http://{own}:{listening.getsockname()[1]}{jp_base_url}workbench/graph/ping"
    try:
        headers = {"Authorization": f"Bearer {graph.token}", "X-Forwarded-For": "127.0.0.1", "Host": "localhost"}
        asked = AsyncHTTPClient().fetch(url, method="POST", body=b"", headers=headers, raise_error=False)
        assert (await asked).code == 403
    finally:
        outer.stop()


def address_of_this_machine() -> str | None:
    """Return an address by which others reach this machine; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = str(one.getsockname()[0])
        return None if found.startswith("127.") else found


async def test_no_update_and_no_other_data_set(send, filled):
    """What would write past the history, or ask elsewhere, is refused with a next step, and changes nothing."""
    for body, kind in (
        (urlencode({"update": "CLEAR ALL"}).encode(), FORM["Content_Type"]),
        (b"INSERT DATA { <urn:a> <urn:b> <urn:c> }", "application/sparql-update"),
        (b"CLEAR ALL", "application/sparql-query"),
        (urlencode({"query": ASKED, "default-graph-uri": "urn:g"}).encode(), FORM["Content_Type"]),
        (b"SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "application/sparql-query"),
    ):
        answer = await send("sparql", body, Content_Type=kind)
        assert answer.code == 403, body
        assert json.loads(answer.body)["next_step"]
    assert json.loads((await send("sparql?" + urlencode({"query": "ASK { ?a wb:calls ?b }"}))).body)["boolean"]


async def test_errors_are_ours(send, filled):
    """A syntax error and a runaway query are 400 with the place, or how to narrow it."""
    wrong = await send("sparql?" + urlencode({"query": "SELECT *\n{ ?s ?p"}))
    runaway = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n2 ?o . ?p ?q ?r . ?s ?t ?u }"
    late = await send("sparql?" + urlencode({"query": runaway, "timeout": "1"}))

    assert (wrong.code, late.code) == (400, 400)
    assert "line 2" in json.loads(wrong.body)["problem"]
    assert "stopped" in json.loads(late.body)["problem"]


async def test_a_body_that_is_no_fact_set(send, graph):
    """What is handed over and cannot be read is 400 with a sentence, and nothing is written."""
    for body in (b"", b"[]", b"{", b'{"facts": 1}', b'{"case": "c", "facts": [[1]]}', b"\xff"):
        for verb in ("scan", "learn", "nothing"):
            answer = await send(f"graph/{verb}", body)
            assert answer.code == 400
            assert json.loads(answer.body)["kind"] == "BadInput"
    counted = await send("sparql?" + urlencode({"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}))
    assert json.loads(counted.body)["results"]["bindings"][0]["n"]["value"] == "0"


async def test_what_is_acknowledged_is_there(send, graph, tmp_path):
    """Scans, lessons and their recall come back with counts, and readers of the data folder see them at once."""
    first = json.loads((await send("graph/scan", scan_json(scan(CALLS)))).body)
    learned = json.loads((await send("graph/learn", {"case": "c-1", "facts": facts_json([CALLS])})).body)
    with GraphStore.latest(tmp_path / "home" / "graph") as reader:
        assert len(reader) == 2
    forgotten = json.loads((await send("graph/forget", {"case": "c-1"})).body)

    assert (first["added"], learned["count"], forgotten["count"]) == (1, 1, 1)
    assert len(first["appeared"]) == 1


async def test_the_loop_goes_on_while_the_graph_works(send, filled):
    """While a query runs for a second the server answers others."""
    runaway = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n2 ?o . ?p ?q ?r . ?s ?t ?u }"
    slow = asyncio.create_task(send("sparql?" + urlencode({"query": runaway, "timeout": "2"})))
    pings = 0
    while not slow.done():
        assert (await send("graph/ping", b"")).code == 200
        pings += 1

    assert pings > 5
    assert (await slow).code == 400
