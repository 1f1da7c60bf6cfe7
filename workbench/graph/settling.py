"""Scans on their way into the graph: what one source knows of another one's things.

Code settles configuration, whichever of the two was scanned last, and a process runs in the container that another
source knows by the same id.

Scans of one run settle each other. What the run did not scan is taken from the graph: stored code settles fresh
configuration, and fresh code settles stored configuration, which is written again as its last run saw it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from ontology import iris, terms
from ontology.nouns import Fact, Iri, Layer
from scanners.protocol import Scan
from scanners.resolver import settle
from workbench.graph.aliases import resolved
from workbench.graph.reading import Readable

CODE = frozenset({"source"})
CONFIGURATION = frozenset({"compose", "kubernetes", "kubernetes-api"})
"""Sources whose settings name hosts."""
HOSTS = frozenset({"processes"})
"""Sources that know a container by its id alone."""
_ID = terms.OTEL_CONTAINER_ID
_SCOPES = """
SELECT DISTINCT ?source ?scope ?layer ?started ?ended WHERE {
  ?graph a wb:Graph ; wb:source ?source ; wb:scope ?scope ; wb:layer ?layer ; wb:complete true ; wb:lastRun ?run .
  ?run wb:startedAt ?started ; wb:completedAt ?ended .
}"""


def settled(graph: Readable, scans: Sequence[Scan]) -> tuple[tuple[Scan, ...], tuple[Scan, ...]]:
    """Return the scans of a run as code bears them out, and the stored scopes that this changes.

    A stored scope that was not seen whole is left as it is.
    """
    scans = _in_known_containers(graph, scans)
    sources = {scan.source for scan in scans}
    if not sources & (CODE | CONFIGURATION):
        return tuple(scans), ()
    fresh = {(scan.source, scan.scope) for scan in scans}
    wanted = CODE | CONFIGURATION if sources & CODE else CODE
    stored = [each for each in _stored(graph, wanted) if (each.source, each.scope) not in fresh]
    code = [fact for each in stored if each.source in CODE for fact in each.facts]
    told = [each for each in stored if each.source in CONFIGURATION]
    every = settle([*scans, *told], known=code)
    again = (new for old, new in zip(told, every[len(scans) :], strict=True) if _said(new) != _said(old))
    return every[: len(scans)], tuple(again)


def _in_known_containers(graph: Readable, scans: Sequence[Scan]) -> Sequence[Scan]:
    """Return the scans with containers that are known by their id alone in the place of those who know their names."""
    if not any(scan.source in HOSTS for scan in scans):
        return scans
    said = [(fact.subject, str(fact.object)) for scan in scans for fact in scan.facts if fact.predicate == _ID]
    stored = ((Iri(str(thing)), str(known)) for thing, known in graph.rows(f"SELECT ?it ?id {{ ?it <{_ID}> ?id }}"))
    pairs = ((iris.thing("container", known), thing) for thing, known in (*stored, *said))
    named = {alias: thing for alias, thing in pairs if alias != thing}
    return [replace(scan, facts=resolved(scan.facts, named)) if scan.source in HOSTS else scan for scan in scans]


def _stored(graph: Readable, sources: frozenset[str]) -> Iterator[Scan]:
    """Yield the scopes of these sources as their last runs saw them."""
    for source, scope, layer, started, ended in graph.rows(_SCOPES):
        of = Layer(str(layer).rpartition("layer-")[2])
        if str(source) in sources and of is not Layer.INFERRED:
            assert isinstance(started, datetime)
            assert isinstance(ended, datetime)
            facts = tuple(graph.read(graph.of_scope(str(source), str(scope))))
            yield Scan(str(source), str(scope), of, facts, (), complete=True, started=started, finished=ended)


def _said(scan: Scan) -> set[tuple[object, ...]]:
    return {_key(fact) for fact in scan.facts}


def _key(fact: Fact) -> tuple[object, ...]:
    return (fact.subject, fact.predicate, fact.object, fact.confidence)
