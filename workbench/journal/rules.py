"""What a person said needs no work, and until when: a mute, or a known issue. Every rule ends by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from ontology.errors import BadInput, NotFound
from ontology.nouns import Alert
from workbench.journal.database import Database, sortable

Kind = Literal["mute", "known-issue"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Alerts with these labels need no work until then."""

    id: int
    kind: Kind
    labels: Mapping[str, str]
    """Name to value, which may hold `*`; all must fit. `alertname` is the title."""
    because: str
    until: datetime

    def fits(self, alert: Alert) -> bool:
        """Say whether the alert has all of the labels."""
        said = {"alertname": alert.title, **alert.labels}
        return all(fnmatchcase(said.get(name, ""), value) for name, value in self.labels.items())

    @property
    def words(self) -> str:
        """The rule as a reason."""
        name = {"mute": "muted", "known-issue": "known issue"}[self.kind]
        return f"{name} until {self.until:%Y-%m-%d %H:%M} UTC: {self.because}"


def add(
    database: Database, kind: Kind, labels: Mapping[str, str], because: str, *, now: datetime, until: datetime
) -> None:
    """Add a rule.

    Raises:
        BadInput: it names no label, gives no reason, or has ended already.
    """
    if not labels or not because.strip() or until <= now:
        raise BadInput(
            "A rule names at least one label, gives a reason, and ends later than now.",
            next_step='Write: workbench mute service=checkout --for 2h --because "planned work"',
        )
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO rules (kind, labels, because, made, until) VALUES (?, ?, ?, ?, ?)",
            (kind, json.dumps(dict(labels)), because.strip(), sortable(now), sortable(until)),
        )


def active(database: Database, now: datetime) -> tuple[Rule, ...]:
    """Return the rules that have not ended."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT id, kind, labels, because, until FROM rules WHERE until > ? ORDER BY until", (sortable(now),)
        ).fetchall()
    return tuple(
        Rule(number, kind, json.loads(labels), because, datetime.fromisoformat(until))
        for number, kind, labels, because, until in rows
    )


def end(database: Database, number: int, now: datetime) -> None:
    """End a rule now.

    Raises:
        NotFound: no such rule is in force.
    """
    with database.writing() as connection:
        done = connection.execute("UPDATE rules SET until = ?1 WHERE id = ?2 AND until > ?1", (sortable(now), number))
        if not done.rowcount:
            raise NotFound(f"No rule {number} is in force.", next_step="List them: workbench mute --list")
