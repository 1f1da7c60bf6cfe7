"""The owner of the store: opens it when it is first asked, and does what others of this machine hand to it.

What comes in is a fact set, never an update: every write goes through the change log. An answer to a write means that
it is on the disk. What goes out is JSON for our own clients, or the formats of SPARQL 1.1.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, QueryResultsFormat, QueryTriples, Triple

from ontology.errors import BadInput, NotAllowed
from ontology.iris import PREFIXES
from ontology.nouns import Iri
from workbench.graph.admission import admit
from workbench.graph.ask import MAX_ROWS, TIMEOUT, Answered, answered, as_json
from workbench.graph.handed import change_json, facts_of, scan_of
from workbench.graph.protocol import RESULTS, TRIPLES
from workbench.graph.store import GraphStore

LONGEST_SECONDS = 300.0
MOST_ROWS = 1_000_000
CSV = "text/csv"
OURS = "application/json"
"""What our own client asks for: one form for every kind of query."""


class Owner:
    """The one who writes."""

    def __init__(self, path: Path) -> None:
        """Take the folder of the store; it is opened at the first call."""
        self._path = path
        self._opened: GraphStore | None = None
        self._opening = Lock()

    @property
    def store(self) -> GraphStore:
        """The store, opened where it is not open yet.

        Raises:
            Unavailable: another process has it open; the next call tries again.
        """
        with self._opening:
            if self._opened is None:
                self._opened = GraphStore.open(self._path)
            return self._opened

    def close(self) -> None:
        """Publish, and close the store; it opens again when it is asked again."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    # --- questions ---

    def sparql(self, form: Mapping[str, str], accept: str) -> tuple[str, str]:
        """Answer the SPARQL 1.1 protocol: a query in a killable worker. Return the type of the answer, and the answer.

        Raises:
            BadInput: a syntax error, or a query that needs too much.
            NotAllowed: an update, or a data set of its own.
        """
        if "update" in form:
            raise NotAllowed(
                "Updates would go round the history.", next_step="Hand over facts: workbench scan, or learn()."
            )
        if any(name.endswith("graph-uri") for name in form):
            raise NotAllowed("The data set is the union of all graphs.", next_step="Name a graph inside the query.")
        timeout = min(_number(form, "timeout", TIMEOUT), LONGEST_SECONDS)
        rows = int(min(_number(form, "max_rows", MAX_ROWS), MOST_ROWS))
        return _written(answered(self.store, form.get("query", ""), timeout=timeout, max_rows=rows), accept)

    def own(self, form: Mapping[str, str]) -> tuple[str, bytes]:
        """Answer a question of our own catalogue at once, in this process; it is read as strictly, and not bounded."""
        text = form.get("query", "")
        admit(text)
        try:
            found = self.store._open.query(text, prefixes=PREFIXES, use_default_graph_as_union=True)
            if isinstance(found, QueryTriples):
                raise ValueError("our own questions are SELECT or ASK")
            return RESULTS, found.serialize(format=QueryResultsFormat.JSON) or b""
        except (SyntaxError, ValueError, RuntimeError) as error:
            raise BadInput(f"The query cannot be evaluated: {error}.", next_step="Correct it.") from error

    # --- fact sets ---

    def write(self, verb: str, body: bytes) -> dict[str, Any]:
        """Do what the verb says with what was handed over, publish it to readers, and return what came of it.

        Raises:
            BadInput: a body that is none, or facts that cannot be written; nothing is.
            Unavailable: the store cannot be opened.
        """
        act = _VERBS.get(verb)
        if act is None:
            raise BadInput(f"{verb!r} is nothing that can be done to a graph.", next_step=f"Try {', '.join(_VERBS)}.")
        try:
            said = json.loads(body)
            if not isinstance(said, dict):
                raise TypeError("no object")
            done = act(self.store, said)
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"The body cannot be used: {error!r:.200}.", next_step="See docs/graph.md.") from error
        self.store.share()
        return done


def _scan(store: GraphStore, said: dict[str, Any]) -> dict[str, Any]:
    return change_json(store.replace(scan_of(said)))


def _learn(store: GraphStore, said: dict[str, Any]) -> dict[str, Any]:
    return {"count": store.learn(str(said["case"]), facts_of(said["facts"]))}


def _forget(store: GraphStore, said: dict[str, Any]) -> dict[str, Any]:
    return {"count": store.forget_learned(str(said["case"]))}


def _alias(store: GraphStore, said: dict[str, Any]) -> dict[str, Any]:
    names = Iri(said["alias"]), Iri(said["canonical"])
    store.alias(*names, source=str(said["source"]), confidence=float(said["confidence"]))
    return {}


def _unalias(store: GraphStore, said: dict[str, Any]) -> dict[str, Any]:
    store.forget_alias(Iri(said["alias"]))
    return {}


_VERBS: dict[str, Callable[[GraphStore, dict[str, Any]], dict[str, Any]]] = {
    "scan": _scan,
    "learn": _learn,
    "forget": _forget,
    "alias": _alias,
    "unalias": _unalias,
}


def _written(answer: Answered, accept: str) -> tuple[str, str]:
    """Return the answer in the format that is asked for; JSON where nothing else is."""
    if OURS in accept:
        return OURS, json.dumps(answer)
    if "boolean" in answer:
        return RESULTS, as_json(answer)
    if answer["triples"]:
        return TRIPLES, "".join(f"{' '.join(_text(each) for each in row)} .\n" for row in answer["rows"])
    return (CSV, _csv(answer)) if CSV in accept else (RESULTS, as_json(answer))


def _csv(answer: Answered) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(answer["names"])
    table.writerows(["" if each is None else each["value"] for each in row] for row in answer["rows"])
    return out.getvalue()


def _text(said: Mapping[str, Any]) -> str:
    return str(_node(said))


def _node(said: Mapping[str, Any]) -> NamedNode | BlankNode | Literal | Triple:
    if said["type"] == "uri":
        return NamedNode(said["value"])
    if said["type"] == "bnode":
        return BlankNode(said["value"])
    if said["type"] == "triple":
        subject, predicate, value = (_node(said["value"][part]) for part in ("subject", "predicate", "object"))
        return Triple(subject, predicate, value)  # type: ignore[arg-type]  # as the worker took it apart
    if "xml:lang" in said:
        return Literal(said["value"], language=said["xml:lang"])
    kind = said.get("datatype")
    return Literal(said["value"], datatype=NamedNode(kind) if kind else None)


def _number(form: Mapping[str, str], name: str, usual: float) -> float:
    try:
        value = float(form.get(name, usual))
    except ValueError as error:
        raise BadInput(f"{name} is no number.", next_step="Leave it out.") from error
    if not value > 0:
        raise BadInput(f"{name} must be above 0.", next_step="Leave it out.")
    return value
