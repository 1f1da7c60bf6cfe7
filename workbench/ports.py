"""The seams, one verb each: Source.ask, GraphView.around, Clock.now, Reasoner.think; Memory is in `memory.protocol`.

Live and recorded investigations differ only in how the `Environment` is built: there is no mode flag, so nothing
in the engine or a model can ask whether this is a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ontology.nouns import Alert, Entity, Fact
from workbench.nouns import Budget, Case, Hypothesis, Modality, Observation, Question


class Source(Protocol):
    """Answers questions about the past; there is no verb that writes."""

    @property
    def name(self) -> str:
        """What a person calls it: `prometheus`, `payment's logs`."""
        ...

    def ask(self, question: Question) -> Observation:
        """Answer, or say that there is nothing, or say why it could not look. Never raises for what is outside."""
        ...


class GraphView(Protocol):
    """What the engine sees of the infrastructure graph; there is no verb that writes."""

    def around(self, alert: Alert, hops: int = 2) -> Sequence[Entity]:
        """Return the entities around the alert: those that its labels name first, then by distance."""
        ...

    def between(self, entities: Sequence[Entity]) -> Sequence[Fact]:
        """Return the facts that join any two of these entities."""
        ...


class Clock(Protocol):
    """Time is an argument: yesterday's incident is a test."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Thought:
    """What a reasoner says after a look at the case: what it believes, and what it would ask next."""

    hypotheses: tuple[Hypothesis, ...] = ()
    """All that it holds, most believed first; those of an earlier thought that are missing here are dropped."""
    questions: tuple[Question, ...] = ()
    """What to ask next; empty means that it has nothing left to ask."""
    learned: tuple[Fact, ...] = ()
    spent: Budget = field(default=Budget())
    note: str = ""
    """One sentence for the reader."""


class Reasoner(Protocol):
    """Thinks; proposes hypotheses and questions. The engine asks, weighs and judges."""

    @property
    def name(self) -> str:
        """`statistical` or `claude`."""
        ...

    def think(self, case: Case, left: Budget) -> Thought:
        """Return a thought that keeps within what is left of the budget."""
        ...


@dataclass(frozen=True, slots=True)
class Environment:
    """The world as the engine sees it."""

    sources: Mapping[Modality, Source]
    graph: GraphView
    clock: Clock
