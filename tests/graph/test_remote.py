"""The client of SPARQL engines: who signs, what is never believed, and that silence loses nothing."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pyoxigraph import NamedNode, QueryResultsFormat, QueryTriples, RdfFormat, Store

from ontology import terms
from ontology.errors import BadInput, NotAllowed, PersonError, Unavailable
from ontology.iris import service
from ontology.nouns import Fact
from workbench import assembly
from workbench.graph.ask import ask
from workbench.graph.endpoint import Endpoint
from workbench.graph.remote import UNKNOWN, Engine, RemoteGraph, update_address
from workbench.graph.signing import SigV4, signer
from workbench.settings import Settings

Make = Callable[..., Any]
T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EMPTY = b'{"head":{"vars":["s"]},"results":{"bindings":[]}}'


@dataclass
class Reply:
    status: int = 200
    body: bytes = EMPTY
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/sparql-results+json"})


@dataclass
class Engine11:
    """A server of our own that speaks the protocol over an Oxigraph store, and misbehaves when it is told to."""

    address: str = ""
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers and body of each request."""
    judge: Callable[[str, dict[str, str], bytes], Reply | None] = lambda *_: None
    """Answers in the store's place, or None."""
    silent: bool = False
    """Do what is asked, and close the connection without a word."""
    name: str = "Engine/1.1"
    store: Store = field(default_factory=Store)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.seen.append((path, headers, body))
        said = self.judge(path, headers, body)
        if said is not None:
            return said
        form = parse_qs(body.decode(), keep_blank_values=True)
        if "update" in form:
            self.store.update(form["update"][0])
            return Reply(204, b"")
        chosen = [NamedNode(each) for each in form.get("default-graph-uri", ())]
        union = "union-default-graph" in form
        found = self.store.query(form["query"][0], default_graph=chosen or None, use_default_graph_as_union=union)
        if isinstance(found, QueryTriples):
            return Reply(200, found.serialize(format=RdfFormat.N_TRIPLES) or b"")
        return Reply(200, found.serialize(format=QueryResultsFormat.JSON) or b"")


@pytest.fixture
def engine() -> Iterator[Engine11]:
    made = Engine11()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: two would wait for each other

        def version_string(self) -> str:
            return made.name

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = made.answer(self.path, dict(self.headers), body)
            if made.silent:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    made.address = f"http://127.0.0.1:{server.server_port}/sparql"
    yield made
    server.shutdown()
    server.server_close()


def asked(engine: Engine11, auth: Any) -> None:
    with Endpoint(engine.address, auth).post({"query": "ASK { }"}, "*/*", 5) as answer:
        answer.read()


def at(minutes: float) -> dict[str, datetime]:
    return {"started": T0 + minutes * MINUTE, "finished": T0 + minutes * MINUTE}


# --- who signs ---


def test_who_signs_follows_from_address_and_secret() -> None:
    """A user means Basic, a secret alone a bearer token, Neptune its signature, nothing nobody; a setting wins."""
    neptune = "https://db.cluster-c1.eu-west-1.neptune.amazonaws.com:8182/sparql"
    kinds = [
        signer("https://host/sparql"),
        signer("https://host/sparql", user="u", secret="s"),
        signer("https://host/sparql", secret="s"),
        signer("https://host/sparql", "digest", user="u", secret="s"),
        signer(neptune),
        signer(neptune, "none"),
    ]
    names = [type(each).__name__ for each in kinds]
    assert names == ["NoneType", "HTTPBasicAuth", "Bearer", "HTTPDigestAuth", "SigV4", "NoneType"]
    for wrong in (("x", "u", "s"), ("basic", "", "s"), ("bearer", "", ""), ("digest", "u", "")):
        with pytest.raises(BadInput):
            signer("https://host/sparql", *wrong)


def test_basic_and_bearer(engine: Engine11) -> None:
    """Basic and bearer send what the standards say, umlauts included."""
    asked(engine, signer(engine.address, user="é", secret="s:ü"))
    asked(engine, signer(engine.address, secret="token"))
    basic, bearer = (headers["Authorization"] for _, headers, _ in engine.seen)
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "é:s:ü"
    assert bearer == "Bearer token"


def test_digest(engine: Engine11) -> None:
    """Digest answers the challenge with a response that the server can compute too; the password never goes over."""
    realm, nonce = "SPARQL", "abc123"

    def judge(path: str, headers: dict[str, str], _: bytes) -> Reply | None:
        sent = dict(re.findall(r'(\w+)="?([^",]+)"?', headers.get("Authorization", "")))
        if not sent:
            challenge = f'Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5'
            return Reply(401, b"", {"WWW-Authenticate": challenge})
        one = hashlib.md5(f"dba:{realm}:secret".encode()).hexdigest()
        two = hashlib.md5(f"POST:{path}".encode()).hexdigest()
        proof = hashlib.md5(f"{one}:{nonce}:{sent['nc']}:{sent['cnonce']}:auth:{two}".encode()).hexdigest()
        return None if sent["response"] == proof else Reply(403, b"wrong")

    engine.judge = judge
    asked(engine, signer(engine.address, "digest", user="dba", secret="secret"))
    assert [bool(headers.get("Authorization")) for _, headers, _ in engine.seen] == [False, True]
    assert all("secret" not in str(headers) for _, headers, _ in engine.seen)
    with pytest.raises(NotAllowed, match="wrong"):
        asked(engine, signer(engine.address, "digest", user="dba", secret="another"))


def test_signature_version_4(engine: Engine11) -> None:
    """A server that knows the key computes the same signature over method, address, headers and body."""
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "wJalrXUtnFEMI", "a-session-token")
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI", "a-session-token")
    verdicts: list[bool] = []

    def judge(path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        names = re.findall(r"SignedHeaders=([^,]+)", headers["Authorization"])[0].split(";")
        lower = {name.lower(): value for name, value in headers.items()}
        again = AWSRequest("POST", f"http://{lower['host']}{path}", data=body)
        for name in names:
            again.headers[name] = lower[name]
        again.context["timestamp"] = lower["x-amz-date"]
        own = SigV4Auth(credentials, "neptune-db", "eu-west-1")
        expected = own.signature(own.string_to_sign(again, own.canonical_request(again)), again)
        verdicts.append(headers["Authorization"].endswith(f"Signature={expected}"))
        return None

    engine.judge = judge
    asked(engine, SigV4(session, "eu-west-1"))
    session.set_credentials("AKIDEXAMPLE", "another")
    asked(engine, SigV4(session, "eu-west-1"))
    assert verdicts == [True, False]
    assert "x-amz-security-token" in {name.lower() for name in engine.seen[0][1]}
    assert all(word in engine.seen[0][1]["Authorization"] for word in ("/eu-west-1/neptune-db/", "host", "x-amz-date"))


# --- what is never believed ---


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (
            Reply(200, b'{"head":{"vars":["s"]},"results":{"bindings":[The operation was cancelled'),
            BadInput,
            "not finish",
        ),
        (Reply(200, EMPTY[:-10]), BadInput, "not finish"),
        (Reply(200, b"<html>welcome</html>"), BadInput, "not finish"),
        (Reply(200, EMPTY, {"X-SQL-State": "S1TAT"}), BadInput, "not finish"),
        (Reply(500, b"Virtuoso S1T00 Error SR171: Transaction timed out"), BadInput, "not finish"),
        (Reply(400, b"error at 2:3: expected a dot"), BadInput, "line 1, column 3"),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), NotAllowed, "leads elsewhere"),
        (Reply(401, b"who are you"), NotAllowed, "who are you"),
        (Reply(404, b""), Unavailable, "404"),
        (Reply(503, b"restarting"), Unavailable, "restarting"),
    ],
)
def test_no_answer_is_taken_for_one(
    reply: Reply, error: type[PersonError], says: str, engine: Engine11, tmp_path: Path
) -> None:
    """Whatever an engine sends in the place of a whole answer is an error with a next step, never a shorter table."""
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        engine.judge = lambda *_: reply
        with pytest.raises(error, match=says) as caught:
            ask(graph, "SELECT * { ?s ?p ?o }")
        assert caught.value.next_step


def test_nobody_answers(tmp_path: Path) -> None:
    """An address at which nobody listens, or that is none, is a sentence."""
    with pytest.raises(Unavailable, match="does not answer"):
        RemoteGraph.open("http://127.0.0.1:1/sparql", tmp_path)
    for wrong in ("ftp://host/sparql", "host", "http://"):
        with pytest.raises(BadInput):
            RemoteGraph.open(wrong, tmp_path)


def test_rows_that_an_engine_holds_back(engine: Engine11, tmp_path: Path) -> None:
    """Where an engine says that it gives so many rows and gives just as many, none of our own questions believes it."""
    full = json.dumps(
        {"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "uri", "value": "urn:a"}}] * 5}}
    )
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        engine.judge = lambda *_: Reply(200, full.encode(), {"X-SPARQL-MaxRows": "5"})
        with pytest.raises(Unavailable, match="at most 5 rows"):
            list(graph.rows("SELECT ?s { ?s ?p ?o }"))
        assert ask(graph, "SELECT ?s { ?s ?p ?o }").attrs["truncated"]


# --- an engine that nobody knows ---


def test_an_engine_without_a_union(engine: Engine11, tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """An engine whose default graph is empty, and whose name says nothing, is asked over all our graphs by name."""
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        assert graph.engine == UNKNOWN
        assert list(graph.rows("SELECT ?s { ?s wb:calls ?o }")) == []
        graph.replace(scan(estate))
        assert len(ask(graph, "SELECT ?s { ?s wb:calls ?o }")) == 3
        assert set(graph.facts()) == set(estate)
        assert graph.replace(scan(estate[1:])).removed == 1


def test_where_updates_go() -> None:
    """The address of updates follows from that of queries as the engines document it."""
    virtuoso = Engine("Virtuoso")
    assert update_address("http://h/query", UNKNOWN) == "http://h/update"
    assert update_address("http://h/ds/sparql", UNKNOWN) == "http://h/ds/sparql"
    assert update_address("http://h/repositories/r", UNKNOWN) == "http://h/repositories/r/statements"
    assert update_address("http://h/sparql", virtuoso) == "http://h/sparql-auth"


def test_settings_choose_the_engine(engine: Engine11, tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """WORKBENCH_GRAPH is all it takes: scans go there, readers read there, and no store is made in the data folder."""
    settings = Settings(home=tmp_path, graph=engine.address)
    with assembly.writing_graph(settings) as graph:
        graph.replace(scan(estate))
    with assembly.reading_graph(settings) as graph:
        assert isinstance(graph, RemoteGraph)
        assert set(graph.facts()) == set(estate)
    assert not (tmp_path / "graph").exists()


# --- silence loses nothing ---


def test_a_refused_write_leaves_no_trace(engine: Engine11, tmp_path: Path, estate: Sequence[Fact], scan: Make) -> None:
    """What the engine refuses is neither there nor in the log, though a part of it had been taken already."""
    engine.name = "Small/1"
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        graph.engine = Engine("Small", most=10)
        graph.replace(scan(estate[:5], **at(0)))
        before, updates = set(map(str, graph.quads())), []

        def judge(_path: str, _headers: dict[str, str], body: bytes) -> Reply | None:
            updates.append(body) if body.startswith(b"update=") else None
            return Reply(400, b"no more") if len(updates) == 3 and body == updates[2] else None

        engine.judge = judge
        with pytest.raises(BadInput, match="no more"):
            graph.replace(scan(estate, **at(1)))
        engine.judge = lambda *_: None
        assert set(map(str, graph.quads())) == before
        assert graph.history.log.last == 1
        assert graph.replace(scan(estate, **at(2))).added == len(estate) - 5


@pytest.mark.parametrize("done", [True, False])
def test_silence_is_finished_by_the_next_one(
    done: bool, engine: Engine11, tmp_path: Path, estate: Sequence[Fact], scan: Make
) -> None:
    """Where the engine fell silent, having done the update or not, the next writer finishes it from the log."""
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        graph.replace(scan(estate[:5], **at(0)))

        def judge(_path: str, _headers: dict[str, str], body: bytes) -> Reply | None:
            if not body.startswith(b"update="):
                return None
            engine.silent = True
            return None if done else Reply()

        engine.judge = judge
        with pytest.raises(Unavailable):
            graph.replace(scan(estate, **at(1)))
    engine.judge, engine.silent = (lambda *_: None), False
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        assert graph.learn("case-1", estate[:1]) == 1
        assert graph.forget_learned("case-1") == 1
        assert {(each.subject, each.predicate, each.object) for each in graph.facts()} == {
            (each.subject, each.predicate, each.object) for each in estate
        }
        held = {(str(q.graph_name), str(q.subject), str(q.predicate), str(q.object)) for q in graph.quads()}
        assert {each for each in held if "/g/log>" not in each[1]} == graph.history.replayed()


def test_two_who_write_from_one_data_folder(engine: Engine11, tmp_path: Path, scan: Make, said: Make) -> None:
    """Two writers at once from one data folder wait for each other: both are whole, and the log leads to the graph."""
    engine.name = "Oxigraph/0"

    def write(source: str) -> None:
        with RemoteGraph.open(engine.address, tmp_path) as graph:
            for n in range(6):
                facts = [said(service(f"{source}-{i}"), terms.STATUS, str(n)) for i in range(20)]
                graph.replace(scan(facts, source=source, **at(n)))

    threads = [threading.Thread(target=write, args=(each,)) for each in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with RemoteGraph.open(engine.address, tmp_path) as graph:
        assert len(graph) == 40
        held = {(str(q.graph_name), str(q.subject), str(q.predicate), str(q.object)) for q in graph.quads()}
        assert {each for each in held if "/g/log>" not in each[1]} == graph.history.replayed()
        assert graph.taken() == graph.history.log.last == 12
