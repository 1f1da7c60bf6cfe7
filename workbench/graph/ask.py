"""Free-form SPARQL, a person's or a model's, bounded: read only, in rows, in time and in memory.

    table = ask(store, "SELECT ?a ?b { ?x wb:calls ?y . ?x rdfs:label ?a . ?y rdfs:label ?b }")

Our own store is asked in a worker that is killed when its time is up; its owner in another process does the same; of an
engine elsewhere no more is read once the time or the rows are up.

The default graph is the union of all named graphs; the prefixes of `ontology.iris.PREFIXES` are known.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontology.errors import BadInput, PersonError, Unavailable
from ontology.iris import BASE, PREFIXES
from ontology.nouns import Value
from workbench.graph.admission import admit
from workbench.graph.convert import value_of
from workbench.graph.endpoint import Refused, TimedOut
from workbench.graph.protocol import ProtocolGraph
from workbench.graph.reading import Readable
from workbench.graph.store import GraphStore

if TYPE_CHECKING:
    import pandas as pd

TIMEOUT = 10.0
"""Seconds, start of the worker included."""
MAX_ROWS = 10_000
Answered = dict[str, Any]
_WORKER = Path(__file__).with_name("worker.py")
_PASSED = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""Environment that the worker needs; keys and proxies it does not."""


def ask(
    graph: Readable, sparql: str, *, timeout: float = TIMEOUT, max_rows: int = MAX_ROWS, short: bool = False
) -> pd.DataFrame:
    """Return the answer as a table: a column a variable, a row a solution, None where a variable is unbound.

    ASK answers one row with a column `answer`; CONSTRUCT and DESCRIBE the columns subject, predicate, object.
    `attrs["truncated"]` says whether there were more than `max_rows`. With `short`, IRIs are written with prefixes.

    Raises:
        BadInput: a syntax error with its place, or a query that needs too much time or memory.
        NotAllowed: an update, SERVICE or FROM.
        Unavailable: the snapshot that the worker reads has gone.
    """
    import pandas as pd

    answer = answered(graph, sparql, timeout=timeout, max_rows=max_rows)
    if "boolean" in answer:
        return pd.DataFrame({"answer": [answer["boolean"]]})
    rows = [[_cell(term, short) for term in row] for row in answer["rows"]]
    table = pd.DataFrame(rows, columns=answer["names"], dtype=object).infer_objects()
    table.attrs = {"truncated": answer["truncated"], "query": sparql}
    return table


def results_json(graph: Readable, sparql: str, *, timeout: float = TIMEOUT, max_rows: int = MAX_ROWS) -> str:
    """Return the answer in the SPARQL 1.1 Query Results JSON Format; raises what `ask` raises.

    A member `truncated` beside `head` says that there were more than `max_rows`.
    """
    return as_json(answered(graph, sparql, timeout=timeout, max_rows=max_rows))


def as_json(answer: Answered) -> str:
    """Return an answer in the SPARQL 1.1 Query Results JSON Format, with `truncated` where it is."""
    if "boolean" in answer:
        return json.dumps({"head": {}, "boolean": answer["boolean"]})
    names = answer["names"]
    bindings = [
        {name: term for name, term in zip(names, row, strict=True) if term is not None} for row in answer["rows"]
    ]
    more = {"truncated": True} if answer["truncated"] else {}
    return json.dumps({"head": {"vars": names}, **more, "results": {"bindings": bindings}}, ensure_ascii=False)


def shortened(iri: str) -> str:
    """Return the IRI with a prefix, and one of our things without the base.

    >>> shortened("https://w3id.org/incident-workbench/def/calls")
    'wb:calls'
    >>> shortened("https://w3id.org/incident-workbench/id/service/default:cart")
    'service/default:cart'
    """
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri.removeprefix(namespace)}"
    return iri.removeprefix(f"{BASE}id/")


def _cell(term: Mapping[str, Any] | None, short: bool) -> Value | None:
    if term is None:
        return None
    if term["type"] == "literal":
        return value_of(term["value"], term.get("datatype", ""))
    if term["type"] == "triple":
        return " ".join(str(_cell(part, short)) for part in term["value"].values())
    return shortened(term["value"]) if short else str(term["value"])


def answered(graph: Readable, sparql: str, *, timeout: float = TIMEOUT, max_rows: int = MAX_ROWS) -> Answered:
    """Return the answer: `boolean`, or `names`, `rows` of terms as the JSON format writes them, and `truncated`.

    Raises what `ask` raises.
    """
    admit(sparql)
    if isinstance(graph, GraphStore):
        return _worked(graph, sparql, timeout, max_rows)
    if not isinstance(graph, ProtocolGraph):
        raise BadInput(f"{type(graph).__name__} answers no free-form query.", next_step="Ask the store itself.")
    try:
        return graph.answered(sparql, timeout=timeout, max_rows=max_rows)
    except Refused as error:
        raise _refused(sparql, error.message) from error
    except TimedOut as error:
        raise _late(timeout) from error


def _worked(store: GraphStore, sparql: str, timeout: float, max_rows: int) -> Answered:
    """Run the query in a worker, and kill that when its time is up."""
    request = {
        "path": str(store.snapshot()),
        "sparql": sparql,
        "prefixes": PREFIXES,
        "max_rows": max_rows,
        "seconds": timeout,
    }
    try:
        done = subprocess.run(  # noqa: S603  # our own file, by its full path
            [sys.executable, "-I", str(_WORKER)],
            input=json.dumps(request),
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            env={name: os.environ[name] for name in _PASSED if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _late(timeout) from error
    if done.returncode:
        raise _too_much(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    if "problem" in answer:
        raise _explained(sparql, answer["problem"], answer["message"])
    return answer


def _late(timeout: float) -> BadInput:
    return BadInput(
        f"The query did not finish within {timeout:g} s and was stopped.",
        next_step="Bind one end of every path, narrow it by a class or a name, or ask with a longer timeout.",
    )


def _refused(sparql: str, message: str) -> PersonError:
    """Say what an engine elsewhere said of the query."""
    if re.match(r"error at \d+:\d+: ", message):
        return syntax_error(sparql, message)
    return BadInput(f"The SPARQL engine refuses the query: {message}", next_step=_hint(sparql))


def _too_much(stderr: str) -> PersonError:
    last = stderr.strip().splitlines()[-1:] or ["no message"]
    return BadInput(
        f"The query was ended by the system, as it needs too much memory or time ({last[0][:200]}).",
        next_step="Narrow it: fewer variables, a class, a LIMIT in a sub-select.",
    )


def _explained(sparql: str, problem: str, message: str) -> PersonError:
    if problem == "syntax":
        return syntax_error(sparql, message)
    if problem == "snapshot":
        return Unavailable(f"The copy of the graph has gone: {message}.", next_step="Ask again.")
    if problem == "memory":
        return _too_much(message)
    return BadInput(f"The query cannot be evaluated: {message}.", next_step="Correct it and ask again.")


def syntax_error(sparql: str, message: str) -> BadInput:
    """Return an error that shows the place: line and column from 1, the line, and a caret under the column."""
    found = re.match(r"(?:error|Parser error) at (\d+):(\d+): (.*)", message, re.DOTALL)
    if not found:
        return BadInput(f"The query has a syntax error: {message}.", next_step=_hint(sparql))
    expected = found[3]
    line, column = _place(sparql, int(found[1]), int(found[2]), expected)
    lines = sparql.splitlines() or [""]
    text = lines[line - 1] if line <= len(lines) else ""
    readable = len(expected) < 160 and not re.search(r"u\{|\[_\]", expected)  # else the parser's own character classes
    what = expected if readable else "something else is expected here"
    number = f"{line:>4} | "
    marked = f"{number}{text}\n{' ' * (len(number) - 2)}| {' ' * (column - 1)}^"
    return BadInput(f"Syntax error in line {line}, column {column}: {what}.\n{marked}\n", next_step=_hint(sparql))


def _place(sparql: str, line: int, column: int, expected: str) -> tuple[int, int]:
    """Return where the wrong word begins: the parser takes as much as a keyword is long, and stands behind that."""
    words = re.sub(r"^expected (one of )?", "", expected).split(", ")
    if not all(re.fullmatch("[A-Z]+", word) for word in words):
        return line, column
    ahead = sum(len(each) + 1 for each in sparql.split("\n")[: line - 1]) + column - 1
    before = sparql[: ahead - min(map(len, words))]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _hint(sparql: str) -> str:
    """Return what most likely helps: prefixes that nobody declared, names with two dots."""
    declared = {*PREFIXES, *re.findall(r"PREFIX\s+([\w.-]*):", sparql, re.IGNORECASE)}
    bare = re.sub(r"<[^<>\s]*>|\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*", " ", sparql)
    names = re.findall(r"(?<![\w.:-])([A-Za-z][\w-]*):([\w.%-]*)", bare)
    unknown = next((prefix for prefix, _ in names if prefix not in declared), None)
    if unknown is not None:
        return f"The prefix {unknown!r} is unknown; known are {', '.join(sorted(PREFIXES))}."
    dotted = next((pair for pair in names if pair[1].strip(".").count(".") > 1), None)
    if dotted is not None:
        full = PREFIXES.get(dotted[0], "...") + dotted[1]
        return f"Write {':'.join(dotted)} as <{full}>: a short name may hold one dot only."
    if not re.search(r"\b(SELECT|ASK|CONSTRUCT|DESCRIBE)\b", bare, re.IGNORECASE):
        return "Begin with SELECT, ASK, CONSTRUCT or DESCRIBE."
    return "Correct the query at that place."
