"""What we think about: Question, Observation, Evidence, Confidence, Hypothesis, Finding, Budget, Case.

Frozen, slotted values that flow forward: a function takes a value and returns a better one. What exists stands in
`ontology.nouns`, what we lived through in `memory.protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from memory.protocol import Raise, Recollection
from ontology.nouns import Alert, Entity, Fact, Iri, Window

if TYPE_CHECKING:
    import pandas as pd


class Modality(StrEnum):
    """The kinds of telemetry that can be asked for."""

    METRICS = "metrics"
    TRACES = "traces"
    LOGS = "logs"
    CHANGES = "changes"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Question:
    """What we want to know of a source: about whom, of which kind, over which window.

    The table that answers it depends on the modality (one row an item, times as UTC timestamps):

    - metrics: `time, entity, metric, value` (long form; `entity` is a name, `metric` has its unit as suffix)
    - traces: `trace_id, span_id, parent_id, service, operation, kind, start, duration_ms, status, message`
    - logs: `time, entity, severity, message, trace_id`
    - changes: `time, entity, kind, summary, ref, detail`
    - state: `time, entity, kind, field, value`
    """

    modality: Modality
    window: Window
    about: tuple[Entity, ...] = ()
    """Empty means: of everything this source knows in the window."""
    baseline: Window | None = field(default=None, kw_only=True)
    """The window before, to compare with; its rows come in the same table."""
    what: str = field(default="", kw_only=True)
    """Narrower: a metric's name, or a query in the source's own language."""
    why: str = field(default="", kw_only=True)
    """What the answer would tell apart, for the reader."""

    @property
    def id(self) -> str:
        """A short name for this exact question: equal questions, equal ids."""
        import hashlib

        parts = (
            self.modality,
            self.window.start.isoformat(),
            self.window.end.isoformat(),
            "" if self.baseline is None else self.baseline.start.isoformat(),
            self.what,
            *sorted(entity.iri for entity in self.about),
        )
        return "q-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Answered:
    """The source looked and found something."""

    digest: str
    """In words: level, change point, before and after, top templates, slowest path."""
    table: pd.DataFrame = field(compare=False, repr=False)
    query: str = field(default="", kw_only=True)
    """The exact query, which a person can run again."""
    link: str = field(default="", kw_only=True)
    """Where to open it in the vendor's own UI; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Silent:
    """The source looked and there was nothing. That is evidence."""

    searched: str
    """What was searched, where, over which window."""
    query: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Failed:
    """The source could not look. That is not evidence."""

    reason: str
    remedy: str = ""
    """What would mend it."""
    query: str = field(default="", kw_only=True)

    @property
    def words(self) -> str:
        """The reason and what would mend it, without the last full stop.

        >>> Failed("it does not answer", "Check the address.").words
        'it does not answer. Check the address'
        """
        return ". ".join(part.rstrip(".") for part in (self.reason, self.remedy) if part)


Reply = Answered | Silent | Failed


@dataclass(frozen=True, slots=True)
class Observation:
    """What was asked of a source, and its reply."""

    question: Question
    reply: Reply
    source: str
    taken: datetime

    @property
    def id(self) -> str:
        """Same question, same id."""
        return "o" + self.question.id[1:]

    @property
    def table(self) -> pd.DataFrame | None:
        """The rows, or None where the source was silent or failed."""
        return self.reply.table if isinstance(self.reply, Answered) else None


@dataclass(frozen=True, slots=True)
class Evidence:
    """An observation's bearing on a hypothesis."""

    observation: str
    """Id of the observation."""
    stance: Literal["for", "against"]
    weight: float
    """Strength in nats on one scale for every channel, never negative; the stance gives the sign."""
    note: str
    """A sentence with its numbers and units: `payment self-time x11 since 02:53`."""
    channel: Modality
    query: str = field(default="", kw_only=True)
    """Python that shows the rows again: `case.show("o-12ab", entity="payment")`."""
    at: datetime | None = field(default=None, kw_only=True)
    """When what it speaks of began."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """A number and its reasons. A bare float never leaves the engine."""

    value: float
    """0 to 1: the probability that acting on it fixes the incident."""
    because: tuple[str, ...]
    raw: float | None = None
    """Sum of logits that the value was calibrated from; None where it came otherwise."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"confidence {self.value} is outside 0 to 1")


class State(StrEnum):
    """Where a hypothesis stands."""

    OPEN = "open"
    SUPPORTED = "supported"
    RULED_OUT = "ruled-out"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A claim about the cause, whom it suspects, and what speaks for and against it."""

    claim: str
    suspect: Entity
    failure_mode: str
    """A mode of the taxonomy in `ontology/incident.ttl`."""
    evidence: tuple[Evidence, ...] = ()
    confidence: Confidence = Confidence(0.0, ("not judged yet",))
    state: State = State.OPEN
    onset: datetime | None = field(default=None, kw_only=True)
    assessment: float | None = field(default=None, kw_only=True)
    """The reasoner's own belief, 0 to 1: one feature of the confidence, never the confidence."""
    proposed_by: str = field(default="statistical", kw_only=True)
    cause: str = field(default="", kw_only=True)
    """What exactly, within the failure mode: a finer cause of the same taxonomy; empty where no evidence says."""
    ruled_out_because: str = field(default="", kw_only=True)
    would_refute: str = field(default="", kw_only=True)
    next_step: str = field(default="", kw_only=True)
    """The next thing a person would look at or do."""

    @property
    def id(self) -> str:
        """Same suspect and failure mode, same id."""
        import hashlib

        return "h-" + hashlib.sha256(f"{self.suspect.iri}\x1f{self.failure_mode}".encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Finding:
    """A hypothesis that we are willing to show, or keep quiet about."""

    hypothesis: str
    """Id of the hypothesis."""
    summary: str
    confidence: Confidence
    surfaced: bool
    next_steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be used, or was used: dollars, tokens, questions, seconds.

    >>> Budget(questions=5) - Budget(questions=2)
    Budget(dollars=0.0, tokens=0, questions=3, seconds=0.0)
    """

    dollars: float = 0.0
    tokens: int = 0
    questions: int = 0
    seconds: float = 0.0

    def __add__(self, other: Budget) -> Budget:
        return Budget(
            self.dollars + other.dollars,
            self.tokens + other.tokens,
            self.questions + other.questions,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: Budget) -> Budget:
        return Budget(
            self.dollars - other.dollars,
            self.tokens - other.tokens,
            self.questions - other.questions,
            self.seconds - other.seconds,
        )

    @property
    def spent_out(self) -> str:
        """Name what has run out, or return an empty string. Dollars and tokens run out only below zero."""
        if self.questions <= 0:
            return "questions"
        if self.seconds <= 0:
            return "time"
        if self.dollars < 0:
            return "dollars"
        return "tokens" if self.tokens < 0 else ""


class Level(StrEnum):
    """What we may say of a service: rank suspects, name causes, or write a change as well."""

    NARROW = "narrow"
    DIAGNOSE = "diagnose"
    PROPOSE = "propose"

    @property
    def rank(self) -> int:
        """How far it goes, from 0."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Steer:
    """What the engineer said to the agent."""

    kind: Literal["look-at", "rule-out", "pin", "wrong", "note", "feedback", "accept", "reject"]
    text: str
    target: str = ""
    """Id of the hypothesis or observation, name of the learned fact, or IRI of the entity, that it is about."""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether a source was looked at."""

    source: str
    modality: Modality
    status: Literal["checked", "silent", "failed", "not asked"]
    note: str = ""
    """Why it failed and how to mend it; what it was asked."""


@dataclass(frozen=True, slots=True)
class Belief:
    """How sure we were of a hypothesis after a step: the line that shows how belief moved."""

    step: int
    hypothesis: str
    value: float


@dataclass(frozen=True, slots=True)
class Case:
    """Our work on an alert. Every step of an investigation returns a new one."""

    id: str
    alert: Alert
    scope: tuple[Entity, ...] = ()
    """What is worth looking at: the entities around the alert, the alert's own first."""
    topology: tuple[Fact, ...] = ()
    """How they hang together: facts whose two ends are in scope."""
    recollections: tuple[Recollection, ...] = ()
    raised: tuple[Raise, ...] = field(default=(), kw_only=True)
    """Whom closed incidents raise as suspects; a reasoner may weigh it as it weighs other evidence."""
    observations: tuple[Observation, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    """Ranked: the most believed first; ruled-out ones last."""
    findings: tuple[Finding, ...] = ()
    learned: tuple[Fact, ...] = ()
    steers: tuple[Steer, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    beliefs: tuple[Belief, ...] = ()
    planned: tuple[Question, ...] = ()
    """What would be asked in the next step."""
    spent: Budget = Budget()
    steps: int = 0
    ended: str = ""
    """Why it ended: `concluded`, `out of questions`, `nothing left to ask`, `stopped`; empty while open."""
    note: str = ""
    """One sentence on the latest step, for the reader."""

    def steered(self, steer: Steer) -> Case:
        """Return the case with what the engineer said, open for another step."""
        return replace(self, steers=(*self.steers, steer), ended="")

    def observation(self, observation_id: str) -> Observation | None:
        """Return the observation with that id, if there is one."""
        return next((each for each in self.observations if each.id == observation_id), None)

    @property
    def top(self) -> Hypothesis | None:
        """The most believed hypothesis that is not ruled out."""
        return next((each for each in self.hypotheses if each.state is not State.RULED_OUT), None)


FORK = "/fork-"
"""Stands in the id of a fork, between the id of the case that it left and the number of the act that made it."""


def root_of(case_id: str) -> str:
    """Return the id of the case that a fork, or a fork of a fork, came from; a case's own id as it is.

    >>> root_of("case-slow/fork-4/fork-2")
    'case-slow'
    """
    import re

    return re.sub(rf"({FORK}\d+)+$", "", case_id)


class LinkState(StrEnum):
    """How a fact stands at the moment that a drawing or a table is of."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    """Its source has not looked for longer than its time to live, or did not see everything."""
    APPEARED = "appeared"
    """Came between the two times that are compared."""
    VANISHED = "vanished"
    """Went between the two times that are compared."""


@dataclass(frozen=True, slots=True)
class Link:
    """A fact as it is shown: with what is left of its confidence at that moment."""

    fact: Fact
    confidence: float
    """Effective, 0 to 1: the band, decayed past the source's time to live."""
    state: LinkState = LinkState.CONFIRMED


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A part of the estate, as the answer to a question about it."""

    say: str
    """The answer in one sentence, as a colleague would say it."""
    entities: tuple[Entity, ...]
    links: tuple[Link, ...]
    """Facts that join two of the entities."""
    details: tuple[Link, ...] = field(default=(), kw_only=True)
    """Facts about one of the entities whose object is a value."""
    focus: tuple[Iri, ...] = field(default=(), kw_only=True)
    """What was asked about; for a path its things in their order."""
    at: datetime | None = field(default=None, kw_only=True)
    """The moment that it shows; None for now."""
    hidden: int = field(default=0, kw_only=True)
    """Entities that were left out, as there were too many."""
