"""A part of the estate as a value: things, the facts that join them, and what is said of each, as sure as it is now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from pyoxigraph import Literal, Quad

from ontology.iris import BASE
from ontology.nouns import Entity, Fact, Iri, Layer, Value
from workbench.graph.convert import STATEMENTS, UNKNOWN, facts, named, statement
from workbench.graph.reading import Readable, graph_name
from workbench.graph.staleness import INCOMPLETE, effective
from workbench.nouns import Link, LinkState, Subgraph

MOST = 2_000
"""Things of one answer: beyond it nobody looks at a drawing."""
THINGS = f"{BASE}id/"
"""What the IRI of every thing of the estate begins with."""
_PARTLY_SEEN = """
SELECT ?graph WHERE { ?graph a wb:Graph ; wb:complete ?whole . FILTER(?whole = false) }"""

Statement = tuple[Iri, Iri, Iri | Value]


def is_thing(value: Iri | Value | None) -> bool:
    """Say whether it names a thing of the estate, rather than a class, a layer or a value."""
    return isinstance(value, Iri) and value.startswith(THINGS) and not value.startswith(STATEMENTS)


def part(
    graph: Readable,
    entities: Sequence[Entity],
    say: str,
    *,
    now: datetime,
    focus: Sequence[Entity] = (),
    most: int = MOST,
) -> Subgraph:
    """Return these things, the first `most` of them, with what joins them and what is said of each."""
    kept = tuple(entities[:most])
    links, details = _told(graph, [each.iri for each in kept], now)
    told = Subgraph(say, kept, links, details=details, focus=tuple(each.iri for each in focus))
    return replace(told, hidden=len(entities) - len(kept))


def links(graph: Readable, found: Iterable[Quad], now: datetime) -> tuple[Link, ...]:
    """Return the facts among these quads, each once: as the source says it that is the surest now."""
    best: dict[Statement, Link] = {}
    for each in _links(graph, found, now):
        fact = each.fact
        said = (fact.subject, fact.predicate, fact.object)
        other = best.get(said)
        if other is None or (other.confidence, other.fact.seen) < (each.confidence, fact.seen):
            best[said] = each
    return tuple(best[said] for said in sorted(best, key=lambda each: tuple(map(str, each))))


def counted(entities: Collection[Entity], most: int = 4) -> str:
    """Return how many there are of each kind, the commonest first.

    >>> counted([Entity(Iri("urn:a"), "EnvVar", "A"), Entity(Iri("urn:b"), "EnvVar", "B")])
    '2 env vars'
    """
    kinds = Counter(each.kind for each in entities).most_common()
    shown = [_several(n, words(kind)) for kind, n in kinds[:most]]
    rest = sum(n for _, n in kinds[most:])
    return listed([*shown, *([_several(rest, "other")] if rest else [])])


def words(term: str) -> str:
    """Return a class or property in words.

    >>> words("https://w3id.org/incident-workbench/def/usesDatastore"), words("K8sService")
    ('uses datastore', 'k8s service')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", re.split(r"[/#]", term)[-1]).lower()


def listed(said: Sequence[str], most: int = 8) -> str:
    """Return the words as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], 2)
    ('a, b and c', 'a, b and 1 more')
    """
    shown = list(said) if len(said) <= most else [*said[:most], f"{len(said) - most:,} more"]
    return " and ".join([*filter(None, [", ".join(shown[:-1])]), *shown[-1:]])


def _several(n: int, word: str) -> str:
    if n == 1:
        return f"1 {word}"
    end = "es" if word.endswith(("s", "x", "ss")) else "s"
    return f"{n:,} {word[:-1]}ies" if word.endswith("y") and word != "key" else f"{n:,} {word}{end}"


def _told(graph: Readable, iris: Sequence[Iri], now: datetime) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """Return what joins these things, and what is said of each of them."""
    ends = {named(each) for each in iris}
    own = graph.of_subjects(iris)
    some = links(graph, [each for each in own if each.object in ends or isinstance(each.object, Literal)], now)
    joining = tuple(each for each in some if isinstance(each.fact.object, Iri))
    return joining, tuple(each for each in some if not isinstance(each.fact.object, Iri))


def _links(graph: Readable, found: Iterable[Quad], now: datetime) -> Iterator[Link]:
    origins = graph.origins()
    doubtful = {Iri(str(name)) for (name,) in graph.rows(_PARTLY_SEEN)}
    for name, some in groupby(sorted(found, key=graph_name), key=graph_name):
        origin, own = origins.get(name, UNKNOWN), list(some)
        # Sure facts of a scan have no annotation, so that nothing is looked up for most of them.
        plain = origin is not UNKNOWN and origin.confidence >= 1.0 and origin.layer is not Layer.LEARNED
        said = () if plain else graph.of_subjects(map(statement, own))
        for fact in facts([*own, *said], origin):
            yield _link(fact, now, whole=name not in doubtful)


def _link(fact: Fact, now: datetime, *, whole: bool) -> Link:
    sure = effective(fact, now) * (1.0 if whole else INCOMPLETE)
    return Link(fact, sure, LinkState.CONFIRMED if sure >= fact.confidence else LinkState.UNCONFIRMED)
