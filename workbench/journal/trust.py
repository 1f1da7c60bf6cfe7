"""How far each service is trusted to our claims: who said so, and when. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from workbench.journal.database import Database
from workbench.nouns import Level


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a person said of a service."""

    service: str
    level: Level
    who: str
    at: datetime


def say(database: Database, service: str, level: Level, who: str, now: datetime) -> None:
    """Write down who set the level of a service.

    Raises:
        ValueError: nobody is named.
    """
    if not who.strip():
        raise ValueError("a level is set by a person")
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO trust (service, level, who, at) VALUES (?, ?, ?, ?)",
            (service, str(level), who.strip(), now.astimezone(UTC).isoformat()),
        )


def said(database: Database) -> tuple[Trusted, ...]:
    """Return all that was said, the oldest first."""
    with database.reading() as connection:
        rows = connection.execute("SELECT service, level, who, at FROM trust ORDER BY n").fetchall()
    return tuple(Trusted(service, Level(level), who, datetime.fromisoformat(at)) for service, level, who, at in rows)


def current(database: Database) -> Mapping[str, Trusted]:
    """Return what holds now, by service: the latest that was said of each."""
    return {each.service: each for each in said(database)}
