"""The graph in a SPARQL 1.1 engine elsewhere; its change log lies in the data folder, as ever.

    WORKBENCH_GRAPH=https://user@host/sparql

The log is written first. What the engine refuses is taken out of it again; where the engine fell silent the batch
stays pending, and the next one who writes finishes it, which does no harm twice. A small engine takes a large batch in
several requests, each atomic: a reader may see the part that is done, and the batch's number comes with the last one.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pyoxigraph import Store

from ontology.errors import NotAllowed, Unavailable
from ontology.iris import BASE
from scanners.protocol import Now, clock
from workbench.graph.admission import admit_elsewhere, opening
from workbench.graph.changelog import ChangeLog
from workbench.graph.changes import Batch, Row
from workbench.graph.endpoint import Answer, Endpoint, Form, Refused
from workbench.graph.history import History
from workbench.graph.protocol import PROLOGUE, RESULTS, TRIPLES, ProtocolGraph, Table, collected, limited, triples_of
from workbench.graph.revision import update_text
from workbench.graph.signing import is_neptune, signer
from workbench.graph.store import GraphStore
from workbench.graph.writing import Writable

SECONDS = 300.0
"""For each of our own questions and updates, until the last row was read."""
_GRAPHS = f'SELECT DISTINCT ?g WHERE {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{BASE}g/")) }}'


@dataclass(frozen=True, slots=True)
class Engine:
    """What differs between engines."""

    name: str
    paths: bool = False
    """Whether property paths end on a graph with cycles, and say each thing once."""
    union: Mapping[str, str] | None = None
    """What makes the union of all graphs the default one; None where that is not known."""
    most: int = 1_000_000
    """Quads in one update."""


ENGINES = (
    Engine("Oxigraph", paths=True, union={"union-default-graph": "true"}),
    Engine("Virtuoso", union={}, most=500),  # its compiler gives up between 1,000 and 2,000
    Engine("Neptune", paths=True, union={}, most=5_000),
)
UNKNOWN = Engine("another engine", most=5_000)


class RemoteGraph(ProtocolGraph, Writable):
    """A graph in a SPARQL engine. One data folder writes to it; any number read."""

    def __init__(
        self, ask: Endpoint, tell: Endpoint, engine: Engine, folder: Path | None = None, *, now: Now = clock
    ) -> None:
        """Use `open` instead; without a folder the change log is in memory."""
        log = ChangeLog.memory() if folder is None else ChangeLog.open(folder)
        Writable.__init__(self, History(log), now=now)
        self.engine = engine
        self._ask, self._tell = ask, tell
        self._lock_file = None if folder is None else folder / "writer.lock"

    @classmethod
    def open(
        cls, address: str, home: Path, *, update: str = "", auth: str = "", secret: str = "", now: Now = clock
    ) -> RemoteGraph:
        """Open the graph at that address, which may name a user; `update` is where updates go, if elsewhere.

        Raises:
            BadInput: an address or a setting that cannot be used.
            NotAllowed: the engine wants to know who asks.
            Unavailable: nobody answers.
        """
        bare, user = _without_user(address)
        asking = Endpoint(bare, signer(bare, auth, user, secret))
        engine = _engine(asking)
        where, writer = _without_user(update or update_address(bare, engine))
        telling = Endpoint(where, signer(where, auth, writer or user, secret))
        # A folder an engine: the log of one says nothing of another.
        folder = home / "graph-remote" / hashlib.sha256(bare.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "address").write_text(bare + "\n", encoding="utf-8")
        return cls(asking, telling, engine, folder, now=now)

    def close(self) -> None:
        """Close the connections and the log; closing twice is fine."""
        self._ask.close()
        self._tell.close()
        self._history.log.close()

    @property
    def paths(self) -> bool:
        """Whether this engine's own property paths can be trusted."""
        return self.engine.paths

    # --- reading ---

    @contextmanager
    def query(self, sparql: str, accept: str, seconds: float | None = None) -> Iterator[Answer]:
        """Ask in SPARQL over the union of all graphs, and yield the answer."""
        with self._ask.post({"query": sparql, **self._union()}, accept, seconds or SECONDS) as answer:
            yield answer

    def answered(self, sparql: str, *, timeout: float, max_rows: int) -> dict[str, Any]:
        """Answer free-form SPARQL that was admitted; no more than `max_rows` are read, nor later than `timeout`.

        Raises:
            NotAllowed: it does not begin as a query does, and may mean more to this engine than to us.
            Refused: a syntax error, or what the engine cannot do.
            TimedOut: the time is up.
        """
        admit_elsewhere(sparql)
        try:
            return self._collected(opening(sparql), f"{PROLOGUE}\n{sparql}", timeout, max_rows)
        except Refused as error:
            raise Refused(_moved(error.message)) from error

    def _collected(self, form: str, text: str, timeout: float, max_rows: int) -> dict[str, Any]:
        if form in ("CONSTRUCT", "DESCRIBE"):
            with self.query(text, TRIPLES, timeout) as answer:
                made = collected(["subject", "predicate", "object"], triples_of(answer), max_rows)
            return made | {"triples": True}
        with self.query(text, RESULTS, timeout) as answer:
            most = limited(answer)
            found = Table(answer)
            if form == "ASK":
                return {"boolean": any(True for _ in found)}
            made = collected(found.names, found, max_rows)
        return made | {"truncated": made["truncated"] or len(made["rows"]) == most > 0, "triples": False}

    def as_of(self, moment: datetime) -> GraphStore:
        """Return a private copy, in memory, with the facts that were known at that time.

        Raises:
            BadInput: the history begins later.
        """
        with self.writing():
            store = Store()
            store.bulk_extend(self.quads())
            return GraphStore(store, history=self._history, now=self._now).as_of(moment)

    def _union(self) -> Form:
        """Return what makes the union of all our graphs the default one; by naming each, where there is no switch."""
        if self.engine.union is not None:
            return self.engine.union
        with self._ask.post({"query": _GRAPHS}, RESULTS, SECONDS) as answer:
            ours = [name.value for (name,) in Table(answer)]
        return {"default-graph-uri": ours, "named-graph-uri": ours} if ours else {}

    # --- writing ---

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock, among threads and processes of this data folder, on an engine that has all of the log."""
        with self._lock, _alone(self._lock_file):
            self.catch_up()
            yield

    def failed(self, batch: Batch, error: BaseException) -> None:
        """Take out of the log what the engine refused; silence leaves it to the next one who writes."""
        if isinstance(error, Refused | NotAllowed):
            self._history.log.abandon(batch)

    def apply(self, rows: Iterable[Row], number: int) -> None:
        """Do these in as few atomic updates as the engine can take, with the number of their batch in the last one."""
        some = list(rows)
        size = self.engine.most
        parts = [some[at : at + size] for at in range(0, len(some), size)] or [[]]
        done: list[Row] = []
        try:
            for part in parts[:-1]:
                self._told(update_text(part))
                done += part
            self._told(self.atomic(parts[-1], number))
        except (Refused, NotAllowed):
            self._undo(done)
            raise

    def _undo(self, done: Sequence[Row]) -> None:
        """Take back what came before the part that was refused: the rows are true changes, so that they turn round."""
        back = [Row("+" if each.op == "-" else "-", *each[1:]) for each in reversed(done)]
        for at in range(0, len(back), self.engine.most):
            self._told(update_text(back[at : at + self.engine.most]))

    def _told(self, text: str) -> None:
        with self._tell.post({"update": text}, "*/*", SECONDS) as answer:
            answer.read()


def update_address(address: str, engine: Engine) -> str:
    """Return where the engine that answers there takes updates; the same address, where nothing else is known.

    >>> update_address("https://host/query", UNKNOWN)
    'https://host/update'
    >>> update_address("https://host/repositories/estate", UNKNOWN)
    'https://host/repositories/estate/statements'
    """
    if engine.name == "Virtuoso":
        return re.sub(r"/sparql/?$", "/sparql-auth", address)
    if re.search(r"/repositories/[^/]+$", address):  # RDF4J, GraphDB
        return f"{address}/statements"
    return re.sub(r"/query$", "/update", address)


def _engine(asking: Endpoint) -> Engine:
    """Return which engine answers, as it names itself; one that does not is asked the hard way."""
    with asking.post({"query": "ASK { }"}, RESULTS, SECONDS) as answer:
        answer.read()
    named = "Neptune" if is_neptune(asking.address) else answer.headers.get("Server", "")
    return next((each for each in ENGINES if named.startswith(each.name)), UNKNOWN)


def _moved(message: str) -> str:
    """Return the message with the place where it is in the person's own text: our prefixes stand on the first line.

    >>> _moved("error at 2:16: expected")
    'error at 1:16: expected'
    """
    return re.sub(r"(?<=\bline )\d+|(?<=^error at )\d+", lambda found: str(int(found[0]) - 1), message)


def _without_user(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host)), parts.username or ""


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """Hold a lock that other processes respect, and that goes with this one if it is killed."""
    if path is None:
        yield
        return
    lock = sqlite3.connect(path, timeout=SECONDS, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable("Another process is writing to the graph.", next_step="Wait until it is done.") from error
    finally:
        lock.close()
