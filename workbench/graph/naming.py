"""What a person means by a name: a thing by its label, its kind and label, its short IRI, a whole IRI."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from ontology import terms
from ontology.errors import BadInput, NotFound
from ontology.nouns import Entity, Iri
from workbench.graph import queries
from workbench.graph.reading import Readable
from workbench.graph.subgraph import THINGS, is_thing, words
from workbench.graph.view import grouping

MANY = 20_000
"""Names above which only those that hold the text are looked for."""
_LABELS = f"""
SELECT DISTINCT ?label WHERE {{ ?thing rdfs:label ?label FILTER(STRSTARTS(STR(?thing), "{THINGS}")) }}"""


def resolve(graph: Readable, thing: str | Iri | Entity) -> Entity:
    """Return the thing that is meant; of several with one name the service, then the workload.

    Raises:
        NotFound: there is nothing of that name; the nearest names are given.
        BadInput: the name is that of several things; they are given.
    """
    if isinstance(thing, Entity):
        return thing
    if thing.startswith(THINGS) or "/" in thing:
        found = _by_iri(graph, thing if thing.startswith(THINGS) else f"{THINGS}{thing}")
        if found is not None:
            return found
    named = _of_kind(graph, thing) or _called(graph, thing)
    if not named:
        raise NotFound(f"There is nothing called {str(thing)!r} in the graph.", next_step=_nearest(graph, thing))
    best = next(some for rank in _RANKS if (some := [each for each in named if rank(each)]))
    if len(best) > 1:
        meant = [f"{each.iri.removeprefix(THINGS)} ({words(each.kind)})" for each in best[:8]]
        raise BadInput(f"{len(best)} things are called {str(thing)!r}.", next_step=f"Say which: {', '.join(meant)}.")
    return best[0]


_RANKS: tuple[Callable[[Entity], bool], ...] = (
    lambda each: each.kind == terms.Kind.SERVICE,
    lambda each: terms.is_a(each.kind, terms.Kind.WORKLOAD),
    lambda each: not grouping(each),
    lambda _: True,
)


def _by_iri(graph: Readable, iri: str) -> Entity | None:
    """Return the thing of that IRI, if anything is said of it."""
    if not all(each.isprintable() and each not in ' <>"{}|\\^`' for each in iri):
        return None
    said = next(iter(queries.neighbours(graph, [Iri(iri)])), None) or next(iter(graph.about(Iri(iri))), None)
    return queries.described(graph, [Iri(iri)])[Iri(iri)] if said else None


def _of_kind(graph: Readable, text: str) -> tuple[Entity, ...]:
    """Return the things of that kind and name where the text is `node n1`."""
    first, _, name = text.partition(" ")
    kind = next((each for each in terms.Kind if each.lower() == first.lower()), None)
    if kind is None or not name:
        return ()
    return tuple(each for each in _called(graph, name) if terms.is_a(each.kind, kind))


def _called(graph: Readable, name: str) -> tuple[Entity, ...]:
    """Return the things of that name; to the letter, else letter case aside."""
    found = queries.by_name(graph, name) or queries.by_any_case(graph, name)
    return tuple(each for each in found if is_thing(each.iri))


def _nearest(graph: Readable, text: str) -> str:
    """Say which names come near."""
    names = {str(label): str(label).lower() for (label,) in graph.rows(_LABELS)}
    wanted = text.lower()
    within = sorted((name for name, low in names.items() if wanted in low or (len(low) > 2 and low in wanted)), key=len)
    lower = {low: name for name, low in names.items()} if len(names) <= MANY else {}
    alike = [lower[each] for each in difflib.get_close_matches(wanted, lower, 3)]
    near = list(dict.fromkeys([*alike, *within]))[:4]
    return (
        f"Did you mean {' or '.join(near)}?"
        if near
        else "List what there is: %entities in a notebook, or workbench query."
    )
