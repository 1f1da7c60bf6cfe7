"""A desk beside a worker's: what the worker finds is shown as it comes, and nothing is written into the open notebook.

The worker keeps every step in the journal; the desk looks there and draws its first screen anew, in the kernel alone.
The first line of the person's own ends that: the worker lets go, and the person goes on where its trail ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from ontology.errors import PersonError
from workbench.desk import live
from workbench.desk.desk import Desk, Tools
from workbench.journal import Entry, Progress
from workbench.nouns import Case
from workbench.render.card import first_screen
from workbench.render.spend import spend_words
from workbench.render.view import View

LOOK = 0.5
"""Seconds between looks at the journal; each reads two rows."""
_log = logging.getLogger(__name__)


class Beside(Desk):
    """A desk that follows the trail of a worker, until its person does a line of their own."""

    def __init__(self, case: Case, tools: Tools, trail: tuple[Entry, ...] = ()) -> None:
        super().__init__(case, tools, trail)
        self._ended = threading.Event()
        """Set once there is nothing to follow: the worker is done, or the case is the person's."""
        self._seen: tuple[int, datetime] | None = None

    def follow(self) -> None:
        """Look at the journal again and again, beside the kernel's own work."""
        threading.Thread(target=self._follow, name=f"beside {self.case.id}", daemon=True).start()

    def look(self) -> bool:
        """Show what the journal holds by now, and say whether a worker may add to it."""
        journal, before = self.tools.journal, self.following
        place = journal.queue.place(self.case.alert.id)
        last = journal.last(self.case.id)
        with self._keeping:
            if self._ended.is_set():
                return False
            if place is None or place.state not in (Progress.RECEIVED, Progress.CLAIMED):
                self._ended.set()
            if last != self._seen:
                self._resume()
        if last != self._seen or before != self.following:
            self._seen = last
            live.refresh(self)
        return self.following

    @property
    def following(self) -> bool:
        """Whether a worker has the case."""
        return not self._ended.is_set()

    def screen(self) -> View:
        """The first screen, which says that somebody is at it."""
        spend = spend_words(self.case.spent, self._budget)
        worker = " · a worker goes on; a line of yours takes over" if self.following else ""
        return first_screen(self.case, self.now(), spend=spend + worker)

    def save(self, verdict: str | None = None, *, remedy: str = "") -> View:
        """Close the case, which is the person's from now on, and remember it as an episode."""
        self._take_over()
        return super().save(verdict, remedy=remedy)

    def _act(
        self,
        action: str,
        arguments: dict[str, Any],
        work: Callable[[Case], Iterator[Case]],
        *,
        replay: bool = True,
    ) -> View:
        if action != "open":  # which only repeats what the worker's trail begins with
            self._take_over()
        return super()._act(action, arguments, work, replay=replay)

    def _take_over(self) -> None:
        """Make the case the person's, where the worker left it."""
        with self._keeping:
            if self._ended.is_set():
                return
            self._ended.set()
            self.tools.journal.queue.taken_over(self.case.alert.id)
            self._resume()

    def _resume(self) -> None:
        """Put what the journal holds on the desk; what was replayed of it before stays so."""
        trail = self.tools.journal.trail(self.case.id)
        self._trail, self.case = list(trail), trail[-1].case

    def _follow(self) -> None:
        going = True
        while going and not self._ended.wait(LOOK):
            try:
                going = self.look()
            except PersonError as error:  # the journal is busy; the next look tries again
                _log.warning("The case is not followed just now. %s", error)
