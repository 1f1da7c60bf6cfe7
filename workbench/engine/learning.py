"""What an investigation finds out of the estate: taken in after a step, so that the next one can use it.

Accepting or rejecting a fact is a steer of the case; what was rejected is not taken in again, however often a reasoner
says it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ontology import terms
from ontology.errors import NotFound
from ontology.nouns import Entity, Fact, Iri
from workbench.nouns import Case


def meant(case: Case, words: str) -> Fact:
    """Return the fact that is meant: by its id (`f-3fa2c1`), or in words (`checkout calls payment`).

    What the case has learned comes before what it was told by the graph.

    Raises:
        NotFound: the case knows no such fact.
    """
    names = {each.iri: each.name for each in case.scope}
    for fact in (*case.learned, *case.topology):
        if words.strip() in (fact.id, in_words(fact, names)):
            return fact
    learned = ", ".join(each.id for each in case.learned) or "nothing yet"
    raise NotFound(
        f"This case knows no fact {words!r}.",
        next_step=f'It has learned: {learned}. Or say it in words: "checkout calls payment".',
    )


def in_words(fact: Fact, names: dict[Iri, str]) -> str:
    """Return the fact as it is said, things by their names.

    >>> from datetime import datetime, UTC
    >>> from ontology.nouns import Layer
    >>> said = Fact(Iri("urn:a"), terms.CALLS, Iri("urn:b"), layer=Layer.LEARNED, source="x", seen=datetime.now(UTC))
    >>> in_words(said, {Iri("urn:a"): "cart", Iri("urn:b"): "redis"})
    'cart calls redis'
    """
    ends = (names.get(Iri(str(each)), str(each)) for each in (fact.subject, fact.object))
    return f" {terms.kind_of(fact.predicate)} ".join(ends)


def accepted(case: Case) -> frozenset[str]:
    """Return the ids of the facts that a person accepted."""
    return frozenset(steer.target for steer in case.steers if steer.kind == "accept")


def with_its_ends(case: Case, fact: Fact) -> tuple[Fact, ...]:
    """Return the fact, and what the case learned of what its ends are: kind and name of a thing that is new."""
    said = (each for each in case.learned if each.subject in (fact.subject, fact.object))
    return (fact, *(each for each in said if each.predicate in (terms.TYPE, terms.LABEL)))


def taken_in(case: Case, learned: Iterable[Fact]) -> Case:
    """Return the case with these facts: in what it has learned, in its scope and in its topology."""
    refused = {steer.target for steer in case.steers if steer.kind == "reject"}
    held = {each.id for each in case.learned}
    new = tuple(each for each in learned if each.id not in refused | held)
    scope = (*case.scope, *_things(new, {each.iri for each in case.scope}))
    ends = {each.iri for each in scope}
    joined = tuple(each for each in new if each.subject in ends and each.object in ends)
    return replace(case, learned=(*case.learned, *new), scope=scope, topology=(*case.topology, *joined))


def taken_back(case: Case, fact: Fact) -> Case:
    """Return the case without the fact; a thing that only it brought stays in scope."""
    return replace(
        case,
        learned=tuple(each for each in case.learned if each.id != fact.id),
        topology=tuple(each for each in case.topology if each.id != fact.id),
    )


def _things(learned: Iterable[Fact], known: set[Iri]) -> tuple[Entity, ...]:
    """Return the things that these facts type and label, and that were not in scope."""
    facts = tuple(learned)
    labels = {each.subject: str(each.object) for each in facts if each.predicate == terms.LABEL}
    return tuple(
        Entity(each.subject, terms.kind_of(str(each.object)), labels[each.subject])
        for each in facts
        if each.predicate == terms.TYPE and each.subject in labels and each.subject not in known
    )
