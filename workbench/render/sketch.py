"""What part of the graph to draw: the path from symptom to suspect, the suspects, what is near. No drawing here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ontology import terms
from ontology.nouns import Entity, Fact, Iri, Layer
from workbench.nouns import Case
from workbench.render import reading
from workbench.render.words import number, span

SIDEWAYS = {
    terms.CALLS: "calls",
    terms.USES_DATASTORE: "uses",
    terms.PUBLISHES_TO: "publishes to",
    terms.CONSUMES_FROM: "consumes from",
    terms.ROUTES_TO: "routes to",
    terms.CONNECTS_TO: "connects to",
    terms.CLIENT_OF: "is a client of",
    terms.DEPENDS_ON: "depends on",
}
"""Left to right: the first needs the second."""
DOWN = {
    terms.RUNS_ON: "runs on",
    terms.IMPLEMENTS: "is run by",
    terms.MANAGED_BY: "is managed by",
    terms.PART_OF: "is part of",
    terms.SELECTS: "selects",
}
"""Top to bottom: the second carries the first."""
STALE_SECONDS = 3600.0
"""A running fact older than this is drawn faded, with its age."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """The chosen nodes and edges, before they have places."""

    nodes: tuple[Entity, ...]
    edges: tuple[Fact, ...]
    path: tuple[Iri, ...] = ()
    """From the symptom to the suspect."""
    hidden: int = 0
    """How many entities of the scope are not drawn."""
    roles: dict[Iri, str] = field(default_factory=dict)
    """IRI to `alerting`, `suspect 0.84`."""
    suspect: Iri | None = None
    """The suspect of the leading hypothesis."""


def sketch(case: Case, most: int = 9, about: Sequence[Entity] = ()) -> Sketch:
    """Choose what to draw: the path from symptom to suspect, then suspects, then their neighbours.

    Args:
        case: the case.
        most: how many nodes at most.
        about: draw around these instead of the symptom and the suspects.
    """
    edges = _edges(case.topology)
    twins = _twins(case) if not about else set()
    symptom = tuple(about) or tuple(each for each in reading.alerting(case) if each.iri not in twins)
    suspects = [each.suspect for each in reading.standing(case)[:3]] if not about else []
    path = _path(edges, symptom, suspects[:1])
    known = {entity.iri: entity for entity in (*suspects, *case.scope) if entity.iri not in twins}
    wanted = [*path, *(each.iri for each in symptom), *(each.iri for each in suspects)]
    chosen = list(dict.fromkeys(iri for iri in wanted if iri in known))[:most]
    chosen += [iri for iri in _near(edges, chosen) if iri in known][: max(0, most - len(chosen))]
    chosen += [iri for iri in known if iri not in chosen][: max(0, most - len(chosen)) if not edges else 0]
    inside = set(chosen)
    drawn = tuple(edge for edge in edges if edge.subject in inside and edge.object in inside)
    hidden = max(0, len(known) - len(chosen))
    lead = suspects[0].iri if suspects else None
    return Sketch(tuple(known[iri] for iri in chosen), drawn, path, hidden, _roles(case, symptom), lead)


def _edges(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return one fact a pair and relation, the surest and newest of them."""
    best: dict[tuple[str, str, str], Fact] = {}
    for said in facts:
        fact = _downward(said)
        if fact.predicate in SIDEWAYS or fact.predicate in DOWN:
            key = (fact.subject, fact.predicate, str(fact.object))
            if key not in best or (best[key].confidence, best[key].seen) < (fact.confidence, fact.seen):
                best[key] = fact
    strongest: dict[tuple[str, str, bool], Fact] = {}
    for fact in best.values():
        strongest.setdefault((fact.subject, str(fact.object), fact.predicate in SIDEWAYS), fact)
    return tuple(strongest.values())


def _twins(case: Case) -> set[Iri]:
    """Return the workloads that say no more than the service they implement: the same name, and not suspected."""
    names = {entity.iri: entity.name for entity in case.scope}
    suspected = {each.suspect.iri for each in case.hypotheses}
    pairs = ((fact.subject, Iri(str(fact.object))) for fact in case.topology if fact.predicate == terms.IMPLEMENTS)
    return {a for a, b in pairs if a not in suspected and names.get(a) is not None and names.get(a) == names.get(b)}


def _downward(fact: Fact) -> Fact:
    """Return the fact as it is drawn: a workload implements a service, which stands above it."""
    if fact.predicate != terms.IMPLEMENTS:
        return fact
    return replace(fact, subject=Iri(str(fact.object)), object=fact.subject)


def _path(edges: Sequence[Fact], symptom: Sequence[Entity], suspects: Sequence[Entity]) -> tuple[Iri, ...]:
    """Return the shortest way from a symptom to the suspect, along calls where there is one, else any way.

    Breadth first by hand: importing networkx would cost a second each time a notebook opens.
    """
    ahead: dict[Iri, list[Iri]] = {}
    either: dict[Iri, list[Iri]] = {}
    for edge in edges:
        a, b = edge.subject, Iri(str(edge.object))
        ahead.setdefault(a, []).append(b)
        either.setdefault(a, []).append(b)
        either.setdefault(b, []).append(a)
    ways = (_way(graph, start.iri, end.iri) for graph in (ahead, either) for end in suspects for start in symptom)
    return next((way for way in ways if way), ())


def _way(graph: Mapping[Iri, Sequence[Iri]], start: Iri, end: Iri) -> tuple[Iri, ...]:
    """Return the shortest way from start to end, both included; empty where there is none."""
    came: dict[Iri, Iri] = {start: start}
    ring = [start]
    while ring and end not in came:
        ring = [to for at in ring for to in graph.get(at, ()) if came.setdefault(to, at) is at and to != start]
    way = [end] if end in came else []
    while way and way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def _near(edges: Sequence[Fact], chosen: Sequence[Iri]) -> list[Iri]:
    """Return the neighbours, ring after ring: what the later (the suspect) needs before who calls the first."""
    found: list[Iri] = []
    ring: list[Iri] = list(reversed(chosen))
    while ring:
        fresh: list[Iri] = []
        for iri in ring:
            needs = [Iri(str(edge.object)) for edge in edges if edge.subject == iri]
            needed_by = [edge.subject for edge in edges if edge.object == iri]
            fresh += [each for each in needs + needed_by if each not in found and each not in chosen]
        fresh = list(dict.fromkeys(fresh))
        found += fresh
        ring = fresh
    return found


def _roles(case: Case, symptom: Sequence[Entity]) -> dict[Iri, str]:
    roles: dict[Iri, str] = {}
    for hypothesis in reversed(reading.standing(case)[:3]):
        roles[hypothesis.suspect.iri] = f"suspect {number(hypothesis.confidence.value)}"
    for each in symptom:
        leads = reading.standing(case)[:1] and reading.standing(case)[0].suspect.iri == each.iri
        roles[each.iri] = "alerting, suspect" if leads else "alerting"
    return roles


def age(case: Case, edge: Fact) -> str:
    """Return the age of a running fact that is stale when the alert fires."""
    seconds = (case.alert.fired - edge.seen).total_seconds()
    return f"{span(seconds)} old" if edge.layer is Layer.RUNNING and seconds > STALE_SECONDS else ""


def fuzzy(edge: Fact) -> bool:
    """Say whether the edge is a conclusion rather than something seen or written down."""
    return edge.layer in (Layer.INFERRED, Layer.LEARNED) or edge.confidence < 0.9
