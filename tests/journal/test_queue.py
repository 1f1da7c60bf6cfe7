"""The queue: every delivered alert once, held by one worker at a time, within the limits, through any death."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ontology.nouns import Alert, Window
from workbench.journal import Caps, Claim, Journal, Limits, Progress, money
from workbench.journal.database import APPLICATION, STEPS
from workbench.journal.queue import Decision

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
START = datetime(2026, 1, 1, tzinfo=UTC)
MANY = Limits(at_once=1000, an_hour=1000)


@dataclass
class Hands:
    """A clock that is moved by hand."""

    time: datetime = START

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=["file", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> Journal:
    """What is claimed of the queue holds for the file, and for the one that hosts share."""
    shared = request.param == "postgresql"
    return Journal(request.getfixturevalue("address")() if shared else tmp_path / "journal.db", now=clock)


def _alert(n: int, severity: str = "warning") -> Alert:
    return Alert(f"slow-{n:x}-20260101t000000z", "Slow", Window(START, START), severity=severity)


def _claim(journal: Journal, owner: str = "a", limits: Limits = MANY) -> Claim:
    claim = journal.queue.claim(owner, limits)
    assert claim is not None
    return claim


def test_an_alert_that_is_delivered_again_keeps_its_place(journal: Journal) -> None:
    """A replay, one after the work was done too, adds no row and begins nothing."""
    assert journal.receive([_alert(1), _alert(2)], "live") == 2
    journal.queue.finish(_claim(journal), "concluded")

    assert journal.receive([_alert(2), _alert(1), _alert(1)], "live", {_alert(1).id: START}) == 0
    states = Counter(each.state for each in journal.queue.places())
    assert states == {Progress.RECEIVED: 1, Progress.INVESTIGATED: 1}


def test_a_resolved_that_comes_before_the_firing_is_one_alert(journal: Journal) -> None:
    """In either order there is one row, which knows when it was over."""
    over = START + timedelta(minutes=4)
    assert journal.receive([_alert(1)], resolved={_alert(1).id: over}) == 1
    assert journal.receive([_alert(1)]) == 0

    (place,) = journal.queue.places()
    assert (place.state, place.resolved) == (Progress.RECEIVED, over)


def test_the_worst_comes_first_and_then_the_oldest(journal: Journal, clock: Hands) -> None:
    """A critical alert overtakes the warnings that wait; among equals the first come is the first served."""
    for n, severity in enumerate(("info", "warning", "warning", "critical")):
        journal.receive([_alert(n, severity)])
        clock.pass_(seconds=1)

    assert [_claim(journal).alert_id for _ in range(4)] == [_alert(n).id for n in (3, 1, 2, 0)]


def test_no_more_are_under_way_than_the_limits_say(journal: Journal) -> None:
    """With three allowed at once the fourth waits until one is finished."""
    journal.receive([_alert(n) for n in range(5)])
    limits = Limits(at_once=3, an_hour=100)
    held = [_claim(journal, "a", limits) for _ in range(3)]

    assert journal.queue.claim("b", limits) is None
    journal.queue.finish(held[0])
    assert journal.queue.claim("b", limits) is not None


def test_no_more_are_begun_in_an_hour_than_the_limits_say(journal: Journal, clock: Hands) -> None:
    """After five in an hour the sixth waits until the first is an hour old; one that is resumed does not count."""
    journal.receive([_alert(n) for n in range(7)])
    limits = Limits(at_once=100, an_hour=5)
    held = [_claim(journal, "a", limits) for _ in range(5)]
    for each in held[1:]:
        journal.queue.finish(each)
    clock.pass_(minutes=5)

    assert _claim(journal, "b", limits).alert_id == held[0].alert_id
    assert journal.queue.claim("b", limits) is None
    clock.pass_(minutes=56)
    assert journal.queue.finish(_claim(journal, "b", limits))
    assert _claim(journal, "b", limits).tries == 1


def test_a_lease_that_lapses_goes_to_the_next_worker_and_the_first_one_hears_of_it(
    journal: Journal, clock: Hands
) -> None:
    """Renewed it holds; silent for its length it is another's, and nothing that the first one says counts."""
    journal.receive([_alert(1)])
    first = _claim(journal)
    clock.pass_(seconds=50)
    assert journal.queue.renew(first, MANY)
    clock.pass_(seconds=50)
    assert journal.queue.holds(first)
    assert journal.queue.claim("b", MANY) is None
    clock.pass_(seconds=11)

    second = _claim(journal, "b")
    assert second == Claim(first.alert_id, "b", 2)
    assert not journal.queue.holds(first)
    assert not journal.queue.renew(first, MANY)
    assert not journal.queue.finish(first)
    assert not journal.queue.let_go(first, "too late", MANY)
    assert journal.queue.holds(second)


def test_a_case_that_kills_its_workers_is_given_up(journal: Journal, clock: Hands) -> None:
    """After three workers died in it, it has failed, with the reason, and the next alert is worked on."""
    journal.receive([_alert(1), _alert(2)])
    for _ in range(3):
        assert _claim(journal).alert_id == _alert(1).id
        clock.pass_(seconds=61)

    assert _claim(journal).alert_id == _alert(2).id
    place = journal.queue.place(_alert(1).id)
    assert place is not None
    assert (place.state, place.because) == (Progress.FAILED, "its worker died 3 times")


def test_what_fails_rests_and_is_tried_again(journal: Journal, clock: Hands) -> None:
    """A failure is not tried at once; after the last try it has failed, with what was said."""
    journal.receive([_alert(1)])
    for rest in (30, 60):
        journal.queue.let_go(_claim(journal), "no answer", MANY)
        clock.pass_(seconds=rest - 1)
        assert journal.queue.claim("a", MANY) is None
        clock.pass_(seconds=1)
    journal.queue.let_go(_claim(journal), "no answer", MANY)
    clock.pass_(days=1)

    (place,) = journal.queue.places()
    assert (place.state, place.because) == (Progress.FAILED, "no answer")
    assert journal.queue.claim("a", MANY) is None


def test_a_person_who_takes_a_case_over_takes_it_from_its_worker(journal: Journal) -> None:
    """Whether it waits or is worked on, it leaves the queue; one that is finished stays finished."""
    journal.receive([_alert(1), _alert(2), _alert(3)])
    held, done = _claim(journal), _claim(journal)
    journal.queue.finish(done, "concluded")
    for n in (1, 2, 3):
        journal.queue.taken_over(_alert(n).id)

    assert not journal.queue.holds(held)
    assert journal.queue.claim("b", MANY) is None
    said = Counter(each.because for each in journal.queue.places())
    assert said == {"taken over by a person": 2, "concluded": 1}


def test_open_cases_are_those_that_fire_or_just_ended_and_nobody_closed(journal: Journal, clock: Hands) -> None:
    """The worst first, each with the alerts that belong to it; none is attached, closed, or over for long."""
    alerts = [_alert(n, "critical" if n == 4 else "warning") for n in range(6)]
    clock.pass_(hours=3)
    ended = {alerts[1].id: START + timedelta(hours=1), alerts[2].id: START + timedelta(minutes=179)}
    journal.receive(alerts, resolved=ended)
    alike = Decision(Progress.ATTACHED, alerts[4].id, "alike")
    journal.queue.sort(alerts[5].id, (), (), (), lambda *_: alike, timedelta(hours=1))
    journal.queue.closed(alerts[3].id)

    found = [(place.alert_id, more) for place, more in journal.queue.open_cases(clock() - timedelta(hours=1), 10)]

    assert found == [(alerts[4].id, 1), (alerts[0].id, 0), (alerts[2].id, 0)]


def test_money_is_told_by_day_and_case(journal: Journal, clock: Hands) -> None:
    """What was settled, held and lost of each case on each day."""
    caps = Caps(10.0, 20.0)
    journal.settle(journal.reserve("case-a", 1.0, caps=caps), 0.4, 100)
    journal.reserve("case-a", 0.5, caps=caps)
    journal.settle(journal.reserve("case-b", 1.0, caps=caps), 0.1, 10)

    told = money.by_day(journal.database, clock().date())

    assert [(case_id, spent.dollars, spent.held, spent.tokens) for _, case_id, spent in told] == [
        ("case-a", 0.4, 0.5, 100),
        ("case-b", 0.1, 0.0, 10),
    ]


def test_many_workers_at_once_take_each_alert_once(tmp_path: Path) -> None:
    """Sixteen workers on connections of their own, deliveries repeated in between: each alert is claimed just once."""
    alerts = [_alert(n) for n in range(400 if SOAK else 60)]
    Journal(tmp_path / "journal.db").receive(alerts)
    gate = threading.Barrier(16)

    def work(n: int) -> list[str]:
        own, taken = Journal(tmp_path / "journal.db"), []
        gate.wait()
        while (claim := own.queue.claim(f"worker {n}", MANY)) is not None:
            taken.append(claim.alert_id)
            own.receive(random.Random(n).sample(alerts, 5))
            assert own.queue.finish(claim)
        return taken

    with ThreadPoolExecutor(16) as pool:
        taken = Counter(each for one in pool.map(work, range(16)) for each in one)
    assert taken == {each.id: 1 for each in alerts}


RECEIVER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ontology.nouns import Alert, Window
from workbench.journal import Journal
window = Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
print("ready", flush=True)
for line in sys.stdin:
    n = int(line)
    journal = Journal(Path(sys.argv[1]))
    journal.receive([Alert(f"slow-{n:x}-{k}", "Slow", window) for k in range(3)])
    print(n, flush=True)
"""
"""Answers a delivery when it is kept, as the webhook does."""


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_receiver_that_is_killed_around_its_reply_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """After kill -9 between insert and reply the sender repeats: each alert is there once, deliveries whole."""
    path, sent = tmp_path / "journal.db", 0
    for trial in range(200 if SOAK else 2):
        chance = random.Random(trial)
        receiver = subprocess.Popen(
            [sys.executable, "-c", RECEIVER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert receiver.stdin is not None
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "ready\n"
        acked = sent - 1
        for n in range(sent, sent + chance.randrange(1, 6)):
            receiver.stdin.write(f"{n}\n")
            receiver.stdin.flush()
            sent = n + 1
            if chance.random() < 0.8:
                acked = int(receiver.stdout.readline())
        receiver.send_signal(signal.SIGKILL)
        rest = receiver.communicate()[0].split()
        acked = int(rest[-1]) if rest else acked
        journal = Journal(path)
        kept = Counter(each.alert_id.rpartition("-")[0] for each in journal.queue.places())
        assert journal.check() == "ok"
        assert all(kept[f"slow-{n:x}"] == 3 for n in range(acked + 1))
        assert set(kept.values()) <= {3}
        sent = acked + 1  # what was not answered is sent again
        journal.close()
    assert sent


def test_a_journal_of_before_the_queue_gets_one(tmp_path: Path) -> None:
    """A file with the first schema is stepped forward when it is opened; what it held stays."""
    file = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    file.executescript(STEPS[0])
    file.execute(f"PRAGMA application_id = {APPLICATION}")
    file.execute("PRAGMA user_version = 1")
    file.close()

    journal = Journal(tmp_path / "journal.db")
    journal.receive([_alert(1)])
    assert _claim(journal).alert_id == _alert(1).id
