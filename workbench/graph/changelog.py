"""The change log: every quad that came or went, when, and by which run. Append-only, in SQLite beside the store.

The log is written first and is the truth: a batch goes in as pending, the store takes it over together with the
batch's number in one atomic update, then the batch is marked done. Whatever the store has not taken over when it is
opened (its number is lower) is applied again, so that a killed writer leaves the log and the store alike.

A change is kept in N-Triples text: exact, typed, and what a SPARQL update is made of.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from ontology.errors import Unavailable

FILE = "history.db"
DEFAULT = "DEFAULT"
"""The name of the default graph."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS graph (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, latest INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS change (
  n INTEGER PRIMARY KEY, op TEXT NOT NULL CHECK (op IN ('+', '-')), graph INTEGER NOT NULL REFERENCES graph,
  subject TEXT NOT NULL, predicate TEXT NOT NULL, object TEXT NOT NULL);
"""
_EPOCH = datetime.fromtimestamp(0, UTC)


class Kind(StrEnum):
    """Why a batch was written."""

    BASELINE = "baseline"
    """What was known already when the log begins, or came in from a file; no change of the estate."""
    FIRST = "first"
    """The first sight of a scope: everything is new to us, and nothing to the estate."""
    SCAN = "scan"
    LEARNED = "learned"
    """An investigation or a person said so, or took it back."""


class Row(NamedTuple):
    """One quad that came (`+`) or went (`-`); terms as N-Triples text, the default graph is `DEFAULT`."""

    op: str
    graph: str
    subject: str
    predicate: str
    object: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What was written in one act."""

    number: int
    time: datetime
    run: str
    kind: Kind
    first: int
    """Number of its first row."""
    last: int
    """Number of its last row; lower than `first` where there is none."""


class ChangeLog:
    """The log of one store.

    >>> log = ChangeLog.memory()
    >>> log.last
    0
    """

    def __init__(self, connection: sqlite3.Connection, *, after: int = 0) -> None:
        """Use `open`, `reading` or `memory`; numbers begin after `after`."""
        self._db = connection
        self._after = after
        self._lock = RLock()

    @classmethod
    def open(cls, folder: Path) -> ChangeLog:
        """Open the log in that folder for writing; make it where there is none.

        Raises:
            Unavailable: the file is damaged.
        """
        try:
            db = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise _damaged(folder, error) from error
        return cls(db)

    @classmethod
    def reading(cls, folder: Path) -> ChangeLog | None:
        """Open the log in that folder for reading while another process writes; None where there is none.

        Raises:
            Unavailable: the file is damaged.
        """
        if not (folder / FILE).is_file():
            return None
        try:
            # Where nobody may write, and nobody is writing, SQLite cannot make the file that readers share.
            alone = not os.access(folder, os.W_OK) and not (folder / f"{FILE}-wal").exists()
            where = f"{(folder / FILE).absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
            db = sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False)
            db.execute("SELECT count(*) FROM batch")
        except sqlite3.Error as error:
            raise _damaged(folder, error) from error
        return cls(db)

    @classmethod
    def memory(cls, after: int = 0) -> ChangeLog:
        """Return an empty log in memory."""
        db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        db.executescript(_SCHEMA)
        return cls(db, after=after)

    def close(self) -> None:
        """Give back the file; closing twice is fine."""
        self._db.close()

    # --- writing ---

    def begin(self, rows: Sequence[Row], at: datetime, run: str, kind: Kind) -> Batch:
        """Write what is about to be done, safe on the disk, and return its batch.

        Within one graph time never runs backwards: a clock that was set back counts as standing still.
        """
        with self._lock, self._transaction():
            graphs = self._graphs({row.graph for row in rows}, _micros(at))
            latest = max((time for _, time in graphs.values()), default=_micros(at))
            number, first = self.last + 1, self._next_row()
            self._db.executemany(
                "INSERT INTO change (n, op, graph, subject, predicate, object) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (n, row.op, graphs[row.graph][0], row.subject, row.predicate, row.object)
                    for n, row in enumerate(rows, first)
                ),
            )
            self._db.execute(
                "UPDATE graph SET latest = ? WHERE id IN (SELECT graph FROM change WHERE n >= ?)", (latest, first)
            )
            made = Batch(number, _moment(latest), run, kind, first, first + len(rows) - 1)
            self._db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, 0)", (number, latest, run, kind, made.first, made.last)
            )
        return made

    def done(self, batch: Batch) -> None:
        """Mark the batch as taken over by the store; a crash before it is on the disk does no harm."""
        with self._lock:
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("UPDATE batch SET done = 1 WHERE id = ?", (batch.number,))
            self._db.execute("PRAGMA synchronous = FULL")

    def abandon(self, batch: Batch) -> None:
        """Take out a batch that the store refused: it never happened."""
        with self._lock, self._transaction():
            self._db.execute("DELETE FROM change WHERE n >= ?", (batch.first,))
            self._db.execute("DELETE FROM batch WHERE id = ?", (batch.number,))

    def fold(self, before: datetime) -> int:
        """Make one baseline of all that was done before that time; return how many rows went."""
        with self._lock, self._transaction():
            # A prefix, not a choice: what was written later rests on it.
            old = list(takewhile(lambda each: each.time < before, self.batches()))
            if not old:
                return 0
            kept = [row for row in net(self.rows(old)).values() if row.op == "+"]
            first, last, n = old[0].first, old[-1].last, self._next_row()
            self._db.execute("DELETE FROM change WHERE n BETWEEN ? AND ?", (first, last))
            self._db.execute("DELETE FROM batch WHERE id <= ?", (old[-1].number,))
            names = dict(self._db.execute("SELECT name, id FROM graph").fetchall())
            self._db.executemany(
                "INSERT INTO change VALUES (?, '+', ?, ?, ?, ?)",
                ((n, names[row.graph], *row[2:]) for n, row in enumerate(kept, n)),
            )
            self._db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, 1)",
                (old[-1].number, _micros(before), "", Kind.BASELINE, n, n + len(kept) - 1),
            )
        return last - first + 1 - len(kept)

    def restart(self, rows: Sequence[Row], at: datetime, number: int) -> Batch:
        """Begin anew with what the store holds: the log was lost, or never was."""
        with self._lock:
            with self._transaction():
                for table in ("change", "batch", "graph"):
                    self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # our own three names
            self._after = number
            return self.begin(rows, at, "", Kind.BASELINE)

    def _graphs(self, names: Iterable[str], time: int) -> dict[str, tuple[int, int]]:
        """Return the number of each graph and the time from which it may be written; new ones are added."""
        some = tuple(names)
        self._db.executemany(
            "INSERT OR IGNORE INTO graph (name, latest) VALUES (?, ?)", ((each, time) for each in some)
        )
        one = "SELECT id, max(latest, ?) FROM graph WHERE name = ?"
        return {each: self._db.execute(one, (time, each)).fetchone() for each in some}

    def _next_row(self) -> int:
        (highest,) = self._db.execute("SELECT max(last) FROM batch").fetchone()
        return 1 + (highest or 0)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    # --- reading ---

    @property
    def last(self) -> int:
        """The number of the latest batch; 0 where there is none."""
        (number,) = self._db.execute("SELECT max(id) FROM batch").fetchone()
        return int(number or self._after)

    @property
    def begins(self) -> datetime | None:
        """Before this time the log knows nothing; None where it goes back to an empty store."""
        with self._lock:
            row = self._db.execute("SELECT time, kind FROM batch ORDER BY id LIMIT 1").fetchone()
        return _moment(row[0]) if row and row[1] == Kind.BASELINE else None

    def batches(self, *, after: datetime | None = None, number: int = 0) -> tuple[Batch, ...]:
        """Return the batches later than that time and that number, in the order in which they were written."""
        with self._lock:
            found = self._db.execute(
                "SELECT id, time, run, kind, first, last FROM batch WHERE time > ? AND id > ? ORDER BY id",
                (-(2**62) if after is None else _micros(after), number),
            ).fetchall()
        return tuple(Batch(each[0], _moment(each[1]), each[2], Kind(each[3]), each[4], each[5]) for each in found)

    def rows(self, batches: Iterable[Batch]) -> Iterator[Row]:
        """Yield the rows of these batches, in their order."""
        for batch in batches:
            with self._lock:
                yield from map(
                    Row._make,
                    self._db.execute(
                        "SELECT op, name, subject, predicate, object FROM change JOIN graph ON graph.id = change.graph"
                        " WHERE n BETWEEN ? AND ? ORDER BY n",
                        (batch.first, batch.last),
                    ).fetchall(),
                )

    def undoing(self, batches: Iterable[Batch], undo: Undo) -> None:
        """Note what takes these batches back, those that are noted already being earlier."""
        known = undo.first
        for batch in batches:
            with self._lock:
                for op, *quad in self._db.execute(
                    "SELECT op, name, subject || ' ' || predicate || ' ' || object || ' ' FROM change"
                    " JOIN graph ON graph.id = change.graph WHERE n BETWEEN ? AND ? ORDER BY n",
                    (batch.first, batch.last),
                ):
                    known.setdefault(tuple(quad), op)


@dataclass(frozen=True, slots=True)
class Undo:
    """What takes changes back: for each quad the opposite of the first thing that happened to it."""

    first: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Graph and triple, as text that wants a full stop, to the first thing that happened."""

    @property
    def delete(self) -> dict[str, list[str]]:
        """The triples that came and must go, by graph."""
        gone: dict[str, list[str]] = {}
        for (graph, triple), op in self.first.items():
            if op == "+":
                gone.setdefault(graph, []).append(f"{triple}.")
        return gone

    @property
    def insert(self) -> str:
        """The quads that went and must come back, as N-Quads."""
        back = (quad for quad, op in self.first.items() if op == "-")
        return "".join(f"{triple}{'' if graph == DEFAULT else graph} .\n" for graph, triple in back)


class _Transaction:
    """All of it or nothing; inside another one, part of that."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._outer = db.in_transaction

    def __enter__(self) -> None:
        if not self._outer:
            self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._outer:
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def net(rows: Iterable[Row]) -> dict[tuple[str, ...], Row]:
    """Return, for each quad, the last thing that happened to it."""
    return {row[1:]: row for row in rows}


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _damaged(folder: Path, error: sqlite3.Error) -> Unavailable:
    return Unavailable(
        f"The graph's history {str(folder / FILE)!r} does not open: {error}.",
        next_step="Move that file away: the graph stays, and its history begins anew.",
    )
