"""What a map shows of a part of the graph, and where: one line a pair of things, boxes, ways, districts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from ontology import terms
from ontology.nouns import Entity, Iri
from ontology.terms import Kind
from workbench.nouns import Link, LinkState, Subgraph
from workbench.render import map_kinds
from workbench.render.map_districts import District, Lot, districts_of, settled
from workbench.render.map_layout import Edge, Places, Way, arranged
from workbench.render.sketch import SIDEWAYS, fuzzy
from workbench.render.words import number, span

SMALL = 60
"""Up to so many things are drawn as boxes with lines; above it the map has districts."""
MANY = 24
"""With more lines than this, those that do not touch what was asked about are drawn quietly."""
LANDMARKS = 20
NEEDS = frozenset(
    {
        *SIDEWAYS,
        terms.REFERENCES,
        terms.MENTIONS,
        terms.EXPORTS_TO,
        terms.SCRAPES,
        terms.MONITORS,
        terms.ALERTS_ON,
        terms.CALLS_FUNCTION,
        terms.PROBABLY_SAME,
        terms.SUSPECTS,
        terms.RESOLVES_TO,
    }
)
"""Left to right: the first needs, names or watches the second."""
UPWARD = frozenset({terms.IMPLEMENTS, terms.MANAGED_BY})
"""Said of what carries: a workload below its service, a pod below its workload."""
_HOLDS = (
    terms.PART_OF,
    terms.DEFINED_IN,
    terms.MANAGED_BY,
    terms.RUNS_ON,
    terms.IN_NETWORK,
    terms.FROM_CONFIG,
    terms.DEPLOYED_BY,
)
"""Nearest first: the object holds the subject."""
_HELD = (terms.SETS_ENV, terms.HAS_KEY, terms.IMPLEMENTS, terms.MOUNTS, terms.DECLARES, terms.EXPOSES, terms.READS_ENV)
"""The subject holds the object."""
_ROOTS = (
    (Kind.NAMESPACE, Kind.COMPOSE_PROJECT),
    (Kind.REPOSITORY,),
    (Kind.NETWORK, Kind.CLUSTER),
    (Kind.CLOUD_ACCOUNT,),
)
"""What makes a district, where there are at least two of it or nothing finer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A map before it is drawn."""

    subgraph: Subgraph
    now: datetime
    """The moment that ages are told from."""
    names: Mapping[Iri, str]
    drawn: tuple[Link, ...]
    """One a pair of things: what changed, else the surest, newest."""
    places: Places
    rank: Mapping[Iri, int] = field(default_factory=dict)
    """0 for a landmark, 1 for what acts, 2 for the rest; all 1 in a small map."""
    districts: tuple[District, ...] = ()
    district: Mapping[Iri, str] = field(default_factory=dict)

    @property
    def small(self) -> bool:
        """Whether boxes and lines are drawn, rather than districts."""
        return not self.districts

    def bold(self, link: Link) -> bool:
        """Say whether the link lies on the way that was asked for."""
        return frozenset(ends(link)) in {frozenset(pair) for pair in pairwise(self.subgraph.focus)}

    def far(self, link: Link) -> bool:
        """Say whether the link is drawn quietly: it does not touch what was asked about, and there are many."""
        focus = self.subgraph.focus
        quiet = link.state not in (LinkState.APPEARED, LinkState.VANISHED) and not set(ends(link)) & set(focus)
        return bool(focus) and quiet and len(self.drawn) > MANY

    def way(self, link: Link) -> Way | None:
        """Return how the link's line runs; None where it runs straight."""
        return self.places.ways.get(ends(link))

    def age(self, link: Link) -> str:
        """Return how old a fact is: `2 h old`."""
        return f"{span(max(0.0, (self.now - link.fact.seen).total_seconds()))} old"

    def marks(self, link: Link) -> str:
        """Return the words on a line: what changed, what is left of the confidence, the age of what is stale."""
        changed = {LinkState.APPEARED: "+ new", LinkState.VANISHED: "\N{MINUS SIGN} gone"}.get(link.state, "")
        sure = number(link.confidence) if fuzzy(link.fact) else ""
        aged = self.age(link) if link.state is LinkState.UNCONFIRMED else ""
        return " ".join(filter(None, (changed, sure, aged)))


def ends(link: Link) -> tuple[Iri, Iri]:
    """Return the two things that the link joins."""
    return link.fact.subject, Iri(str(link.fact.object))


def planned(subgraph: Subgraph, now: datetime) -> Plan:
    """Return the plan of the map."""
    names = {entity.iri: entity.name for entity in subgraph.entities}
    drawn = _drawn(link for link in subgraph.links if all(end in names for end in ends(link)))
    if len(subgraph.entities) <= SMALL:
        places = _boxes(subgraph, drawn)
        return Plan(subgraph, now, names, drawn, places, dict.fromkeys(names, 1))
    degree = _degree(names, drawn)
    district = _districts(subgraph.entities, drawn)
    rank = _ranks(subgraph, degree, district)
    places, districts = settled(
        [
            Lot(each.iri, district[each.iri], map_kinds.word(each.kind), rank[each.iri], _order(each, degree[each.iri]))
            for each in subgraph.entities
        ]
    )
    return Plan(subgraph, now, names, drawn, places, rank, districts, district)


def _drawn(links: Iterable[Link]) -> tuple[Link, ...]:
    best: dict[Edge, Link] = {}
    for link in links:
        key = ends(link)
        if key[0] != key[1] and (key not in best or _weight(best[key]) < _weight(link)):
            best[key] = link
    return tuple(best.values())


def _weight(link: Link) -> tuple[bool, bool, bool, float, datetime]:
    changed = link.state in (LinkState.APPEARED, LinkState.VANISHED)
    fact = link.fact
    return changed, not fuzzy(fact), fact.predicate in NEEDS, link.confidence, fact.seen


def _boxes(subgraph: Subgraph, drawn: Sequence[Link]) -> Places:
    needs = [ends(link) for link in drawn if link.fact.predicate in NEEDS]
    carried = [
        ends(link)[::-1] if link.fact.predicate in UPWARD else ends(link)
        for link in drawn
        if link.fact.predicate not in NEEDS
    ]
    focus = [iri for iri in subgraph.focus if any(entity.iri == iri for entity in subgraph.entities)]
    order = list(dict.fromkeys([*focus, *(entity.iri for entity in subgraph.entities)]))
    written = {entity.iri for entity in subgraph.entities if map_kinds.shape(entity.kind) == "page"}
    places = arranged(order, needs, carried, subgraph.focus, written)
    ways = dict(places.ways)
    for link in drawn:  # what was laid out upside down still points from subject to object
        a, b = ends(link)
        if link.fact.predicate in UPWARD and (b, a) in ways and (a, b) not in ways:
            ways[a, b] = Way(ways[b, a].points[::-1], ways[b, a].square)
    return Places(places.boxes, ways, places.wide, places.tall)


def _degree(names: Mapping[Iri, str], drawn: Sequence[Link]) -> dict[Iri, int]:
    degree = dict.fromkeys(names, 0)
    for link in drawn:
        for end in ends(link):
            degree[end] += 1
    return degree


def _districts(entities: Sequence[Entity], drawn: Sequence[Link]) -> dict[Iri, str]:
    """Return the district of each thing: its namespace, project, repository or network; else its family of kinds."""
    held: dict[str, list[str]] = {entity.iri: [] for entity in entities}
    near: dict[str, list[str]] = {entity.iri: [] for entity in entities}
    for link in sorted(drawn, key=lambda each: _holding(each.fact.predicate)):
        a, b = ends(link)
        near[a].append(b)
        near[b].append(a)
        if link.fact.predicate in _HOLDS:
            held[a].append(b)
        elif link.fact.predicate in _HELD:
            held[b].append(a)
    roots: dict[str, str] = {}
    for kinds in _ROOTS:
        named = {str(entity.iri): entity.name for entity in entities if entity.kind in kinds}
        if len(named) > 1 or not roots:
            roots.update(named)
    found = districts_of(held, near, _told_apart(roots))
    loose = {
        str(entity.iri): f"other {map_kinds.family(entity.kind)}" for entity in entities if entity.iri not in found
    }
    found.update(loose)
    return {Iri(key): value for key, value in found.items()}


def _holding(predicate: Iri) -> int:
    order = (*_HOLDS, *_HELD)
    return order.index(predicate) if predicate in order else len(order)


def _told_apart(roots: Mapping[str, str]) -> dict[str, str]:
    """Return the names, with what tells them apart where two things have the same."""
    names = list(roots.values())
    return {
        iri: f"{name} ({iri.rsplit('/', 1)[-1].split(':')[0]})" if names.count(name) > 1 else name
        for iri, name in roots.items()
    }


def _ranks(subgraph: Subgraph, degree: Mapping[Iri, int], district: Mapping[Iri, str]) -> dict[Iri, int]:
    """Return landmarks (asked about, or most joined, at most two a district), what acts, and the rest."""
    acts = {each.iri for each in subgraph.entities if map_kinds.family(each.kind) in _ACTS}
    ranked = sorted(degree, key=lambda iri: (iri not in acts, -degree[iri], iri))
    landmarks = list(subgraph.focus[:LANDMARKS])
    per: dict[str, int] = {}
    for iri in ranked:
        if iri in acts and len(landmarks) < LANDMARKS and per.get(district[iri], 0) < 2 and iri not in landmarks:
            landmarks.append(iri)
            per[district[iri]] = per.get(district[iri], 0) + 1
    seen = set(landmarks)
    return {iri: 0 if iri in seen else 1 if iri in acts else 2 for iri in degree}


_ACTS = frozenset({map_kinds.SERVICES})


def _order(entity: Entity, degree: int) -> tuple[str, ...]:
    """Return the order in a district: families in theirs, kinds together, what is most joined first."""
    family = map_kinds.FAMILIES.index(map_kinds.family(entity.kind))
    return (str(family), map_kinds.word(entity.kind), f"{99_999 - degree:05}", entity.name)
