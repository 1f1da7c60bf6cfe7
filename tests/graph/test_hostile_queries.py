"""Free-form SPARQL that reaches out or writes is refused, and never gets as far as the network."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ontology.errors import BadInput, NotAllowed, PersonError
from workbench.graph.admission import LONGEST, admit
from workbench.graph.ask import ask
from workbench.graph.store import GraphStore

HOSTILE = [
    "SELECT * { SERVICE <%s> { ?s ?p ?o } }",
    "SELECT * { service <%s> { ?s ?p ?o } }",
    "SELECT * { SERVICE SILENT <%s> { ?s ?p ?o } }",
    "SELECT * { SERVICE#c\n<%s>#{\n{ ?s ?p ?o } }",
    "PREFIX x: <%s> SELECT * { SERVICE x:y { ?s ?p ?o } }",
    "PREFIX : <%s> SELECT * { SERVICE:x{ ?s ?p ?o } }",
    "BASE <%s> SELECT * { SERVICE <x> { ?s ?p ?o } }",
    "SELECT * { BIND(<%s> AS ?e) SERVICE ?e { ?s ?p ?o } }",
    "SELECT * { ?s ?p 1SERVICE<%s>{ ?x ?y ?z } }",
    "SELECT * { ?s ?p ?o FILTER EXISTS { SERVICE <%s> { ?s ?p ?o } } }",
    "SELECT * { { SELECT * { SERVICE <%s> { ?s ?p ?o } } } }",
    "SELECT * { ?a ?b ?c FILTER(?c<'x>'||true) SERVICE <%s> { ?s ?p ?o } FILTER(?z='') }",
    "SELECT * { ?s ?p ?o FILTER(?o<wb:x#>'''\n||true) SERVICE <%s> { ?x ?y ?z } #'''\n }",
    "SELECT * { ?s ?p <urn:\\u0041'> . SERVICE <%s> { ?x ?y ?z } FILTER(?o='') }",
    "SELECT * { ?s ?p <urn:\xa0'> . SERVICE <%s> { ?x ?y ?z } FILTER(?o='') }",
    "PREFIX x: <urn:> SELECT * { ?s ?p x:a\\'b . SERVICE <%s> { ?x ?y ?z } FILTER(?o='') }",
    "CONSTRUCT { ?s ?p ?o } WHERE { SERVICE <%s> { ?s ?p ?o } }",
    "ASK { SERVICE <%s> { ?s ?p ?o } }",
    "DESCRIBE ?s { SERVICE <%s> { ?s ?p ?o } }",
    "SELECT * FROM <%s> { ?s ?p ?o }",
    "SELECT * FROM NAMED <%s> { GRAPH ?g { ?s ?p ?o } }",
    "SELECT (1 AS ?x)FROM<%s>{ ?s ?p ?o }",
    "LOAD <%s>",
    "# SELECT\nLOAD SILENT <%s> INTO GRAPH <urn:g>",
    "PREFIX x: <%s> INSERT DATA { GRAPH x:g { x:a x:b x:c } }",
    "DELETE WHERE { GRAPH <%s> { ?s ?p ?o } }",
    "CLEAR GRAPH <%s>",
    "DROP ALL # %s",
    "WITH <%s> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "SELECT * { ?s ?p ?o } ; LOAD <%s>",
]
HARMLESS = [
    "SELECT * { ?s rdfs:label 'SERVICE <http://x> { ?s ?p ?o }' }",
    'SELECT * { ?s rdfs:label """SERVICE\n<http://x> {}""" }',
    "SELECT * { ?s ?p ?o } # SERVICE <http://x> { }",
    "SELECT ?service { ?service a wb:Service . ?service wb:calls ?from }",
    "SELECT ?service { ?service wb:calls <http://x/service/from> }",
    "PREFIX service: <urn:s> SELECT * { service:a wb:calls ?load . ?load a service:b }",
    "SELECT ?from ?to { ?from wb:calls ?to FILTER(STR(?from)<STR(?to)) }",
    "# LOAD <x>\nSELECT ?insert { ?insert rdfs:label 'DELETE DATA' }",
]


@dataclass
class Listener:
    """A server that counts who knocks."""

    address: str
    knocks: list[str]


@pytest.fixture
def listener() -> Iterator[Listener]:
    knocks: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            knocks.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815  # the name that http.server looks for

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Listener(f"http://127.0.0.1:{server.server_port}/", knocks)
    server.shutdown()
    server.server_close()


@pytest.fixture
def store() -> GraphStore:
    return GraphStore.memory()


@pytest.mark.parametrize("query", HOSTILE)
def test_hostile_query_is_refused_before_it_runs(query: str, store: GraphStore, listener: Listener) -> None:
    """A query that reaches out or writes is refused with a next step, and nobody is asked."""
    with pytest.raises(PersonError) as caught:
        ask(store, query % listener.address)
    assert caught.value.next_step
    assert listener.knocks == []


@pytest.mark.parametrize("query", [each for each in HOSTILE if not each.startswith("SELECT * { ?s ?p ?o } ;")])
def test_refusal_says_that_it_is_not_allowed(query: str) -> None:
    """The refusal is one of permission and comes from reading the text, not from the store's parser."""
    with pytest.raises(NotAllowed):
        admit(query % "http://x/")


@pytest.mark.parametrize("query", HARMLESS)
def test_harmless_query_passes(query: str, store: GraphStore) -> None:
    """Words in strings, comments, IRIs, variables and prefixes are no clauses."""
    assert list(ask(store, query).columns)


def test_a_long_text_is_refused_quickly() -> None:
    """A text made to keep the reader busy is refused, or read, without taking long."""
    with pytest.raises(BadInput):
        admit("SELECT" + " " * LONGEST)
    for evil in ("SERVICE<", "SERVICE a:#", "<'\"", "FROM ", "SERVICE :" * 3 + "#", "\\"):
        admit("SELECT * {" + evil * (LONGEST // len(evil) - 10))


def test_the_worker_does_not_see_our_environment(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that would break any Python, or a key, does not reach the worker."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    assert ask(store, "ASK {}").loc[0, "answer"]
