"""A rescan as a diff: the quads to put in and to take out, and the one SPARQL update that does both.

A SPARQL update of several operations is atomic in the store: all of it or nothing. Adding quad by quad is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pyoxigraph import Quad

from ontology import terms
from ontology.iris import BASE, PROV, graph
from ontology.nouns import Fact, Iri, Value
from scanners.protocol import Scan
from workbench.graph.changes import DEFAULT, Row
from workbench.graph.convert import (
    META,
    Origin,
    graph_for,
    graphs_of,
    is_annotation,
    literal,
    named,
    noun,
    origin,
    quads,
    term,
    text_quad,
)
from workbench.graph.staleness import ttl

_LAST_RUN, _LAST_COMPLETE = named(terms.LAST_RUN), named(terms.LAST_COMPLETE_AT)


@dataclass(frozen=True, slots=True)
class Change:
    """What a scan changed: how many facts, and which."""

    added: int
    removed: int
    unchanged: int
    appeared: tuple[Fact, ...] = field(default=(), kw_only=True, repr=False)
    vanished: tuple[Fact, ...] = field(default=(), kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """Quads to put in and to take out."""

    insert: frozenset[Quad]
    delete: frozenset[Quad]
    appeared: tuple[Fact, ...] = ()
    """The facts among what is put in."""
    unchanged: int = 0

    @property
    def removed(self) -> int:
        """How many facts are taken out."""
        return sum(not is_annotation(quad) for quad in self.delete)


def revision(old: Iterable[Quad], scan: Scan) -> Revision:
    """Return what turns the old quads of this source and scope into those of the scan.

    An incomplete scan takes out no fact: what it did not see may still be there.
    """
    said = {made[0]: (fact, made) for fact in scan.facts for made in [_quads(fact, scan)]}
    new = frozenset(quad for _, made in said.values() for quad in made)
    before = frozenset(old)
    insert = new - before
    appeared = tuple(fact for own, (fact, _) in said.items() if own in insert)
    delete = before - new if scan.complete else addition(before, new).delete
    return Revision(insert, delete, appeared, len(said) - len(appeared))


def addition(before: frozenset[Quad], new: frozenset[Quad]) -> Revision:
    """Return what adds the new quads; of the old ones only the annotations of facts said again are taken out."""
    again = {quad.subject for quad in new if is_annotation(quad)}
    return Revision(new - before, frozenset(quad for quad in before - new if quad.subject in again))


def _quads(fact: Fact, scan: Scan) -> tuple[Quad, ...]:
    return quads(fact, graph_for(scan.source, scan.scope, fact.layer, fact.confidence))


def row(op: str, quad: Quad) -> Row:
    """Return the quad as a row of the change log."""
    return Row(op, *text_quad(quad))


def update_text(rows: Iterable[Row]) -> str:
    """Return the SPARQL update that does these, what goes before what comes; empty where there is nothing to do."""
    by_verb: dict[str, dict[str, list[str]]] = {"-": {}, "+": {}}
    for op, where, subject, predicate, value in rows:
        by_verb[op].setdefault(where, []).append(f"{subject} {predicate} {value} .")
    verbs = (("DELETE DATA", by_verb["-"]), ("INSERT DATA", by_verb["+"]))
    return " ;\n".join(data_text(verb, some) for verb, some in verbs if some)


def data_text(verb: str, by_graph: Mapping[str, list[str]]) -> str:
    """Return the operation; the triples of the default graph stand free."""
    return f"{verb} {{\n{_grouped(by_graph)}}}"


def _grouped(by_graph: Mapping[str, list[str]]) -> str:
    return "".join(
        "\n".join(lines) + "\n" if name == DEFAULT else f"GRAPH {name} {{\n" + "\n".join(lines) + "\n}\n"
        for name, lines in by_graph.items()
    )


def run_iri(scan: Scan) -> Iri:
    """Return the IRI of the run that made this scan."""
    return Iri(f"{BASE}run/" + graph(scan.source, scan.scope, literal(scan.started).value).removeprefix(f"{BASE}g/"))


def source_iri(scan: Scan) -> Iri:
    """Return the IRI of the scan's source, which is no thing of the estate."""
    return Iri(f"{BASE}source/" + graph(scan.source).removeprefix(f"{BASE}g/"))


def origins(old: Iterable[Quad]) -> dict[Iri, Origin]:
    """Return the origin of every graph that these quads of the meta graph describe."""
    said: dict[Iri | Value, dict[Iri | Value, Iri | Value]] = {}
    for quad in old:
        said.setdefault(noun(quad.subject), {})[noun(quad.predicate)] = noun(quad.object)
    wanted = (terms.SOURCE, terms.LAYER, terms.BASE_CONFIDENCE)
    return {
        Iri(str(name)): origin(
            *(its[each] for each in wanted), its.get(terms.LAST_COMPLETE_AT), run[terms.COMPLETED_AT]
        )
        for name, its in said.items()
        if terms.LAST_RUN in its and (run := said.get(its[terms.LAST_RUN]))
    }


def described(
    scan: Scan, old: frozenset[Quad], written: Iterable[Iri], change: Change
) -> tuple[frozenset[Quad], frozenset[Quad]]:
    """Return the new description of the scan's graphs, and what of the old one it replaces.

    `old` is what is said of the scope's graphs, their last runs and the source; `written` are graphs that this scan
    adds to.
    """
    known = {Iri(str(noun(quad.subject))) for quad in old if quad.predicate == _LAST_RUN}
    whole = [noun(quad.object) for quad in old if quad.predicate == _LAST_COMPLETE]
    used = {graph_for(scan.source, scan.scope, scan.layer), *known, *written}
    meta = _description(scan, used, change, max((each for each in whole if isinstance(each, datetime)), default=None))
    replaced = {*(quad.object for quad in old if quad.predicate == _LAST_RUN), *(quad.subject for quad in meta)}
    return meta - old, frozenset(quad for quad in old - meta if quad.subject in replaced)


def _description(scan: Scan, used: Iterable[Iri], change: Change, last_complete: datetime | None) -> frozenset[Quad]:
    """Return what the meta graph says of the graphs that this scan wrote, and of its run."""
    run, source = run_iri(scan), source_iri(scan)
    said: dict[Iri, Mapping[Iri, Iri | Value | None]] = {
        source: {terms.TYPE: terms.class_iri(terms.Kind.SOURCE), terms.LABEL: scan.source},
        run: _run(scan, change, source),
        **{each: _graph(each, scan, run, last_complete) for each in used},
    }
    where = named(META)
    return frozenset(
        Quad(named(subject), named(predicate), term(value), where)
        for subject, pairs in said.items()
        for predicate, value in pairs.items()
        if value is not None
    )


def _graph(graph_iri: Iri, scan: Scan, run: Iri, last_complete: datetime | None) -> Mapping[Iri, Iri | Value | None]:
    layer, confidence = graphs_of(scan.source, scan.scope)[graph_iri]
    limit = ttl(scan.source, layer)
    return {
        terms.TYPE: terms.class_iri(terms.Kind.GRAPH),
        terms.LABEL: graph_iri.removeprefix(f"{BASE}g/"),
        terms.SOURCE: scan.source,
        terms.SCOPE: scan.scope,
        terms.LAYER: terms.layer_iri(layer),
        terms.BASE_CONFIDENCE: confidence,
        terms.LAST_RUN: run,
        terms.WAS_GENERATED_BY: run,
        terms.COMPLETE: scan.complete,
        terms.TTL_SECONDS: None if limit is None else limit.total_seconds(),
        terms.LAST_COMPLETE_AT: scan.finished if scan.complete else last_complete,
    }


def _run(scan: Scan, change: Change, source: Iri) -> Mapping[Iri, Iri | Value | None]:
    return {
        terms.TYPE: terms.class_iri(terms.Kind.SCAN_RUN),
        terms.LABEL: f"{scan.source} of {scan.scope}",
        terms.SOURCE: scan.source,
        terms.SCOPE: scan.scope,
        terms.STARTED_AT: scan.started,
        terms.STARTED_AT_TIME: scan.started,
        terms.COMPLETED_AT: scan.finished,
        terms.ENDED_AT_TIME: scan.finished,
        Iri(PROV + "wasAssociatedWith"): source,
        terms.COMPLETE: scan.complete,
        terms.ADDED_COUNT: change.added,
        terms.REMOVED_COUNT: change.removed,
        terms.UNCHANGED_COUNT: change.unchanged,
        terms.PROBLEM_COUNT: len(scan.problems),
    }
