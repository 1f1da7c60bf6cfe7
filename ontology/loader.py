"""The ontology as text, as an rdflib graph, and as a check on data.

text = turtle("infrastructure")          # no dependency
report = validate(store.to_rdflib())     # rdflib and pyshacl, imported on first use
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ontology.errors import BadInput, NotFound
from ontology.nouns import Iri

if TYPE_CHECKING:
    import rdflib

VOCABULARIES = ("infrastructure", "incident", "layers")
"""The files that define words."""
SHAPES = "shapes"
"""The file that says what well-formed facts look like."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which data departs from the shapes."""

    about: Iri
    message: str
    severity: str
    """`violation` (an error of the writer) or `warning` (a gap in what could be seen)."""
    path: str = ""
    """IRI of the property, where there is one."""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What `validate` found; warnings alone still conform."""

    conforms: bool
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        """Return one line a problem, violations first."""
        lines = [f"{each.severity}: {each.about}: {each.message}" for each in self.problems]
        return "\n".join(lines) or "No problem found."


def turtle(name: str) -> str:
    """Return the Turtle text of `infrastructure`, `incident`, `layers` or `shapes`.

    Raises:
        NotFound: there is no file of that name.

    >>> "wb:Service a owl:Class" in turtle("infrastructure")
    True
    """
    if name not in (*VOCABULARIES, SHAPES):
        raise NotFound(
            f"There is no vocabulary {name!r}.", next_step=f"Choose one of {', '.join((*VOCABULARIES, SHAPES))}."
        )
    return files("ontology").joinpath(f"{name}.ttl").read_text(encoding="utf-8")


def vocabulary() -> rdflib.Graph:
    """Return the words of all files as one rdflib graph, without the shapes."""
    import rdflib

    graph = rdflib.Graph()
    for name in VOCABULARIES:
        graph.parse(data=turtle(name), format="turtle")
    return graph


def validate(data: str | rdflib.Graph, about: Collection[Iri] | None = None) -> Report:
    """Check data, as Turtle text or an rdflib graph or dataset, against the shapes.

    A dataset is checked as the union of its graphs. The data is not changed. With `about`, only these things are
    checked, and the rest of the data is what they are seen against.

    Raises:
        BadInput: the text is not Turtle.
    """
    import pyshacl
    import rdflib

    focus: list[str | rdflib.URIRef] | None = None if about is None else [rdflib.URIRef(each) for each in about]
    if focus == []:
        return Report(True, ())
    _, results, _ = pyshacl.validate(
        _united(data) + _words(), shacl_graph=_shapes(), focus_nodes=focus, inference="none", allow_warnings=True
    )  # the words lie beside the data: as an ontology of its own, pyshacl would leave out the taxonomies
    problems = _problems(results)
    return Report(all(each.severity != "violation" for each in problems), problems)


@cache
def _words() -> rdflib.Graph:
    return vocabulary()


@cache
def _shapes() -> rdflib.Graph:
    import rdflib

    return rdflib.Graph().parse(data=turtle(SHAPES), format="turtle")


def _united(data: str | rdflib.Graph) -> rdflib.Graph:
    """Return one plain graph, a copy."""
    import rdflib

    graph = rdflib.Graph()
    if isinstance(data, rdflib.Dataset):
        for subject, predicate, value, _ in data.quads():
            graph.add((subject, predicate, value))
        return graph
    if isinstance(data, rdflib.Graph):
        return graph + data
    try:
        return graph.parse(data=data, format="turtle")
    except (SyntaxError, ValueError) as error:  # rdflib's BadSyntax is a SyntaxError
        raise BadInput(f"The text is not Turtle: {error}", next_step="Correct the text at that place.") from error


def _problems(results: rdflib.Graph) -> tuple[Problem, ...]:
    """Read pyshacl's report: violations first, then by what they are about."""
    from rdflib.namespace import RDF, SH

    def text(node: rdflib.term.Node, name: rdflib.URIRef) -> str:
        value = results.value(node, name)
        return "" if value is None else str(value)

    found = (
        Problem(
            Iri(text(node, SH.focusNode)),
            text(node, SH.resultMessage),
            text(node, SH.resultSeverity).rsplit("#", 1)[-1].lower(),
            text(node, SH.resultPath),
            text(node, SH.value),
        )
        for node in results.subjects(RDF.type, SH.ValidationResult)
    )
    return tuple(sorted(found, key=lambda each: (each.severity != "violation", each.about, each.message)))
