"""Alertmanager's own list of alerts, looked at again and again: for where its webhook cannot reach us.

What is new in the list is delivered as a webhook would; what left it is over. What ended while nobody looked is not
known to be over: the list of the time before is in memory alone.
"""

from __future__ import annotations

import logging
import threading

from ontology.errors import PersonError
from workbench import assembly
from workbench.intake.alertmanager import listed
from workbench.settings import Settings

_log = logging.getLogger(__name__)


class Poll:
    """One looker at the Alertmanager of the settings; several do no harm, as an alert is kept once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._firing: frozenset[str] = frozenset()

    def once(self) -> int:
        """Keep what is new and note what is over; return how many alerts are new to the queue.

        Raises:
            Unavailable: Alertmanager or the journal does not answer; the next look catches up.
        """
        found = listed(assembly.firing(self._settings))
        for problem in found.problems:
            _log.warning("An alert was left out: %s", problem)
        firing = frozenset(each.id for each in found.alerts)
        came = [each for each in found.alerts if each.id not in self._firing]
        journal = assembly.journal(self._settings)
        over = dict.fromkeys(self._firing - firing, journal.now())
        new = journal.receive(came, assembly.LIVE, over) if came or over else 0
        self._firing = firing
        return new

    def until(self, stop: threading.Event) -> None:
        """Look every so many seconds, until told to stop."""
        while not stop.is_set():
            try:
                self.once()
            except PersonError as error:
                _log.warning("Alertmanager's list was not read. %s", error)
            stop.wait(self._settings.watch_poll_seconds)
