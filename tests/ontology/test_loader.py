"""The shapes catch what they are for, and let good data through."""

from __future__ import annotations

import pytest

from ontology.errors import BadInput, NotFound
from ontology.loader import turtle, validate

HEAD = """
@prefix wb: <https://w3id.org/incident-workbench/def/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix s: <https://w3id.org/incident-workbench/id/service/shop:> .
@prefix x: <https://w3id.org/incident-workbench/id/x/> .
"""
GOOD = """
s:web a wb:Service ; rdfs:label "web" ; wb:calls s:cart .
s:cart a wb:Service ; rdfs:label "cart" .
x:web a wb:Deployment ; rdfs:label "web" ; wb:implements s:web ; wb:replicas 2 .
"""


def test_good_data_conforms() -> None:
    """Well-formed facts give no violation, and what cannot be seen is a warning only."""
    report = validate(HEAD + GOOD)
    assert report.conforms
    assert {each.severity for each in report.problems} == {"warning"}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ("s:web a wb:Service .", "has a label"),
        ("s:web a wb:Service ; rdfs:label 'web' ; wb:calls x:db . x:db a wb:Database ; rdfs:label 'db' .", "is called"),
        ("<urn:web> a wb:Service ; rdfs:label 'web' .", "IRI"),
        ("x:e a wb:Endpoint ; rdfs:label 'e' ; wb:port 70000 .", "65535"),
        ("x:k a wb:EnvVar ; rdfs:label 'K' ; wb:sensitive true ; wb:value 'hunter2' .", "in clear"),
        ("x:f a wb:Function ; rdfs:label 'f' ; wb:line 1 .", "one file"),
        ("x:p a wb:Pod ; rdfs:label 'p' ; wb:runsOn s:web . s:web a wb:Service ; rdfs:label 'web' .", "one host"),
        ("x:g a wb:Graph ; wb:source 'compose' .", "one scope"),
        ("x:r rdf:subject s:a ; rdf:predicate wb:calls ; rdf:object s:b ; wb:confidence 1.5e0 .", "0 to 1"),
    ],
)
def test_each_shape_catches(facts: str, message: str) -> None:
    """Each fault is a violation whose message names it."""
    report = validate(HEAD + facts)
    assert not report.conforms
    assert any(message in each.message for each in report.problems if each.severity == "violation"), str(report)


def test_secret_without_value_conforms() -> None:
    """A sensitive setting without a value is fine, and so is an ordinary one with a value."""
    facts = "x:a a wb:EnvVar ; rdfs:label 'A' ; wb:sensitive true . x:b a wb:EnvVar ; rdfs:label 'B' ; wb:value 'v' ."
    assert validate(HEAD + facts).conforms


def test_bad_turtle_is_a_persons_error() -> None:
    """Text that is not Turtle says where it goes wrong."""
    with pytest.raises(BadInput, match="not Turtle"):
        validate("this is { not turtle")


def test_unknown_vocabulary() -> None:
    """An unknown name lists the known ones."""
    with pytest.raises(NotFound, match="infrastructure"):
        turtle("nope")
