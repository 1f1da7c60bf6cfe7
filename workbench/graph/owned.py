"""The graph as its owner in another process of this machine holds it: questions and fact sets go there over loopback.

The past is read here: the history lies in the data folder, and so do the copies that the owner publishes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from ontology import errors
from ontology.errors import PersonError, Unavailable
from ontology.nouns import Fact, Iri
from scanners.protocol import Scan
from workbench.graph.changelog import ChangeLog
from workbench.graph.claim import Claim, claimed
from workbench.graph.endpoint import Answer, Endpoint
from workbench.graph.handed import change_of, facts_json, scan_json
from workbench.graph.history import History
from workbench.graph.protocol import ProtocolGraph
from workbench.graph.revision import Change
from workbench.graph.signing import Bearer
from workbench.graph.store import GraphStore

SECONDS = 600.0
"""For a scan of the largest scope, queued behind another one."""
PING_SECONDS = 5.0


class OwnedGraph(ProtocolGraph):
    """The graph of a data folder that another process owns."""

    def __init__(self, held: Claim, path: Path) -> None:
        """Take the owner's claim and the folder of the store."""
        self._owner = _Owner(held)
        self._path = path
        self._log: ChangeLog | None = None

    def close(self) -> None:
        """Close the connections and the log; closing twice is fine."""
        self._owner.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    # --- reading ---

    @contextmanager
    def query(self, sparql: str, accept: str, seconds: float | None = None) -> Iterator[Answer]:
        """Ask one of our own questions, and yield the answer."""
        with self._owner.post({"query": sparql}, accept, seconds or SECONDS, below="/graph/query") as answer:
            yield answer

    def answered(self, sparql: str, *, timeout: float, max_rows: int) -> dict[str, Any]:
        """Answer free-form SPARQL as the owner does: in a worker over a snapshot."""
        form = {"query": sparql, "timeout": str(timeout), "max_rows": str(max_rows)}
        with self._owner.post(form, "application/json", timeout + SECONDS, below="/sparql") as answer:
            made: dict[str, Any] = json.loads(answer.read())
        return made

    @property
    def history(self) -> History:
        """What changed, and when: the owner's log, as far as it is written now.

        Raises:
            Unavailable: the owner has not begun one, as it could not open the store.
        """
        if self._log is None:
            self.taken()  # opens the store, which makes the log
            self._log = ChangeLog.reading(self._path)
        if self._log is None:
            raise Unavailable("The graph has no history yet.", next_step="Scan something: workbench scan.")
        return History(self._log)

    def as_of(self, moment: datetime) -> GraphStore:
        """Return a private copy with the facts that were known at that time.

        Raises:
            BadInput: the history begins later.
        """
        return GraphStore.latest(self._path).as_of(moment)

    # --- writing ---

    def replace(self, scan: Scan) -> Change:
        """Hand the scan to the owner; once this returns it is on the disk."""
        return change_of(self._told("scan", scan_json(scan)))

    def learn(self, case_id: str, learned: Iterable[Fact]) -> int:
        """Add facts that an investigation found out; return how many were new."""
        return int(self._told("learn", {"case": case_id, "facts": facts_json(learned)})["count"])

    def forget_learned(self, case_id: str) -> int:
        """Remove what the case had learned; return how many facts that were."""
        return int(self._told("forget", {"case": case_id})["count"])

    def alias(self, alias: Iri, canonical: Iri, *, source: str, confidence: float = 1.0) -> None:
        """Say that two IRIs name one thing."""
        said = {"alias": alias, "canonical": canonical, "source": source, "confidence": confidence}
        self._told("alias", said)

    def forget_alias(self, alias: Iri) -> None:
        """Take an alias back."""
        self._told("unalias", {"alias": alias})

    def _told(self, verb: str, said: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(said).encode()
        kind = "application/json"
        with self._owner.post(body, kind, SECONDS, below=f"/graph/{verb}", kind=kind) as answer:
            done: dict[str, Any] = json.loads(answer.read())
        return done


class _Owner(Endpoint):
    """The owner's address: its errors are ours, and are raised again as they were there."""

    def __init__(self, held: Claim) -> None:
        super().__init__(held.url, Bearer(held.token))

    def problem(self, response: requests.Response, body: Answer) -> PersonError:
        """Return the error that the owner raised."""
        try:
            said = json.loads(body.read())
            return error_of(said["kind"], said["problem"], said["next_step"])
        except (ValueError, KeyError, TypeError):  # no answer of ours: what a proxy or another server says
            return Unavailable(
                f"The owner of the graph says: {response.status_code} {response.reason}.",
                next_step="Start the Jupyter server again, or close it.",
            )

    def silent(self, error: Exception) -> Unavailable:
        """Return the error that no answer is."""
        return Unavailable(
            f"The Jupyter server that owns the graph does not answer ({type(error).__name__}).",
            next_step="Ask again: what it had acknowledged is kept, and where it has ended the store opens here.",
        )


def error_of(kind: str, problem: str, next_step: str) -> PersonError:
    """Return the error of that name."""
    found = getattr(errors, kind, None) if re.fullmatch(r"[A-Z]\w+", kind) else None
    made = found if isinstance(found, type) and issubclass(found, PersonError) else Unavailable
    return made(problem, next_step=next_step)


def owned(home: Path) -> OwnedGraph | None:
    """Return the graph of that data folder by its owner; None where nobody owns it, or the owner does not answer."""
    held = claimed(home)
    if held is None:
        return None
    graph = OwnedGraph(held, home / "graph")
    try:
        with graph._owner.post(b"", "application/json", PING_SECONDS, below="/graph/ping") as answer:
            answer.read()
    except PersonError:  # it dies, or is not what it says: the store can be read without it
        graph.close()
        return None
    return graph
