"""What is told of an incident, what is known of an earlier telling, and the seam of those who tell it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Protocol

_OURS = uuid.UUID("6f0d2a3e-6a0b-5d43-9a35-3a1d0f0c7b55")
"""Names of ours, made of an incident and a place, are UUIDs under this one."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A piece of evidence: its sentence, which way it speaks, and where to look."""

    note: str
    speaks_for: bool = True
    link: str = ""
    """The vendor's own page; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of an incident. Every text is one line of visible characters, every link http or https."""

    id: str
    """The alert's id: ASCII letters, digits and dashes."""
    title: str
    severity: str
    fired: datetime
    resolved: datetime | None = None
    """When the sender said that it is over."""
    alerts: int = 1
    """How many alerts belong to the incident."""
    claim: str = ""
    suspect: str = ""
    failure_mode: str = ""
    confidence: float = 0.0
    """0 to 1."""
    because: tuple[str, ...] = ()
    sure: bool = True
    """Whether the finding still passes its threshold; a message that was sent says so where it does not."""
    evidence: tuple[Reason, ...] = ()
    next_step: str = ""
    notebook: str = ""
    """Where the notebook opens."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Name to address: `runbook`, `dashboard`."""

    @property
    def digest(self) -> str:
        """Changes with whatever is told."""
        return hashlib.sha256(repr(asdict(self)).encode()).hexdigest()

    @property
    def gist(self) -> str:
        """Changes with what a person wants to hear of: another cause, no cause any more, over."""
        return f"{self.suspect} {self.failure_mode} {'sure' if self.sure else 'unsure'} {self.state}"

    @property
    def state(self) -> str:
        """`firing` or `resolved`."""
        return "firing" if self.resolved is None else "resolved"

    @property
    def headline(self) -> str:
        """Severity, what fired, and whether it is over."""
        return f"{'Resolved' if self.resolved else self.severity.capitalize()}: {self.title}"

    @property
    def news(self) -> str:
        """The finding in one sentence."""
        if not self.sure:
            return f"No cause is likely enough to act on any more; the closest: {self.claim or 'none'}"
        return f"{self.claim} ({self.confidence:.2f})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One telling of a notice at one place, and what is known of those before."""

    revision: int
    """1 for the first; a repeat of one whose end is not known has the same."""
    reference: str = ""
    """What the place calls the message; empty as long as it never said."""
    new: bool = True
    """Whether the gist is another one than in the revision before."""
    again: bool = False
    """Whether this revision may have arrived already: its sender died, or had no answer."""


class Notifier(Protocol):
    """Tells notices at one place."""

    @property
    def place(self) -> str:
        """What the journal and a person call it; no secret is in it."""

    def send(self, notice: Notice, delivery: Delivery) -> str:
        """Tell a notice, or edit what was told; return what the place calls the message.

        Raises:
            PersonError: it is not known to have arrived.
        """


def name(notice: Notice, place: str, what: object = "") -> str:
    """Return our own name for a message: the same incident, place and matter, the same name."""
    return str(uuid.uuid5(_OURS, f"{notice.id}\x1f{place}\x1f{what}"))
