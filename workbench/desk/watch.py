"""The work that is done while nobody looks: claim an alert, investigate it, write its notebook, go on with the next.

The investigation is the very one of the notebook's `case.run()`, in the same trail: whoever opens the notebook later
replays it for nothing, and a worker that takes over from a killed one goes on where the trail ends. The notebook is
written after every step until a person opens it; from then on only the journal is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.errors import BadInput, NotFound, PersonError
from workbench import assembly
from workbench.desk.desk import Act, Desk, Tools
from workbench.desk.door import take_up
from workbench.desk.prepare import fill
from workbench.desk.tell import tell
from workbench.desk.triage import triage
from workbench.journal import Claim, Entry, Journal, Limits, Place, outcomes
from workbench.notebook import document
from workbench.nouns import Case
from workbench.settings import Settings

if TYPE_CHECKING:
    from nbformat import NotebookNode

PAUSE = 1.0
"""Seconds between looks into an empty queue."""
_log = logging.getLogger(__name__)


class TakenAwayError(Exception):
    """The worker does not hold its alert any more: its lease lapsed, or a person took the case over."""


class StoppedError(Exception):
    """The worker was told to stop; what it knows is kept."""


class Unattended(Desk):
    """A desk at which a worker sits: it keeps a step only while the alert is the worker's own."""

    def __init__(
        self, case: Case, tools: Tools, trail: tuple[Entry, ...] = (), *, claim: Claim, stop: threading.Event
    ) -> None:
        super().__init__(case, tools, trail)
        self.claim = claim
        self.told_to_stop = stop

    @property
    def who(self) -> str:
        """Nobody in person."""
        return "a worker"

    def _keep(self, act: Act, case: Case) -> None:
        if not self.tools.journal.queue.holds(self.claim):
            raise TakenAwayError(self.claim.alert_id)
        super()._keep(act, case)
        self.write()
        if self.told_to_stop.is_set() and not case.ended:
            raise StoppedError(self.claim.alert_id)

    def write(self) -> None:
        """Write the notebook as the case stands, unless a person opened it or wrote into it."""
        queue, path, alert = self.tools.journal.queue, self.tools.notebook, self.case.alert
        there = _said(path)
        if there and there not in queue.written(alert.id):
            queue.opened(alert.id)  # somebody else wrote it
        if not self._may_write():
            return
        notebook = document.compose(alert)
        fill(notebook, self)
        queue.wrote(self.claim, _mark(notebook))
        if not self._may_write():  # drawing takes a while
            return
        if there:
            document.write(path, notebook)
        else:
            document.create(path, notebook)

    def _may_write(self) -> bool:
        """Say whether the case is still this worker's, and nobody has opened the notebook."""
        queue = self.tools.journal.queue
        place = queue.place(self.case.alert.id)
        return queue.holds(self.claim) and place is not None and place.opened is None


@dataclass(frozen=True, slots=True)
class Watch:
    """A worker: takes one alert after the other from the journal's queue."""

    settings: Settings
    owner: str
    """Names this worker among all that share the journal."""

    def once(self, stop: threading.Event | None = None) -> Place | None:
        """Work on the alert that is due next, and return where it stands then; None where none is due."""
        journal, limits = assembly.journal(self.settings), limits_of(self.settings)
        triage(journal, self.settings)
        claim = journal.queue.claim(self.owner, limits, sorted_only=True)
        if claim is None:
            tell(journal, self.settings, self.owner)
            return None
        with _held(journal, claim, limits):
            self._investigate(journal, claim, stop or threading.Event(), limits)
        tell(journal, self.settings, self.owner)
        return journal.queue.place(claim.alert_id)

    def until(self, stop: threading.Event, tell: Callable[[Place], None]) -> None:
        """Work until told to stop; the case under way goes back into the queue after its step."""
        while not stop.is_set():
            try:
                done = self.once(stop)
            except PersonError as error:  # the journal is busy, or its disk full: nothing is lost, so wait
                _log.warning("The queue does not answer. %s", error)
                done = None
            if done is not None:
                tell(done)
            else:
                stop.wait(PAUSE)

    def _investigate(self, journal: Journal, claim: Claim, stop: threading.Event, limits: Limits) -> None:
        try:
            desk = take_up(claim.alert_id, self.settings, sit=partial(Unattended, claim=claim, stop=stop))
            desk.run()
            if claim.tries > 1 and isinstance(desk, Unattended):
                desk.write()  # who had it before may have died between the journal and the notebook
        except TakenAwayError:
            _log.info("%s was taken over by someone else.", claim.alert_id)
        except StoppedError:
            journal.queue.put_back(claim)
        except PersonError as error:
            journal.queue.let_go(claim, str(error), limits)
        except Exception as error:  # our own mistake in one case must not end the work on the others; it is kept
            _log.exception("The investigation of %s broke.", claim.alert_id)
            journal.queue.let_go(claim, f"{type(error).__name__}: {error}", limits)
        else:
            outcomes.keep(journal.database, desk.case, journal.now())
            journal.queue.finish(claim, desk.case.ended)


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings name."""
    return Limits(
        at_once=settings.watch_at_once,
        an_hour=settings.watch_an_hour,
        lease=timedelta(seconds=settings.watch_lease_seconds),
        tries=settings.watch_tries,
    )


@contextmanager
def _held(journal: Journal, claim: Claim, limits: Limits) -> Iterator[None]:
    """Renew the lease beside the work, three times in its length."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(limits.lease.total_seconds() / 3):
            try:
                if not journal.queue.renew(claim, limits):
                    return
            except PersonError as error:  # the next turn tries again; should it lapse, the step is not kept
                _log.warning("A lease was not renewed. %s", error)

    thread = threading.Thread(target=renew, name=f"lease of {claim.alert_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _said(path: Path) -> str:
    """Return the mark of the notebook at the path: empty where there is none, no mark of ours where it is broken."""
    try:
        return _mark(document.read(path))
    except NotFound:
        return ""
    except BadInput:
        return "broken"


def _mark(notebook: NotebookNode) -> str:
    """Return a hash of what the notebook's cells hold."""
    cells = [(each.id, each.source, each.get("outputs", [])) for each in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()
