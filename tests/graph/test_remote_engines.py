"""The graph in real engines on loopback: PyPI's oxigraph server and Debian's Virtuoso answer as our own store does."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from ontology import terms
from ontology.errors import BadInput, NotAllowed
from ontology.iris import service, thing
from ontology.nouns import Alert, Fact, Iri, Layer, Window
from workbench.graph import queries
from workbench.graph.ask import ask
from workbench.graph.closure import closure
from workbench.graph.convert import META
from workbench.graph.remote import RemoteGraph
from workbench.graph.store import GraphStore
from workbench.graph.view import View

Make = Callable[..., Any]
MINUTE = timedelta(minutes=1)
T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
TEXT = (Path(__file__).parents[2] / "docs" / "graph.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sparql\n(.*?)```", TEXT, re.DOTALL)
NOT_IN_VIRTUOSO = {"wb:usesDatastore)+": "a path of several relations fails on a cycle: closure() searches instead"}
"""What of docs/graph.md an engine cannot do, by a word of the query."""
OXIGRAPH = Path(sys.executable).with_name("oxigraph")
VIRTUOSO = shutil.which("virtuoso-t")
MOST_ROWS = 200
INI = """
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
CheckpointInterval = 0
NumberOfBuffers = 4000
MaxDirtyBuffers = 3000
DirsAllowed = .
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = .
ServerThreads = 6
Charset = UTF-8
[SPARQL]
ResultSetMaxRows = {most}
MaxQueryExecutionTime = 30
"""


@dataclass(frozen=True)
class Served:
    """An engine that runs: where it answers, and how to write to it."""

    name: str
    address: str
    options: dict[str, str]

    def open(self, home: Path, **more: str) -> RemoteGraph:
        return RemoteGraph.open(self.address, home, **(self.options | more))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], address: str, folder: Path) -> Iterator[None]:
    """Run the server until the end of the block; ready when it answers."""
    with (folder / "out.log").open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(address, timeout=10)
                break
            assert server.poll() is None and time.monotonic() < until, (folder / "out.log").read_text()
            time.sleep(0.05)
        yield
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def oxigraph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not OXIGRAPH.exists():
        pytest.skip("the oxigraph server is not installed: pip install oxigraph")
    base = f"http://127.0.0.1:{free_port()}"
    bind = base.removeprefix("http://")
    with running([str(OXIGRAPH), "serve", "--bind", bind, "--timeout-s", "3"], base, tmp_path_factory.mktemp("ox")):
        yield Served("oxigraph", f"{base}/query", {})


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if VIRTUOSO is None:
        pytest.skip("Virtuoso is not installed: apt-get install virtuoso-opensource-7-bin")
    folder, http = tmp_path_factory.mktemp("virtuoso"), free_port()
    (folder / "virtuoso.ini").write_text(INI.format(sql=free_port(), http=http, most=MOST_ROWS))
    address = f"http://127.0.0.1:{http}/sparql"
    with running([VIRTUOSO, "+foreground", "+configfile", "virtuoso.ini"], address, folder):
        yield Served("virtuoso", address.replace("//", "//dba@"), {"auth": "digest", "secret": "dba"})


@pytest.fixture(params=["oxigraph", "virtuoso"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """An engine, emptied of our graphs after the test."""
    made: Served = request.getfixturevalue(request.param)
    yield made
    with made.open(tmp_path / "cleaning") as graph:
        for each in (*graph.graphs(), META):
            graph._told(f"CLEAR GRAPH <{each}>")


@pytest.fixture
def remote(served: Served, tmp_path: Path) -> Iterator[RemoteGraph]:
    with served.open(tmp_path / "home") as graph:
        yield graph


def at(minutes: float) -> dict[str, datetime]:
    return {"started": T0 + minutes * MINUTE, "finished": T0 + minutes * MINUTE}


def quads(graph: Any) -> set[str]:
    return {str(each) for each in graph.quads()}


@pytest.fixture
def tangled(estate: Sequence[Fact], said: Make) -> tuple[Fact, ...]:
    """The small estate, with a cycle of calls, pods under their managers, code, and every kind of value."""
    setting, function = thing("env", "shop", "ledger", "ORDERS_URL"), thing("code", "shop", "src/ledger.py", "connect")
    source, mapped = thing("file", "shop", "src/ledger.py"), thing("config-map", "shop", "settings")
    pod, managing = thing("pod", "shop", "cart-0"), thing("replica-set", "shop", "cart")
    more = [
        said(service("ledger"), terms.CALLS, service("web")),
        said(service("search"), terms.CALLS, service("search")),
        said(pod, terms.TYPE, terms.class_iri(terms.Kind.POD)),
        said(pod, terms.LABEL, "cart-0"),
        said(pod, terms.RUNS_ON, thing("node", "n1")),
        said(pod, terms.MANAGED_BY, managing),
        said(managing, terms.MANAGED_BY, thing("deployment", "shop", "cart")),
    ]
    odd = (
        True,
        False,
        0.1,
        1.0,
        1e21,
        -7,
        T0,
        T0.replace(microsecond=123_456),
        "",
        'é "q" \\ \n\t😀 <b> ?x $y',
        "x" * 9000,
    )
    more += [said(service("cart"), terms.otel(f"odd.n{n}"), value) for n, value in enumerate(odd)]
    more += [said(thing("deployment", "shop", each), terms.MOUNTS, mapped) for each in ("cart", "web")]
    more += [
        said(mapped, terms.LABEL, "shop-settings"),
        said(setting, terms.LABEL, "ORDERS_URL"),
        said(setting, terms.REFERENCES, thing("database", "shop", "orders")),
        said(function, terms.LABEL, "connect"),
        said(function, terms.READS_ENV, setting),
        said(function, terms.DEFINED_IN, source),
        said(source, terms.LABEL, "src/ledger.py"),
    ]
    more.append(said(service("web"), terms.REFERENCES, service("cart"), layer=Layer.INFERRED, confidence=0.5))
    return (*estate, *more)


@pytest.fixture
def both(remote: RemoteGraph, tangled: Sequence[Fact], scan: Make, said: Make) -> tuple[RemoteGraph, GraphStore]:
    """The same facts in the engine and in our own store, with a second source and a lesson."""
    own = GraphStore.memory(now=lambda: T0)
    remote._now = lambda: T0
    for graph in (remote, own):
        graph.replace(scan(tangled, **at(0)))
        calls = [(service("web"), terms.CALLS, service(each)) for each in ("cart", "search")]
        seen = [said(*each, layer=Layer.RUNNING, source="traces") for each in calls]
        graph.replace(scan(seen, source="traces", layer=Layer.RUNNING, **at(1)))
        graph.learn("case-1", [said(service("web"), terms.DEPENDS_ON, service("ledger"), confidence=0.7, evidence="o")])
        graph.alias(service("cart-svc"), service("cart"), source="an engineer")
    return remote, own


def test_it_holds_what_our_own_store_holds(both: tuple[RemoteGraph, GraphStore]) -> None:
    """After scans, a lesson and an alias the engine's quads are those of our own store, to the last character."""
    remote, own = both
    assert quads(remote) == quads(own)
    assert len(remote) == len(own)
    assert remote.graphs() == own.graphs()
    assert set(remote.facts()) == set(own.facts())
    assert set(remote.about(service("cart"))) == set(own.about(service("cart")))
    assert remote.aliases() == own.aliases()
    assert remote.history.replayed() == own.history.replayed()


def test_the_catalogue_answers_alike(both: tuple[RemoteGraph, GraphStore]) -> None:
    """Every question of the catalogue, and the engine's view, has the same answer as in our own store."""
    remote, own = both
    cart, node, orders = service("cart"), thing("node", "n1"), thing("database", "shop", "orders")
    asked: list[Callable[[Any], object]] = [
        queries.entities,
        lambda graph: queries.entities(graph, terms.Kind.SERVICE),
        lambda graph: queries.described(graph, [cart, node, Iri("urn:nothing")]),
        lambda graph: queries.label(graph, cart),
        lambda graph: queries.by_name(graph, "cart", "orders", "none"),
        lambda graph: queries.by_any_case(graph, "CART"),
        lambda graph: queries.callers(graph, cart),
        lambda graph: queries.callees(graph, cart),
        lambda graph: [queries.blast_radius(graph, each) for each in (cart, node, orders, service("search"))],
        lambda graph: set(queries.neighbours(graph, [cart, node])),
        lambda graph: View(graph).around(Alert("a", "Slow", Window(T0, T0 + MINUTE), labels={"service": "cart"})),
        lambda graph: View(graph).between(queries.entities(graph)),
        lambda graph: View(graph).nearby("payment", 2),
        lambda graph: [graph.origins(), graph.taken()],
    ]
    for number, each in enumerate(asked):
        assert each(remote) == each(own), number


def test_a_rescan_is_a_diff(remote: RemoteGraph, tangled: Sequence[Fact], scan: Make) -> None:
    """Saying the same again changes nothing, one fact less takes one away, and a partial scan takes away none."""
    assert remote.replace(scan(tangled, **at(0))).added == len(tangled)
    again = remote.replace(scan(tangled, **at(1)))
    assert (again.added, again.removed, again.unchanged) == (0, 0, len(tangled))
    less = remote.replace(scan(tangled[1:], **at(2)))
    assert (less.added, less.removed) == (0, 1)
    assert remote.replace(scan(tangled[5:], complete=False, **at(3))).removed == 0
    assert len(remote) == len(tangled) - 1
    held = {(str(q.graph_name), str(q.subject), str(q.predicate), str(q.object)) for q in remote.quads()}
    assert {each for each in held if "/g/log>" not in each[1]} == remote.history.replayed()


def test_lessons_and_the_past(remote: RemoteGraph, estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """A lesson is forgotten again, and the estate of an earlier time is at hand."""
    remote.replace(scan(estate, **at(0)))
    remote.replace(scan(estate[3:], **at(5)))
    assert remote.learn("case-1", [said(service("web"), terms.DEPENDS_ON, service("ledger"))]) == 1
    assert remote.forget_learned("case-1") == 1
    with remote.as_of(T0 + MINUTE) as past:
        assert set(past.facts()) == set(estate)
    assert len(remote.history.diff(T0 + MINUTE, T0 + 6 * MINUTE)) == 3


@pytest.mark.parametrize("direction", ["out", "in"])
def test_closure_by_path_and_by_search(direction: Any, both: tuple[RemoteGraph, GraphStore]) -> None:
    """Both ways to a closure give one answer, cycles, several relations and chosen graphs included."""
    remote, own = both
    relations = ([terms.CALLS], [terms.CALLS, terms.USES_DATASTORE], [terms.RUNS_ON, terms.MANAGED_BY])
    starts = [service("cart"), service("search"), thing("node", "n1"), thing("database", "shop", "orders")]
    for start in starts:
        for some in relations:
            expected = closure(own, start, some, direction=direction)
            assert closure(remote, start, some, direction=direction) == expected
            assert set(closure(remote, [start], some, direction=direction, graphs=remote.graphs())) == set(expected)
    assert service("search") in closure(remote, service("search"), [terms.CALLS])
    seen = closure(remote, service("web"), [terms.CALLS], graphs=[g for g in remote.graphs() if "traces" in g])
    assert seen == (service("cart"), service("search"))
    with pytest.raises(BadInput, match="More than 1"):
        closure(remote, service("web"), [terms.CALLS], limit=1)


def test_queries_of_the_docs(both: tuple[RemoteGraph, GraphStore], served: Served) -> None:
    """The queries that the documentation prints answer alike, but for those that an engine is known to lack."""
    remote, own = both
    different = set()
    for text in QUERIES:
        expected = {*map(str, ask(own, text).to_numpy().tolist())}
        assert expected, text
        try:
            answer = {*map(str, ask(remote, text).to_numpy().tolist())}
        except BadInput:
            answer = set()
        if answer != expected:
            different.add(text)
    lacking = NOT_IN_VIRTUOSO if served.name == "virtuoso" else {}
    assert different == {text for text in QUERIES if any(word in text for word in lacking)}


def test_free_queries(both: tuple[RemoteGraph, GraphStore]) -> None:
    """Tables, yes or no, triples and errors come back as from our own store."""
    remote, own = both
    for text in (
        "SELECT ?a ?b { ?x wb:calls ?y . ?x rdfs:label ?a . ?y rdfs:label ?b } ORDER BY ?a ?b",
        "ASK { ?x wb:calls ?y }",
        "ASK { ?x wb:monitors ?y }",
        "CONSTRUCT { ?y wb:dependsOn ?x } WHERE { ?x wb:calls ?y }",
    ):
        # An engine's union says a triple once a graph that holds it.
        rows = [{*map(tuple, ask(graph, text, short=True).to_numpy().tolist())} for graph in (remote, own)]
        assert rows[0] == rows[1]
    capped = ask(remote, "SELECT * { ?s ?p ?o }", max_rows=5)
    assert (len(capped), capped.attrs["truncated"]) == (5, True)
    with pytest.raises(BadInput, match=r"line 2\b") as caught:
        ask(remote, "SELECT *\n{ ?s ?p }")
    assert caught.value.next_step
    for evil in (
        "define get:soft 'soft' SELECT * { ?s ?p ?o }",
        "SELECT * { ?s ?p ?o } ; CLEAR GRAPH <urn:g>",
        "SELECT (bif:curdatetime() AS ?now) { }",
        "PREFIX f: <sql:> SELECT (f:exec('x') AS ?x) { }",
    ):
        with pytest.raises(NotAllowed):
            ask(remote, evil)


def test_a_runaway_query_is_stopped(both: tuple[RemoteGraph, GraphStore]) -> None:
    """A cross product that would run for ever ends with a sentence, on the clock of the asker or of the engine."""
    remote, _ = both
    runaway = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?q ?r FILTER(?c != ?r) }"
    with pytest.raises(BadInput, match=r"did not finish|refuses"):
        ask(remote, runaway, timeout=2)
    assert ask(remote, "ASK { ?x wb:calls ?y }").loc[0, "answer"]


def test_more_than_the_engine_gives_at_once(remote: RemoteGraph, scan: Make, said: Make) -> None:
    """A graph of more quads than an answer or an update may hold is written, read and compared whole."""
    many = [said(service(f"s{n}"), terms.LABEL, f"s{n}") for n in range(2 * MOST_ROWS + 100)]
    remote.replace(scan(many, **at(0)))
    assert len(remote) == len(many)
    assert set(remote.facts()) == set(many)
    assert remote.replace(scan(many[:-1], **at(1))).removed == 1


def test_wrong_password(virtuoso: Served, tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """A write with a wrong password is refused with what to set, and leaves no trace in the log."""
    with virtuoso.open(tmp_path, secret="wrong") as graph:
        before = graph.history.log.last
        with pytest.raises(NotAllowed) as caught:
            graph.replace(scan(estate, **at(0)))
        assert "WORKBENCH_GRAPH_SECRET" in caught.value.next_step
        assert graph.history.log.last == before
