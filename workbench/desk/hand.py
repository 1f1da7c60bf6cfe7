"""What is in hand in this kernel: the case that was opened last, its graph, its now.

Where no case is open, the graph is the estate's own and the time that of the clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench import assembly, settings
from workbench.desk.desk import Desk

if TYPE_CHECKING:
    from workbench.graph.holder import Holder

_desks: dict[str, Desk] = {}
"""The desks of this kernel, latest last."""


def take(alert_id: str, desk: Desk) -> None:
    """Make this the desk in hand."""
    _desks.pop(alert_id, None)
    _desks[alert_id] = desk


def desk() -> Desk | None:
    """Return the desk that was opened last, if any."""
    return next(reversed(_desks.values()), None)


def estate() -> Holder:
    """Return the graph of the case that was opened last, or the estate's own where none is open.

    `wb.estate().to_rdflib()` is a copy for whoever prefers rdflib.
    """
    held = desk()
    return assembly.live(settings.load()).graph if held is None else held.tools.place.graph


def now() -> datetime:
    """Return the time, as the world of the case in hand has it."""
    held = desk()
    return datetime.now(UTC) if held is None else held.now()


def fired() -> datetime | None:
    """Return when the alert of the case in hand fired; None where no case is open."""
    held = desk()
    return None if held is None else held.case.alert.fired
