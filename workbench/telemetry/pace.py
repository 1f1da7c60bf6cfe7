"""How hard a source may be asked: so many requests a second, again where it asks for it, and rest where it is down.

    pace = Paces(Limits(per_second=5.0)).of("https://metrics.example")
    pace.ask(once, seen)     # waits for its turn, tries again on 429 and 5xx, raises `Unavailable` while it rests

A token bucket, a circuit breaker and a retry for each address, whoever asks: two sources of one system share them.
After `failures` in a row an address rests; when the rest is over one request goes out as a probe, and its outcome
decides. It also notes how far the server's clock is from ours, by the `Date` of its answers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeVar

from ontology.errors import Unavailable

Answer = TypeVar("Answer")
Seen = tuple[int, Mapping[str, str]]
"""Status and headers of an answer; the names of the headers in any case."""
TRIES = 3
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses that are tried again: too many requests, and what a restart or a proxy answers."""
FIRST_WAIT_SECONDS = 0.2
LONGEST_REST_SECONDS = 300.0
"""A server that asks for a longer rest (`Retry-After`) is asked again after this."""
OFF = timedelta(seconds=60)
"""From here on a clock is said to be off: `Date` has whole seconds, and answers take some."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be asked of one address; the defaults are those of the settings."""

    seconds: float = 10.0
    """That a server may stay silent."""
    per_second: float = 20.0
    """Requests a second, in the long run."""
    burst: int = 100
    """Requests at once."""
    failures: int = 5
    """In a row, after which it rests."""
    rest_seconds: float = 30.0

    @property
    def total(self) -> float:
        """Seconds that one request may take with all its repeats and its whole answer."""
        return 3.0 * self.seconds


class Pace:
    """The pace of one address."""

    def __init__(
        self,
        base: str = "the source",
        limits: Limits = Limits(),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with a full bucket, awake.

        Args:
            base: the address, for sentences.
            limits: what may be asked.
            clock: a monotonic clock, in seconds: all limits are measured by it.
            sleep: how to wait, in seconds.
            now: the time of day, in UTC: what a person is told, and what the server's clock is compared with.
        """
        self.base, self.limits, self.clock, self._sleep, self._now = base, limits, clock, sleep, now
        self.ahead: timedelta | None = None
        """How far the server's clock was ahead of ours at its last answer; None where it did not tell."""
        self._lock = threading.Lock()
        self._tokens, self._filled = float(limits.burst), clock()
        self._failures, self._why = 0, ""
        self._until: float | None = None
        self._probing = False

    def ask(self, once: Callable[[float], Answer], seen: Callable[[Answer], Seen]) -> Answer:
        """Return what a request is answered with, tried again where the server asks for it.

        Args:
            once: sends it once, until a time of the clock.
            seen: status and headers of an answer.

        Raises:
            Unavailable: the address rests, its bucket is empty for too long, or `once` had no answer.
        """
        until = self.clock() + self.limits.total
        self.admit(until)
        for tries in range(1, TRIES + 1):
            try:
                answer = once(until)
            except Unavailable as error:
                self.failed(error.problem)
                raise
            except BaseException:
                self._let_go()
                raise
            status, headers = seen(answer)
            self.noted(headers)
            if status not in AGAIN:
                self.went_well()
                return answer
            wait = _wait(headers, tries, self._now())
            if tries == TRIES or self.clock() + wait > until:
                self.failed(f"it answered {status}", rest=wait if _named(headers) else 0.0)
                return answer
            self._sleep(wait)
            self._take(until)
        raise AssertionError("unreachable: the last try returns")

    def wait(self, seconds: float) -> None:
        """Wait before an answer that was not ready is looked at again."""
        self._sleep(seconds)

    # -- the breaker ----------------------------------------------------------------------------------------

    def admit(self, until: float | None = None) -> None:
        """Let one request pass: as a probe where a rest is over, after its turn has come.

        Args:
            until: time of the clock after which it is not worth waiting.

        Raises:
            Unavailable: the address rests, or its turn comes too late.
        """
        with self._lock:
            left = 0.0 if self._until is None else self._until - self.clock()
            if self._until is not None and (left > 0 or self._probing):
                raise Unavailable(self._resting(max(left, 0.0)), next_step="Wait, or mend it: workbench doctor.")
            self._probing = self._until is not None
        self._take(self.clock() + self.limits.total if until is None else until)

    def went_well(self) -> None:
        """Note that the server is there."""
        with self._lock:
            self._failures, self._until, self._probing, self._why = 0, None, False, ""

    def failed(self, why: str, *, rest: float = 0.0) -> None:
        """Note a failure; with the last of `failures` in a row, or one in a probe, the rest begins.

        Args:
            why: in words.
            rest: seconds that the server itself asks for.
        """
        with self._lock:
            self._failures, self._why = self._failures + 1, why.rstrip(".")
            if self._probing or self._failures >= self.limits.failures:
                rest = max(rest, self.limits.rest_seconds)
            if rest:
                self._until = self.clock() + min(rest, LONGEST_REST_SECONDS)
            self._probing = False

    def _let_go(self) -> None:
        with self._lock:
            self._probing = False

    def _resting(self, left: float) -> str:
        at = self._now() + timedelta(seconds=left)
        often = f"{self._failures} failures in a row, the last: " if self._failures > 1 else ""
        return f"{self.base} is resting until {at:%H:%M:%S} UTC after {often}{self._why}."

    # -- the bucket -----------------------------------------------------------------------------------------

    def _take(self, until: float) -> None:
        """Take a token, waiting for it where there is none.

        Raises:
            Unavailable: it would come too late.
        """
        with self._lock:
            now = self.clock()
            self._tokens = min(self.limits.burst, self._tokens + (now - self._filled) * self.limits.per_second)
            self._filled = now
            wait = max(0.0, (1.0 - self._tokens) / self.limits.per_second)
            if wait and now + wait > until:
                self._probing = False
                raise Unavailable(
                    f"{self.base} is asked for more than {self.limits.per_second:g} requests a second.",
                    next_step="Ask for less at once, or set source_requests_per_second.",
                )
            self._tokens -= 1.0  # below nothing: who comes next waits for this one too
        if wait:
            self._sleep(wait)

    # -- the clock of the server ----------------------------------------------------------------------------

    def noted(self, headers: Mapping[str, str]) -> None:
        """Note how far the server's clock is from ours."""
        try:
            said = parsedate_to_datetime(_header(headers, "date"))
            self.ahead = said.replace(tzinfo=said.tzinfo or UTC) - self._now()
        except (ValueError, TypeError):  # no date, or none that is one
            self.ahead = None

    @property
    def off(self) -> str:
        """How wrong the server's clock is, in words; empty where it is right, or not known."""
        if self.ahead is None or abs(self.ahead) < OFF:
            return ""
        minutes = round(abs(self.ahead) / timedelta(minutes=1))
        return f"Its clock is about {minutes} min {'ahead of' if self.ahead > timedelta(0) else 'behind'} ours."


class Paces:
    """The paces of all addresses that one process asks."""

    def __init__(self, limits: Limits = Limits(), *, make: Callable[[str, Limits], Pace] = Pace) -> None:
        """Begin with none.

        Args:
            limits: of each address.
            make: from address and limits, such as with another clock.
        """
        self._limits, self._make = limits, make
        self._known: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def of(self, base: str) -> Pace:
        """Return the pace of an address: always the same one."""
        name = base.rstrip("/")
        with self._lock:
            return self._known.setdefault(name, self._make(name, self._limits))


@lru_cache(maxsize=8)
def process_paces(limits: Limits) -> Paces:
    """Return the paces of this process: what is down stays known from one investigation to the next."""
    return Paces(limits)


def _wait(headers: Mapping[str, str], tries: int, now: datetime) -> float:
    """Return the seconds to wait: what `Retry-After` says (seconds or a date), else doubling from the first wait."""
    said = _named(headers)
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
    except (ValueError, TypeError):  # no header, no date, or a date without a zone
        return FIRST_WAIT_SECONDS * 2.0 ** (tries - 1)


def _named(headers: Mapping[str, str]) -> str:
    return _header(headers, "retry-after")


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((str(value).strip() for key, value in headers.items() if key.lower() == name), "")
