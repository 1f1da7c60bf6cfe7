"""The seam of memory, and its nouns: Verdict, Symptom, Episode, Runbook, Recollection, Raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ontology.nouns import Alert, Entity


class Verdict(StrEnum):
    """How a case ended, in the words of the person who closed it."""

    CONFIRMED = "confirmed"
    """The named cause was the cause."""
    REJECTED = "rejected"
    """The named cause was not the cause."""
    NO_FAULT = "no-fault"
    """Nothing was wrong."""
    UNRESOLVED = "unresolved"
    """Closed without knowing."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One way in which an entity was seen to misbehave: the shape of the incident, without its numbers."""

    entity: str
    """Name of the entity."""
    signal: str
    """What moved: a metric's name, `errors`, `latency`, or a log template."""
    direction: str
    """`up`, `down`, `new` or `gone`; of an alert what it says: `metric up`, `trace 500 from cart`, `log seen`."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A closed case as remembered: what happened, why, what helped, and the notebook that tells it."""

    id: str
    """Id of the case that it closes."""
    alert: Alert
    entities: tuple[Entity, ...]
    """What the alert touched, the suspect first."""
    cause: Entity | None
    failure_mode: str
    """A mode of the taxonomy in `ontology/incident.ttl`, or `unknown`."""
    verdict: Verdict
    closed: datetime
    claim: str = field(default="", kw_only=True)
    """The cause in a sentence."""
    remedy: str = field(default="", kw_only=True)
    symptoms: tuple[Symptom, ...] = field(default=(), kw_only=True)
    believed: tuple[tuple[str, float], ...] = field(default=(), kw_only=True)
    """How much the reasoner believed in each suspect by name, in nats up to a constant, what memory added left out."""
    ruled_out: tuple[str, ...] = field(default=(), kw_only=True)
    confidence: float | None = field(default=None, kw_only=True)
    """Confidence in the cause when the case was closed; None where none was named."""
    cost: float = field(default=0.0, kw_only=True)
    """US dollars."""
    questions: int = field(default=0, kw_only=True)
    """How many questions the case took."""
    notebook: str = field(default="", kw_only=True)
    """Path of the notebook, relative to the notebooks folder."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a procedure: what to do, and the read-only lines that look, as a cell of the notebook runs them."""

    text: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A procedure: when it applies, and its steps."""

    id: str
    title: str
    steps: tuple[str, ...]
    alerts: tuple[str, ...] = field(default=(), kw_only=True)
    """Titles of alerts that trigger it."""
    failure_modes: tuple[str, ...] = field(default=(), kw_only=True)
    kinds: tuple[str, ...] = field(default=(), kw_only=True)
    """Kinds of entity that it is for, such as `Database`; narrows the alerts and modes, and triggers nothing alone."""
    looks: tuple[Step, ...] = field(default=(), kw_only=True)
    """The steps with what each asks."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """Something remembered that is like what we see: how alike, and why."""

    episode: Episode
    likeness: float
    """0 to 1."""
    why: tuple[str, ...]
    """Sentences a person reads: `same service payment`, `same alert`, `checkout latency up in both`."""


@dataclass(frozen=True, slots=True)
class Raise:
    """By how much closed incidents raise a suspect of this one: a bounded number, and its reason."""

    entity: str
    """Name of the suspect."""
    nats: float
    because: str


class Memory(Protocol):
    """What the engine may ask of experience."""

    def recall(self, alert: Alert, near: Sequence[Entity], symptoms: Sequence[Symptom] = ()) -> Sequence[Recollection]:
        """Return what is alike, most alike first; empty when nothing is."""
        ...

    def raises(self, symptoms: Sequence[Symptom]) -> Sequence[Raise]:
        """Return whom closed incidents raise as suspects of what shows now, most first; empty when nobody."""
        ...

    def remember(self, episode: Episode) -> None:
        """Keep the episode; the same id again replaces it."""
        ...
