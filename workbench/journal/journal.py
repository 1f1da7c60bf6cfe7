"""The journal: the alerts as they came in, and the trail of every case.

    journal = Journal(home / "journal.db")
    journal.keep_alert(alert, environment="default")
    n = journal.append(case.id, "step", {}, case)
    journal.trail(case.id)[-1].case == case          # tables and all

A trail is what a notebook replays on Run-all: each action with the case that came of it, so that nothing is asked or
paid twice. Tables are kept once, by the hash of their content, however many entries hold them.
"""

from __future__ import annotations

import hashlib
import json
import weakref
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ontology.errors import NotAllowed, NotFound, Unavailable
from ontology.nouns import Alert
from workbench.journal import codec, money, queue, tables
from workbench.journal.database import PATIENCE, SCHEMES, Connection, Database
from workbench.nouns import Case

if TYPE_CHECKING:
    import pandas as pd

    _Fresh = dict[str, tuple[pd.DataFrame, bytes]]
    """Tables that are not in the file yet, with their parquet bytes, by content hash."""


class KeptAlert(NamedTuple):
    """An alert, and the environment that it came from."""

    alert: Alert
    environment: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One act of an investigation, and the case that came of it."""

    n: int
    """Counts from 1 in each case."""
    action: str
    arguments: Mapping[str, Any]
    case: Case
    at: datetime


class Journal:
    """One journal file; threads and processes may share it.

    Args:
        path: the file, made where there is none; or the address of a PostgreSQL, `postgresql://…`.
        now: the clock, for the times in the trail and the day of a spend; None for the database's own.
        patience: seconds to wait for another process that is writing.

    Raises:
        NotAllowed: no permission on the file or its folder.
        Unavailable: the file is damaged, not a journal, of a newer version, or busy.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        now: Callable[[], datetime] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.database = _opened(path, patience)
        self._now = now or self.database.now
        self._hashes: dict[int, tuple[weakref.ref[pd.DataFrame], str]] = {}

    # alerts

    def keep_alert(self, alert: Alert, environment: str = "default") -> None:
        """Keep the alert; the same id again replaces what it says and keeps its place in time."""
        with self.database.writing() as connection:
            self._keep_alerts(connection, (alert,), environment)

    def receive(
        self,
        alerts: Sequence[Alert],
        environment: str = "default",
        resolved: Mapping[str, datetime] | None = None,
        repeats: Collection[str] = (),
    ) -> int:
        """Keep what a sender delivered and enter it into the queue, all of it or nothing; return how many are new.

        Delivered again, an alert keeps its place; `resolved` and `repeats` are as in `queue.enter`.
        """
        with self.database.writing() as connection:
            self._keep_alerts(connection, alerts, environment)
            return queue.enter(connection, alerts, resolved or {}, repeats, self._now())

    @property
    def queue(self) -> queue.Queue:
        """The queue of what was delivered."""
        return queue.Queue(self.database, self._now)

    def now(self) -> datetime:
        """Return the time, as the journal's clock has it."""
        return self._now()

    def _keep_alerts(self, connection: Connection, alerts: Sequence[Alert], environment: str) -> None:
        kept = self._now().isoformat()
        connection.executemany(
            "INSERT INTO alerts (id, environment, alert, kept) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET environment = excluded.environment, alert = excluded.alert",
            ((each.id, environment, codec.written(each, _no_table), kept) for each in alerts),
        )

    def alert(self, alert_id: str) -> KeptAlert:
        """Return the alert and its environment.

        Raises:
            NotFound: no alert of that id was kept.
        """
        with self.database.reading() as connection:
            row = connection.execute("SELECT alert, environment FROM alerts WHERE id = ?", (alert_id,)).fetchone()
        if row is None:
            raise NotFound(
                f"The alert {alert_id[:80]!r} is unknown.", next_step="List the alerts: workbench open --list"
            )
        return KeptAlert(codec.read(row[0], _no_fetch), row[1])

    def alerts(self) -> tuple[KeptAlert, ...]:
        """Return all alerts, the latest kept first."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT alert, environment FROM alerts ORDER BY kept DESC, id").fetchall()
        return tuple(KeptAlert(codec.read(text, _no_fetch), environment) for text, environment in rows)

    # the trail of a case

    def append(
        self, case_id: str, action: str, arguments: Mapping[str, Any], case: Case, *, after: int | None = None
    ) -> int:
        """Keep one act and the case that came of it; return its number. `arguments` are JSON values.

        Raises:
            NotAllowed: the trail does not end with the entry `after`: somebody else went on with the case.
        """
        said = json.dumps(dict(arguments), ensure_ascii=False)
        body, fresh = self._packed(case)
        with self.database.writing() as connection:
            _keep_blobs(connection, fresh)
            (n,) = connection.execute(
                "SELECT coalesce(max(n), 0) + 1 FROM entries WHERE case_id = ?", (case_id,)
            ).fetchone()
            if after is not None and n != after + 1:
                raise _gone_on(connection, case_id)
            connection.execute(
                "INSERT INTO entries (case_id, n, action, arguments, body, at) VALUES (?, ?, ?, ?, ?, ?)",
                (case_id, n, action, said, body, self._now().isoformat()),
            )
        self._remember(fresh)
        return int(n)

    def amend(self, case_id: str, n: int, case: Case) -> None:
        """Replace the case of an entry: the same act, gone further.

        Raises:
            NotFound: the case has no such entry.
        """
        body, fresh = self._packed(case)
        with self.database.writing() as connection:
            _keep_blobs(connection, fresh)
            done = connection.execute(
                "UPDATE entries SET body = ?, at = ? WHERE case_id = ? AND n = ?",
                (body, self._now().isoformat(), case_id, n),
            )
            if not done.rowcount:
                raise NotFound(
                    f"The case {case_id!r} has no entry {n}.", next_step="Read its trail: journal.trail(case_id)"
                )
        self._remember(fresh)

    def trail(self, case_id: str) -> tuple[Entry, ...]:
        """Return the acts of a case in order; empty where there is none."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT n, action, arguments, body, at FROM entries WHERE case_id = ? ORDER BY n", (case_id,)
            ).fetchall()
            fetch = self._fetching(connection)
            return tuple(
                Entry(n, action, json.loads(said), self._unpacked(body, fetch), datetime.fromisoformat(at))
                for n, action, said, body, at in rows
            )

    def latest(self, case_id: str) -> Case | None:
        """Return the case as its last entry has it, or None where it has no trail."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT body FROM entries WHERE case_id = ? ORDER BY n DESC LIMIT 1", (case_id,)
            ).fetchone()
            return None if row is None else self._unpacked(row[0], self._fetching(connection))

    def last(self, case_id: str) -> tuple[int, datetime] | None:
        """Return number and time of the latest entry, which change with all that is kept; None without a trail."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT n, at FROM entries WHERE case_id = ? ORDER BY n DESC LIMIT 1", (case_id,)
            ).fetchone()
        return None if row is None else (row[0], datetime.fromisoformat(row[1]))

    def cases(self) -> tuple[str, ...]:
        """Return the ids of all cases with a trail, the latest touched first."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT case_id FROM entries GROUP BY case_id ORDER BY max(at) DESC, case_id")
            return tuple(row[0] for row in rows)

    # money

    def reserve(self, case_id: str, dollars: float, *, caps: money.Caps) -> money.Reservation:
        """Hold that many dollars for a call that is about to be made; see `money.reserve`."""
        return money.reserve(self.database, case_id, dollars, caps, self._now())

    def allow(self, case_id: str, more: float) -> None:
        """Let a case spend so many dollars above the cap of every case; see `money.allow`."""
        money.allow(self.database, case_id, more)

    def settle(self, reservation: money.Reservation, dollars: float, tokens: int = 0) -> None:
        """Book what the call did cost in place of what was held."""
        money.settle(self.database, reservation, dollars, tokens)

    def release(self, reservation: money.Reservation) -> None:
        """Give back what was held: the call was never made, or cost nothing."""
        money.release(self.database, reservation)

    def recover(self) -> money.Spend:
        """Close what dead processes left reserved, counted in full; return how much that was."""
        return money.recover(self.database)

    def spent(self, case_id: str | None = None, *, day: date | None = None) -> money.Spend:
        """Return what was spent and is held, on one case, on one UTC day, or in all."""
        return money.spent(self.database, case_id, day)

    def ledger(self, caps: money.Caps) -> money.Ledger:
        """Return the money verbs bound to these caps: what a reasoner is given."""
        return money.Ledger(self.database, caps, self._now)

    # the file

    def check(self) -> str:
        """Return `ok`, or what is wrong in the whole file."""
        return self.database.check()

    def close(self) -> None:
        """Close the file; the next verb opens it again."""
        self.database.close()

    # case <-> bytes

    def _packed(self, case: Case) -> tuple[bytes, _Fresh]:
        """Return the case as compressed text, and the tables that this process has not kept yet, by hash."""
        fresh: _Fresh = {}

        def keep(table: pd.DataFrame) -> str:
            known = self._hashes.get(id(table))
            if known is not None and known[0]() is table:
                return known[1]
            sha, data = tables.packed(table)
            fresh[sha] = (table, data)
            return sha

        return zlib.compress(codec.written(case, keep).encode()), fresh

    def _unpacked(self, body: bytes, fetch: Callable[[str], pd.DataFrame]) -> Case:
        try:
            text = zlib.decompress(body).decode()
        except (zlib.error, UnicodeDecodeError) as error:
            raise _damaged("A case", self.database.path) from error
        case: Case = codec.read(text, fetch)
        return case

    def _fetching(self, connection: Connection) -> Callable[[str], pd.DataFrame]:
        """Return a function that gives the table of a hash, each read once however many entries hold it."""
        read: dict[str, pd.DataFrame] = {}

        def fetch(sha: str) -> pd.DataFrame:
            if sha not in read:
                row = connection.execute("SELECT parquet FROM blobs WHERE sha256 = ?", (sha,)).fetchone()
                if row is None or hashlib.sha256(row[0]).hexdigest() != sha:
                    raise _damaged("A table of a case", self.database.path)
                read[sha] = tables.unpacked(row[0])
                self._remember({sha: (read[sha], b"")})
            return read[sha]

        return fetch

    def _remember(self, kept: _Fresh) -> None:
        """Note the hashes of tables that are in the file; a table in a case never changes, so this holds."""
        for sha, (table, _) in kept.items():
            key = id(table)
            gone = weakref.ref(table, lambda _ref, key=key: self._hashes.pop(key, None))  # type: ignore[misc]  # a default argument, not a type
            self._hashes[key] = (gone, sha)


def _opened(path: Path | str, patience: float) -> Database:
    if str(path).startswith(SCHEMES):
        from workbench.journal.postgres import shared  # late: only who shares a journal has psycopg

        return shared(str(path))
    return Database(Path(path), patience)


def _gone_on(connection: Connection, case_id: str) -> NotAllowed:
    row = connection.execute("SELECT who, since FROM hands WHERE case_id = ?", (case_id,)).fetchone()
    who = f"{row[0]}, since {datetime.fromisoformat(row[1]):%H:%M} UTC," if row else "Somebody else"
    return NotAllowed(
        f"{who} went on with this case; what you see is older, and was not kept over it.",
        next_step="Open it again to see what they found: case = wb.open(…); a way of your own is case.fork(…).",
    )


def _keep_blobs(connection: Connection, fresh: _Fresh) -> None:
    connection.executemany(
        "INSERT INTO blobs (sha256, parquet) VALUES (?, ?) ON CONFLICT DO NOTHING",
        ((sha, data) for sha, (_, data) in fresh.items()),
    )


def _damaged(what: str, path: Path | str) -> Unavailable:
    return Unavailable(
        f"{what} in the journal {path} is damaged.",
        next_step=f"Save what can be read: sqlite3 {path} .recover; the file was left as it is.",
    )


def _no_table(_table: Any) -> str:
    raise TypeError("an alert holds no table")


def _no_fetch(_sha: str) -> Any:
    raise ValueError("an alert holds no table")
