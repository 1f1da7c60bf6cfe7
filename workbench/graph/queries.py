"""The named questions, each SPARQL text next to the function that asks it.

Each text runs as it stands in a `%%sparql` cell once `$it` is replaced by an IRI in angle brackets. Paths have one end
bound, and no pattern holds a constant object on a large class beside a path: the planner gets both wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from ontology import terms
from ontology.nouns import Entity, Iri
from workbench.graph.closure import closure, step
from workbench.graph.convert import literal, named
from workbench.graph.reading import Readable, Solution, parts

NEEDS = "|".join(f"<{each}>" for each in terms.DEPENDENCIES)
"""`dependsOn` and its sub-properties as a property path; full IRIs need no prefix."""

ENTITIES = """
SELECT ?thing (STRAFTER(STR(?class), STR(wb:)) AS ?kind) ?label WHERE {
  $only
  ?thing a ?class .
  FILTER(STRSTARTS(STR(?thing), "https://w3id.org/incident-workbench/id/"))
  FILTER(STRSTARTS(STR(?class), STR(wb:)))
  OPTIONAL { ?thing rdfs:label ?label }
}"""
"""No BIND between the filters and OPTIONAL: Virtuoso forgets the filters then."""


def entities(store: Readable, kind: str | None = None) -> tuple[Entity, ...]:
    """Return every thing of the estate, or those of one kind and the kinds below it: services first, then by kind."""
    if kind is None or kind == terms.Kind.THING:
        return _entities(store.rows(ENTITIES.replace("$only", "")))
    below = (terms.class_iri(each) for each in terms.Kind if terms.is_a(each, kind))
    return _entities(store.rows(ENTITIES.replace("$only", f"VALUES ?class {{ {_these(below)} }}")))


def described(store: Readable, iris: Iterable[Iri]) -> Mapping[Iri, Entity]:
    """Return the entities of those IRIs; an IRI that nothing types or labels is a `Thing` by its last name."""
    wanted = tuple(dict.fromkeys(iris))
    if not wanted:
        return {}
    texts = (ENTITIES.replace("$only", f"VALUES ?thing {{ {some} }}") for some in parts(wanted))
    found = _entities(row for text in texts for row in store.rows(text))
    unknown = {each: Entity(each, terms.Kind.THING, last_name(each)) for each in wanted}
    return unknown | {each.iri: each for each in found}


LABEL = "SELECT ?label WHERE { $it rdfs:label ?label } ORDER BY ?label LIMIT 1"


def label(store: Readable, iri: Iri) -> str:
    """Return what a colleague on call would call it; its last name where nobody labelled it."""
    return next((str(row[0]) for row in store.rows(_about(LABEL, iri))), last_name(iri))


NAMED = """
SELECT ?thing ?kind ?label WHERE {
  VALUES ?label { $names }
  ?thing rdfs:label ?label ; a ?class .
  FILTER(STRSTARTS(STR(?class), STR(wb:)))
  BIND(STRAFTER(STR(?class), STR(wb:)) AS ?kind)
}"""


def by_name(store: Readable, *names: str) -> tuple[Entity, ...]:
    """Return the things with one of those labels, to the letter: by the order of the names, then services first."""
    quoted = " ".join(str(literal(each)) for each in names)
    found = _entities(store.rows(NAMED.replace("$names", quoted)))
    return tuple(sorted(found, key=lambda each: (names.index(each.name), rank(each))))


ALIKE = NAMED.replace("VALUES ?label { $names }", "").replace(
    "?thing rdfs:label ?label ;", "?thing rdfs:label ?label . FILTER(LCASE(STR(?label)) = LCASE($name))\n  ?thing"
)


def by_any_case(store: Readable, name: str) -> tuple[Entity, ...]:
    """Return the things with that label, letter case aside; reads every label, so `by_name` is tried first."""
    return _entities(store.rows(ALIKE.replace("$name", str(literal(name)))))


CALLERS = "SELECT DISTINCT ?thing WHERE { ?thing wb:calls $it }"


def callers(store: Readable, service: Iri) -> tuple[Entity, ...]:
    """Return the services that call this one."""
    return _ranked(store, store.rows(_about(CALLERS, service)))


CALLEES = "SELECT DISTINCT ?thing WHERE { $it wb:calls ?thing }"


def callees(store: Readable, service: Iri) -> tuple[Entity, ...]:
    """Return the services that this one calls."""
    return _ranked(store, store.rows(_about(CALLEES, service)))


BLAST_RADIUS = f"""
SELECT DISTINCT ?thing WHERE {{
  {{ ?thing ({NEEDS})+ $it }}
  UNION {{ ?thing wb:runsOn+ $it }}
  UNION {{ ?held wb:runsOn+ $it . ?held wb:implements|(wb:managedBy+/wb:implements) ?thing }}
}}"""


def blast_radius(store: Readable, thing: Iri) -> tuple[Entity, ...]:
    """Return what suffers when this thing does: what needs it, directly or not, and what runs on it."""
    rows = store.rows(_about(BLAST_RADIUS, thing)) if store.paths else _radius(store, thing)
    return tuple(each for each in _ranked(store, rows) if each.iri != thing)


def _radius(store: Readable, thing: Iri) -> Iterator[Solution]:
    """Yield what `BLAST_RADIUS` answers, for an engine whose property paths cannot be trusted."""
    running = closure(store, thing, [terms.RUNS_ON], direction="in")
    managers = closure(store, running, [terms.MANAGED_BY])
    serving = step(store, {*running, *managers}, [terms.IMPLEMENTS])
    for each in {*closure(store, thing, terms.DEPENDENCIES, direction="in"), *running, *serving}:
        yield (each,)


NEIGHBOURS = """
SELECT ?from ?relation ?to WHERE {
  { VALUES ?from { $these } ?from ?relation ?to . FILTER(isIRI(?to)) }
  UNION { VALUES ?to { $these } ?from ?relation ?to }
  FILTER(STRSTARTS(STR(?relation), STR(wb:)))
}"""


def neighbours(store: Readable, iris: Iterable[Iri]) -> Iterator[tuple[Iri, Iri, Iri]]:
    """Yield every edge that begins or ends at one of these: from, relation, to."""
    for some in parts(iris):
        for begin, relation, end in store.rows(NEIGHBOURS.replace("$these", some)):
            yield Iri(str(begin)), Iri(str(relation)), Iri(str(end))


def last_name(iri: Iri) -> str:
    """Return the last segment of an IRI.

    >>> last_name(Iri("https://w3id.org/incident-workbench/id/service/default:cart"))
    'cart'
    """
    return unquote(iri.rstrip("/#:").replace("#", "/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]) or str(iri)


def _about(text: str, iri: Iri) -> str:
    return text.replace("$it", str(named(iri)))


def _these(iris: Iterable[Iri]) -> str:
    return " ".join(str(named(each)) for each in iris)


def _ranked(store: Readable, found: Iterable[Solution]) -> tuple[Entity, ...]:
    return tuple(sorted(described(store, (Iri(str(row[0])) for row in found)).values(), key=rank))


def rank(entity: Entity) -> tuple[bool, str, str, str]:
    """Order entities for a person: services first, then by kind, name and IRI."""
    return (entity.kind != terms.Kind.SERVICE, entity.kind, entity.name, entity.iri)


def _entities(found: Iterable[Solution]) -> tuple[Entity, ...]:
    """Return one entity a thing: of its kinds the most special one, of its labels the first in the alphabet."""
    kinds: dict[Iri, set[str]] = {}
    labels: dict[Iri, set[str]] = {}
    for thing, kind, its_label in found:
        kinds.setdefault(Iri(str(thing)), set()).add(str(kind))
        labels.setdefault(Iri(str(thing)), set()).update(() if its_label is None else (str(its_label),))
    made = (
        Entity(each, max(some, key=lambda one: (_depth(one), one)), min(labels[each], default=last_name(each)))
        for each, some in kinds.items()
    )
    return tuple(sorted(made, key=rank))


def _depth(kind: str) -> int:
    return 1 + _depth(terms.PARENTS[kind]) if kind in terms.PARENTS else int(kind != terms.Kind.THING)
