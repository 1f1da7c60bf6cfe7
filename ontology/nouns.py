"""What exists: Window, Layer, Entity, Fact, Alert.

Frozen, slotted values. IRIs are minted in `ontology.iris`, kinds and predicates stand in `ontology.terms`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ontology.errors import BadInput


class Iri(str):
    """A string that names a thing, as against a string that says something.

    >>> isinstance(Iri("urn:x"), str)
    True
    """

    __slots__ = ()


Value = str | int | float | bool | datetime
"""What a fact may say of a subject besides pointing at another thing."""


def utc(moment: datetime | str | float) -> datetime:
    """Return an aware UTC datetime from ISO-8601 text, unix seconds or a datetime (naive means UTC).

    Raises:
        BadInput: the text is not a time.

    >>> utc("2026-01-01T00:00:00Z").isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    if isinstance(moment, int | float):
        return datetime.fromtimestamp(moment, UTC)
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as error:
            raise BadInput(
                f"{moment!r} is not a time.", next_step="Write it as ISO-8601, such as 2026-01-31T02:58:00Z."
            ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, start included, end excluded, both in UTC.

    >>> window = Window.of("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z")
    >>> window.seconds
    600.0
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise BadInput(
                f"The window ends ({self.end:%H:%M:%S}) before it starts ({self.start:%H:%M:%S}).",
                next_step="Swap the two times.",
            )

    @classmethod
    def of(cls, start: datetime | str | float, end: datetime | str | float) -> Window:
        """Return a window from anything `utc` reads."""
        return cls(utc(start), utc(end))

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return (self.end - self.start).total_seconds()

    def holds(self, moment: datetime) -> bool:
        """Say whether the moment lies in the window."""
        return self.start <= moment < self.end

    def before(self, seconds: float) -> Window:
        """Return the window of that many seconds that ends where this one starts."""
        return Window(self.start - timedelta(seconds=seconds), self.start)


class Layer(StrEnum):
    """Where a fact comes from, and so how durable it is."""

    DECLARED = "declared"
    """Written down: a manifest, code, configuration. Sure until the next commit."""
    RUNNING = "running"
    """Observed: an API, a process table, a trace. Sure for a short while."""
    INFERRED = "inferred"
    """Concluded from other facts by a rule, with a confidence."""
    LEARNED = "learned"
    """Found out in an investigation or said by a person, with a confidence."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing in the estate."""

    iri: Iri
    kind: str
    """Local name of its class in `infrastructure.ttl`, such as `Service`."""
    name: str
    """The name that a colleague on call would say."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a source said of a subject, and when it was seen.

    `predicate` is a full IRI from `ontology.terms`; `object` is an `Iri` when it points at another thing.
    """

    subject: Iri
    predicate: Iri
    object: Iri | Value
    layer: Layer = field(kw_only=True)
    source: str = field(kw_only=True)
    """Name of the scanner or the investigation that says so, such as `compose`."""
    seen: datetime = field(kw_only=True)
    confidence: float = field(default=1.0, kw_only=True)
    """One of the bands 1.0, 0.9, 0.7, 0.5, 0.3."""
    evidence: str = field(default="", kw_only=True)
    """Where to look: `path:line`, a trace id, an observation id."""

    @property
    def id(self) -> str:
        """The name under which a person accepts or rejects it, such as `f-3fa2c1`: same statement, same id."""
        said = "\n".join((self.subject, self.predicate, type(self.object).__name__, str(self.object)))
        return f"f-{hashlib.sha256(said.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True)
class Alert:
    """What woke us.

    `window` runs from the onset as far as the sender knows it to the time the alert fired (or resolved).
    """

    id: str
    """Fingerprint and start: the same alert, the same id. ASCII letters, digits and dashes."""
    title: str
    window: Window
    severity: str = field(default="unknown", kw_only=True)
    """`critical`, `warning`, `info` or `unknown`."""
    summary: str = field(default="", kw_only=True)
    labels: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    links: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Name to address: `runbook`, `alert`, `dashboard`."""

    @property
    def fired(self) -> datetime:
        """When the alert fired."""
        return self.window.end
