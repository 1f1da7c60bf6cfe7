"""Who steers a case, and since when: one row a case, for a second person who opens it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from workbench.journal import money
from workbench.journal.database import Database


@dataclass(frozen=True, slots=True)
class Hand:
    """Who carried out a line of a case last."""

    who: str
    since: datetime
    """When they began, without anybody else in between."""


def take(database: Database, case_id: str, who: str, now: datetime) -> None:
    """Note that this process steers the case; it keeps its begin while nobody else does."""
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO hands (case_id, who, process, since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (case_id) DO UPDATE "
            "SET since = CASE WHEN hands.process = excluded.process THEN hands.since ELSE excluded.since END, "
            "who = excluded.who, process = excluded.process",
            (case_id, who, money.this_process(), now.astimezone(UTC).isoformat()),
        )


def other(database: Database, case_id: str) -> Hand | None:
    """Return who steers the case in another process that lives; None where nobody does."""
    with database.reading() as connection:
        row = connection.execute("SELECT who, process, since FROM hands WHERE case_id = ?", (case_id,)).fetchone()
    if row is None or row[1] == money.this_process() or not money.alive(row[1]):
        return None
    return Hand(row[0], datetime.fromisoformat(row[2]))
