"""An open notebook while a worker is at its case: it follows the journal, until its person says a line."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from ontology.nouns import Alert
from workbench import assembly
from workbench.desk.beside import Beside
from workbench.desk.desk import Desk
from workbench.desk.door import sit_down, take_up
from workbench.desk.watch import TakenAwayError, Unattended, limits_of
from workbench.journal import Claim, Progress
from workbench.notebook import document
from workbench.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def alert(settings: Settings, small_case: Path) -> Alert:
    found = assembly.recorded_alert(str(small_case))
    assembly.journal(settings).receive([found], str(small_case))
    return found


@pytest.fixture
def worker(settings: Settings, alert: Alert) -> Desk:
    """A worker's desk after its first look."""
    return take_up(alert.id, settings, sit=partial(Unattended, claim=_claim(settings), stop=threading.Event()))


def _claim(settings: Settings) -> Claim:
    claim = assembly.journal(settings).queue.claim("worker", limits_of(settings))
    assert claim is not None
    return claim


def _sit_down(alert: Alert, settings: Settings) -> Beside:
    desk = sit_down(alert.id, settings)
    assert isinstance(desk, Beside)
    return desk


def test_an_open_notebook_follows_the_worker_and_its_file_stays(settings: Settings, alert: Alert, worker: Desk) -> None:
    """Each step of the worker shows on the desk; nothing more is written into the notebook, and nothing asked twice."""
    path = document.path_for(alert, settings.notebooks_folder)
    desk = _sit_down(alert, settings)
    before = path.read_bytes()

    worker.step()
    assert desk.look()
    assert desk.case.steps == worker.case.steps == 2
    assert "a worker goes on" in str(desk.screen())
    worker.run()
    claim = worker.claim if isinstance(worker, Unattended) else _claim(settings)
    assembly.journal(settings).queue.finish(claim)

    assert not desk.look()
    assert "a worker goes on" not in str(desk.screen())
    assert desk.case == worker.case
    assert path.read_bytes() == before
    desk.run()
    assert desk.case.spent == worker.case.spent


def test_a_line_of_the_person_takes_the_case_over_where_the_worker_is(
    settings: Settings, alert: Alert, worker: Desk
) -> None:
    """It goes on from the worker's last step, seen or not yet; the worker keeps nothing more."""
    desk = _sit_down(alert, settings)
    worker.step()

    desk.step(replay=False)

    assert desk.case.steps == 3
    assert not desk.following
    with pytest.raises(TakenAwayError):
        worker.step()
    trail = assembly.journal(settings).trail(desk.case.id)
    assert [each.action for each in trail] == ["open", "step", "step"]
    place = assembly.journal(settings).queue.place(alert.id)
    assert place is not None and (place.state, place.because) == (Progress.INVESTIGATED, "taken over by a person")


def test_a_case_that_no_worker_is_at_is_the_persons_from_the_start(settings: Settings, alert: Alert) -> None:
    """Opened before any worker came to it, it leaves the queue."""
    desk = sit_down(alert.id, settings)

    assert not isinstance(desk, Beside)
    assert assembly.journal(settings).queue.claim("worker", limits_of(settings)) is None
