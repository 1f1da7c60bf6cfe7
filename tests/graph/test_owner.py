"""Who owns the store: a Jupyter server that runs holds it, and everybody else on the machine goes to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ontology import terms
from ontology.errors import BadInput, NotAllowed, PersonError, Unavailable
from ontology.iris import service, thing
from ontology.nouns import Alert, Fact, Iri, Layer, Window
from scanners.protocol import Scan
from workbench import assembly
from workbench.cli import workbench
from workbench.graph import queries
from workbench.graph.ask import ask, results_json
from workbench.graph.claim import FILE, Claim, claim, claimed, release
from workbench.graph.owned import OwnedGraph
from workbench.graph.store import GraphStore
from workbench.graph.view import View
from workbench.settings import Settings

Make = Callable[..., Any]
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
EXTENSIONS = {
    "workbench.server": True,
    **dict.fromkeys(("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook_shim"), False),
}
"""What the server loads; it starts in half the time without the lab."""
MINUTE = timedelta(minutes=1)
T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Server:
    """A Jupyter server with the extension, as an engineer has it open."""

    process: subprocess.Popen[bytes]
    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def start(home: Path) -> Server:
    """Start a Jupyter server on that data folder; ready once it has claimed the graph."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"server-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={free_port()}"]
    command += [f"--ServerApp.root_dir={home}", f"--ServerApp.jpserver_extensions={EXTENSIONS}"]
    folders = {
        name: str(home / "jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    environment = os.environ | folders | {"WORKBENCH_HOME": str(home)}
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    until = time.monotonic() + 60
    while not _owns(home, process.pid):
        assert process.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.02)
    return Server(process, home)


def _owns(home: Path, pid: int) -> bool:
    held = claimed(home)
    return held is not None and held.pid == pid


def stop(server: Server, sign: signal.Signals = signal.SIGTERM) -> None:
    server.process.send_signal(sign)
    server.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = start(tmp_path_factory.mktemp("owner"))
    yield made
    stop(made)


@pytest.fixture
def owned(server: Server) -> Iterator[OwnedGraph]:
    """The graph of the running server, emptied after the test."""
    graph = assembly.writing_graph(server.settings)
    assert isinstance(graph, OwnedGraph)
    with graph:
        yield graph
        for source in {each.source for each in graph.origins().values()}:
            graph.replace(Scan(source, "shop", Layer.DECLARED, (), (), complete=True, started=T0, finished=T0))
        graph.forget_learned("case-1")


def at(minutes: float) -> dict[str, datetime]:
    return {"started": T0 + minutes * MINUTE, "finished": T0 + minutes * MINUTE}


def held(store: GraphStore) -> set[tuple[str, ...]]:
    """Return what the store holds as the log says it, without the mark of the last batch."""
    found = ((str(q.graph_name), str(q.subject), str(q.predicate), str(q.object)) for q in store.quads())
    return {each for each in found if not each[1].endswith("/g/log>")}


def test_it_answers_as_the_store_does(owned: OwnedGraph, estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """What is handed over comes back as from a store of our own: quads, the catalogue, the view, free queries."""
    odd = (True, 0.1, 1e21, -7, T0.replace(microsecond=123_456), "", 'é "q" \\ \n\t😀 <b> ?x $y')
    facts = [*estate, *(said(service("cart"), terms.otel(f"odd.n{n}"), value) for n, value in enumerate(odd))]
    own = GraphStore.memory()
    changes = [graph.replace(scan(facts, **at(0))) for graph in (owned, own)]
    assert changes[0] == changes[1]
    cart, alert = service("cart"), Alert("a", "Slow", Window(T0, T0 + MINUTE), labels={"service": "cart"})
    asked: list[Callable[[Any], object]] = [
        lambda graph: {each for each in graph.facts() if each.source == "compose"},
        queries.entities,
        lambda graph: queries.blast_radius(graph, thing("database", "shop", "orders")),
        lambda graph: set(queries.neighbours(graph, [cart])),
        lambda graph: View(graph).around(alert),
        lambda graph: set(graph.about(cart)),
        lambda graph: ask(graph, "SELECT ?a ?b { ?a wb:calls ?b } ORDER BY ?a").to_numpy().tolist(),
        lambda graph: sorted(ask(graph, "CONSTRUCT { ?b wb:name ?a } WHERE { ?a wb:calls ?b }").to_numpy().tolist()),
        lambda graph: json.loads(results_json(graph, "ASK { ?a wb:calls ?b }")),
        lambda graph: ask(graph, "SELECT * { ?s ?p ?o }", max_rows=3).attrs["truncated"],
    ]
    for number, each in enumerate(asked):
        assert each(owned) == each(own), number


def test_a_rescan_a_lesson_and_the_past(owned: OwnedGraph, estate: Sequence[Fact], scan: Make, said: Make) -> None:
    """A rescan is a diff, a lesson is taken back, and the past is at hand while another process owns the store."""
    owned.replace(scan(estate, **at(0)))
    again = owned.replace(scan(estate[3:], **at(5)))
    assert (again.added, again.removed, again.unchanged) == (0, 3, len(estate) - 3)
    assert set(again.vanished) == {*estate[:3]}
    lesson = said(service("web"), terms.DEPENDS_ON, service("ledger"), layer=Layer.LEARNED, confidence=0.7)
    assert owned.learn("case-1", [lesson]) == 1
    assert [each.object for each in owned.about(service("web"), terms.DEPENDS_ON)] == [service("ledger")]
    assert owned.forget_learned("case-1") == 1
    assert len(owned.history.diff(T0 + MINUTE, T0 + 6 * MINUTE)) == 3
    with owned.as_of(T0 + MINUTE) as past:
        assert {each for each in past.facts() if each.source == "compose"} == set(estate)


def test_errors_come_back_as_they_were(owned: OwnedGraph, scan: Make, said: Make) -> None:
    """A refusal has the type and the sentences it would have here, and leaves the graph as it was."""
    with pytest.raises(BadInput, match="line 2, column"):
        ask(owned, "SELECT *\n{ ?s ?p")
    with pytest.raises(BadInput, match="is not an IRI"):
        owned.replace(scan([said(Iri("not an iri"), terms.LABEL, "x")]))
    with pytest.raises(BadInput, match="alias of itself"):
        owned.alias(service("a"), service("a"), source="x")
    with pytest.raises(BadInput, match="stopped"):
        ask(owned, "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p }", timeout=0.2)
    assert owned.facts() == ()


def test_hostile_queries_do_not_get_past_it(owned: OwnedGraph, estate: Sequence[Fact], scan: Make) -> None:
    """What reaches out or writes is refused by the owner too, without the check of the client, and nobody is asked."""
    owned.replace(scan(estate))
    knocked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_listen, args=(listener, knocked), daemon=True).start()
        where = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        for text in (
            f"SELECT * {{ SERVICE <{where}> {{ ?s ?p ?o }} }}",
            f"SELECT * {{ ?a ?b ?c FILTER(?c<'x>'||true) SERVICE <{where}> {{ ?s ?p ?o }} FILTER(?z='') }}",
            f"SELECT * FROM <{where}> {{ ?s ?p ?o }}",
            f"LOAD <{where}>",
            "CLEAR ALL",
            "DELETE WHERE { ?s ?p ?o }",
            "SELECT * { ?s ?p ?o } ; CLEAR ALL",
        ):
            with pytest.raises((NotAllowed, BadInput)):
                owned.answered(text, timeout=5, max_rows=10)
            with pytest.raises((NotAllowed, BadInput)):
                list(owned.rows(text))
        assert not knocked.is_set()
    assert set(owned.facts()) == set(estate)


def _listen(listener: socket.socket, knocked: threading.Event) -> None:
    with contextlib.suppress(OSError):
        listener.accept()
        knocked.set()


def test_the_command_line_scans_while_the_server_runs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """`workbench scan` hands over to the owner what it would have written itself."""
    monkeypatch.setenv("WORKBENCH_HOME", str(server.home))
    shop = server.home / "shop"
    shop.mkdir()
    (shop / "compose.yaml").write_text("services:\n  web:\n    image: shop/web:1\n")
    done = CliRunner().invoke(workbench, ["scan", "compose", str(shop)])
    assert done.exit_code == 0, done.output
    with assembly.reading_graph(server.settings) as graph:
        assert isinstance(graph, OwnedGraph)
        assert queries.by_name(graph, "web")
        graph.replace(Scan("compose", "shop", Layer.DECLARED, (), (), complete=True, started=T0, finished=T0))


def test_scanners_and_readers_at_once(owned: OwnedGraph, server: Server, scan: Make, said: Make) -> None:
    """Two who scan and five who read at once: each reader sees whole generations, and the last scan stands."""

    def write(source: str) -> int:
        with assembly.writing_graph(server.settings) as graph:
            for n in range(8):
                facts = [said(service(f"{source}-{i}"), terms.STATUS, str(n), source=source) for i in range(40)]
                graph.replace(scan(facts, source=source, **at(n)))
        return 1

    def read(_: int) -> int:
        seen = 0
        with assembly.reading_graph(server.settings) as graph:
            for _n in range(10):
                text = f"SELECT ?g ?v (COUNT(?s) AS ?n) {{ GRAPH ?g {{ ?s <{terms.STATUS}> ?v }} }} GROUP BY ?g ?v"
                counted = list(graph.rows(text))
                assert all(number == 40 for _, _, number in counted)
                assert len({where for where, *_ in counted}) == len(counted)
                seen += 1
        return seen

    with ThreadPoolExecutor(7) as pool:
        writers = [pool.submit(write, each) for each in ("one", "two")]
        readers = [pool.submit(read, n) for n in range(5)]
        assert [each.result() for each in (*writers, *readers)] == [1, 1, 10, 10, 10, 10, 10]
    assert {each.object for each in owned.facts() if each.predicate == terms.STATUS} == {"7"}


def test_the_claim_is_for_its_user_alone(server: Server) -> None:
    """The file with the token can be read by its user only, and the token is not shown by the claim."""
    assert stat.S_IMODE((server.home / FILE).stat().st_mode) == 0o600
    claim_of = claimed(server.home)
    assert claim_of is not None
    assert len(claim_of.token) > 30
    assert claim_of.token not in repr(claim_of)


def test_a_second_one_claims_nothing(server: Server) -> None:
    """Another process on the same data folder does not get the claim while the first one lives."""
    before = claimed(server.home)
    assert claim(server.home, "http://127.0.0.1:1/workbench") is None
    assert claimed(server.home) == before


def test_a_server_that_ends_leaves_the_store_to_others(tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """Before, while and after a server runs the same facts are read; a claim of a dead process counts for nothing."""
    settings = Settings(home=tmp_path)
    with assembly.writing_graph(settings) as store:
        assert isinstance(store, GraphStore)
        store.replace(scan(estate[:10]))
    running = start(tmp_path)
    with assembly.writing_graph(settings) as graph:
        assert isinstance(graph, OwnedGraph)
        graph.replace(scan(estate))
        with pytest.raises(Unavailable):
            GraphStore.open(tmp_path / "graph")
    stop(running)
    assert not (tmp_path / FILE).exists()
    with assembly.reading_graph(settings) as reader:
        assert isinstance(reader, GraphStore)
        assert set(reader.facts()) == set(estate)


def test_a_stale_or_a_false_claim_is_passed_over(tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """A claim whose process died, that nobody answers for, or that is no claim at all does not stand in the way."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    false = [
        f'{{"url": "http://127.0.0.1:{free_port()}/x", "pid": {pid}, "token": "t"}}' for pid in (dead.pid, os.getpid())
    ]
    for text in (*false, "", "[]", '{"url": 1}', "\xff"):
        (tmp_path / FILE).write_bytes(text.encode("latin-1"))
        with assembly.writing_graph(Settings(home=tmp_path)) as store:
            assert isinstance(store, GraphStore)
            store.replace(scan(estate))
    made = claim(tmp_path, "http://127.0.0.1:1/workbench")
    assert made is not None
    release(tmp_path, Claim(made.url, made.pid, "another"))
    assert claimed(tmp_path) == made
    release(tmp_path, made)
    assert claimed(tmp_path) is None


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(60 if SOAK else 2))
def test_a_killed_owner_loses_nothing_acknowledged(attempt: int, tmp_path: Path, scan: Make, said: Make) -> None:
    """After SIGKILL in the middle of a scan that was handed over: a whole generation, no less than was acknowledged."""
    server = start(tmp_path)
    acknowledged: list[int] = []

    def hand_over() -> None:
        with assembly.writing_graph(server.settings) as graph:
            for n in range(10_000):
                facts = [said(service(f"{n}-{i}"), terms.LABEL, str(n)) for i in range(300)]
                graph.replace(scan(facts, **at(n)))
                acknowledged.append(n)

    with ThreadPoolExecutor(1) as pool:
        handing = pool.submit(hand_over)
        while not acknowledged and not handing.done():
            time.sleep(0.002)
        with contextlib.suppress(TimeoutError):
            handing.exception(0.011 * attempt)
        stop(server, signal.SIGKILL)
        assert isinstance(handing.exception(), PersonError)
    with assembly.writing_graph(Settings(home=tmp_path)) as store:
        assert isinstance(store, GraphStore)
        (generation,) = {str(each.object) for each in store.facts()}
        assert len(store) == 300
        assert int(generation) in (acknowledged[-1], acknowledged[-1] + 1)
        assert store.history.replayed() == held(store)
