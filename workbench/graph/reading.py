"""What can be read of a graph, whoever holds it: a store in this process, its owner, or a SPARQL engine elsewhere.

A holder says two things: which quads match a pattern, and what a SELECT answers. All else follows from these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, serialize

from ontology.iris import PREFIXES, PROV, graph
from ontology.nouns import Fact, Iri, Value
from workbench.graph import aliases
from workbench.graph.changes import DEFAULT
from workbench.graph.convert import (
    META,
    UNKNOWN,
    Origin,
    facts,
    graphs_of,
    is_annotation,
    named,
    noun,
    origin,
    statement,
)

if TYPE_CHECKING:
    import rdflib

    from workbench.graph.history import History

Solution = tuple[Iri | Value | None, ...]
LOG, TAKEN = named(graph("log")), named(PROV + "value")
"""In the meta graph: the number of the last batch of the change log that the store has taken over."""
_ORIGINS = f"""
SELECT ?graph ?source ?layer ?confidence ?whole ?done WHERE {{
  $only
  GRAPH <{META}> {{
    ?graph a wb:Graph ; wb:source ?source ; wb:layer ?layer ; wb:baseConfidence ?confidence ; wb:lastRun ?run .
    ?run wb:completedAt ?done .
    OPTIONAL {{ ?graph wb:lastCompleteAt ?whole }}
  }}
}}"""
_GRAPHS = "SELECT DISTINCT ?graph WHERE { GRAPH ?graph { ?s ?p ?o } }"


class Readable(ABC):
    """What every source said, in named graphs, as facts."""

    @property
    def paths(self) -> bool:
        """Whether property paths may be asked: they end on cycles, and say each thing once."""
        return True

    @abstractmethod
    def quads(
        self,
        subject: NamedNode | None = None,
        predicate: NamedNode | None = None,
        value: NamedNode | Literal | None = None,
        graph: NamedNode | None = None,
    ) -> Iterator[Quad]:
        """Yield the quads that match; None matches everything, in any graph."""

    def of_subjects(self, subjects: Iterable[Iri]) -> Iterator[Quad]:
        """Yield the quads of these subjects, in any graph; an engine elsewhere is asked for many at once."""
        return (quad for each in dict.fromkeys(subjects) for quad in self.quads(named(each)))

    @abstractmethod
    def rows(self, sparql: str) -> Iterator[Solution]:
        """Run one of our own SELECT queries over the union of all graphs; None where a variable is unbound."""

    @property
    @abstractmethod
    def history(self) -> History:
        """What changed, and when."""

    def __len__(self) -> int:
        """How many facts there are; annotations and descriptions of graphs are none."""
        return sum(quad.graph_name != _META and not is_annotation(quad) for quad in self.quads())

    def graphs(self) -> tuple[Iri, ...]:
        """Return the named graphs that hold facts."""
        return tuple(sorted({Iri(str(name)) for (name,) in self.rows(_GRAPHS)} - {META}))

    def facts(self, graph: Iri | None = None) -> tuple[Fact, ...]:
        """Return the facts of one named graph, or of all."""
        chosen = self.graphs() if graph is None else (graph,)
        return tuple(fact for each in chosen for fact in self.read(self.in_graph(each)))

    def about(self, subject: Iri, predicate: Iri | None = None) -> tuple[Fact, ...]:
        """Return what all sources say of a thing."""
        which = None if predicate is None else named(predicate)
        own = [each for each in self.quads(named(subject), which) if each.graph_name != _META]
        return tuple(self.read([*own, *(more for quad in own for more in self.annotation(quad))]))

    def joining(self, iris: Iterable[Iri]) -> tuple[Fact, ...]:
        """Return the facts that join any two of these things, each once: as the surest, then latest, source says it."""
        ends = {named(each) for each in iris}
        own = [quad for quad in self.of_subjects(Iri(each.value) for each in ends) if quad.object in ends]
        said = self.of_subjects(map(statement, own))
        best: dict[tuple[Iri, Iri, Iri | Value], Fact] = {}
        for fact in sorted(self.read([*own, *said]), key=lambda each: (each.confidence, each.seen, each.source)):
            best[fact.subject, fact.predicate, fact.object] = fact
        return tuple(sorted(best.values(), key=lambda each: (each.subject, each.predicate, str(each.object))))

    def aliases(self) -> tuple[aliases.Alias, ...]:
        """Return the table of what is the same."""
        return aliases.lines(self.read(self.in_graph(aliases.TABLE)))

    def to_rdflib(self) -> rdflib.Dataset:
        """Return a copy as an rdflib dataset; its default graph is the union of all."""
        import rdflib

        data = rdflib.Dataset(default_union=True)
        for prefix, namespace in PREFIXES.items():
            data.bind(prefix, namespace)
        data.parse(data=serialize(self.quads(), format=RdfFormat.N_QUADS) or b"", format="nquads")
        return data

    # --- quads of one graph, and what they mean ---

    def in_graph(self, graph_iri: Iri) -> Iterator[Quad]:
        """Yield the quads of one named graph."""
        return self.quads(graph=named(graph_iri))

    def annotation(self, quad: Quad) -> Iterator[Quad]:
        """Yield what is said of that quad, in its own graph."""
        where = quad.graph_name
        return self.quads(named(statement(quad)), graph=where if isinstance(where, NamedNode) else None)

    def of_scope(self, source: str, scope: str) -> Iterator[Quad]:
        """Yield the quads of every graph that this source and scope own."""
        return (quad for each in graphs_of(source, scope) for quad in self.in_graph(each))

    def read(self, found: Iterable[Quad], known: Mapping[Iri, Origin] | None = None) -> Iterator[Fact]:
        """Yield the facts among quads of any graphs; where their origins are known already they are not asked for."""
        by_graph: dict[Iri, list[Quad]] = {}
        for quad in found:
            by_graph.setdefault(graph_name(quad), []).append(quad)
        origins = known if known is not None else self.origins(by_graph) if by_graph else {}
        for each, some in by_graph.items():
            yield from facts(some, origins.get(each, UNKNOWN))

    def origins(self, graphs: Iterable[Iri] = ()) -> dict[Iri, Origin]:
        """Return what the meta graph says of each of these graphs, or of all."""
        only = " ".join(str(named(each)) for each in graphs if each != DEFAULT)
        text = _ORIGINS.replace("$only", f"VALUES ?graph {{ {only} }}" if only else "")
        return {Iri(str(name)): origin(*said) for name, *said in self.rows(text)}

    def taken(self) -> int:
        """Return the number of the last batch of the change log that was taken over; 0 where there is none."""
        return max((int(str(noun(quad.object))) for quad in self.quads(LOG, TAKEN, graph=_META)), default=0)


_META = named(META)
_LONGEST = 30_000
"""Characters of terms in one query: engines, and our own owner, limit its length."""


def parts(iris: Iterable[Iri]) -> Iterator[str]:
    """Yield the IRIs as terms for VALUES, each once, in parts that fit into a query.

    >>> list(parts([Iri("urn:a"), Iri("urn:b"), Iri("urn:a")]))
    ['<urn:a> <urn:b>']
    """
    held: list[str] = []
    for each in dict.fromkeys(iris):
        held.append(str(named(each)))
        if sum(map(len, held)) > _LONGEST:
            yield " ".join(held)
            held = []
    if held:
        yield " ".join(held)


def graph_name(quad: Quad) -> Iri:
    """Return the name of a quad's graph; the default graph's is `DEFAULT`."""
    return Iri(quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else str(quad.graph_name))
