"""The seam of the scanners: `read()` does I/O, `facts(reading)` is pure, `scan()` is the two and a clock.

A broken file never breaks a scan: it is set aside as a `Problem`, the rest is read, and the scan says of
itself that it is not complete, so that whoever keeps the facts removes nothing on its word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from ontology.errors import NotAllowed
from ontology.nouns import Fact, Layer

Raw = TypeVar("Raw")
Redact = Callable[[str], str]
"""Takes text and returns it without secrets."""
Now = Callable[[], datetime]


def clock() -> datetime:
    """Return the time in UTC; the default of every scanner, replaced in tests."""
    return datetime.now(UTC)


class Clients(Protocol):
    """Clients of vendors' APIs that can only read, handed in by who assembles; a scanner never builds one."""

    def http(self, base: str) -> Any:
        """Return a `requests.Session` that may read that one address."""
        ...

    def kubernetes(self, context: str) -> Any:
        """Return a `kubernetes.client.ApiClient` for a context of the kubeconfig; empty for the current one."""
        ...

    def aws(self, profile: str) -> Any:
        """Return a `boto3.Session` for a profile; empty for the default one."""
        ...

    def google(self, api: str, version: str) -> Any:
        """Return a `googleapiclient.discovery.Resource`, such as `("compute", "v1")`."""
        ...


class _Offline:
    """No client at all: what a scanner gets where nobody handed one in."""

    def http(self, base: str) -> NoReturn:
        raise _nobody(base)

    def kubernetes(self, context: str) -> NoReturn:
        raise _nobody(context)

    def aws(self, profile: str) -> NoReturn:
        raise _nobody(profile)

    def google(self, api: str, version: str) -> NoReturn:
        raise _nobody(f"{api} {version}")


OFFLINE: Clients = _Offline()


def _nobody(wanted: str) -> NotAllowed:
    return NotAllowed(
        f"No client for {wanted!r} was handed to this scanner.", next_step="Run it by the command: workbench scan."
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be read, or was left out on purpose: where, and why."""

    where: str
    """Path relative to the target, with a line where one is known."""
    reason: str


@dataclass(frozen=True, slots=True)
class Reading(Generic[Raw]):
    """What a scanner read, before it is understood."""

    raw: Raw
    taken: datetime
    """When it was read: `seen` of every fact."""
    problems: tuple[Problem, ...] = ()
    complete: bool = True
    """False when something of the scope could not be read: what is missing may still exist."""
    skipped: tuple[Problem, ...] = ()
    """What was left out on purpose; it does not make the reading incomplete."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scanner says of one scope."""

    source: str
    """Name of the scanner."""
    scope: str
    """What it looked at: together with the source it names the graph that these facts replace."""
    layer: Layer
    facts: tuple[Fact, ...]
    problems: tuple[Problem, ...]
    complete: bool
    started: datetime
    finished: datetime
    skipped: tuple[Problem, ...] = field(default=(), kw_only=True)


class Scanner(Protocol[Raw]):
    """A source of structure."""

    @property
    def name(self) -> str:
        """What it is called on the command line: `compose`."""
        ...

    @property
    def layer(self) -> Layer:
        """How durable its facts are."""
        ...

    @property
    def scope(self) -> str:
        """What it looks at: a folder's name, a namespace, a host."""
        ...

    @property
    def now(self) -> Now:
        """Its clock."""
        ...

    def read(self) -> Reading[Raw]:
        """Read from outside.

        Raises:
            PersonError: the target as a whole cannot be read; a single bad file is a `Problem` instead.
        """
        ...

    def facts(self, reading: Reading[Raw]) -> tuple[Fact, ...]:
        """Say what the reading means. Pure: the same reading, the same facts."""
        ...

    def scan(self) -> Scan:
        """Read, and say what it means."""
        ...


def run(scanner: Scanner[Raw]) -> Scan:
    """Return the scan: what every scanner's `scan` does."""
    started = scanner.now()
    reading = scanner.read()
    facts = scanner.facts(reading)
    return Scan(
        scanner.name,
        scanner.scope,
        scanner.layer,
        facts,
        reading.problems,
        reading.complete,
        started,
        scanner.now(),
        skipped=reading.skipped,
    )
