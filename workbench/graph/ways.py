"""The shortest way between two things of the estate, along relations that may be taken in one direction or in both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ontology.nouns import Entity, Iri
from workbench.graph import queries
from workbench.graph.reading import Readable
from workbench.graph.subgraph import is_thing
from workbench.graph.view import SAME, grouping, shared

FARTHEST = 20_000
"""Things that a search looks at before it gives up."""

Edge = tuple[Iri, Iri, Iri]


@dataclass(frozen=True, slots=True)
class Rule:
    """Which relations may be taken, and through what."""

    along: frozenset[Iri] | None
    """None for any."""
    back: bool
    """Whether they may be taken against their direction; what joins descriptions of one thing always may."""

    def takes(self, edge: Edge, at: Iri) -> bool:
        """Say whether the edge may be taken from this end of it."""
        relation = edge[1]
        if self.along is None or relation in SAME:
            return True
        return relation in self.along and (self.back or edge[0] == at)

    def closed(self, entity: Entity) -> bool:
        """Say whether no way may lead through this thing."""
        return shared(entity) if self.along is None else grouping(entity)


@dataclass(slots=True)
class _Search:
    """A search, nearest first: how each thing was reached, and from where it goes on."""

    came: dict[Iri, Edge | None] = field(default_factory=dict)
    walkers: list[Iri] = field(default_factory=list)

    def step(self, graph: Readable, rule: Rule, end: Iri) -> None:
        """Go one edge further, everywhere."""
        fresh: dict[Iri, Edge] = {}
        for there, edge in self._next(graph, rule):
            fresh.setdefault(there, edge)
        self.came.update(fresh)
        kinds = queries.described(graph, fresh)
        self.walkers = [each for each in fresh if each == end or not rule.closed(kinds[each])]

    def _next(self, graph: Readable, rule: Rule) -> Iterator[tuple[Iri, Edge]]:
        """Yield what is one edge further and new, with the edge, in a stable order."""
        at = set(self.walkers)
        for edge in sorted(queries.neighbours(graph, self.walkers), key=lambda each: (each[1] in SAME, each)):
            for here, there in ((edge[0], edge[2]), (edge[2], edge[0])):
                if here in at and there not in self.came and is_thing(there) and rule.takes(edge, here):
                    yield there, edge

    def back(self, end: Iri) -> tuple[Iri, ...]:
        """Return the way that led there, from its start."""
        way, edge = [end], self.came[end]
        while edge is not None:
            way.append(edge[0] if edge[2] == way[-1] else edge[2])
            edge = self.came[way[-1]]
        return tuple(reversed(way))


def way(graph: Readable, start: Iri, end: Iri, rule: Rule) -> tuple[Iri, ...]:
    """Return the things of a shortest way in their order; empty where there is none."""
    search = _Search({start: None}, [start])
    while search.walkers and end not in search.came and len(search.came) < FARTHEST:
        search.step(graph, rule, end)
    return search.back(end) if end in search.came else ()
