"""A Sign is one thing that speaks for or against one entity, in nats, before it becomes Evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from workbench.nouns import Evidence, Modality
from workbench.reasoning.statistical.vocabulary import Signal


class Family(StrEnum):
    """Signs of one family tell the same story; those of different families add up."""

    SLOWNESS = "slowness"
    ERRORS = "errors"
    RESOURCE = "resource"
    LOAD = "load"
    LOGS = "logs"
    CHANGE = "change"
    STATE = "state"
    PATTERN = "pattern"
    PATH = "path"
    EXPERIENCE = "experience"


CHANNEL_CAP = 5.0
"""No single sign outweighs this many nats (150 to 1)."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What one observation says of one entity."""

    entity: str
    family: Family
    nats: float
    """Positive speaks for it, negative against it."""
    note: str
    """A sentence with numbers and units."""
    observation: str
    channel: Modality
    signal: Signal | None = field(default=None, kw_only=True)
    hint: str = field(default="", kw_only=True)
    """What it says of how it failed: `leak`, `network`, `unreachable`, `deploy`, `config`, `pool`, `restart`, ..."""
    mode: str = field(default="", kw_only=True)
    """Slug of the failure mode, where this sign names it by itself; it decides if it is the suspect's leading sign."""
    cause: str = field(default="", kw_only=True)
    """Slug of the finer cause within that mode, where the sign names it too: the state of a thing, no mere symptom."""
    kind: str = field(default="", kw_only=True)
    """Kind of the entity, where it is no service."""
    at: datetime | None = field(default=None, kw_only=True)
    by: str = field(default="", kw_only=True)
    """Name of the witness that said so."""

    def evidence(self) -> Evidence:
        """Return it as evidence that a person can run again."""
        return Evidence(
            self.observation,
            "for" if self.nats >= 0 else "against",
            abs(round(self.nats, 3)),
            self.note,
            self.channel,
            query=f'case.show("{self.observation}", entity={quoted(self.entity)})',
            at=self.at,
        )


def quoted(name: str) -> str:
    """Return the name as a Python string in double quotes."""
    import json

    return json.dumps(name, ensure_ascii=False)


def surprise(z: float, *, floor: float = 3.0, cap: float = CHANNEL_CAP) -> float:
    """Return how telling a deviation of z robust sigmas is, in nats: 0 at the floor, logarithmic above it.

    Logarithmic because telemetry has heavy tails: ten times further out is not a hundred times less likely.

    >>> surprise(3.0), round(surprise(39.0), 2), surprise(1e9)
    (0.0, 2.3, 5.0)
    """
    return min(cap, max(0.0, math.log1p(abs(z)) - math.log1p(floor)))


def counted(n: float, *, cap: float = CHANNEL_CAP) -> float:
    """Return how telling n events are where none are usual, in nats."""
    return min(cap, math.log1p(max(n, 0.0)))
