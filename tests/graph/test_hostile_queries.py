"""Free-form SPARQL that reaches out or writes is refused, and never gets as far as the network."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from ontology.errors import BadInput, NotAllowed, PersonError
from ontology.nouns import Iri
from workbench.graph import queries
from workbench.graph.admission import LONGEST, admit
from workbench.graph.ask import ask
from workbench.graph.closure import closure
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
HOSTILE += [  # the clause in every place of a query, in every spelling
    f"SELECT * {{ ?s ?p ?o {place} }}".replace("@", spelling)
    for place, spelling in (
        ("OPTIONAL { @ }", "SERVICE <%s> { ?a ?b ?c }"),
        ("MINUS { @ }", "SeRvIcE<%s>{ ?a ?b ?c }"),
        ("{ } UNION { @ }", "SERVICE\t<%s>\r\n{ ?a ?b ?c }"),
        ("GRAPH ?g { @ }", "SERVICE SILENT<%s>{ }"),
        ("FILTER NOT EXISTS { @ }", "service silent <%s> { ?a ?b ?c }"),
        ("BIND(EXISTS { @ } AS ?x)", "SERVICE <%s> { ?a ?b ?c }"),
        ("VALUES ?e { <%s> } @", "SERVICE ?e { ?a ?b ?c }"),
        ("BIND(IRI('%s') AS ?e) @", "SERVICE $e { ?a ?b ?c }"),
        ("{ SELECT ?a { @ } LIMIT 1 }", "SERVICE <%s> { ?a ?b ?c }"),
        ("FILTER(?o > 1)@", "SERVICE <%s> { ?a ?b ?c }"),
        ("FILTER(?o IN ('a', \"b\"))@", "SERVICE <%s> { ?a ?b ?c }"),
        ("# comment\n@", "SERVICE #\n#\n<%s> { ?a ?b ?c }"),
        ("@ # '\n", "SERVICE <%s> { ?a ?b 'x' }"),
        ("?s ?p 'it''s'. @", "SERVICE <%s> { ?a ?b ?c }"),
        ('?s ?p """a""". @', "SERVICE <%s> { ?a ?b ?c }"),
        ("?s ?p 1.@", "SERVICE <%s> { ?a ?b ?c }"),
        ("?s ?p true.@", "SERVICE <%s> { ?a ?b ?c }"),
        ("?s ?p _:b.@", "SERVICE <%s> { ?a ?b ?c }"),
        ("?s ?p [].@", "SERVICE <%s> { ?a ?b ?c }"),
        ("?s ?p ().@", "SERVICE <%s> { ?a ?b ?c }"),
    )
]
HOSTILE += [  # an update behind a query, or in its place
    "SELECT * { ?s ?p ?o }; INSERT DATA { <%s> <urn:p> 1 }",
    "ASK { ?s ?p ?o } ; DELETE WHERE { GRAPH <%s> { ?s ?p ?o } }",
    "ASK {}; DROP SILENT GRAPH <%s>",
    "ASK {}; CREATE GRAPH <%s>",
    "ASK {}; COPY <%s> TO <urn:g>",
    "ASK {}; MOVE DEFAULT TO <%s>",
    "ASK {}; ADD GRAPH <%s> TO DEFAULT",
    "ASK {}; CLEAR ALL # %s",
    "ASK {}; WITH <%s> DELETE { ?s ?p ?o } INSERT { } WHERE { ?s ?p ?o }",
    "INSERT { GRAPH <%s> { ?s ?p ?o } } WHERE { ?s ?p ?o }",
    "BASE <%s> LOAD <x> INTO GRAPH <y>",
    "PREFIX a: <urn:> # %s\nDELETE DATA { GRAPH a:g { a:s a:p a:o } }",
    "ADD <%s> TO DEFAULT",
    "MOVE <%s> TO DEFAULT",
    "COPY <%s> TO DEFAULT",
    "CREATE SILENT GRAPH <%s>",
]
RUNAWAY = [  # cross products, paths with both ends free, sorting and grouping of them
    "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p }",
    "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p } ORDER BY ?a ?d ?g",
    "SELECT DISTINCT ?a ?d ?g ?j ?m { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p }",
    "SELECT ?a (GROUP_CONCAT(?l) AS ?t) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p } GROUP BY ?a",
    "SELECT (COUNT(*) AS ?n) { ?a (!<urn:x>|^!<urn:x>)+ ?b . ?c (!<urn:x>|^!<urn:x>)+ ?d . ?e !<urn:x> ?f . ?g ?h ?i }",
    "ASK { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p FILTER(CONCAT(STR(?a), STR(?m)) = 'x') }",
    "SELECT (COUNT(*) AS ?n) { { ?a ?b ?c } UNION { ?c ?b ?a } ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p }",
    "SELECT (COUNT(*) AS ?n) { ?a ?b ?c OPTIONAL { ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p } }",
    "SELECT (MAX(?x) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p BIND(SHA512(STR(?m)) AS ?x) }",
    "CONSTRUCT { ?a ?b ?l } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p FILTER(STR(?a) = STR(?p)) }",
]
INJECTED = [  # as the name of a thing, or as its IRI: bound values, never query text
    '" } SERVICE <%s> { ?s ?p ?o } #',
    "' } SERVICE <%s> { ?s ?p ?o } #",
    '\\" } SERVICE <%s> { ?s ?p ?o } #',
    '""" } SERVICE <%s> { ?s ?p ?o } #',
    "x\n} SERVICE <%s> { ?s ?p ?o }\n#",
    "x\r\n} SERVICE <%s> {} #",
    "> ?p ?o } SERVICE <%s> { ?s ?p ?o } #",
    "urn:x> } ; LOAD <%s> #",
    "$it <%s>",
    "$names $these $only %s",
    '"@en } SERVICE <%s> {} #',
    '"^^<%s>',
    "\\u0022 } SERVICE <%s> {} #",
    "\x00 %s",
    "\ud800 %s",
    "{ } %s",
    "?s ?p ?o . %s",
    'a" . ?s ?p ?o . FILTER("%s',
    "<%s>",
    "# %s",
    "%%s %%(x)s {0} %s",
    "wb:calls|!wb:calls %s",
    "_:b %s",
    "`%s`",
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


def test_there_are_a_hundred() -> None:
    """A hundred hostile texts are tried, none of them twice."""
    assert len({*HOSTILE, *RUNAWAY, *INJECTED}) == len([*HOSTILE, *RUNAWAY, *INJECTED]) >= 100


def test_runaway_queries_end_on_time(shop: GraphStore) -> None:
    """A query that would run for ever is stopped, with what to do, or gives no more rows than were asked for."""

    def run(query: str) -> bool:
        try:
            return len(ask(shop, query, timeout=0.6, max_rows=100)) <= 100
        except BadInput as error:
            return bool(error.next_step)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(run, RUNAWAY))


def test_a_bound_value_stays_a_value(shop: GraphStore, listener: Listener) -> None:
    """Whatever a name or an IRI holds, it finds nothing or is refused, and nobody is asked."""
    before = {str(quad) for quad in shop.quads()}
    for text in INJECTED:
        evil = text.replace("%s", listener.address)
        assert queries.by_name(shop, evil) == ()
        assert queries.by_any_case(shop, evil) == ()
        for question in (queries.label, queries.callers, queries.blast_radius):
            with contextlib.suppress(BadInput):
                assert question(shop, Iri(evil)) in ((), queries.last_name(Iri(evil)))
        with contextlib.suppress(BadInput):
            assert closure(shop, Iri(evil), [Iri(evil)]) == ()
        with contextlib.suppress(BadInput):
            assert queries.described(shop, [Iri(evil)])[Iri(evil)].kind == "Thing"
    assert {str(quad) for quad in shop.quads()} == before
    assert listener.knocks == []


@pytest.mark.parametrize("query", HOSTILE)
def test_hostile_query_is_refused_before_it_runs(query: str, store: GraphStore, listener: Listener) -> None:
    """A query that reaches out or writes is refused with a next step, and nobody is asked."""
    with pytest.raises(PersonError) as caught:
        ask(store, query.replace("%s", listener.address))
    assert caught.value.next_step
    assert listener.knocks == []


@pytest.mark.parametrize("query", HOSTILE)
def test_refusal_says_that_it_is_not_allowed(query: str) -> None:
    """The refusal is one of permission and comes from reading the text, not from the store's parser."""
    with pytest.raises(NotAllowed):
        admit(query.replace("%s", "http://x/"))


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
