"""Questions about the estate whose answer is a part of it: what is around, what suffers, how two things hang together.

    around(graph, "cart", now=now)
    path(graph, "frontend", "orders", now=now)

A thing is meant by its name, its kind and name (`node n1`), the short IRI that tables show
(`service/default:cart`), a whole IRI, or an `Entity`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from ontology import terms
from ontology.errors import NotFound
from ontology.nouns import Entity, Fact, Iri, Window
from workbench.graph import queries
from workbench.graph.history import ChangeEvent
from workbench.graph.naming import resolve
from workbench.graph.reading import Readable
from workbench.graph.subgraph import MOST, counted, is_thing, listed, part, words
from workbench.graph.view import STEPS, View, grouping, shared
from workbench.graph.ways import Rule, way
from workbench.nouns import Link, LinkState, Subgraph


def around(graph: Readable, thing: str | Iri | Entity, hops: int = 1, *, now: datetime, most: int = MOST) -> Subgraph:
    """Return what is so many relations away from the thing, nearest first.

    What merely groups or details others (namespaces, images, settings) is shown and not walked through.

    Raises:
        NotFound: there is nothing of that name.
        BadInput: the name is that of several things.
    """
    start = resolve(graph, thing)
    reached = {start.iri: start}
    walkers: Sequence[Iri] = (start.iri,)
    for _ in range(hops):
        ends = (each for edge in queries.neighbours(graph, walkers) for each in (edge[0], edge[2]) if is_thing(each))
        found = queries.described(graph, (each for each in ends if each not in reached))
        fresh = sorted(found.values(), key=queries.rank)
        reached.update((each.iri, each) for each in fresh)
        walkers = [each.iri for each in fresh if not grouping(each)]
        if not walkers or len(reached) > most:
            break
    beside = tuple(reached.values())
    steps = "1 step" if hops == 1 else f"{hops} steps"
    say = f"Within {steps} of {start.name}: {counted(beside[1:]) or 'nothing that was scanned'}."
    return part(graph, beside, say, now=now, focus=(start,), most=most)


def blast_radius(graph: Readable, thing: str | Iri | Entity, *, now: datetime, most: int = MOST) -> Subgraph:
    """Return what suffers when this thing does: what needs it, directly or not, what runs on it, and who needs that.

    Raises:
        NotFound: there is nothing of that name.
        BadInput: the name is that of several things.
    """
    start = resolve(graph, thing)
    hit = _suffering(graph, start)
    services = [each.name for each in hit if each.kind == terms.Kind.SERVICE]
    if services:
        say = f"If {start.name} fails, {listed(services)} {'suffer' if len(services) > 1 else 'suffers'}."
    else:
        say = f"If {start.name} fails, no service is known to suffer"
        say += f"; it is needed by {counted(hit)}." if hit else ": nothing that was scanned needs it."
    return part(graph, (start, *hit), say, now=now, focus=(start,), most=most)


def path(graph: Readable, a: str | Iri | Entity, b: str | Iri | Entity, *, now: datetime) -> Subgraph:
    """Return the shortest way between two things, and say in words how they hang together, or that they don't.

    Tried in turn: that the first needs the second, that the second needs the first, any way along which a symptom
    travels, any relation at all.

    Raises:
        NotFound: there is nothing of that name.
        BadInput: a name is that of several things.
    """
    start, end = resolve(graph, a), resolve(graph, b)
    if start.iri == end.iri:
        return part(graph, (start,), f"{start.name} is {end.name}.", now=now, focus=(start,))
    for begin, to, may, opening in _ways(start, end):
        if found := way(graph, begin.iri, to.iri, may):
            return _told(graph, found, opening, now)
    say = f"Nothing that was scanned joins {start.name} and {end.name}."
    return part(graph, (start, end), say, now=now, focus=(start, end))


def diff(
    graph: Readable,
    earlier: datetime,
    later: datetime,
    *,
    near: str | Iri | Entity | None = None,
    most: int = MOST,
) -> Subgraph:
    """Return what appeared and what vanished between two times; with `near` only what concerns that thing.

    What came and went in between is in neither. Things that are gone by now have the name that went with them.

    Raises:
        BadInput: the history begins later, or the times are swapped.
        NotFound: there is and was nothing of that name.
    """
    found = graph.history.diff(earlier, later)
    events = (*found.appeared, *found.vanished)
    if near is not None:
        events = _concerning(events, beside(graph, near, events))
    joining = [each for each in events if is_thing(each.object)]
    told = [each for each in events if not isinstance(each.object, Iri)]
    ends = (Iri(str(end)) for each in events for end in (each.subject, each.object) if is_thing(end))
    entities = _then(graph, ends, events)
    kept = entities[:most]
    shown = {each.iri for each in kept}
    say = _compared(events, earlier, later, near)
    if looks := len(graph.history.first_seen(Window(earlier, later))):
        say += f" {looks} {'scope was' if looks == 1 else 'scopes were'} looked at for the first time."
    return Subgraph(
        say,
        kept,
        tuple(_changed(each) for each in joining if {each.subject, each.object} <= shown),
        details=tuple(_changed(each) for each in told if each.subject in shown),
        focus=() if near is None else tuple(each.iri for each in kept if str(near) in (each.name, each.iri)),
        at=later,
        hidden=len(entities) - len(kept),
    )


def beside(graph: Readable, thing: str | Iri | Entity, events: Iterable[ChangeEvent]) -> frozenset[Iri]:
    """Return the thing, its other descriptions (deployment, pods), and what is one relation from any of these.

    A thing that is gone by now is known by what went with its name.

    Raises:
        NotFound: there is nothing of that name, and was not.
    """
    try:
        start = resolve(graph, thing)
    except NotFound:
        gone = {each.subject for each in events if str(thing) in (each.object, queries.last_name(each.subject))}
        if not gone:
            raise
        return frozenset(gone)
    core = View(graph).descriptions(start)
    ends = (each for edge in queries.neighbours(graph, core) for each in (edge[0], edge[2]) if is_thing(each))
    found = queries.described(graph, ends)
    # What many share (a namespace, an image) would bring in every one of them.
    return frozenset({*core, *(iri for iri, each in found.items() if not shared(each))})


def _suffering(graph: Readable, start: Entity) -> tuple[Entity, ...]:
    """Return what suffers: the catalogue's answer, and who needs the services that what runs there implements."""
    hit = {each.iri: each for each in queries.blast_radius(graph, start.iri)}
    frontier = {start.iri, *hit}
    while frontier:
        edges = tuple(queries.neighbours(graph, frontier))
        needing = (begin for begin, relation, end in edges if relation in terms.DEPENDENCIES and end in frontier)
        behind = (end for begin, relation, end in edges if relation == terms.IMPLEMENTS and begin in frontier)
        fresh = queries.described(graph, {*needing, *behind} - hit.keys() - {start.iri})
        hit.update(fresh)
        frontier = set(fresh)
    return tuple(sorted(hit.values(), key=queries.rank))


def _ways(start: Entity, end: Entity) -> Iterator[tuple[Entity, Entity, Rule, str]]:
    needs = Rule(STEPS, back=False)
    yield start, end, needs, f"{start.name} needs {end.name}"
    yield end, start, needs, f"{start.name} does not need {end.name}, but {end.name} needs {start.name}"
    yield start, end, Rule(STEPS, back=True), f"Neither of {start.name} and {end.name} needs the other; they meet"
    yield start, end, Rule(None, back=True), f"{start.name} and {end.name} hang together"


def _told(graph: Readable, steps: Sequence[Iri], opening: str, now: datetime) -> Subgraph:
    entities = queries.described(graph, steps)
    things = [entities[each] for each in steps]
    found = part(graph, things, "", now=now, focus=things)
    pairs = {frozenset(pair) for pair in pairwise(steps)}
    kept = tuple(each for each in found.links if frozenset((each.fact.subject, each.fact.object)) in pairs)
    said = {frozenset((each.fact.subject, each.fact.object)): each for each in reversed(kept)}
    sentences = [
        f"{_called(entities[link.fact.subject], things)} {words(link.fact.predicate)} "
        f"{_called(entities[Iri(str(link.fact.object))], things)}"
        for pair in pairwise(steps)
        if (link := said.get(frozenset(pair)))
    ]
    return replace(found, say=f"{opening}: {', '.join(sentences)}.", links=kept)


def _called(entity: Entity, among: Iterable[Entity]) -> str:
    """Return the name, with the kind where another of these has the same name."""
    twice = sum(each.name == entity.name for each in among) > 1
    return f"{words(entity.kind)} {entity.name}" if twice else entity.name


def _concerning(events: Iterable[ChangeEvent], near: frozenset[Iri]) -> tuple[ChangeEvent, ...]:
    """Return those about these things, or about what came or went beside one of them."""
    some = tuple(events)
    about = near | {each.subject for each in some if each.object in near}
    return tuple(each for each in some if each.subject in about or each.object in near)


def _then(graph: Readable, iris: Iterable[Iri], events: Sequence[ChangeEvent]) -> tuple[Entity, ...]:
    """Return the things, those that are gone by what went with them; services first."""
    kinds = {each.subject: terms.kind_of(str(each.object)) for each in events if each.predicate == terms.TYPE}
    names = {each.subject: str(each.object) for each in events if each.predicate == terms.LABEL}
    found = [
        replace(each, kind=kinds.get(iri) or each.kind, name=names.get(iri, each.name))
        if each.kind == terms.Kind.THING
        else each
        for iri, each in queries.described(graph, iris).items()
    ]
    return tuple(sorted(found, key=queries.rank))


def _changed(each: ChangeEvent) -> Link:
    fact = Fact(
        each.subject,
        each.predicate,
        each.object,
        layer=each.layer,
        source=each.source,
        seen=each.time,
        confidence=each.confidence,
    )
    return Link(fact, each.confidence, LinkState.APPEARED if each.op == "+" else LinkState.VANISHED)


def _compared(
    events: Sequence[ChangeEvent], earlier: datetime, later: datetime, near: str | Iri | Entity | None
) -> str:
    where = "" if near is None else f" near {near.name if isinstance(near, Entity) else near}"
    span = f"Between {earlier:%Y-%m-%d %H:%M:%S} and {later:%Y-%m-%d %H:%M:%S} UTC"
    came = sum(each.op == "+" for each in events)
    if not events:
        return f"{span} nothing changed{where}."
    return f"{span} {came:,} facts appeared and {len(events) - came:,} vanished{where}."
