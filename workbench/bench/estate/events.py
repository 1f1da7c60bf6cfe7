"""What happened to the estate's processes, as an orchestrator would tell it: kept, and written as JSON lines.

{"time": "2026-01-31T02:51:02.123Z", "entity": "payment", "kind": "container", "field": "last terminated", ...}
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ontology.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, in the columns of a state table."""

    time: datetime
    entity: str
    kind: str
    field: str
    value: str


class Events:
    """All that happened, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._all: list[Event] = []
        self._lock = threading.Condition()
        path.touch()

    @property
    def all(self) -> tuple[Event, ...]:
        """What happened so far."""
        with self._lock:
            return tuple(self._all)

    def add(self, entity: str, kind: str, field: str, value: str) -> None:
        """Keep an event of now."""
        with self._lock, self.path.open("a") as file:
            event = Event(datetime.now(UTC), entity, kind, field, value)
            self._all.append(event)
            at = event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            said = {"time": at, "entity": entity, "kind": kind, "field": field, "value": value}
            file.write(json.dumps(said) + "\n")
            self._lock.notify_all()

    def wait(self, entity: str, field: str, after: datetime, patience: float) -> Event:
        """Wait for the first event of an entity's field after a moment.

        Raises:
            Unavailable: none came in time.
        """

        def found() -> Event | None:
            meant = (each for each in self._all if (each.entity, each.field) == (entity, field) and each.time > after)
            return next(meant, None)

        with self._lock:
            event = self._lock.wait_for(found, patience)
        if event is None:
            raise Unavailable(f"{entity} said nothing of {field!r}.", next_step=f"Read {self.path}.")
        return event
