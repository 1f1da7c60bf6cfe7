"""Where nouns and RDF terms meet: Fact <-> quads, and the names of the graphs that hold them.

A sure fact is one quad in its source's graph. An unsure one (confidence below 1) lies in a graph for its band, with an
annotation beside it: `rdf:subject`, `rdf:predicate`, `rdf:object`, and what is known of it. That is SPARQL 1.1, so that
any engine can hold it; RDF 1.2 triple terms would not be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from ontology import terms
from ontology.errors import BadInput
from ontology.iris import RDF, XSD, graph, thing
from ontology.nouns import Fact, Iri, Layer, Value, utc
from workbench.graph.changes import Text

STATEMENTS = thing("statement", "")
"""What the IRI of every annotation begins with."""
META = graph("meta")
"""Descriptions of the graphs and their latest runs."""
WORDS = {Layer.DECLARED: "fact", Layer.RUNNING: "seen", Layer.INFERRED: "infer", Layer.LEARNED: "live"}
"""Layer to the first word of its graphs' names."""
_SUBJECT, _PREDICATE, _OBJECT = (NamedNode(RDF + name) for name in ("subject", "predicate", "object"))
_INTEGERS = frozenset(XSD + name for name in ("integer", "int", "long", "short", "byte", "nonNegativeInteger"))
_NUMBERS = frozenset(XSD + name for name in ("double", "float", "decimal"))
_DATE_TIME = NamedNode(XSD + "dateTime")
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the graph says of all of its facts."""

    layer: Layer
    source: str
    seen: datetime
    """When a run last saw all of the scope, or, where none ever did, when the latest one ended."""
    confidence: float = 1.0
    whole: bool = True
    """Whether any run saw all of the scope."""


def origin(*said: Iri | Value | None) -> Origin:
    """Return an origin from a row: source, layer, confidence, last complete (or None), completed."""
    source, layer, confidence, whole, done = said
    seen = done if whole is None else whole
    word = Layer(str(layer).rpartition("layer-")[2])
    return Origin(word, str(source), utc(str(seen)), float(str(confidence)), whole is not None)


UNKNOWN = Origin(Layer.DECLARED, "unknown", _NEVER)
"""Of a graph that somebody else wrote, without a description."""


def band(confidence: float) -> float:
    """Return the highest band that is not above the confidence.

    >>> band(0.8), band(1.0), band(0.1)
    (0.7, 1.0, 0.3)
    """
    return next((each for each in terms.BANDS if each <= confidence), terms.BANDS[-1])


@lru_cache(maxsize=4096)
def graph_for(source: str, scope: str, layer: Layer, confidence: float = 1.0) -> Iri:
    """Return the named graph in which such a fact lies.

    >>> graph_for("compose", "shop", Layer.DECLARED).rsplit("/g/")[-1]
    'fact/compose/shop'
    >>> graph_for("compose", "shop", Layer.INFERRED, 0.9).rsplit("/g/")[-1]
    'infer/compose/shop/c9'
    """
    if confidence < 1.0 or layer is Layer.INFERRED:
        return graph("infer", source, scope, f"c{round(band(confidence) * 10)}")
    return graph(WORDS[layer], source, scope)


@lru_cache(maxsize=4096)
def graphs_of(source: str, scope: str) -> Mapping[Iri, tuple[Layer, float]]:
    """Return every graph that this source and scope may own, with its layer and its base confidence."""
    sure = {graph_for(source, scope, layer): (layer, 1.0) for layer in Layer if layer is not Layer.INFERRED}
    unsure = {graph_for(source, scope, Layer.INFERRED, each): (Layer.INFERRED, each) for each in terms.BANDS}
    return {**sure, **unsure}


@lru_cache(maxsize=4096)
def named(iri: str) -> NamedNode:
    """Return the node.

    Raises:
        BadInput: the text is not an IRI.
    """
    try:
        return NamedNode(str(iri))
    except ValueError as error:
        raise BadInput(
            f"{str(iri)[:120]!r} is not an IRI: {error}.", next_step="Make it with ontology.iris.thing()."
        ) from error


def literal(value: Value) -> Literal:
    """Return the literal; times in UTC, and a broken character as the replacement character."""
    if isinstance(value, bool | int | float):
        return Literal(value)
    if isinstance(value, datetime):
        text = utc(value).replace(tzinfo=None).isoformat()
        return Literal((text.rstrip("0") if "." in text else text) + "Z", datatype=_DATE_TIME)
    return Literal(value.encode("utf-8", "replace").decode())


def term(value: Iri | Value) -> NamedNode | Literal:
    """Return the node for an Iri, a literal for anything else."""
    return named(value) if isinstance(value, Iri) else literal(value)


def noun(node: NamedNode | BlankNode | Literal | Triple) -> Iri | Value:
    """Return what a term means."""
    if isinstance(node, NamedNode):
        return Iri(node.value)
    if not isinstance(node, Literal):
        return Iri(str(node))
    return value_of(node.value, node.datatype.value)


def value_of(text: str, kind: str) -> Value:
    """Return what a literal of that datatype means; an ill-typed or unknown one is its text."""
    try:
        if kind in _INTEGERS:
            return int(text)
        if kind in _NUMBERS:
            return float(text)
        if kind == _DATE_TIME.value:
            return utc(text)
    except (ValueError, BadInput):  # ill-typed, as somebody else wrote it: its text is all there is
        return text
    return text in ("true", "1") if kind == XSD + "boolean" else text


def meant(text: str) -> Iri | Value:
    """Return what a term in N-Triples text means; the common forms are read without a parser.

    >>> meant("<urn:x>"), meant('"up"'), meant('"2"^^<http://www.w3.org/2001/XMLSchema#integer>')
    ('urn:x', 'up', 2)
    """
    if text.startswith("<") and not text.startswith("<<"):
        return Iri(text[1:-1])
    if "\\" not in text and text.endswith('"'):
        return text[1:-1]
    value, typed, kind = text.rpartition('"^^<')
    if typed and "\\" not in text:
        return value_of(value[1:], kind[:-1])
    (triple,) = parse(f"<urn:x> <urn:x> {text} .".encode(), format=RdfFormat.N_TRIPLES)
    return noun(triple.object)


def quads(fact: Fact, graph_iri: Iri) -> tuple[Quad, ...]:
    """Return the fact's own quad, and after it its annotation where it is unsure or learned."""
    where = named(graph_iri)
    own = Quad(named(fact.subject), named(fact.predicate), term(fact.object), where)
    if fact.confidence >= 1.0 and fact.layer is not Layer.LEARNED:
        return (own,)
    about = named(statement(own))
    said: list[tuple[NamedNode, NamedNode | Literal]] = [
        (_SUBJECT, named(fact.subject)),
        (_PREDICATE, named(fact.predicate)),
        (_OBJECT, term(fact.object)),
        (NamedNode(terms.CONFIDENCE), literal(float(fact.confidence))),
        (NamedNode(terms.LAYER), named(terms.layer_iri(fact.layer))),
    ]
    if fact.evidence:
        said.append((NamedNode(terms.EVIDENCE), literal(fact.evidence)))
    if fact.layer is Layer.LEARNED:  # a scan's facts are as old as its run; learned ones come one by one
        said.append((NamedNode(terms.SEEN), literal(fact.seen)))
        said.append((NamedNode(terms.SOURCE), literal(fact.source)))
    return (own, *(Quad(about, predicate, value, where) for predicate, value in said))


class _Nodes(dict[str, str]):
    """IRI to the node as text, checked once."""

    def __missing__(self, iri: str) -> str:
        self[iri] = text = str(named(iri))
        return text


def texts(facts: Iterable[Fact], graph_of: Callable[[Layer, float], Iri]) -> Mapping[Text, tuple[Fact, list[Text]]]:
    """Return the quad of every fact as text, with the fact and the quads of its annotation; the last word counts.

    It says what `quads` says, at a fraction of the cost.

    Raises:
        BadInput: an IRI that is none.
    """
    nodes = _Nodes()
    made: dict[Text, tuple[Fact, list[Text]]] = {}
    for fact in facts:
        where, value = graph_of(fact.layer, fact.confidence), fact.object
        text = nodes[value] if isinstance(value, Iri) else text_of(value)
        sure = fact.confidence >= 1.0 and fact.layer is not Layer.LEARNED
        more = [] if sure else [text_quad(quad) for quad in quads(fact, where)[1:]]
        made[nodes[where], nodes[fact.subject], nodes[fact.predicate], text] = (fact, more)
    return made


def sure_lines(facts: Sequence[Fact], where: Iri) -> str:
    """Return the N-Quads of sure facts of one graph, none of them learned, each said once: what `texts` says, faster.

    Raises:
        BadInput: an IRI that is none.
    """
    nodes = _Nodes()
    subjects, predicates = (map(nodes.__getitem__, map(attrgetter(each), facts)) for each in ("subject", "predicate"))
    values = [nodes[value] if type(value := fact.object) is Iri else text_of(value) for fact in facts]
    space, end = repeat(" "), repeat(f" {nodes[where]} .\n")
    return "".join(chain.from_iterable(zip(subjects, space, predicates, space, values, end, strict=False)))


def text_of(value: Value) -> str:
    """Return the literal as N-Triples text.

    >>> text_of(2), text_of("up")
    ('"2"^^<http://www.w3.org/2001/XMLSchema#integer>', '"up"')
    """
    if type(value) is int:
        return f'"{value}"^^<{XSD}integer>'
    if type(value) is str and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'  # nothing to escape
    return str(literal(value))


def text_quad(quad: Quad) -> Text:
    """Return the quad as text."""
    return str(quad.graph_name), str(quad.subject), str(quad.predicate), str(quad.object)


def without_blanks(quad: Quad) -> Quad:
    """Return the quad with IRIs in the place of blank nodes, so that it can be named again (RDF 1.1, 3.5)."""
    if not isinstance(quad.subject, BlankNode) and not isinstance(quad.object, BlankNode):
        return quad
    return Quad(_without_blank(quad.subject), quad.predicate, _without_blank(quad.object), quad.graph_name)


def _without_blank(node: NamedNode | BlankNode | Literal | Triple) -> Any:
    return NamedNode(thing("blank", node.value)) if isinstance(node, BlankNode) else node


def statement(quad: Quad) -> Iri:
    """Return the IRI of the annotation of a quad: equal quads, equal IRIs."""
    return thing("statement", hashlib.sha256(str(quad).encode()).hexdigest()[:20])


def is_annotation(quad: Quad) -> bool:
    """Say whether the quad is part of an annotation rather than a fact of its own."""
    return isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(STATEMENTS)


def facts(found: Iterable[Quad], origin: Origin) -> Iterator[Fact]:
    """Yield the facts of one graph, each with its annotation where it has one."""
    own: list[Quad] = []
    said: dict[str, dict[str, Iri | Value]] = {}
    for quad in found:
        if is_annotation(quad):
            about = said.setdefault(quad.subject.value, {})  # type: ignore[union-attr]  # annotations have IRIs
            about[quad.predicate.value] = noun(quad.object)
        else:
            own.append(quad)
    for quad in own:
        yield _fact(quad, origin, said.get(statement(quad), {}) if said else {})


def _fact(quad: Quad, origin: Origin, said: Mapping[str, Iri | Value]) -> Fact:
    confidence, seen = said.get(terms.CONFIDENCE), said.get(terms.SEEN)
    layer = str(said.get(terms.LAYER, "")).rpartition("layer-")[2]
    return Fact(
        Iri(str(noun(quad.subject))),
        Iri(quad.predicate.value),
        noun(quad.object),
        layer=Layer(layer) if layer in set(Layer) else origin.layer,
        source=str(said.get(terms.SOURCE, origin.source)),
        seen=seen if isinstance(seen, datetime) else origin.seen,
        confidence=confidence if isinstance(confidence, float) else origin.confidence,
        evidence=str(said.get(terms.EVIDENCE, "")),
    )
