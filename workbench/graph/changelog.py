"""The change log: every quad that came or went, when, and by which run. Append-only, in SQLite beside the store.

The log is written first and is the truth: a batch goes in as pending, the store takes it over together with the
batch's number in one atomic update, then the batch is marked done. Whatever the store has not taken over when it is
opened (its number is lower) is applied again, so that a killed writer leaves the log and the store alike.

A change is kept in N-Triples text: exact, typed, and what a SPARQL update is made of. What came in by the hundred
thousand, as the first sight of a scope does, is kept as one compressed piece of N-Quads: what a bulk load is made of.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from pathlib import Path
from threading import RLock
from weakref import WeakMethod

from ontology.errors import Unavailable
from workbench.graph.changes import DEFAULT, Batch, Bulk, Kind, Row, Text, bulked, net, unbulked

FILE = "history.db"
PATIENCE = 10.0
"""Seconds that one who opens the log waits for another who does."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS graph (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, latest INTEGER NOT NULL, batch INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS change (
  n INTEGER PRIMARY KEY, op TEXT NOT NULL CHECK (op IN ('+', '-')), graph INTEGER NOT NULL REFERENCES graph,
  subject TEXT NOT NULL, predicate TEXT NOT NULL, object TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scope (name TEXT PRIMARY KEY, batch INTEGER NOT NULL, said BLOB NOT NULL);
"""
_BULK = "TABLE IF NOT EXISTS bulk (batch INTEGER PRIMARY KEY, size INTEGER NOT NULL, quads BLOB NOT NULL);"
"""Apart: who reads a log of before there was such a table has an empty one of its own."""
_EPOCH = datetime.fromtimestamp(0, UTC)


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
        self._settle: WeakMethod[Callable[[], None]] | None = None

    @classmethod
    def open(cls, folder: Path) -> ChangeLog:
        """Open the log in that folder for writing; make it where there is none.

        Raises:
            Unavailable: the file is damaged.
        """
        try:
            db = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
            _write_ahead(db)
            _prepare(db)
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
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'bulk'").fetchone():
                db.execute(f"CREATE TEMPORARY {_BULK}")
        except sqlite3.Error as error:
            raise _damaged(folder, error) from error
        return cls(db)

    @classmethod
    def memory(cls, after: int = 0) -> ChangeLog:
        """Return an empty log in memory."""
        db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _prepare(db)
        return cls(db, after=after)

    def close(self) -> None:
        """Give back the file; closing twice is fine."""
        self._db.close()

    # --- writing ---

    def begin(
        self,
        rows: Sequence[Row],
        at: datetime,
        run: str,
        kind: Kind,
        *,
        bulk: Bulk | None = None,
        said: tuple[str, bytes] | None = None,
    ) -> Batch:
        """Write what is about to be done, safe on the disk, and return its batch.

        Within one graph time never runs backwards: a clock that was set back counts as standing still. `said` is a
        scope and what it says from now on (see `said_in`).
        """
        with self._lock, self._transaction():
            names = {row.graph for row in rows} | (bulk.graphs if bulk is not None else frozenset())
            graphs = self._graphs(names, _micros(at))
            latest = max((time for _, time in graphs.values()), default=_micros(at))
            number, first = self.last + 1, self._next_row()
            self._db.executemany(
                "INSERT INTO change (n, op, graph, subject, predicate, object) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (n, row.op, graphs[row.graph][0], row.subject, row.predicate, row.object)
                    for n, row in enumerate(rows, first)
                ),
            )
            self._db.executemany(
                "UPDATE graph SET latest = ?, batch = ? WHERE id = ?",
                ((latest, number, each) for each, _ in graphs.values()),
            )
            size = 0 if bulk is None else bulk.size
            made = Batch(number, _moment(latest), run, kind, first, first + len(rows) - 1, size)
            self._db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, 0)", (number, latest, run, kind, made.first, made.last)
            )
            if bulk is not None:
                self._db.execute("INSERT INTO bulk VALUES (?, ?, ?)", (number, size, bulk.packed))
            if said is not None:
                self._db.execute("INSERT OR REPLACE INTO scope VALUES (?, ?, ?)", (said[0], number, said[1]))
        return made

    def done(self, number: int) -> None:
        """Mark the batches up to this one as on the store's own disk; a crash before that is known does no harm."""
        with self._lock:
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("UPDATE batch SET done = 1 WHERE id <= ? AND done = 0", (number,))
            self._db.execute("PRAGMA synchronous = FULL")

    def settled_by(self, settle: Callable[[], None]) -> None:
        """Call this method before anything is folded: it has the store's files on the disk and says what is `done`.

        The first one who says so holds the store; others have copies.
        """
        if self._settle is None or self._settle() is None:
            self._settle = WeakMethod(settle)

    def abandon(self, batch: Batch) -> None:
        """Take out a batch that the store refused: it never happened."""
        with self._lock, self._transaction():
            self._db.execute("DELETE FROM change WHERE n >= ?", (batch.first,))
            for table, column in (("batch", "id"), ("bulk", "batch"), ("scope", "batch")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (batch.number,))  # noqa: S608  # our own

    def fold(self, before: datetime) -> int:
        """Make one baseline of all that was done before that time; return how many quads' coming or going went.

        What the store's own disk may not have yet is left as it is.
        """
        settle = self._settle() if self._settle is not None else None
        if settle is not None:
            settle()
        with self._lock, self._transaction():
            # A prefix, not a choice: what was written later rests on it.
            done = {number for (number,) in self._db.execute("SELECT id FROM batch WHERE done = 1")}
            old = list(takewhile(lambda each: each.time < before and each.number in done, self.batches()))
            if not old:
                return 0
            kept = [row for row in net(self.rows(old)).values() if row.op == "+"]
            last = old[-1]
            self._db.execute(
                "DELETE FROM change WHERE n BETWEEN ? AND ?", (old[0].first, max(each.last for each in old))
            )
            self._db.execute("DELETE FROM batch WHERE id <= ?", (last.number,))
            self._db.execute("DELETE FROM bulk WHERE batch <= ?", (last.number,))
            self._baseline(kept, last.number, before)
        return sum(each.size for each in old) - len(kept)

    def _baseline(self, kept: Sequence[Row], number: int, at: datetime) -> None:
        """Write quads as all that was known then, those of named graphs in one piece."""
        bare = [row for row in kept if row.graph == DEFAULT]
        names = dict(self._db.execute("SELECT name, id FROM graph").fetchall())
        n = self._next_row()
        self._db.executemany(
            "INSERT INTO change VALUES (?, '+', ?, ?, ?, ?)",
            ((n, names[row.graph], *row[2:]) for n, row in enumerate(bare, n)),
        )
        self._db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, 1)",
            (number, _micros(at), "", Kind.BASELINE, n, n + len(bare) - 1),
        )
        named = bulked(row[1:] for row in kept)
        self._db.execute("INSERT INTO bulk VALUES (?, ?, ?)", (number, named.size, named.packed))

    def restart(self, rows: Sequence[Row], at: datetime, number: int) -> Batch:
        """Begin anew with what the store holds: the log was lost, or never was."""
        with self._lock:
            with self._transaction():
                for table in ("change", "batch", "graph", "bulk", "scope"):
                    self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # our own five names
            self._after = number
            bare = [row for row in rows if row.graph == DEFAULT]
            return self.begin(bare, at, "", Kind.BASELINE, bulk=bulked(row[1:] for row in rows))

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

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Let all that is read inside be of one moment: what another process folds meanwhile is not seen."""
        with self._lock:
            outer = self._db.in_transaction
            if not outer:
                self._db.execute("BEGIN")
                self._db.execute("SELECT count(*) FROM batch").fetchone()  # the moment is that of the first question
            try:
                yield
            finally:
                if not outer:
                    self._db.execute("COMMIT")

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
                "SELECT id, time, run, kind, first, last, coalesce(size, 0)"
                " FROM batch LEFT JOIN bulk ON batch.id = bulk.batch WHERE time > ? AND id > ? ORDER BY id",
                (-(2**62) if after is None else _micros(after), number),
            ).fetchall()
        return tuple(Batch(n, _moment(time), run, Kind(kind), *more) for n, time, run, kind, *more in found)

    def bulk(self, batch: Batch) -> bytes:
        """Return the quads of a batch that came at once, as N-Quads."""
        if not batch.bulk:
            return b""
        with self._lock:
            (packed,) = self._db.execute("SELECT quads FROM bulk WHERE batch = ?", (batch.number,)).fetchone()
        return zlib.decompress(packed)

    def rows(self, batches: Iterable[Batch], *, bulk: bool = True) -> Iterator[Row]:
        """Yield the rows of these batches, in their order; without `bulk` those alone that came one by one."""
        for batch in batches:
            if bulk:
                yield from unbulked(self.bulk(batch))
            with self._lock:
                found = self._db.execute(
                    "SELECT op, name, subject, predicate, object FROM change JOIN graph ON graph.id = change.graph"
                    " WHERE n BETWEEN ? AND ? ORDER BY n",
                    (batch.first, batch.last),
                ).fetchall()
            yield from map(partial(tuple.__new__, Row), found)  # `Row._make`, without its own Python

    def quads(self, batch: Batch, op: str, *, graphs: tuple[str, str], beginning: str) -> list[Text]:
        """Return what came (`+`) or went (`-`) with a batch, without two graphs and without subjects that begin so."""
        with self._lock:
            found = self._db.execute(
                "SELECT name, subject, predicate, object FROM change JOIN graph ON graph.id = change.graph"
                " WHERE n BETWEEN ? AND ? AND op = ? AND name NOT IN (?, ?) AND substr(subject, 1, ?) <> ? ORDER BY n",
                (batch.first, batch.last, op, *graphs, len(beginning), beginning),
            ).fetchall()
        if op == "-" or not batch.bulk:
            return found
        came = unbulked(self.bulk(batch))
        return [*(row[1:] for row in came if row[1] not in graphs and not row[2].startswith(beginning)), *found]

    def said_in(self, scope: str, graphs: Sequence[str]) -> int | None:
        """Return the batch with which `begin` was told what the scope says; None where a graph was written to since."""
        with self._lock:
            found = self._db.execute("SELECT batch FROM scope WHERE name = ?", (scope,)).fetchone()
            marks = ", ".join("?" * len(graphs))
            latest = "SELECT coalesce(max(batch), 0) FROM graph WHERE name IN"
            (written,) = self._db.execute(f"{latest} ({marks})", graphs).fetchone()  # question marks
        return None if found is None or written > found[0] else int(found[0])

    def said(self, scope: str) -> bytes:
        """Return what `begin` was told that the scope says."""
        with self._lock:
            (found,) = self._db.execute("SELECT said FROM scope WHERE name = ?", (scope,)).fetchone()
        return bytes(found)


def _prepare(db: sqlite3.Connection) -> None:
    """Make the tables; a log of before a graph knew its last batch is completed."""
    db.executescript(_SCHEMA)
    db.execute(f"CREATE {_BULK}")
    if all(column[1] != "batch" for column in db.execute("PRAGMA table_info(graph)")):
        db.execute("ALTER TABLE graph ADD COLUMN batch INTEGER NOT NULL DEFAULT 0")


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


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _write_ahead(db: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; while another one does the same, SQLite refuses at once instead of waiting."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _damaged(folder: Path, error: sqlite3.Error) -> Unavailable:
    return Unavailable(
        f"The graph's history {str(folder / FILE)!r} does not open: {error}.",
        next_step="Move that file away: the graph stays, and its history begins anew.",
    )
