"""The shapes, at write time: what a scan changed is checked against `ontology/shapes.ttl`, and nothing else.

A thing is judged with all that is said of it and to it, and with what its neighbours are, whoever says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, serialize

from ontology import terms
from ontology.iris import BASE
from ontology.loader import Problem as Malformed
from ontology.loader import validate
from ontology.nouns import Fact, Iri
from workbench.graph.convert import named
from workbench.graph.reading import Readable
from workbench.graph.revision import Change

if TYPE_CHECKING:
    import rdflib

MOST = 2_000
"""Things that are checked on the way, about 2 ms each; more are left to `workbench graph check`."""
LISTED = 200
"""Edges to a thing that are looked at: a namespace may have thousands, and no shape counts them."""
_TYPE = named(terms.TYPE)

__all__ = ["MOST", "Malformed", "checked"]


def checked(graph: Readable, change: Change) -> tuple[tuple[Malformed, ...], bool]:
    """Return where the things that a scan touched violate the shapes, and whether they were too many to check."""
    touched = _touched((*change.appeared, *change.vanished))
    if len(touched) > MOST:
        return (), True
    report = validate(_seen(graph, touched), touched)
    return tuple(each for each in report.problems if each.severity == "violation"), False


def _touched(facts: Iterable[Fact]) -> tuple[Iri, ...]:
    """Return the things whose facts, or whose edges, came or went."""
    ends = (end for fact in facts for end in (fact.subject, fact.object) if isinstance(end, Iri))
    return tuple(dict.fromkeys(end for end in ends if end.startswith(f"{BASE}id/")))


def _seen(graph: Readable, touched: Iterable[Iri]) -> rdflib.Graph:
    """Return what is said of these things, to them, and the kinds of their neighbours."""
    import rdflib

    around: set[Triple] = set()
    for each in touched:
        it = named(each)
        around.update(quad.triple for quad in graph.quads(it))
        around.update(quad.triple for quad, _ in zip(graph.quads(value=it), range(LISTED), strict=False))
    ends = {end for triple in around for end in (triple.subject, triple.object) if isinstance(end, NamedNode)}
    kinds: Iterable[Quad] = (quad for end in ends for quad in graph.quads(end, _TYPE))
    around.update(quad.triple for quad in kinds)
    text = serialize(around, format=RdfFormat.N_TRIPLES) or b""
    return rdflib.Graph().parse(data=text, format="nt")
