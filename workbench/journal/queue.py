"""The queue: every alert that was delivered, and how far the work on it has come.

    received -> claimed -> investigated        or  attached to another alert's case, muted, failed

A worker claims an alert for a while and renews that lease as it works; the lease of a worker that was killed lapses,
and the next one goes on where the trail ends. Claiming is one immediate transaction, so two workers never hold the
same alert, and no more are under way, or begun in an hour, than the limits say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ontology.nouns import Alert
from workbench.journal.database import Connection, Database, sortable

HOUR = timedelta(hours=1)
BACKOFF = timedelta(seconds=30)
"""How long a case rests after it failed once; twice as long after each further time."""
_RANK = {"critical": 0, "warning": 1, "unknown": 2, "info": 3}


class Progress(StrEnum):
    """How far the work on an alert has come."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    INVESTIGATED = "investigated"
    ATTACHED = "attached"
    """It belongs to another alert's case."""
    MUTED = "muted"
    """A rule of a person says that it needs no work."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way, and how long a worker may be silent."""

    at_once: int = 3
    an_hour: int = 20
    """Investigations begun in any hour; one that is resumed was begun before."""
    lease: timedelta = timedelta(seconds=60)
    tries: int = 3
    """So often a case is taken up before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An alert that a worker holds."""

    alert_id: str
    owner: str
    tries: int
    """1 for the first worker that took it up."""


@dataclass(frozen=True, slots=True)
class Place:
    """An alert's place in the queue, as a person is told of it."""

    alert_id: str
    state: Progress
    received: datetime
    because: str = ""
    """Why it is where it is: attached to what, failed of what."""
    case_of: str = ""
    """Id of the alert whose case it belongs to; empty where the case is its own."""
    tries: int = 0
    began: datetime | None = None
    ended: datetime | None = None
    opened: datetime | None = None
    """When a person first opened its notebook."""
    resolved: datetime | None = None
    """When the sender said that it is over."""


class Sight(NamedTuple):
    """What is compared of an alert, to see what belongs together; sets of IRIs, and of labels as `name=value`."""

    alert_id: str
    series: str
    environment: str
    fired: datetime
    own: frozenset[str]
    near: frozenset[str]
    labels: frozenset[str]
    firings: int = 1


class Decision(NamedTuple):
    """What becomes of an alert: it waits for a worker, or belongs to another one's case."""

    state: Progress
    case_of: str | None = None
    because: str = ""


class Queue:
    """The verbs on the queue of one journal.

    Args:
        database: the journal's file.
        now: the clock by which leases lapse and hours pass.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = database
        self._now = now

    # a worker's verbs

    def claim(self, owner: str, limits: Limits, *, sorted_only: bool = False) -> Claim | None:
        """Take the alert that is due next, or None where none is or the limits are reached.

        With `sorted_only`, one that nobody has sorted yet is left alone. What another worker left
        behind comes first, then what failed and has rested, then what is new, the worst first.
        """
        now = self._now()
        with self.database.writing() as connection:
            _bury(connection, limits, now)
            under_way = connection.execute(
                "SELECT count(*) FROM queue WHERE state = 'claimed' AND until > ?", (sortable(now),)
            ).fetchone()[0]
            if under_way >= limits.at_once:
                return None
            alert_id = _due(connection, limits, now, sorted_only)
            if alert_id is None:
                return None
            connection.execute(
                "UPDATE queue SET state = 'claimed', owner = ?, until = ?, tries = tries + 1, because = '', "
                "began = coalesce(began, ?) WHERE alert_id = ?",
                (owner, sortable(now + limits.lease), sortable(now), alert_id),
            )
            (tries,) = connection.execute("SELECT tries FROM queue WHERE alert_id = ?", (alert_id,)).fetchone()
        return Claim(alert_id, owner, tries)

    def renew(self, claim: Claim, limits: Limits) -> bool:
        """Hold on to the alert for another lease; False where another has it by now, or a person took it over."""
        now = self._now()
        return self._changed(claim, "until = ?", sortable(now + limits.lease))

    def holds(self, claim: Claim) -> bool:
        """Say whether the worker still has the alert, its lease not lapsed."""
        with self.database.reading() as connection:
            row = connection.execute(
                f"SELECT 1 FROM queue WHERE {_HELD} AND until > ?",  # noqa: S608  # a constant
                (claim.alert_id, claim.owner, claim.tries, sortable(self._now())),
            ).fetchone()
        return row is not None

    def finish(self, claim: Claim, because: str = "") -> bool:
        """Write down that the case was investigated; False where the worker does not hold it any more."""
        return self._changed(
            claim, "state = 'investigated', owner = '', ended = ?, because = ?", sortable(self._now()), because
        )

    def let_go(self, claim: Claim, because: str, limits: Limits) -> bool:
        """Give back an alert that could not be investigated: it rests, and is tried again as the limits say."""
        now = self._now()
        if claim.tries >= limits.tries:
            return self._changed(claim, "state = 'failed', owner = '', ended = ?, because = ?", sortable(now), because)
        rest = sortable(now + BACKOFF * 2 ** (claim.tries - 1))
        return self._changed(claim, "state = 'received', owner = '', after = ?, because = ?", rest, because)

    def put_back(self, claim: Claim) -> bool:
        """Give an alert back that was interrupted, due at once; this try does not count."""
        return self._changed(claim, "state = 'received', owner = '', tries = tries - 1")

    def wrote(self, claim: Claim, mark: str) -> None:
        """Note what the notebook is about to say, beside what it said before: a kill between note and file is seen."""
        self._changed(claim, "written = ? || ' ' || substr(written, 1, 64)", mark)

    def written(self, alert_id: str) -> tuple[str, ...]:
        """Return the marks of what a worker last wrote into the notebook, the latest first."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT written FROM queue WHERE alert_id = ?", (alert_id,)).fetchone()
        return () if row is None else tuple(row[0].split())

    # what comes before the work

    def unsorted(self, at_most: int) -> tuple[str, ...]:
        """Return alerts that wait and that nobody has sorted yet, the oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT alert_id FROM queue WHERE state = 'received' AND near IS NULL AND began IS NULL "
                "ORDER BY received, alert_id LIMIT ?",
                (at_most,),
            ).fetchall()
        return tuple(row[0] for row in rows)

    def sort(
        self,
        alert_id: str,
        own: Collection[str],
        near: Collection[str],
        labels: Collection[str],
        decide: Callable[[Sight, tuple[Sight, ...]], Decision],
        open_for: timedelta,
    ) -> None:
        """Let `decide` say whether a waiting alert belongs to an open case; under the write lock, so only once.

        Args:
            alert_id: the alert.
            own: IRIs of what it is about.
            near: IRIs of that and of what is beside it.
            labels: its labels as `name=value`.
            decide: takes the alert and the heads of the open cases.
            open_for: how long after its latest alert fired a case is open.
        """
        told = json.dumps([sorted(own), sorted(near), sorted(labels)])
        with self.database.writing() as connection:
            row = connection.execute(f"{_SIGHTS} WHERE alert_id = ? AND state = 'received'", (alert_id,)).fetchone()
            if row is None:
                return
            (firings,) = connection.execute(
                "SELECT count(*) FROM queue WHERE series = ? AND fired > ? AND fired <= ?",
                (row[1], sortable(datetime.fromisoformat(row[3]) - HOUR), row[3]),
            ).fetchone()
            fired = datetime.fromisoformat(row[3])
            rows = connection.execute(
                f"{_SIGHTS} WHERE state IN ('received', 'claimed', 'investigated') AND near IS NOT NULL "
                "AND fired BETWEEN ? AND ?",
                (sortable(fired - open_for), sortable(fired + open_for)),
            ).fetchall()
            decision = decide(_sight((*row[:4], told), firings), tuple(_sight(each) for each in rows))
            connection.execute(
                "UPDATE queue SET near = ?, state = ?, case_of = ?, because = ? WHERE alert_id = ?",
                (told, decision.state, decision.case_of, decision.because, alert_id),
            )

    def mute(self, alert_id: str, because: str) -> None:
        """Take a waiting alert out of the queue: a person's rule says that it needs no work."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE queue SET state = 'muted', because = ?, ended = ? WHERE alert_id = ? AND state = 'received'",
                (because, sortable(self._now()), alert_id),
            )

    def gather(self, within: timedelta, many: int) -> int:
        """In a storm, attach all that waits to one case; return how many were attached.

        A storm is `many` alerts received `within` a time. Its head is that of a storm that goes on, else the first
        case that was begun in it, else the worst and oldest alert that waits.
        """
        now = self._now()
        since = sortable(now - within)
        with self.database.reading() as connection:  # looked at by every worker, again and again: no lock, no count
            if connection.execute(_STORMY, (since, many - 1)).fetchone() is None:
                return 0
        with self.database.writing() as connection:
            going_on = connection.execute(_STORM, (since,)).fetchone()
            head = going_on or connection.execute(_HEAD, (since,)).fetchone()
            if head is None:
                return 0
            connection.execute("UPDATE queue SET near = coalesce(near, '[[],[],[]]') WHERE alert_id = ?", head)
            because = (
                f"storm: {many:,} alerts or more within {within.total_seconds() / 60:.0f} minutes, at {now:%H:%M} UTC"
            )
            done = connection.execute(
                "UPDATE queue SET state = 'attached', case_of = ?1, because = ?2, near = coalesce(near, '[[],[],[]]') "
                "WHERE state = 'received' AND began IS NULL AND alert_id != ?1",
                (*head, because),
            )
            if done.rowcount:  # those that one of them had gathered go along
                connection.execute(
                    "UPDATE queue SET case_of = ? WHERE case_of IN ("
                    "SELECT alert_id FROM queue WHERE state = 'attached' "
                    "AND alert_id IN (SELECT DISTINCT case_of FROM queue WHERE case_of IS NOT NULL))",
                    head,
                )
            return done.rowcount

    def members(self, alert_id: str) -> tuple[Place, ...]:
        """Return the alerts that belong to the case of an alert, the latest received first."""
        with self.database.reading() as connection:
            rows = connection.execute(f"{_PLACES} WHERE case_of = ? ORDER BY received DESC, alert_id", (alert_id,))
            return tuple(_place(row) for row in rows)

    # a person's verbs

    def opened(self, alert_id: str) -> None:
        """Note that a person opened the notebook: from now on no worker writes into it."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE queue SET opened = coalesce(opened, ?) WHERE alert_id = ?", (sortable(self._now()), alert_id)
            )

    def taken_over(self, alert_id: str) -> None:
        """Note that a person works on the case now: it leaves the queue, and whoever holds it loses it."""
        now = sortable(self._now())
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE queue SET opened = coalesce(opened, ?1), ended = ?1, owner = '', state = 'investigated', "
                "because = 'taken over by a person' WHERE alert_id = ?2 AND state IN ('received', 'claimed', 'failed')",
                (now, alert_id),
            )

    def closed(self, alert_id: str) -> None:
        """Note that a person closed the case with a verdict: it is no open incident any more."""
        with self.database.writing() as connection:
            connection.execute("UPDATE queue SET closed = ? WHERE alert_id = ?", (sortable(self._now()), alert_id))

    def open_cases(self, since: datetime, at_most: int) -> tuple[tuple[Place, int], ...]:
        """Return the open incidents, the worst first, each with the number of further alerts that belong to it.

        They are the cases that nobody closed, whose alert fires or ended after `since`.
        """
        with self.database.reading() as connection:
            rows = connection.execute(f"{_PLACES} WHERE {_OPEN} LIMIT ?2", (sortable(since), at_most)).fetchall()
            found = [_place(row) for row in rows]
            more = "SELECT count(*) FROM queue WHERE case_of = ?"
            return tuple((each, connection.execute(more, (each.alert_id,)).fetchone()[0]) for each in found)

    def at_work(self, alert_id: str) -> bool:
        """Say whether a worker is at the alert now, its lease not lapsed."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM queue WHERE alert_id = ? AND state = 'claimed' AND until > ?",
                (alert_id, sortable(self._now())),
            ).fetchone()
        return row is not None

    def place(self, alert_id: str) -> Place | None:
        """Return the alert's place, or None where it was never delivered."""
        with self.database.reading() as connection:
            row = connection.execute(f"{_PLACES} WHERE alert_id = ?", (alert_id,)).fetchone()
        return None if row is None else _place(row)

    def fired_last(self, fingerprint: str) -> str | None:
        """Return the id of the latest alert with a sender's fingerprint, of hexadecimal digits."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT alert_id FROM queue WHERE series LIKE ? ORDER BY fired DESC LIMIT 1", (f"%-{fingerprint}",)
            ).fetchone()
        return None if row is None else str(row[0])

    def places(self, state: Progress | None = None) -> tuple[Place, ...]:
        """Return all places, or those of one state, the latest received first."""
        with self.database.reading() as connection:
            rows = connection.execute(
                f"{_PLACES} WHERE ?1 IS NULL OR state = ?1 ORDER BY received DESC, alert_id", (state,)
            ).fetchall()
        return tuple(_place(row) for row in rows)

    def counts(self) -> Mapping[Progress, int]:
        """Return how many alerts there are in each state."""
        with self.database.reading() as connection:
            rows = dict(connection.execute("SELECT state, count(*) FROM queue GROUP BY state").fetchall())
        return {state: rows.get(state, 0) for state in Progress}

    def _changed(self, claim: Claim, change: str, *values: str) -> bool:
        """Change the alert's row if the worker still holds it, its lease lapsed or not, and say whether it did."""
        with self.database.writing() as connection:
            done = connection.execute(
                f"UPDATE queue SET {change} WHERE {_HELD}",  # noqa: S608  # constants of this class
                (*values, claim.alert_id, claim.owner, claim.tries),
            )
            return done.rowcount > 0


_HELD = "alert_id = ? AND owner = ? AND tries = ? AND state = 'claimed'"
_SIGHTS = "SELECT alert_id, series, (SELECT environment FROM alerts WHERE id = alert_id), fired, near FROM queue"
_STORMY = (
    "SELECT 1 FROM queue WHERE received > ?1 "
    "AND EXISTS (SELECT 1 FROM queue WHERE state = 'received' AND began IS NULL) LIMIT 1 OFFSET ?2"
)
_STORM = (
    "SELECT case_of FROM queue WHERE received > ? AND state || '' = 'attached' AND because LIKE 'storm:%' "
    "ORDER BY received DESC LIMIT 1"
)
_HEAD = (
    "SELECT alert_id FROM queue WHERE received > ? AND state IN ('received', 'claimed', 'investigated') "
    "ORDER BY began IS NULL, began, rank, received, alert_id LIMIT 1"
)
_OPEN = (
    "state NOT IN ('attached', 'muted') AND closed IS NULL AND (resolved IS NULL OR resolved > ?1) "
    "ORDER BY resolved IS NOT NULL, rank, received DESC, alert_id"
)
_PLACES = "SELECT alert_id, state, received, because, case_of, tries, began, ended, opened, resolved FROM queue"


def enter(
    connection: Connection,
    alerts: Sequence[Alert],
    resolved: Mapping[str, datetime],
    repeats: Collection[str],
    now: datetime,
) -> int:
    """Enter alerts inside the caller's transaction, each once; return how many are new.

    Args:
        connection: a connection in a writing transaction.
        alerts: what was delivered, kept already.
        resolved: id of an alert to when its sender said that it is over, which comes before the firing at times.
            It and all earlier firings of its series are over then.
        repeats: ids of alerts that count only where nothing of their series is known.
        now: the time.
    """
    new = connection.executemany(
        "INSERT INTO queue (alert_id, series, rank, fired, received, state) SELECT ?1, ?2, ?3, ?4, ?5, 'received' "
        "WHERE ?6 = 0 OR NOT EXISTS (SELECT 1 FROM queue WHERE series = ?2) ON CONFLICT (alert_id) DO NOTHING",
        (
            (
                each.id,
                series(each.id),
                _RANK.get(each.severity, 2),
                sortable(each.fired),
                sortable(now),
                each.id in repeats,
            )
            for each in alerts
        ),
    ).rowcount
    connection.executemany(  # what is known under an earlier start is no alert of its own
        "DELETE FROM alerts WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM queue WHERE alert_id = ?1)",
        ((alert_id,) for alert_id in repeats),
    )
    connection.executemany(
        "UPDATE queue SET resolved = coalesce(resolved, ?1) WHERE series = ?2 AND fired <= ?1",
        ((sortable(when), series(alert_id)) for alert_id, when in resolved.items()),
    )
    return new


def series(alert_id: str) -> str:
    """Return what an alert's firings have in common: its id without the start.

    >>> series("slow-0af1-20260131t025800z")
    'slow-0af1'
    """
    return alert_id.rpartition("-")[0] or alert_id


def _bury(connection: Connection, limits: Limits, now: datetime) -> None:
    """Fail what killed its workers as often as it may be tried."""
    connection.execute(
        "UPDATE queue SET state = 'failed', owner = '', ended = ?1, because = 'its worker died ' || tries || ' times' "
        "WHERE state = 'claimed' AND until <= ?1 AND tries >= ?2",
        (sortable(now), limits.tries),
    )


def _due(connection: Connection, limits: Limits, now: datetime, sorted_only: bool) -> str | None:
    """Return the alert that is due next."""
    moment = sortable(now)
    for waiting in (_LEFT, _RESTED, *((_NEW,) if _begun(connection, now) < limits.an_hour else ())):
        row = connection.execute(waiting, {"now": moment, "sorted": sorted_only}).fetchone()
        if row is not None:
            return str(row[0])
    return None


_LEFT = "SELECT alert_id FROM queue WHERE state = 'claimed' AND until <= :now ORDER BY until LIMIT 1"
_RESTED = (  # an expression keeps SQLite from walking through all that was received
    "SELECT alert_id FROM queue WHERE state || '' = 'received' AND began > '' AND after <= :now ORDER BY began LIMIT 1"
)
_NEW = (
    "SELECT alert_id FROM queue WHERE state = 'received' AND began IS NULL AND after <= :now "
    "AND (:sorted = 0 OR near IS NOT NULL) ORDER BY rank, received LIMIT 1"
)


def _begun(connection: Connection, now: datetime) -> int:
    """Return how many investigations were begun in the last hour."""
    return int(connection.execute("SELECT count(*) FROM queue WHERE began > ?", (sortable(now - HOUR),)).fetchone()[0])


def _sight(row: Sequence[str], firings: int = 1) -> Sight:
    alert_id, series_, environment, fired, told = row
    own, near, labels = (frozenset(each) for each in json.loads(told))
    return Sight(alert_id, series_, environment, datetime.fromisoformat(fired), own, near, labels, firings)


def _place(row: tuple[str | int | None, ...]) -> Place:
    alert_id, state, received, because, case_of, tries, *moments = row
    began, ended, opened, resolved = (datetime.fromisoformat(str(each)) if each else None for each in moments)
    return Place(
        str(alert_id),
        Progress(str(state)),
        datetime.fromisoformat(str(received)),
        str(because),
        str(case_of or ""),
        int(tries or 0),
        began,
        ended,
        opened,
        resolved,
    )
