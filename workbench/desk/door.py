"""The words of the notebook's door: open, recorded, close, alerts, calibration, sparql."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from ontology.nouns import Alert
from workbench import assembly, settings
from workbench.desk import hand
from workbench.desk.asking import GraphInHand
from workbench.desk.beside import Beside
from workbench.desk.desk import Desk, Tools
from workbench.desk.grades import MONTH, calibrated, own
from workbench.desk.thresholds import routed, threshold_of
from workbench.desk.trust import Narrowed, level_of
from workbench.engine.loop import opened
from workbench.journal import Entry, Journal
from workbench.notebook.document import path_for
from workbench.nouns import Case
from workbench.render.calibration import calibration_view
from workbench.render.saved import alerts_view
from workbench.render.view import View
from workbench.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_warm: dict[str, Desk] = {}
"""Desks opened ahead of the cell that shows them; each is taken once."""


def open(alert_id: str, *, again: bool = False) -> Desk:  # said aloud as wb.open
    """Open the case of an alert: resume where its trail ends, or take the first look.

    Args:
        alert_id: id of an alert that the journal holds.
        again: start anew instead of resuming; the old trail is kept in the journal.

    Raises:
        NotFound: the journal holds no such alert.
    """
    warmed = _warm.pop(alert_id, None)
    desk = warmed if warmed and not again else sit_down(alert_id, settings.load(), again=again)
    hand.take(alert_id, desk)
    _greet()
    return desk


def warm(alert_id: str) -> None:
    """Open a case ahead of the cell that shows it; the lab extension calls this while the saved screen still stands."""
    _warm[alert_id] = sit_down(alert_id, settings.load())


def recorded(name: str, *, again: bool = False) -> Desk:
    """Open a recorded incident: one that ships, by its name, or the folder of a case.

    Raises:
        NotFound: there is neither.
    """
    return open(keep_recorded(name, settings.load()).id, again=again)


def keep_recorded(name: str, chosen: Settings) -> Alert:
    """Write the alert of a recorded case to the journal, with where it is to be read from; return it."""
    folder = assembly.recording(name)
    alert = assembly.recorded_alert(name)
    assembly.journal(chosen).keep_alert(alert, name if name in assembly.recordings() else str(folder.resolve()))
    return alert


def take_up(
    alert_id: str,
    chosen: Settings,
    *,
    again: bool = False,
    reasoner: str = "",
    sit: Callable[[Case, Tools, tuple[Entry, ...]], Desk] = Desk,
) -> Desk:
    """Return the desk of an alert, its first look taken; `sit` makes the desk."""
    journal = assembly.journal(chosen)
    alert, environment = journal.alert(alert_id)
    chosen = routed(alert, chosen)
    case = opened(alert)
    if again:
        case = _fresh(case, journal)
    level = partial(level_of, chosen=chosen, journal=journal)
    tools = Tools(
        place=assembly.workplace(environment, chosen),
        journal=journal,
        memory=assembly.memory(chosen),
        reasoner=Narrowed(assembly.reasoner(chosen, journal.ledger, reasoner), level),
        budget=assembly.budget(chosen),
        threshold=threshold_of(alert, chosen),
        notebook=path_for(alert, chosen.notebooks_folder),
        level=level,
        coefficients=own(journal),
        repositories=chosen.git_folders,
    )
    desk = sit(case, tools, journal.trail(case.id))
    desk.open()
    return desk


def sit_down(alert_id: str, chosen: Settings, *, again: bool = False) -> Desk:
    """Take up a case for a person: beside the worker that is at it, else as their own."""
    journal = assembly.journal(chosen)
    if not again and journal.queue.at_work(alert_id) and journal.trail(opened(journal.alert(alert_id).alert).id):
        journal.queue.opened(alert_id)
        desk = take_up(alert_id, chosen, sit=Beside)
        assert isinstance(desk, Beside)
        desk.follow()
        return desk
    journal.queue.taken_over(alert_id)
    return take_up(alert_id, chosen, again=again)


def close(case: Desk, verdict: str | None = None, *, remedy: str = "") -> View:
    """Close a case and remember it as an episode; the same as `case.save(verdict)`."""
    return case.save(verdict, remedy=remedy)


def alerts() -> View:
    """List the alerts that the journal holds, latest first."""
    return alerts_view([kept.alert for kept in assembly.journal(settings.load()).alerts()])


def calibration(days: int = MONTH.days) -> View:
    """Show how sure findings were and how often that was right, and what a threshold shows: a curve and a slider.

    Args:
        days: how far back the slider counts; the curve is of all that was graded here.
    """
    return calibration_view(calibrated(settings.load(), timedelta(days=days)), f"last {days} days")


def sparql(text: str) -> pd.DataFrame:
    """Ask the graph of the case that was opened last, or the estate's own graph where none is open.

    Raises:
        BadInput: a syntax error, with its position; or a form that is not allowed.
    """
    return GraphInHand().ask(text)


def _fresh(case: Case, journal: Journal) -> Case:
    """Return the case under the first id of its own that has no trail."""
    numbers = (f"{case.id}-{n}" for n in itertools.count(2))
    ids = itertools.chain((case.id,), numbers)
    return replace(case, id=next(each for each in ids if journal.latest(each) is None))


def _greet() -> None:
    """Make the magics known, and ask whether a lab listens, where this runs inside IPython."""
    from workbench.notebook import magics, nextcell

    shell = nextcell.shell()
    if shell is not None:
        magics.register(shell, GraphInHand())
        nextcell.listen()
