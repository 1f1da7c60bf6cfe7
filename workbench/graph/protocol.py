"""A graph that is read by the SPARQL 1.1 protocol: patterns and questions become queries, answers become terms.

Every pattern names its graph, so that nothing depends on what an engine takes for the default graph. Literals come
back as we write them, whatever form an engine keeps them in: a rescan compares them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any, cast

from pyoxigraph import Literal, NamedNode, Quad, QueryBoolean, QueryResultsFormat, RdfFormat, parse, parse_query_results

from ontology.iris import BASE, PREFIXES, XSD
from ontology.nouns import Iri
from workbench.graph.convert import META, STATEMENTS, literal, noun, value_of
from workbench.graph.endpoint import Answer, Incomplete, TimedOut
from workbench.graph.holder import Holder
from workbench.graph.reading import Solution, parts
from workbench.graph.worker import term_json as _term

RESULTS = "application/sparql-results+json"
TRIPLES = "application/n-triples"
PROLOGUE = " ".join(f"PREFIX {prefix}: <{namespace}>" for prefix, namespace in PREFIXES.items())
"""All on one line, so that an engine's line numbers are one too high."""
_OURS = f'FILTER(STRSTARTS(STR(?g), "{BASE}g/"))'
_GRAPHS = f"SELECT DISTINCT ?g WHERE {{ GRAPH ?g {{ ?s ?p ?o }} {_OURS} }}"
_COUNT = f"""
SELECT (COUNT(*) AS ?n) WHERE {{
  GRAPH ?g {{ ?s ?p ?o }} {_OURS}
  FILTER(?g != <{META}> && !STRSTARTS(STR(?s), "{STATEMENTS}"))
}}"""
_HEX = "0123456789abcdef"
_DEEPEST = 5
"""Digits of a hash; a million parts."""
_SAME_FORM = frozenset(XSD + name for name in ("boolean", "double", "integer", "dateTime"))


class ProtocolGraph(Holder):
    """A graph behind an address. What it reads is what the engine says now."""

    @abstractmethod
    def query(self, sparql: str, accept: str, seconds: float | None = None) -> AbstractContextManager[Answer]:
        """Ask in SPARQL over the union of all graphs, and yield the answer."""

    @abstractmethod
    def answered(self, sparql: str, *, timeout: float, max_rows: int) -> dict[str, Any]:
        """Answer free-form SPARQL that was admitted, as `ask.answered` does."""

    def quads(
        self,
        subject: NamedNode | None = None,
        predicate: NamedNode | None = None,
        value: NamedNode | Literal | None = None,
        graph: NamedNode | None = None,
    ) -> Iterator[Quad]:
        """Yield the quads of our graphs that match; None matches everything, in any graph."""
        bound = {"s": subject, "p": predicate, "o": value, "g": graph}
        yield from self._matching({name: each for name, each in bound.items() if each is not None})

    def of_subjects(self, subjects: Iterable[Iri]) -> Iterator[Quad]:
        """Yield the quads of these subjects, in any of our graphs: a request for many of them."""
        for some in parts(subjects):
            where = f"{{ VALUES ?s {{ {some} }} GRAPH ?g {{ ?s ?p ?o }} {_OURS} }}"
            for s, p, o, g in self.solutions(f"SELECT ?s ?p ?o ?g WHERE {where}"):
                yield Quad(s, p, canonical(o), g)

    def rows(self, sparql: str) -> Iterator[Solution]:
        """Run one of our own SELECT queries over the union of all graphs; None where a variable is unbound."""
        for each in self.solutions(f"{PROLOGUE}\n{sparql}"):
            yield tuple(None if node is None else noun(node) for node in each)

    def graphs(self) -> tuple[Iri, ...]:
        """Return the named graphs that hold facts: ours, not those that an engine keeps for itself."""
        return tuple(sorted({Iri(name.value) for (name,) in self.solutions(_GRAPHS)} - {META}))

    def __len__(self) -> int:
        """How many facts there are; annotations and descriptions of graphs are none."""
        return int(next(self.solutions(_COUNT))[0].value)

    def solutions(self, sparql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the terms of each solution, None where a variable is unbound; ASK yields one empty one, or none.

        Raises:
            Incomplete: the engine gave only a part, by a limit of its own.
        """
        with self.query(sparql, RESULTS) as answer:
            limit = limited(answer)
            for count, row in enumerate(Table(answer), start=1):
                if count == limit:
                    raise Incomplete(
                        f"The SPARQL engine gives at most {limit:,} rows.",
                        next_step="Raise its limit (ResultSetMaxRows of Virtuoso), or ask for less.",
                    )
                yield row

    def _matching(self, bound: dict[str, Any], digits: str = "") -> Iterator[Quad]:
        """Yield the quads of a pattern; where the engine gives only a part, by and by, split by a hash of the subject.

        ORDER BY with OFFSET would do too, but engines limit that as well.
        """
        with self.query(_pattern(bound, digits), RESULTS) as answer:
            limit = limited(answer)
            found = (_quad(bound, row) for row in Table(answer))
            if not limit:
                yield from found
                return
            some = list(found)
        if len(some) < limit:
            yield from some
        elif "s" in bound or len(digits) > _DEEPEST:
            raise Incomplete(
                f"The SPARQL engine gives at most {limit:,} rows.", next_step="Raise its limit (ResultSetMaxRows)."
            )
        else:
            yield from (quad for digit in _HEX for quad in self._matching(bound, digits + digit))


def _pattern(bound: dict[str, Any], digits: str) -> str:
    """Return the query for the quads of a pattern, of subjects whose hash begins with these digits."""
    s, p, o, g = (str(bound.get(name, f"?{name}")) for name in "spog")
    free = " ".join(f"?{name}" for name in "spog" if name not in bound)
    part = f'FILTER(STRSTARTS(MD5(STR(?s)), "{digits}"))' if digits else ""
    where = f"{{ GRAPH {g} {{ {s} {p} {o} }} {'' if 'g' in bound else _OURS} {part} }}"
    return f"SELECT {free} WHERE {where}" if free else f"ASK {where}"


class Table:
    """The rows of an answer in the JSON format, while they come in; ASK gives one empty row, or none.

    Raises, while it is read:
        TimedOut: the engine gave up while it answered, which is said after "200 OK".
        Unavailable: what came is no answer.
    """

    def __init__(self, answer: Answer) -> None:
        """Read the names of its columns."""
        with _whole():
            found = parse_query_results(cast("IO[bytes]", answer), format=QueryResultsFormat.JSON)
        self.names = [] if isinstance(found, QueryBoolean) else [each.value for each in found.variables]
        self._rows: Iterator[Any] = iter([()] if found else []) if isinstance(found, QueryBoolean) else found

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the terms of each row, None where a variable is unbound."""
        width = range(len(self.names))
        with _whole():
            for row in self._rows:
                yield tuple(row[i] for i in width)


def triples_of(answer: Answer) -> Iterator[tuple[Any, ...]]:
    """Yield the triples of an answer in N-Triples."""
    with _whole():
        for triple in parse(cast("IO[bytes]", answer), format=RdfFormat.N_TRIPLES):
            yield (triple.subject, triple.predicate, triple.object)


def collected(names: list[str], found: Iterable[tuple[Any, ...]], max_rows: int) -> dict[str, Any]:
    """Return so many rows as `ask.answered` does."""
    rows: list[list[Any]] = []
    for row in found:
        if len(rows) == max_rows:
            return {"names": names, "rows": rows, "truncated": True}
        rows.append([_term(each) for each in row])
    return {"names": names, "rows": rows, "truncated": False}


@contextmanager
def _whole() -> Iterator[None]:
    """Say of an answer that does not end as it should that the engine did not finish it."""
    try:
        yield
    except (SyntaxError, ValueError) as error:
        raise TimedOut(
            f"The SPARQL engine did not finish its answer ({str(error)[:100]}).",
            next_step="Bind one end of every path, narrow it by a class or a name, or ask with a longer timeout.",
        ) from error


def limited(answer: Answer) -> int:
    """Return the most rows that the engine would give; 0 where it has no limit.

    Raises:
        TimedOut: the engine says that it stopped early (Virtuoso's "anytime" answers).
    """
    if answer.headers.get("X-SQL-State", "").startswith("S1TAT"):
        raise TimedOut(
            "The SPARQL engine gave a part of the answer, as its time was up.",
            next_step="Ask for less, or raise its MaxQueryExecutionTime.",
        )
    return int(answer.headers.get("X-SPARQL-MaxRows", "0"))


def canonical(node: Any) -> Any:
    """Return the term as we write it: engines keep times, numbers and truth values in forms of their own.

    >>> canonical(Literal("1", datatype=NamedNode(XSD + "boolean"))).value
    'true'
    """
    if isinstance(node, Literal) and node.datatype.value in _SAME_FORM:
        return literal(value_of(node.value, node.datatype.value))
    return node


def _quad(bound: dict[str, Any], row: tuple[Any, ...]) -> Quad:
    free = iter(row)
    s, p, o, g = (bound[name] if name in bound else next(free) for name in "spog")
    return Quad(s, p, canonical(o), g)
