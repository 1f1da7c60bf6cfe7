"""What there is: every thing with its kind, who says so, how old that is and how sure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from ontology import terms
from ontology.errors import BadInput
from ontology.nouns import Entity, Iri
from workbench.graph import queries
from workbench.graph.convert import UNKNOWN, Origin, literal
from workbench.graph.reading import Readable
from workbench.graph.staleness import decay, ttl
from workbench.graph.subgraph import THINGS

_TYPED = """
SELECT ?thing ?graph WHERE { $only GRAPH ?graph { ?thing a ?class } FILTER(STRSTARTS(STR(?class), STR(wb:))) }"""
_NAMES = """
SELECT DISTINCT ?label WHERE {
  ?thing rdfs:label ?label .
  FILTER(STRSTARTS(STR(?thing), "$things") && STRSTARTS(LCASE(STR(?label)), LCASE($start)))
} ORDER BY DESC(STRSTARTS(STR(?label), $start)) ?label LIMIT $most"""


@dataclass(frozen=True, slots=True)
class Known:
    """A thing, and how well it is known."""

    entity: Entity
    sources: tuple[str, ...]
    """Who says that it is one, in the alphabet's order."""
    age: timedelta
    """Since the latest look that saw it."""
    confidence: float
    """As the source says it that is the surest now."""


def inventory(graph: Readable, kind: str = "", name: str = "", *, now: datetime) -> tuple[Known, ...]:
    """Return the things of a kind and the kinds below it, services first.

    Args:
        graph: what to look through.
        kind: local name of a class, letter case aside; empty for all.
        name: a pattern such as `cart*`, letter case aside; a text without `*` and `?` may stand anywhere in the name.
        now: when the ages are counted to.

    Raises:
        BadInput: there is no such kind.
    """
    meant = kind_named(kind) if kind else terms.Kind.THING
    pattern = name.lower() if set(name) & set("*?[") else f"*{name.lower()}*"
    entities = [each for each in queries.entities(graph, meant) if fnmatchcase(each.name.lower(), pattern)]
    said = _said(graph, meant)
    origins = graph.origins()
    return tuple(_known(each, [origins.get(one, UNKNOWN) for one in said.get(each.iri, ())], now) for each in entities)


def names(graph: Readable, start: str, most: int = 50) -> tuple[str, ...]:
    """Return the names of things that begin so, letter case aside."""
    text = _NAMES.replace("$things", THINGS).replace("$most", str(most)).replace("$start", str(literal(start)))
    return tuple(str(label) for (label,) in graph.rows(text))


def kind_named(text: str) -> terms.Kind:
    """Return the kind of that name, letter case aside.

    Raises:
        BadInput: there is none.

    >>> kind_named("k8sservice")
    <Kind.K8S_SERVICE: 'K8sService'>
    """
    kinds = {each.lower(): each for each in terms.Kind}
    found = kinds.get(text.lower()) or kinds.get(text.lower().rstrip("s"))
    if found is None:
        near = [str(kinds[each]) for each in difflib.get_close_matches(text.lower(), kinds, 3)]
        meant = f"Did you mean {' or '.join(near)}?" if near else "Choose one of ontology.terms.Kind, such as Service."
        raise BadInput(f"There is no kind {text!r}.", next_step=meant)
    return found


def _said(graph: Readable, kind: terms.Kind) -> dict[Iri, set[Iri]]:
    """Return which graphs type which thing."""
    below = (terms.class_iri(each) for each in terms.Kind if terms.is_a(each, kind))
    only = "" if kind == terms.Kind.THING else f"VALUES ?class {{ {' '.join(f'<{each}>' for each in below)} }}"
    out: dict[Iri, set[Iri]] = {}
    for thing, name in graph.rows(_TYPED.replace("$only", only)):
        out.setdefault(Iri(str(thing)), set()).add(Iri(str(name)))
    return out


def _known(entity: Entity, said: Iterable[Origin], now: datetime) -> Known:
    some = tuple(said) or (UNKNOWN,)
    sure = max(each.confidence * decay(now - each.seen, ttl(each.source, each.layer)) for each in some)
    age = max(now - max(each.seen for each in some), timedelta(0))
    return Known(entity, tuple(sorted({each.source for each in some})), age, sure)
