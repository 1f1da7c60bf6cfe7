"""What is reached along relations, in any number of steps: one answer from every engine.

Where an engine's property paths end on cycles and say each thing once, one of them is asked. Elsewhere the search goes
step by step: all that was reached last is sent, and what comes back and is new is sent next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from ontology.errors import BadInput
from ontology.nouns import Iri
from workbench.graph.convert import named
from workbench.graph.reading import Readable

Direction = Literal["out", "in"]
MOST = 100_000
"""Things; a closure that is larger answers no question."""
AT_ONCE = 200
"""Things in one request of the search; engines limit the length of a query."""


def closure(
    graph: Readable,
    start: Iri | Iterable[Iri],
    predicates: Iterable[Iri],
    *,
    direction: Direction = "out",
    graphs: Sequence[Iri] | None = None,
    limit: int = MOST,
) -> tuple[Iri, ...]:
    """Return what is one or more steps from `start`, sorted; `start` itself only where a cycle leads back to it.

    Args:
        graph: what to ask.
        start: where to begin: one thing, or several.
        predicates: the relations of a step, any of them.
        direction: `out` along the relations, `in` against them.
        graphs: only what these named graphs say; None for all.
        limit: how many things there may be.

    Raises:
        BadInput: there are more than `limit`, or something is no IRI.
    """
    begin = [start] if isinstance(start, str) else list(dict.fromkeys(start))
    along = "|".join(str(named(each)) for each in predicates)
    if not begin or not along:
        return ()
    if graph.paths and graphs is None and len(begin) == 1:
        found = _asked(graph, begin[0], along, direction, limit)
    else:
        found = _searched(graph, begin, along, direction, graphs, limit)
    if len(found) > limit:
        raise BadInput(f"More than {limit:,} things are reached.", next_step="Follow fewer relations, or raise limit.")
    return tuple(sorted(found))


def step(graph: Readable, start: Iterable[Iri], predicates: Iterable[Iri], *, direction: Direction = "out") -> set[Iri]:
    """Return what is one step from any of these."""
    relations = "|".join(str(named(each)) for each in predicates)
    return _stepped(graph, sorted(start), relations, direction, None)


def _asked(graph: Readable, start: Iri, along: str, direction: Direction, limit: int) -> set[Iri]:
    """Return the closure by a property path."""
    ends = f"{named(start)} ({along})+ ?to" if direction == "out" else f"?to ({along})+ {named(start)}"
    return _iris(graph, f"SELECT DISTINCT ?to WHERE {{ {ends} FILTER(isIRI(?to)) }} LIMIT {limit + 1}")


def _searched(
    graph: Readable, start: Sequence[Iri], along: str, direction: Direction, graphs: Sequence[Iri] | None, limit: int
) -> set[Iri]:
    """Return the closure by a search, breadth first."""
    reached: set[Iri] = set()
    last = list(start)
    while last and len(reached) <= limit:
        found = _stepped(graph, last, along, direction, graphs)
        last = sorted(found - reached)
        reached |= found
    return reached


def _stepped(
    graph: Readable, some: Sequence[Iri], along: str, direction: Direction, graphs: Sequence[Iri] | None
) -> set[Iri]:
    """Return what is one step from these, so many in a request."""
    texts = (_text(some[at : at + AT_ONCE], along, direction, graphs) for at in range(0, len(some), AT_ONCE))
    return {each for text in texts for each in _iris(graph, text)}


def _text(some: Sequence[Iri], along: str, direction: Direction, graphs: Sequence[Iri] | None) -> str:
    edge = f"?from {along} ?to" if direction == "out" else f"?to {along} ?from"
    where = edge
    if graphs is not None:
        where = f"VALUES ?graph {{ {' '.join(str(named(each)) for each in graphs)} }} GRAPH ?graph {{ {edge} }}"
    these = " ".join(str(named(each)) for each in some)
    return f"SELECT DISTINCT ?to WHERE {{ VALUES ?from {{ {these} }} {where} FILTER(isIRI(?to)) }}"


def _iris(graph: Readable, sparql: str) -> set[Iri]:
    return {Iri(str(each)) for (each,) in graph.rows(sparql)}
