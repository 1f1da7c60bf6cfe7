"""Runs one query over a snapshot, in a process of its own that can be killed: the store cannot cancel a query.

Started by `ask` as a file, isolated from the environment; the request comes in and the answer goes out as JSON.
Imports nothing of the project, so that it starts in a fraction of a second.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyoxigraph as ox

XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"
MEMORY = 4 * 2**30
"""Bytes of address space; a query that wants more is ended by the system, not the machine with it."""


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    _limit(int(request["seconds"]) + 2)
    try:
        store = ox.Store.read_only(request["path"])
    except OSError as error:
        answer: dict[str, Any] = {"problem": "snapshot", "message": str(error)}
    else:
        answer = _answer(store, request)
    json.dump(answer, sys.stdout)


def _limit(seconds: int) -> None:
    """Bound memory, and CPU time in case that the parent dies and cannot kill us."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's kill remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))


def _answer(store: ox.Store, request: dict[str, Any]) -> dict[str, Any]:
    try:
        found = store.query(request["sparql"], prefixes=request["prefixes"])
        return _collected(found, request["max_rows"])
    except SyntaxError as error:
        return {"problem": "syntax", "message": str(error)}
    except (RuntimeError, ValueError, OSError) as error:  # what the store raises while it evaluates
        return {"problem": "evaluation", "message": str(error)}
    except MemoryError:
        return {"problem": "memory", "message": "out of memory"}


def _collected(found: Any, max_rows: int) -> dict[str, Any]:
    if isinstance(found, ox.QueryBoolean):
        return {"boolean": bool(found)}
    rows: list[list[Any]] = []
    triples = isinstance(found, ox.QueryTriples)
    names = ["subject", "predicate", "object"] if triples else [variable.value for variable in found.variables]
    for row in found:
        if len(rows) == max_rows:
            return {"names": names, "rows": rows, "truncated": True, "triples": triples}
        rows.append([term_json(row[i]) for i in range(len(names))] if not isinstance(row, ox.Triple) else _triple(row))
    return {"names": names, "rows": rows, "truncated": False, "triples": triples}


def _triple(row: ox.Triple) -> list[Any]:
    return [term_json(row.subject), term_json(row.predicate), term_json(row.object)]


def term_json(node: Any) -> dict[str, Any] | None:
    """Return the term as the SPARQL 1.1 JSON results format writes it."""
    if node is None:
        return None
    if isinstance(node, ox.NamedNode):
        return {"type": "uri", "value": node.value}
    if isinstance(node, ox.BlankNode):
        return {"type": "bnode", "value": node.value}
    if isinstance(node, ox.Triple):
        names = ("subject", "predicate", "object")
        return {"type": "triple", "value": dict(zip(names, _triple(node), strict=True))}
    said = {"type": "literal", "value": node.value}
    if node.language:
        said["xml:lang"] = node.language
    elif node.datatype.value != XSD_STRING:
        said["datatype"] = node.datatype.value
    return said


if __name__ == "__main__":
    main()
