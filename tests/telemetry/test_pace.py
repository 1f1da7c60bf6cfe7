"""How hard a source is asked: the bucket, the breaker and the repeats, by a clock that the test turns."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ontology.errors import Unavailable
from ontology.nouns import Window
from workbench.nouns import Answered, Failed, Modality, Question
from workbench.settings import Settings
from workbench.telemetry.clients import LiveClients
from workbench.telemetry.live import live_sources
from workbench.telemetry.pace import LONGEST_REST_SECONDS, TRIES, Limits, Pace, Paces, Seen
from workbench.testing.vendors import Fault, loki

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WELL: Seen = (200, {})


class Clock:
    """A clock that moves when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


def pace(clock: Clock, **limits: float) -> Pace:
    return Pace("http://x", Limits(**limits), clock=clock, sleep=clock.sleep, now=clock.now)  # type: ignore[arg-type]


def seen(answer: Seen) -> Seen:
    return answer


def down(until: float) -> Seen:
    raise Unavailable("http://x does not answer: no connection.", next_step="Check it.")


def broken(pace: Pace, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable, match="no connection"):
            pace.ask(down, seen)


def test_after_failures_in_a_row_it_rests_and_says_until_when() -> None:
    """The fifth failure in a row opens the breaker: the next is refused unsent, with time and reason."""
    clock = Clock()
    tired = pace(clock, failures=5, rest_seconds=30)
    broken(tired, 5)

    with pytest.raises(Unavailable, match=r"resting until 12:00:30 UTC after 5 failures.*no connection") as raised:
        tired.ask(lambda _: pytest.fail("nothing is sent"), seen)

    assert raised.value.next_step


def test_a_success_between_begins_the_count_again() -> None:
    """Failures count in a row: four, a success and four more leave it awake."""
    awake = pace(Clock(), failures=5)
    broken(awake, 4)
    awake.ask(lambda _: WELL, seen)
    broken(awake, 4)

    assert awake.ask(lambda _: WELL, seen) == WELL


def test_one_probe_decides_when_the_rest_is_over() -> None:
    """After the rest one request goes out; while it is under way no other does; its failure begins the rest anew."""
    clock = Clock()
    tired = pace(clock, failures=2, rest_seconds=30)
    broken(tired, 2)
    clock.seconds += 31
    others: list[str] = []

    def probe(until: float) -> Seen:
        with pytest.raises(Unavailable, match="resting") as raised:
            tired.ask(lambda _: WELL, seen)
        others.append(raised.value.problem)
        return down(until)

    with pytest.raises(Unavailable, match="no connection"):
        tired.ask(probe, seen)
    assert len(others) == 1
    with pytest.raises(Unavailable, match="resting until 12:01:01"):
        tired.ask(lambda _: WELL, seen)
    clock.seconds += 31
    assert tired.ask(lambda _: WELL, seen) == WELL
    assert tired.ask(lambda _: WELL, seen) == WELL


def test_a_refused_request_does_not_keep_the_probe() -> None:
    """An error of ours in a probe leaves the next request its turn."""
    clock = Clock()
    tired = pace(clock, failures=1, rest_seconds=30)
    broken(tired, 1)
    clock.seconds += 31

    def ours(until: float) -> Seen:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        tired.ask(ours, seen)
    assert tired.ask(lambda _: WELL, seen) == WELL


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_asks_for_it_is_tried_again_with_longer_waits(status: int) -> None:
    """Without Retry-After the waits double; after three tries the answer is handed on."""
    clock = Clock()

    assert pace(clock).ask(lambda _: (status, {}), seen)[0] == status
    assert clock.slept == [0.2, 0.4]


@pytest.mark.parametrize("said", ["3", format_datetime(NOON + timedelta(seconds=3), usegmt=True)])
def test_retry_after_is_kept_in_both_forms(said: str) -> None:
    """Seconds or a date: the wait is three seconds, and a second answer that is well is the answer."""
    clock, answers = Clock(), iter([(429, {"Retry-After": said}), WELL])

    assert pace(clock).ask(lambda _: next(answers), seen) == WELL
    assert clock.slept == [3.0]


def test_a_longer_rest_than_we_wait_is_kept_for_all_who_come_after() -> None:
    """Retry-After of an hour is not waited for, and until it is over (at most five minutes) nobody is sent."""
    clock = Clock()
    busy = pace(clock)
    sent: list[int] = []

    def once(until: float) -> Seen:
        sent.append(1)
        return 429, {"retry-after": "3600"}

    assert busy.ask(once, seen)[0] == 429
    with pytest.raises(Unavailable, match="resting until 12:05:00"):
        busy.ask(once, seen)
    clock.seconds += LONGEST_REST_SECONDS + 1
    busy.ask(once, seen)
    assert (len(sent), clock.slept) == (2, [])


def test_the_bucket_holds_the_rate() -> None:
    """Of a hundred requests at five a second with a burst of ten, the last goes out after eighteen seconds."""
    clock = Clock()
    slow = pace(clock, per_second=5, burst=10)
    for _ in range(100):
        slow.ask(lambda _: WELL, seen)

    assert clock.seconds == pytest.approx(18.0)


def test_many_at_once_keep_the_rate_together() -> None:
    """Threads that come at one moment are let through one after the other, not all after the same wait."""
    clock = Clock()
    waits: list[float] = []
    slow = Pace("http://x", Limits(per_second=10, burst=1), clock=lambda: 0.0, sleep=waits.append, now=clock.now)
    threads = [threading.Thread(target=slow.ask, args=(lambda _: WELL, seen)) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(waits) == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_a_turn_that_comes_too_late_is_said() -> None:
    """Whose turn would come after the time limit is refused at once, with the setting that says so."""
    clock = Clock()
    slow = pace(clock, per_second=0.01, burst=1)
    slow.ask(lambda _: WELL, seen)

    with pytest.raises(Unavailable, match=r"more than 0\.01 requests a second") as raised:
        slow.ask(lambda _: WELL, seen)
    assert "source_requests_per_second" in raised.value.next_step
    assert clock.slept == []


def test_nothing_takes_longer_than_the_limit() -> None:
    """However long the server asks us to wait, a request with its repeats stays within three times the limit."""
    for wait in range(40):
        clock = Clock()
        pace(clock, seconds=10).ask(lambda _, wait=wait: (503, {"Retry-After": str(wait)}), seen)
        assert clock.seconds <= 30.0
        assert len(clock.slept) < TRIES


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (600, "Its clock is about 10 min ahead of ours."),
        (-605, "Its clock is about 10 min behind ours."),
        (20, ""),
        (-20, ""),
    ],
)
def test_a_wrong_clock_is_noted_by_its_date(ahead: int, words: str) -> None:
    """The `Date` of an answer says how far the server's clock is off; some seconds are nothing."""
    clock = Clock()
    date = format_datetime(NOON + timedelta(seconds=ahead), usegmt=True)
    noting = pace(clock)
    noting.ask(lambda _: (200, {"Date": date}), seen)
    assert noting.off == words
    noting.ask(lambda _: WELL, seen)
    assert noting.off == ""


def test_an_address_has_one_pace_whoever_asks() -> None:
    """A scanner's session and a source of the settings rest together, with or without the slash at the end."""
    paces = Paces()
    clients = LiveClients(paces=paces)

    assert clients.http("http://x/").pace is clients.http("http://x").pace is paces.of("http://x")
    assert paces.of("http://y") is not paces.of("http://x")


def test_a_source_that_rests_says_so_and_comes_back(case_tables, fault_window: Window) -> None:
    """By the settings: after two failures a Loki is left alone until its rest is over, then it answers again."""
    clock = Clock()
    limits = Limits(seconds=0.3, failures=2, rest_seconds=30)
    clients = LiveClients(
        paces=Paces(limits, make=lambda base, kept: Pace(base, kept, clock=clock, sleep=clock.sleep, now=clock.now))
    )
    question = Question(Modality.LOGS, fault_window)
    with loki(case_tables["logs"]) as server:
        source = live_sources(Settings(loki_url=server.url), clients)[Modality.LOGS]
        server.fault = Fault.BROKEN
        first = [source.ask(question).reply for _ in range(2)]
        sent = len(server.requests)
        resting = source.ask(question).reply
        assert len(server.requests) == sent
        server.fault = None
        clock.seconds += 31
        last = source.ask(question).reply

    assert all(isinstance(each, Failed) and "503" in each.reason for each in first)
    assert isinstance(resting, Failed)
    assert "is resting until 12:00:3" in resting.reason
    assert isinstance(last, Answered)
