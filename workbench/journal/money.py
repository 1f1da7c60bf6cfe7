"""Money: reserved before a call, settled after it, so that a cap holds however many ask at once.

    reservation = reserve(...)        input estimate + all the output the call may make, at list price
    ... the call ...
    settle(reservation, cost)         or release(reservation) where no call was made

A reservation is one immediate transaction: what is settled and held is summed and compared under the write lock, so
two callers never both take the last dollar. What a dead process left reserved is closed as `lost` and counted in
full, since the provider may have charged for it: a crash never makes room under a cap. Amounts are whole nanodollars
in the file, rounded up, so that no sum drifts.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from ontology.errors import NotAllowed
from workbench.journal.database import Connection, Database
from workbench.nouns import FORK, root_of

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent, in US dollars."""

    case: float
    """On one case with its forks, over its whole life; a person may `allow` more."""
    day: float
    """On one UTC day, all cases together."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money held for one call."""

    id: int
    case_id: str
    dollars: float


@dataclass(frozen=True, slots=True)
class Spend:
    """What a case or a day has cost so far, in US dollars."""

    dollars: float
    """Settled, and lost to processes that died in a call."""
    held: float = 0.0
    """Reserved for calls that are under way."""
    tokens: int = 0
    lost: float = 0.0
    """The part of `dollars` whose true amount is unknown: the process died in the call."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The money verbs with the caps already in them: all that whoever makes calls needs to hold."""

    database: Database
    caps: Caps
    now: Callable[[], datetime]

    def reserve(self, case_id: str, dollars: float) -> Reservation:
        """Hold the dollars, or raise NotAllowed where a cap would be passed."""
        return reserve(self.database, case_id, dollars, self.caps, self.now())

    def settle(self, reservation: Reservation, dollars: float, tokens: int = 0) -> None:
        """Book what the call did cost in place of what was held."""
        settle(self.database, reservation, dollars, tokens)

    def release(self, reservation: Reservation) -> None:
        """Give back what was held: the call was never made, or cost nothing."""
        release(self.database, reservation)


def reserve(database: Database, case_id: str, dollars: float, caps: Caps, now: datetime) -> Reservation:
    """Hold dollars for a call of a case; the day of the spend is the UTC day of `now`, fixed from here on.

    Raises:
        NotAllowed: it would pass the cap of the case or of the day; nothing is held.
        ValueError: not a finite amount of zero or more.
    """
    wanted, day = _nano(dollars), now.astimezone(UTC).date().isoformat()
    with database.writing() as connection:
        _close_dead(connection)
        root = root_of(case_id)
        more = connection.execute(f"SELECT coalesce(sum(more), 0) FROM caps {_FAMILY}", (root,)).fetchone()[0]  # noqa: S608  # a constant
        for name, value, cap in (("case", root, caps.case + more / NANO), ("day", day, caps.day)):
            used = connection.execute(_BY[name], (value,)).fetchone()[0]
            if used + wanted > math.floor(round(cap * NANO, 3)):
                raise _over(name, cap, used / NANO, dollars)
        row = connection.execute(
            "INSERT INTO money (case_id, day, held, state, process, at) VALUES (?, ?, ?, 'held', ?, ?) RETURNING id",
            (case_id, day, wanted, this_process(), now.isoformat()),
        ).fetchone()
        return Reservation(int(row[0]), case_id, wanted / NANO)


_USED = (
    "SELECT coalesce(sum(CASE state WHEN 'settled' THEN settled WHEN 'released' THEN 0 ELSE held END), 0) FROM money "
)
_FAMILY = f"WHERE case_id = ?1 OR (case_id >= ?1 || '{FORK}' AND case_id < ?1 || '{FORK[:-1]}.')"
"""A case and its forks: `.` comes right after the `-` that FORK ends with."""
_BY = {"case": _USED + _FAMILY, "day": _USED + "WHERE day = ?"}


def _over(name: str, cap: float, used: float, wanted: float) -> NotAllowed:
    setting = {"case": "WORKBENCH_BUDGET_DOLLARS", "day": "WORKBENCH_BUDGET_DAILY_DOLLARS"}[name]
    first = "Say case.go_further(dollars), raise" if name == "case" else "Raise"
    return NotAllowed(
        f"A call that may cost ${wanted:.4f} would pass the cap of ${cap:.2f} for this {name}; ${used:.4f} is used.",
        next_step=f"{first} {setting}, or go on with the statistical reasoner, which costs nothing.",
    )


def allow(database: Database, case_id: str, more: float) -> None:
    """Let a case spend so many dollars above the cap of every case, in all that a person ever added to it.

    Said again with the same amount, nothing is added; what was held or settled stays. The day's cap holds as before.

    Raises:
        ValueError: not a finite amount of zero or more.
    """
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO caps (case_id, more) VALUES (?, ?) ON CONFLICT (case_id) DO UPDATE SET more = excluded.more",
            (case_id, _nano(more)),
        )


def settle(database: Database, reservation: Reservation, dollars: float, tokens: int = 0) -> None:
    """Book the cost. It may come late, after the reservation was closed as lost: the true amount then replaces it.

    Raises:
        ValueError: the reservation was settled or released before, or the amount is not finite and positive.
    """
    _close(database, reservation, "settled", _nano(dollars), tokens)


def release(database: Database, reservation: Reservation) -> None:
    """Give the held dollars back.

    Raises:
        ValueError: the reservation was settled or released before.
    """
    _close(database, reservation, "released", None, 0)


def _close(database: Database, reservation: Reservation, state: str, settled: int | None, tokens: int) -> None:
    with database.writing() as connection:
        done = connection.execute(
            "UPDATE money SET state = ?, settled = ?, tokens = ? WHERE id = ? AND state IN ('held', 'lost')",
            (state, settled, tokens, reservation.id),
        )
        if not done.rowcount:
            raise ValueError(f"reservation {reservation.id} is closed already, or was never made here")


def recover(database: Database) -> Spend:
    """Close what dead processes left reserved, and return how much that was."""
    with database.writing() as connection:
        lost = _close_dead(connection)
    return Spend(lost / NANO, lost=lost / NANO)


def spent(database: Database, case_id: str | None = None, day: date | None = None) -> Spend:
    """Return what one case, one UTC day or everything has cost."""
    with database.reading() as connection:
        settled, held, lost, tokens = connection.execute(
            "SELECT coalesce(sum(settled), 0), coalesce(sum(held) FILTER (WHERE state = 'held'), 0), "
            "coalesce(sum(held) FILTER (WHERE state = 'lost'), 0), coalesce(sum(tokens), 0) FROM money "
            "WHERE (?1 IS NULL OR case_id = ?1) AND (?2 IS NULL OR day = ?2)",
            (case_id, None if day is None else day.isoformat()),
        ).fetchone()
    return Spend((settled + lost) / NANO, held / NANO, int(tokens), lost / NANO)


def by_day(database: Database, since: date) -> tuple[tuple[date, str, Spend], ...]:
    """Return day, case and what it cost on that day, from that day on, the earliest first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT day, case_id, coalesce(sum(settled), 0), coalesce(sum(held) FILTER (WHERE state = 'held'), 0), "
            "coalesce(sum(held) FILTER (WHERE state = 'lost'), 0), coalesce(sum(tokens), 0) FROM money "
            "WHERE day >= ? GROUP BY day, case_id ORDER BY day, case_id",
            (since.isoformat(),),
        ).fetchall()
    return tuple(
        (date.fromisoformat(day), case_id, Spend((settled + lost) / NANO, held / NANO, int(tokens), lost / NANO))
        for day, case_id, settled, held, lost, tokens in rows
    )


def _nano(dollars: float) -> int:
    if not (math.isfinite(dollars) and dollars >= 0):
        raise ValueError(f"{dollars} is not an amount of money")
    return math.ceil(round(dollars * NANO, 3))  # the inner rounding takes off float noise such as 100000000.00000001


def _close_dead(connection: Connection) -> int:
    """Close the held reservations of processes that live no more; return their sum in nanodollars."""
    held = connection.execute("SELECT DISTINCT process FROM money WHERE state = 'held'").fetchall()
    lost = 0
    for (process,) in held:
        if not alive(process):
            lost += connection.execute(
                "SELECT sum(held) FROM money WHERE state = 'held' AND process = ?", (process,)
            ).fetchone()[0]
            connection.execute("UPDATE money SET state = 'lost' WHERE state = 'held' AND process = ?", (process,))
    return int(lost)


def this_process() -> str:
    """Return the name of this process, which no later one is given."""
    return _named(os.getpid())


@lru_cache(maxsize=8)
def _named(pid: int) -> str:
    """Return `<pid>@<when it started>@<host>`: a number alone is given to another process one day."""
    import psutil

    return f"{pid}@{psutil.Process(pid).create_time():.2f}@{socket.gethostname()}"


def alive(process: str) -> bool:
    """Say whether the process of that name lives; of one on another host nobody here knows, so it does."""
    import psutil

    pid, started, host = (*process.split("@", 2), socket.gethostname())[:3]
    if host != socket.gethostname():
        return True  # what it holds counts in full, dead or alive; its own host closes it
    if int(pid) == os.getpid():
        return process == this_process()
    try:
        other = psutil.Process(int(pid))
        return f"{other.create_time():.2f}" == started and other.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # someone else's process of that number lives; holding on to the money is the safe side
