"""What was told of an incident, and where: so that a change edits the message, and nothing is told twice.

A row is an incident at one place. It is held for a while by the worker that sends; the intent is on disk before the
message goes out and its name there after, so a worker that dies in between leaves a row that says so (`again`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workbench.journal.database import Database, sortable

FRESH = timedelta(hours=1)
"""A finding that is older is not told for the first time: who sets a place up is not flooded with what is over."""
FOLLOWED = timedelta(days=7)
"""So long a message follows its incident."""
HELD = timedelta(minutes=3)
"""A worker that is silent for so long has died; one telling takes less."""
PAUSE = timedelta(seconds=10)
"""Between two edits of one message."""
BACKOFF = timedelta(seconds=30)
LONGEST = timedelta(hours=1)
TRIES = 8
"""In a row, after which a message waits for the next change of its incident."""


@dataclass(frozen=True, slots=True)
class Due:
    """An incident whose messages may not say what is so now."""

    alert_id: str
    stamp: str
    """Changes with the trail, the number of alerts, and its end."""
    alerts: int
    """That belong to it, its own included."""
    resolved: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of an incident at a place, held by a worker."""

    alert_id: str
    place: str
    owner: str
    revision: int = 0
    """Of what arrived last; 0 where nothing did."""
    reference: str = ""
    digest: str = ""
    gist: str = ""
    again: bool = False
    """Whether somebody began to send the next revision and never noted how it went."""
    tries: int = 0
    problem: str = ""


def due(database: Database, now: datetime) -> tuple[Due, ...]:
    """Return the incidents to look at: found and shown by a worker, changed since, none of it quiet."""
    moments = {"now": sortable(now), "fresh": sortable(now - FRESH), "followed": sortable(now - FOLLOWED)}
    with database.reading() as connection:
        rows = connection.execute(_DUE, moments).fetchall()
    return tuple(
        Due(alert_id, stamp, 1 + others, datetime.fromisoformat(resolved) if resolved else None)
        for alert_id, stamp, others, resolved in rows
    )


def plan(database: Database, each: Due, places: Sequence[str]) -> None:
    """Note where an incident is to be told before anything is sent, so that a death in between leaves none out.

    Places that are not set any more are left as they are; an incident that is told nowhere has a row that says so.
    """
    with database.writing() as connection:
        connection.executemany(
            "INSERT INTO sent (alert_id, place) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(each.alert_id, to) for to in places or [""]],
        )
        connection.execute(
            f"UPDATE sent SET seen = ? WHERE alert_id = ? AND place NOT IN ({', '.join('?' * len(places)) or 'NULL'})",  # noqa: S608  # question marks
            (each.stamp, each.alert_id, *places),
        )


def take(database: Database, each: Due, place: str, owner: str, now: datetime) -> Sent | None:
    """Hold an incident's row at a place; None where another worker does, it rests, or it says all that is so."""
    with database.writing() as connection:
        row = connection.execute(
            "UPDATE sent SET owner = ?1, until = ?2 WHERE alert_id = ?3 AND place = ?4 AND after <= ?5 AND seen != ?6 "
            "AND (owner = '' OR until <= ?5) RETURNING revision, reference, digest, gist, begun, tries, problem",
            (owner, sortable(now + HELD), each.alert_id, place, sortable(now), each.stamp),
        ).fetchone()
    if row is None:
        return None
    revision, reference, digest, gist, begun, tries, problem = row
    return Sent(each.alert_id, place, owner, revision, reference, digest, gist, bool(begun), tries, problem)


def begin(database: Database, held: Sent) -> bool:
    """Note that a revision is about to be sent; False where the row is another worker's by now."""
    return _change(database, held, "begun = 1")


def note(database: Database, held: Sent, each: Due, reference: str, digest: str, gist: str, now: datetime) -> bool:
    """Note that it arrived, and let go."""
    return _change(
        database,
        held,
        "revision = revision + 1, reference = ?, digest = ?, gist = ?, seen = ?, after = ?, begun = 0, tries = 0, "
        "problem = '', owner = ''",
        (reference, digest, gist, each.stamp, sortable(now + PAUSE)),
    )


def same(database: Database, held: Sent, each: Due) -> bool:
    """Note that there is nothing new to tell, and let go."""
    return _change(database, held, "seen = ?, owner = ''", (each.stamp,))


def failed(database: Database, held: Sent, each: Due, problem: str, now: datetime, rest: timedelta) -> bool:
    """Note why it did not arrive, and when it is tried again: after what was asked for, or longer each time."""
    wait = max(rest, min(BACKOFF * 2 ** min(held.tries, 10), LONGEST))
    seen = each.stamp if held.tries + 1 >= TRIES else ""
    return _change(
        database,
        held,
        "problem = ?, tries = tries + 1, after = ?, seen = ?, owner = ''",
        (problem, sortable(now + wait), seen),
    )


def messages(database: Database) -> tuple[Sent, ...]:
    """Return what was told or failed to be, the latest incident first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT alert_id, place, owner, revision, reference, digest, gist, begun, tries, problem FROM sent "
            "JOIN outcomes USING (alert_id) WHERE place != '' ORDER BY at DESC, place"
        ).fetchall()
    return tuple(Sent(*row) for row in rows)


def _change(database: Database, held: Sent, change: str, values: tuple[str, ...] = ()) -> bool:
    with database.writing() as connection:
        done = connection.execute(
            f"UPDATE sent SET {change} WHERE alert_id = ? AND place = ? AND owner = ?",  # noqa: S608  # constants above
            (*values, held.alert_id, held.place, held.owner),
        )
        return done.rowcount > 0


_DUE = """
WITH told AS (
    SELECT alert_id, at, resolved,
        (SELECT count(*) FROM queue AS other WHERE other.case_of = queue.alert_id) AS others,
        (SELECT n || ' ' || at FROM entries WHERE case_id = 'case-' || alert_id ORDER BY n DESC LIMIT 1) AS last
    FROM outcomes JOIN queue USING (alert_id) WHERE shown = 1 AND at > :followed
), stamped AS (
    SELECT *, coalesce(last, '') || ' ' || others || ' ' || coalesce(resolved, '') AS stamp FROM told
)
SELECT alert_id, stamp, others, resolved FROM stamped
WHERE EXISTS (
    SELECT 1 FROM sent WHERE sent.alert_id = stamped.alert_id AND seen != stamp AND after <= :now
    AND (owner = '' OR until <= :now)
) OR (at > :fresh AND NOT EXISTS (SELECT 1 FROM sent WHERE sent.alert_id = stamped.alert_id))
ORDER BY at
"""
