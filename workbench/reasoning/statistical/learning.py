"""What the traces of a case say of the estate, and the graph does not know: a service that calls another one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ontology import iris, terms
from ontology.nouns import Entity, Fact, Iri, Layer, Value
from workbench.nouns import Case
from workbench.reasoning.statistical.spans import Crossing, Spans

LEAST = 3
"""Traces in which a call must be seen: one may be a broken parent id."""
CONFIDENCE = 0.9
"""Seen itself, but joined to the graph by the service's name."""


def learned(case: Case, traced: Spans | None) -> tuple[Fact, ...]:
    """Return the calls between services that were seen and are not in the topology, and the services that are new.

    Only calls of a service in scope are learned. The evidence names the observation and one trace.
    """
    if traced is None:
        return ()
    services = {each.name: each for each in case.scope if each.kind == terms.Kind.SERVICE}
    known = {(fact.subject, fact.object) for fact in case.topology if fact.predicate in terms.DEPENDENCIES}
    found: list[Fact] = []
    for (caller, callee), seen in traced.edges.items():
        begin = services.get(caller)
        if begin is None or seen.traces < LEAST:
            continue
        end = services.get(callee) or _beside(begin, callee)
        if (begin.iri, end.iri) not in known:
            found += _facts(case, begin, end, traced.observation, seen, new=callee not in services)
    return tuple(dict.fromkeys(found))


def _beside(known: Entity, name: str) -> Entity:
    """Return the service of that name in the environment of another one."""
    environment = known.iri.rpartition("/")[2].partition(":")[0]
    return Entity(iris.service(name, environment), terms.Kind.SERVICE, name)


def _facts(case: Case, begin: Entity, end: Entity, observation: str, seen: Crossing, *, new: bool) -> Iterator[Fact]:
    where = f"{observation}, trace {seen.example}, {seen.traces} traces"
    said: list[tuple[Iri, Iri, Iri | Value]] = [(begin.iri, terms.CALLS, end.iri)]
    if new:
        said += [(end.iri, terms.TYPE, terms.class_iri(end.kind)), (end.iri, terms.LABEL, end.name)]
    for subject, predicate, value in said:
        yield Fact(
            subject,
            predicate,
            value,
            layer=Layer.LEARNED,
            source=case.id,
            seen=_asked_at(case, observation),
            confidence=CONFIDENCE,
            evidence=where,
        )


def _asked_at(case: Case, observation: str) -> datetime:
    found = case.observation(observation)
    return case.alert.fired if found is None else found.taken
