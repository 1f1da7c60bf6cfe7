"""One table of what is the same: another name's IRI, the IRI that all facts are written under, who says so, how surely.

Applied before facts are written, so that no query needs to know it. It lies in its own graph, `g/alias`, as
`prov:alternateOf`, and so in every snapshot, dump and in the history. What only may be the same is `wb:probablySame`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ontology import terms
from ontology.errors import BadInput
from ontology.iris import PROV, graph
from ontology.nouns import Fact, Iri

TABLE = graph("alias")
"""The graph that holds the table."""
SAME_AS = Iri(PROV + "alternateOf")
SURE = 0.9
"""Two things are written as one only on such a word: once merged, nobody can tell them apart."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One line of the table."""

    alias: Iri
    canonical: Iri
    source: str
    confidence: float = 1.0


def lines(facts: Iterable[Fact]) -> tuple[Alias, ...]:
    """Return the table that these facts make."""
    said = (each for each in facts if each.predicate == SAME_AS and isinstance(each.object, Iri))
    return tuple(Alias(each.subject, Iri(str(each.object)), each.source, each.confidence) for each in said)


def table(known: Iterable[Alias]) -> Mapping[Iri, Iri]:
    """Return alias to canonical IRI, followed to its end.

    Raises:
        BadInput: a name leads back to itself.
    """
    step = {each.alias: each.canonical for each in known if each.confidence >= SURE}
    return {each: _end(each, step) for each in step}


def _end(alias: Iri, step: Mapping[Iri, Iri]) -> Iri:
    at = alias
    for _ in step:
        at = step[at]
        if at not in step:
            return at
    raise BadInput(f"{alias} is an alias of itself.", next_step="Name one IRI that all the others lead to.")


def resolved(facts: Iterable[Fact], known: Mapping[Iri, Iri]) -> tuple[Fact, ...]:
    """Return the facts under canonical IRIs; the label of another name becomes a name of the thing (`wb:name`)."""
    return tuple(_resolved(each, known) for each in facts) if known else tuple(facts)


def _resolved(fact: Fact, known: Mapping[Iri, Iri]) -> Fact:
    subject = known.get(fact.subject, fact.subject)
    value = known.get(fact.object, fact.object) if isinstance(fact.object, Iri) else fact.object
    if subject is fact.subject and value is fact.object:
        return fact
    named = fact.predicate == terms.LABEL and subject is not fact.subject
    return replace(fact, subject=subject, object=value, predicate=terms.NAME if named else fact.predicate)
