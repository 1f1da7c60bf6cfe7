"""terms.py and the .ttl files say the same words."""

from __future__ import annotations

from functools import cache

import pytest
import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SKOS

from memory.protocol import Verdict
from ontology import terms
from ontology.iris import OTEL, PROV, WB
from ontology.loader import VOCABULARIES, turtle, vocabulary
from ontology.nouns import Iri, Layer


@cache
def words() -> rdflib.Graph:
    return vocabulary()


def constants(namespace: str) -> set[str]:
    return {str(value) for value in vars(terms).values() if isinstance(value, Iri) and value.startswith(namespace)}


def subjects(kind: rdflib.URIRef, namespace: str) -> set[str]:
    return {str(each) for each in words().subjects(RDF.type, kind) if str(each).startswith(namespace)}


def individuals(kind: str, prefix: str) -> dict[str, str]:
    return {
        str(each).removeprefix(WB + prefix): str(words().value(each, RDFS.label))
        for each in words().subjects(RDF.type, rdflib.URIRef(WB + kind))
    }


def test_kinds_are_the_classes() -> None:
    """Every kind is a class of the Turtle files and every class is a kind."""
    assert {WB + kind for kind in terms.Kind} == subjects(OWL.Class, WB)


def test_predicates_are_the_properties() -> None:
    """Every predicate is a property of the Turtle files and every property is a predicate."""
    declared = subjects(OWL.ObjectProperty, WB) | subjects(OWL.DatatypeProperty, WB)
    assert constants(WB) == declared


def test_otel_attributes_are_the_properties() -> None:
    """Every OpenTelemetry constant is declared, its name verbatim, and nothing else is."""
    assert constants(OTEL) == subjects(OWL.DatatypeProperty, OTEL)


def test_failure_modes_and_verdicts() -> None:
    """The taxonomies of terms.py, of memory and of the Turtle files are the same."""
    assert dict(terms.FAILURE_MODES) == individuals("FailureMode", "mode-")
    broader = {
        str(a).removeprefix(WB + "cause-"): str(b).removeprefix(WB + "mode-")
        for a, b in words().subject_objects(SKOS.broader)
    }
    assert dict(terms.CAUSES) == broader
    assert set(broader.values()) <= set(terms.FAILURE_MODES)
    assert set(terms.VERDICTS) == set(individuals("Verdict", "verdict-")) == set(Verdict)
    assert set(individuals("Layer", "layer-")) == set(Layer)


def test_parents_are_the_subclass_relations() -> None:
    """PARENTS holds every subclass relation between two kinds, `Thing` left out."""
    declared = {
        (str(child), str(parent))
        for child, parent in words().subject_objects(RDFS.subClassOf)
        if str(parent).startswith(WB) and str(parent) != WB + "Thing"
    }
    assert {(WB + child, WB + parent) for child, parent in terms.PARENTS.items()} == declared


def test_dependencies_are_the_sub_properties() -> None:
    """DEPENDENCIES is dependsOn and its sub-properties."""
    depends = rdflib.URIRef(terms.DEPENDS_ON)
    assert set(terms.DEPENDENCIES) == {str(each) for each in words().transitive_subjects(RDFS.subPropertyOf, depends)}


def test_every_word_is_explained() -> None:
    """Every class, property and individual has one label and one comment."""
    ours = {each for each in words().subjects(RDF.type) if str(each).startswith((WB, OTEL))}
    for each in ours:
        assert len(list(words().objects(each, RDFS.label))) == 1, each
        assert len(list(words().objects(each, RDFS.comment))) == 1, each


def test_domains_and_ranges_exist() -> None:
    """A domain or range of ours is a class that is declared, and every object property has a range."""
    classes = subjects(OWL.Class, WB)
    named = {str(each) for relation in (RDFS.domain, RDFS.range) for each in words().objects(None, relation)}
    assert {each for each in named if each.startswith(WB)} <= classes
    assert all(words().value(rdflib.URIRef(each), RDFS.range) for each in subjects(OWL.ObjectProperty, WB))


def test_aligned_with_prov() -> None:
    """A scan run is a PROV activity, a graph an entity that it generated."""
    assert (rdflib.URIRef(WB + "ScanRun"), RDFS.subClassOf, rdflib.URIRef(PROV + "Activity")) in words()
    assert (
        rdflib.URIRef(terms.LAST_RUN),
        RDFS.subPropertyOf,
        rdflib.URIRef(terms.WAS_GENERATED_BY),
    ) in words()


@pytest.mark.parametrize("name", VOCABULARIES)
def test_no_word_twice(name: str) -> None:
    """No word is declared in two files."""
    mine = set(rdflib.Graph().parse(data=turtle(name)).subjects(RDF.type))
    others = {
        each
        for other in VOCABULARIES
        if other != name
        for each in rdflib.Graph().parse(data=turtle(other)).subjects(RDF.type)
    }
    assert not mine & others
