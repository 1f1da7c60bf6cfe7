"""The file: opened in WAL mode, its schema stepped forward, every write one immediate transaction.

SQLite with `synchronous = FULL` keeps each commit through the death of a process and a loss of power.
Errors become sentences for a person; a damaged or foreign file is never written to.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ontology.errors import NotAllowed, PersonError, Unavailable

APPLICATION = 0x574B4A31
"""`WKJ1`, in the header of the file: this is a journal of the workbench."""
PATIENCE = 30.0
"""Seconds to wait for another process that is writing."""
SCHEMES = ("postgresql://", "postgres://")
"""What the address of a shared journal begins with."""
STEPS = (
    """
    CREATE TABLE alerts (
        id TEXT PRIMARY KEY, environment TEXT NOT NULL, alert TEXT NOT NULL, kept TEXT NOT NULL
    ) STRICT;
    CREATE TABLE entries (
        case_id TEXT NOT NULL, n INTEGER NOT NULL, action TEXT NOT NULL, arguments TEXT NOT NULL,
        body BLOB NOT NULL, at TEXT NOT NULL, PRIMARY KEY (case_id, n)
    ) STRICT;
    CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, parquet BLOB NOT NULL) STRICT;
    CREATE TABLE money (
        id INTEGER PRIMARY KEY AUTOINCREMENT, case_id TEXT NOT NULL, day TEXT NOT NULL,
        held INTEGER NOT NULL, settled INTEGER, tokens INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'lost')),
        process TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX money_by_case ON money (case_id);
    CREATE INDEX money_by_day ON money (day);
    """,
    """
    CREATE TABLE queue (
        alert_id TEXT PRIMARY KEY REFERENCES alerts (id), series TEXT NOT NULL, rank INTEGER NOT NULL,
        fired TEXT NOT NULL, received TEXT NOT NULL,
        state TEXT NOT NULL
            CHECK (state IN ('received', 'claimed', 'investigated', 'attached', 'muted', 'failed')),
        because TEXT NOT NULL DEFAULT '', case_of TEXT REFERENCES alerts (id), near TEXT,
        owner TEXT NOT NULL DEFAULT '', until TEXT NOT NULL DEFAULT '', after TEXT NOT NULL DEFAULT '',
        tries INTEGER NOT NULL DEFAULT 0, written TEXT NOT NULL DEFAULT '',
        began TEXT, ended TEXT, opened TEXT, resolved TEXT
    ) STRICT;
    CREATE INDEX queue_by_state ON queue (state, rank, received);
    CREATE INDEX queue_by_received ON queue (received);
    CREATE INDEX queue_by_began ON queue (began);
    CREATE INDEX queue_by_series ON queue (series, fired);
    CREATE INDEX queue_by_fired ON queue (fired);
    CREATE INDEX queue_by_case ON queue (case_of);
    CREATE TABLE rules (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL CHECK (kind IN ('mute', 'known-issue')),
        labels TEXT NOT NULL, because TEXT NOT NULL, made TEXT NOT NULL, until TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE outcomes (
        alert_id TEXT PRIMARY KEY REFERENCES alerts (id), hypothesis TEXT NOT NULL, summary TEXT NOT NULL,
        confidence REAL NOT NULL, shown INTEGER NOT NULL, offered INTEGER NOT NULL, at TEXT NOT NULL, correct INTEGER
    ) STRICT;
    CREATE INDEX outcomes_by_at ON outcomes (at);
    """,
    """
    CREATE TABLE sent (
        alert_id TEXT NOT NULL REFERENCES alerts (id), place TEXT NOT NULL, revision INTEGER NOT NULL DEFAULT 0,
        reference TEXT NOT NULL DEFAULT '', digest TEXT NOT NULL DEFAULT '', gist TEXT NOT NULL DEFAULT '',
        seen TEXT NOT NULL DEFAULT '', begun INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
        problem TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '', until TEXT NOT NULL DEFAULT '',
        after TEXT NOT NULL DEFAULT '', PRIMARY KEY (alert_id, place)
    ) STRICT;
    """,
    """
    CREATE TABLE caps (case_id TEXT PRIMARY KEY, more INTEGER NOT NULL) STRICT;
    CREATE TABLE trust (
        n INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL,
        level TEXT NOT NULL CHECK (level IN ('narrow', 'diagnose', 'propose')),
        who TEXT NOT NULL CHECK (who != ''), at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX trust_by_service ON trust (service, n);
    CREATE TABLE hands (case_id TEXT PRIMARY KEY, who TEXT NOT NULL, process TEXT NOT NULL, since TEXT NOT NULL) STRICT;
    """,
    "ALTER TABLE outcomes ADD COLUMN raw REAL;",
    "ALTER TABLE queue ADD COLUMN closed TEXT;",
)
"""What brings the schema from version n to n + 1. Money is in nanodollars."""


def sortable(at: datetime) -> str:
    """Return a moment as the text that tables keep, which sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """What the verbs of the journal use of a connection: SQLite's own, or `postgres`, which speaks alike."""

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        """Run a statement of the SQL that both know."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Cursor:
        """Run a statement for each of the rows."""
        ...


class Database:
    """One journal file, shared by the threads of this process and by other processes.

    Raises:
        NotAllowed: no permission on the file or its folder.
        Unavailable: damaged, foreign, of a newer version, or busy for longer than PATIENCE.
    """

    path: Path | str
    """Where it is, as a person is told."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self.path = self._file = path
        self._patience = patience
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._inherited: list[sqlite3.Connection] = []
        with self._lock, told(self._file):
            self._connected()

    def _connected(self) -> sqlite3.Connection:
        """Return this process's connection; a child of a fork opens its own, as SQLite demands."""
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        if self._connection is not None:
            self._inherited.append(self._connection)  # kept alive: a child must not close what its parent uses
        self._connection, self._pid = _open(self._file, self._patience), os.getpid()
        return self._connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run a block as one transaction that holds the write lock from its start; an error undoes all of it."""
        with self._lock, told(self._file):
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Run a block over one consistent state of the file; it never waits for a writer."""
        with self._lock, told(self._file):
            connection = self._connected()
            nested = connection.in_transaction  # inside `writing` of the same thread
            if not nested:
                connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if not nested:
                    connection.execute("ROLLBACK")

    def now(self) -> datetime:
        """Return the time that all who share the journal go by."""
        return datetime.now(UTC)

    def check(self) -> str:
        """Return `ok`, or what SQLite finds wrong in the whole file."""
        with self.reading() as connection:
            return "; ".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)"))

    def close(self) -> None:
        """Close this process's connection; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None


def _open(path: Path, patience: float) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        _recognised(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _stepped(connection)
    except (sqlite3.Error, PersonError):
        connection.close()
        raise
    return connection


def _recognised(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that is not ours, or that a newer workbench wrote."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION and (application or version or tables):
        raise Unavailable(
            f"{path} is a database, but not a journal of the workbench.",
            next_step="Name another data folder in WORKBENCH_HOME; this file was left as it is.",
        )
    if version > len(STEPS):
        raise Unavailable(
            f"The journal {path} was written by a newer workbench (schema {version}, this one knows {len(STEPS)}).",
            next_step="Upgrade this workbench, or name another data folder in WORKBENCH_HOME.",
        )


def _stepped(connection: sqlite3.Connection) -> None:
    """Bring the schema to the newest version, all of it or nothing."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
        for step in STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's and the file system's errors in a block into sentences for a person."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _sentence(error, path) from error
    except OSError as error:
        raise NotAllowed(
            f"The journal {path} cannot be reached: {error.strerror or error}.",
            next_step="Check the folder's permissions, or name another data folder in WORKBENCH_HOME.",
        ) from error


def _sentence(error: sqlite3.DatabaseError, path: Path) -> PersonError:
    """Return what an error of SQLite means, and what to do; the codes are SQLite's primary result codes."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable(
            f"The journal {path} is busy: another process keeps it locked.",
            next_step="Wait for the other notebook or command to finish, then do this again; nothing was lost.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return NotAllowed(
            f"The journal {path} cannot be written: {error}.",
            next_step="Make the file and its folder writable, or name another data folder in WORKBENCH_HOME.",
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Unavailable(
            f"The journal {path} is damaged: {error}. It was left as it is.",
            next_step=f"Save what can be read (sqlite3 {path} .recover), move the file away; a new one is then made.",
        )
    if code == sqlite3.SQLITE_FULL:
        return Unavailable(
            f"The disk that holds the journal {path} is full.",
            next_step="Free some space and do this again; what was kept before is whole.",
        )
    return Unavailable(
        f"The journal {path} could not be used: {error}.",
        next_step="Run `workbench doctor`; what was kept before is whole.",
    )
