"""`workbench watch`: what was delivered is investigated and written while nobody looks, through any death."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ontology.nouns import Alert
from workbench import assembly
from workbench.desk.door import take_up
from workbench.desk.prepare import backend
from workbench.desk.triage import triage
from workbench.desk.watch import TakenAwayError, Unattended, Watch, limits_of
from workbench.journal import Progress
from workbench.journal.queue import Decision
from workbench.notebook import document
from workbench.settings import Settings

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def _deliver(settings: Settings, small_case: Path, n: int = 1) -> list[Alert]:
    """Put alerts of the recorded case into the queue, as the webhook does; of several, each is a case of its own."""
    alert, journal = assembly.recorded_alert(str(small_case)), assembly.journal(settings)
    alerts = [replace(alert, id=f"slow-{number:x}-20260101t000000z") for number in range(n)]
    journal.receive(alerts, str(small_case))
    for each in alerts if n > 1 else ():
        journal.queue.sort(each.id, [], [], [], lambda _new, _heads: Decision(Progress.RECEIVED), timedelta())
    return alerts


def _written(settings: Settings, alert: Alert) -> bool:
    """Say whether the notebook on disk shows the case as it ended."""
    case = assembly.journal(settings).latest(f"case-{alert.id}")
    shown = document.read(document.path_for(alert, settings.notebooks_folder)).cells[0].outputs[0].data["text/plain"]
    return case is not None and bool(case.ended) and f"{case.spent.questions} of 40 questions" in shown


def test_what_was_delivered_is_investigated_and_written(workbench: Any, small_case: Path) -> None:
    """After `watch --once` the notebook holds the conclusion, and `--status` says so; a second run finds nothing."""
    settings = Settings(home=workbench.home)
    (alert,) = _deliver(settings, small_case)

    ran = workbench("watch", "--once")

    assert (ran.code, "investigated" in ran.out) == (0, True)
    assert _written(settings, alert)
    assert [each.action for each in assembly.journal(settings).trail(f"case-{alert.id}")] == ["open", "run"]
    assert workbench("watch", "--once").out == ""
    assert workbench("watch", "--status").out.startswith("0 received, 0 claimed, 1 investigated")


def test_whoever_opens_the_notebook_later_pays_nothing_again(settings: Settings, small_case: Path) -> None:
    """The notebook's own `case.run()` is the worker's run, replayed: not a question more."""
    (alert,) = _deliver(settings, small_case)
    Watch(settings, "a").once()

    desk = take_up(alert.id, settings)
    before = desk.case.spent
    desk.run()

    assert desk.case.ended
    assert desk.case.spent == before
    assert len(assembly.journal(settings).trail(desk.case.id)) == 2


def test_a_notebook_that_a_person_opened_is_not_written(settings: Settings, small_case: Path) -> None:
    """Led there by the link, or found saved by somebody: the file stays as it is, and the journal goes on."""
    alerts = _deliver(settings, small_case, 2)
    desks, journal = backend(settings), assembly.journal(settings)
    before = {}
    for n, alert in enumerate(alerts):
        claim = journal.queue.claim("first", limits_of(settings))
        assert claim is not None
        take_up(alert.id, settings, sit=partial(Unattended, claim=claim, stop=threading.Event()))
        path = desks.notebook_of(alert)
        assert path is not None
        if n:
            desks.opened(alert)
        else:
            notebook = document.read(path)
            notebook.cells[-1].source = "# a person was here"
            document.write(path, notebook)
        before[path] = path.read_bytes()
        journal.queue.put_back(claim)

    while Watch(settings, "second").once() is not None:
        pass

    assert {path: path.read_bytes() for path in before} == before
    cases = [journal.latest(f"case-{alert.id}") for alert in alerts]
    assert all(case is not None and case.ended for case in cases)


def test_a_worker_whose_case_a_person_took_over_keeps_nothing_more(settings: Settings, small_case: Path) -> None:
    """From then on the trail is the person's: the worker's next step is refused."""
    (alert,) = _deliver(settings, small_case)
    journal = assembly.journal(settings)
    claim = journal.queue.claim("worker", limits_of(settings))
    assert claim is not None
    desk = take_up(alert.id, settings, sit=partial(Unattended, claim=claim, stop=threading.Event()))
    trail = journal.trail(desk.case.id)
    journal.queue.taken_over(alert.id)

    with pytest.raises(TakenAwayError):
        desk.run()

    assert [each.n for each in journal.trail(desk.case.id)] == [each.n for each in trail]
    assert Watch(settings, "other").once() is None


def test_a_worker_that_is_told_to_stop_gives_its_case_back(settings: Settings, small_case: Path) -> None:
    """It ends after the step under way; the next worker goes on from there, and the try does not count."""
    (alert,) = _deliver(settings, small_case)
    stop = threading.Event()
    stop.set()

    place = Watch(settings, "first").once(stop)

    assert place is not None
    assert (place.state, place.tries) == (Progress.RECEIVED, 0)
    done = Watch(settings, "second").once()
    assert done is not None
    assert (done.state, done.tries) == (Progress.INVESTIGATED, 1)
    assert _written(settings, alert)


def test_a_case_that_cannot_be_read_does_not_end_the_work(settings: Settings, small_case: Path) -> None:
    """An alert whose environment is gone rests with its reason; the next one is investigated."""
    alert = assembly.recorded_alert(str(small_case))
    journal = assembly.journal(settings)
    journal.receive([replace(alert, id="lost-0-20260101t000000z")], str(small_case / "gone"))
    _deliver(settings, small_case)

    lost, found = (Watch(settings, "a").once() for _ in range(2))

    assert lost is not None
    assert found is not None
    assert (lost.state, found.state) == (Progress.RECEIVED, Progress.INVESTIGATED)
    assert "There is no recording" in lost.because


def test_alerts_that_belong_together_are_one_investigation(settings: Settings, small_case: Path) -> None:
    """One on the thing that another one's calls lead to is attached; one on nothing that the graph knows is not."""
    alert, journal = assembly.recorded_alert(str(small_case)), assembly.journal(settings)
    beside = replace(alert, id="slow-b-20260101t000000z", title="Beside", labels={"service": "checkout"})
    nowhere = {"service": "nowhere"}
    elsewhere = replace(alert, id="slow-c-20260101t000000z", title="Elsewhere", summary="", labels=nowhere)
    for each in (alert, beside, elsewhere):
        journal.receive([each], str(small_case))

    triage(journal, settings)

    states = {each.alert_id: (each.state, each.case_of) for each in journal.queue.places()}
    assert states[alert.id] == (Progress.RECEIVED, "")
    assert states[beside.id] == (Progress.ATTACHED, alert.id)
    assert states[elsewhere.id] == (Progress.RECEIVED, "")


def test_a_storm_is_one_investigation(settings: Settings, small_case: Path) -> None:
    """Sixty alerts at once, most of them on nothing that is known, lead to one case with all of them in it."""
    alert, journal = assembly.recorded_alert(str(small_case)), assembly.journal(settings)
    labels = [{"job": f"job-{n}"} for n in range(60)]
    storm = [replace(alert, id=f"slow-{n:x}-20260101t000000z", labels=each) for n, each in enumerate(labels)]
    journal.receive(storm, str(small_case))

    places = [place for _ in range(3) if (place := Watch(settings, "a").once())]

    assert [each.state for each in places] == [Progress.INVESTIGATED]
    assert len(journal.queue.members(places[0].alert_id)) == 59
    assert len(list(settings.notebooks_folder.glob("*.ipynb"))) == 1


def test_what_a_person_muted_is_not_investigated(workbench: Any, small_case: Path) -> None:
    """A rule said on the command line keeps its alerts from the workers, until a person ends it; it needs a reason."""
    settings = Settings(home=workbench.home)
    workbench("mute", "service=frontend").refused("reason")
    assert "1  service=front*" in workbench("mute", "service=front*", "--for", "2h", "--because", "planned").out
    _deliver(settings, small_case)

    assert workbench("watch", "--once").out == ""
    assert "planned" in workbench("watch", "--status").out
    assert workbench("mute", "--end", "1").out == ""


WORKERS = """
import os, sys
from pathlib import Path
from workbench.desk.triage import triage
from workbench.desk.watch import Watch
from workbench.settings import Settings
import nbformat.sign, nbformat.v4.convert, pandas, pyarrow.parquet, workbench.desk.prepare
import workbench.reasoning.statistical, workbench.telemetry.recorded
settings = Settings(home=Path(sys.argv[1]), watch_lease_seconds=0.6, watch_tries=1000, watch_an_hour=1000)
for line in sys.stdin:
    child = os.fork()
    if not child:
        while Watch(settings, line.strip()).once() is not None:
            pass
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Forks a worker for every line, named by it, and says its pid and how it ended."""


@pytest.fixture
def workers(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", WORKERS, str(settings.home)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_worker_that_is_killed_at_any_point_loses_and_doubles_nothing(
    settings: Settings, small_case: Path, workers: subprocess.Popen[str]
) -> None:
    """However often workers are killed in the middle, each case ends as it does unkilled, each step kept once."""
    kills, alerts = (60, _deliver(settings, small_case, 20)) if SOAK else (2, _deliver(settings, small_case, 1))
    assert workers.stdin is not None
    assert workers.stdout is not None
    killed = 0
    for trial in range(1000):
        workers.stdin.write(f"worker {trial}\n")
        workers.stdin.flush()
        pid = int(workers.stdout.readline())
        if killed < kills:
            killer = threading.Timer(random.Random(trial).uniform(0.02, 0.4), os.kill, (pid, 9))
            killer.start()
        code = int(workers.stdout.readline())
        killer.cancel()
        killed += code == -9
        if code == 0 and not _open(settings):
            break

    assert killed == kills
    whole = Settings(home=settings.home / "unkilled", watch_lease_seconds=0.6)
    _deliver(whole, small_case)
    Watch(whole, "a").once()
    want = _told(whole, alerts[0])
    journal = assembly.journal(settings)
    assert journal.check() == "ok"
    assert [each.state for each in journal.queue.places()] == [Progress.INVESTIGATED] * len(alerts)
    assert [_told(settings, each) for each in alerts] == [want] * len(alerts)
    assert all(_written(settings, each) for each in alerts)


def _open(settings: Settings) -> bool:
    counts = assembly.journal(settings).queue.counts()
    return counts[Progress.RECEIVED] + counts[Progress.CLAIMED] > 0


def _told(settings: Settings, alert: Alert) -> tuple[object, ...]:
    """Return what a case came to, and how: its lines, steps, questions, and what was found."""
    trail = assembly.journal(settings).trail(f"case-{alert.id}")
    case = trail[-1].case
    asked = [each.question.id for each in case.observations]
    assert len(asked) == len(set(asked))
    return ([each.action for each in trail], case.steps, asked, case.ended, [each.id for each in case.hypotheses])
