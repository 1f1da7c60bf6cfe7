"""An alert becomes a notebook that is already filled: the first look is taken before anyone opens it.

The outputs are written by the very views that the cells would show, so that the file holds them before a kernel runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontology.errors import NotFound
from ontology.nouns import Alert
from workbench import assembly
from workbench.desk.desk import Desk
from workbench.desk.door import take_up
from workbench.desk.status import as_json, scanned, status, usage
from workbench.intake.alertmanager import Delivery
from workbench.notebook import document
from workbench.render.view import View
from workbench.settings import Settings

if TYPE_CHECKING:
    from nbformat import NotebookNode

VIEWS = ("alert", "graph", "metrics", "logs", "traces", "hypotheses", "coverage", "episodes", "spend", "timeline")
"""Views that a fresh notebook holds from the start: a cell whose last line is `case.<view>()`."""
_FINGERPRINT = re.compile(r"[0-9a-f]{1,16}")
_LAST_LINE = re.compile(r"case(?:\.(?P<view>\w+)\(\))?")


@dataclass(frozen=True, slots=True)
class Desks:
    """What the server needs: alerts in, notebooks out. Implements `workbench.server`'s backend."""

    settings: Settings
    _scans: dict[int, Any] = field(default_factory=dict, repr=False)
    """What the graph's sources were like in this minute: to count their facts takes a while, and panels ask often."""

    def receive(self, delivery: Delivery) -> None:
        """Write what was delivered to the journal and its queue before anything is answered."""
        journal = assembly.journal(self.settings)
        journal.receive(delivery.alerts, assembly.LIVE, delivery.resolved, delivery.repeats)

    def alert(self, alert_id: str) -> Alert | None:
        """Return the alert of that id, or the latest of that fingerprint; None where the journal holds neither."""
        journal = assembly.journal(self.settings)
        meant = journal.queue.fired_last(alert_id) if _FINGERPRINT.fullmatch(alert_id) else None
        try:
            return journal.alert(meant or alert_id).alert
        except NotFound:
            return None

    def notebook_of(self, alert: Alert) -> Path | None:
        """Return the alert's notebook where it is there, mended if a killed save left it broken."""
        path = document.path_for(alert, self.settings.notebooks_folder)
        return path if document.recover(path) in (document.Recovery.WHOLE, document.Recovery.RESTORED) else None

    def create(self, alert: Alert) -> Path:
        """Return the alert's notebook; make it, filled, where it is not there. Same alert, same notebook."""
        path = document.path_for(alert, self.settings.notebooks_folder)
        if self.notebook_of(alert) is None:
            assembly.journal(self.settings).queue.taken_over(alert.id)  # a person waits: no worker beside them
            notebook = document.compose(alert)
            fill(notebook, take_up(alert.id, self.settings))
            document.create(path, notebook)
        return path

    def opened(self, alert: Alert) -> None:
        """Note that a person is led to the notebook, so that no worker writes into it any more."""
        assembly.journal(self.settings).queue.opened(alert.id)

    def status(self) -> dict[str, Any]:
        """Return how things stand, for the panel and for metrics; the graph's sources as of at most a minute ago."""
        now = assembly.journal(self.settings).now()
        minute = int(now.timestamp() // 60)
        if minute not in self._scans:
            held = scanned(self.settings, now)
            self._scans.clear()
            self._scans[minute] = held
        return as_json(status(self.settings, self._scans[minute]))

    def usage(self, days: int) -> dict[str, Any]:
        """Return what was spent in so many days."""
        return as_json(usage(self.settings, days))

    def read(self, path: Path) -> None:
        """Note that a person reads the notebook, where it is that of an alert."""
        queue = assembly.journal(self.settings).queue
        place = queue.place(path.stem)
        if place is not None and place.opened is None:
            queue.opened(place.alert_id)

    def saved(self, path: Path) -> None:
        """Put the notebook as it was just saved into the episodes that remember it."""
        alert = document.read(path).metadata.get("workbench", {}).get("alert")
        if alert:
            assembly.memory(self.settings).refresh(alert, path)


def fill(notebook: NotebookNode, desk: Desk) -> None:
    """Write into the cells what they would show."""
    for cell in notebook.cells:
        view = _view(cell.source, desk) if cell.cell_type == "code" else None
        if view is not None:
            cell.outputs = [_output(view)]


def _view(source: str, desk: Desk) -> View | None:
    found = _LAST_LINE.fullmatch(source.strip().splitlines()[-1].strip()) if source.strip() else None
    if found is None:
        return None
    name = found["view"]
    if name is None:
        return desk.screen()
    return getattr(desk, name)() if name in VIEWS else None


def _output(view: View) -> NotebookNode:
    from nbformat.v4 import new_output

    output: NotebookNode = new_output("display_data", data=view._repr_mimebundle_())
    return output


def backend(settings: Settings) -> Desks:
    """Return what the server works with."""
    return Desks(settings)
