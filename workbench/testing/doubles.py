"""Stand-ins for the ports: a clock that stands still, sources over tables, a graph of a few facts, a list as memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memory.protocol import Episode, Raise, Recollection, Symptom
from ontology.nouns import Alert, Entity, Fact, Window, utc
from workbench.nouns import Answered, Budget, Case, Failed, Modality, Observation, Question, Silent
from workbench.ports import Thought

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class FixedClock:
    """A clock that shows one time, or moves by `step` seconds each time it is read.

    >>> FixedClock("2026-01-01T00:00:00Z").now().isoformat()
    '2026-01-01T00:00:00+00:00'
    """

    at: datetime | str | float
    step: float = 0.0

    def now(self) -> datetime:
        """Return the time."""
        shown = utc(self.at)
        self.at = shown + timedelta(seconds=self.step)
        return shown


@dataclass(slots=True)
class TableSource:
    """A source that answers from one table, whose columns are those that `Question` names for its modality.

    A row answers when its entity is asked about (or nobody in particular is), its metric fits `what` (exactly, or up
    to a final `*`), and its time lies in the window or the baseline.
    """

    table: pd.DataFrame
    name: str = "table"
    asked: list[Question] = field(default_factory=list)
    """Every question so far, for a test to look at."""

    def ask(self, question: Question) -> Observation:
        """Return the rows that answer, or silence."""
        self.asked.append(question)
        rows = self.table[self._fits(question)].reset_index(drop=True)
        taken = question.window.end
        if rows.empty:
            return Observation(question, Silent(f"{len(self.table)} rows of {self.name}"), self.name, taken)
        return Observation(question, Answered(f"{len(rows)} rows of {self.name}", rows), self.name, taken)

    def _fits(self, question: Question) -> pd.Series[bool]:
        times = self.table["start" if question.modality is Modality.TRACES else "time"]
        fits = _inside(times, question.window)
        if question.baseline is not None:
            fits |= _inside(times, question.baseline)
        if question.about:
            owner = self.table["service" if question.modality is Modality.TRACES else "entity"]
            fits &= owner.isin([entity.name for entity in question.about])
        if question.what and "metric" in self.table:
            metric = self.table["metric"].astype(str)
            starts = question.what.endswith("*")
            fits &= metric.str.startswith(question.what[:-1]) if starts else metric == question.what
        return fits


def _inside(times: pd.Series[pd.Timestamp], window: Window) -> pd.Series[bool]:
    return (times >= window.start) & (times < window.end)


@dataclass(slots=True)
class SilentSource:
    """A source that always looks and never finds."""

    name: str = "silent"

    def ask(self, question: Question) -> Observation:
        """Return silence."""
        return Observation(question, Silent(f"all of {self.name}"), self.name, question.window.end)


@dataclass(slots=True)
class FailingSource:
    """A source that can never look."""

    reason: str = "connection refused"
    name: str = "failing"

    def ask(self, question: Question) -> Observation:
        """Return the failure, with a remedy."""
        return Observation(question, Failed(self.reason, "Start it."), self.name, question.window.end)


@dataclass(frozen=True, slots=True)
class StaticGraph:
    """A graph view over a few entities and facts."""

    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...] = ()

    def around(self, alert: Alert, hops: int = 2) -> Sequence[Entity]:
        """Return what the alert's labels name, then what is up to `hops` facts away, nearest first."""
        named = set(alert.labels.values())
        found = {str(each.iri): each for each in self.entities if each.name in named}
        edge = set(found)
        for _ in range(hops):
            beyond = {end for fact in self.facts for end in _across(fact, edge)} - set(found)
            near = {str(each.iri): each for each in self.entities if each.iri in beyond}
            found |= near
            edge = set(near)
        return tuple(found.values())

    def between(self, entities: Sequence[Entity]) -> Sequence[Fact]:
        """Return the facts whose two ends are among the entities."""
        near = {str(each.iri) for each in entities}
        return tuple(fact for fact in self.facts if fact.subject in near and fact.object in near)


def _across(fact: Fact, edge: set[str]) -> tuple[str, ...]:
    """Return the other end of the fact where one end is in the edge."""
    ends = (str(fact.subject), str(fact.object))
    return tuple(other for one, other in (ends, ends[::-1]) if one in edge)


@dataclass(slots=True)
class ListMemory:
    """A memory that recalls every episode of an alert with the same title, and keeps what it is given."""

    episodes: list[Episode] = field(default_factory=list)

    def recall(self, alert: Alert, near: Sequence[Entity], symptoms: Sequence[Symptom] = ()) -> Sequence[Recollection]:
        """Return the episodes with the alert's title."""
        alike = [episode for episode in self.episodes if episode.alert.title == alert.title]
        return tuple(Recollection(episode, 1.0, ("same alert",)) for episode in alike)

    def raises(self, symptoms: Sequence[Symptom]) -> Sequence[Raise]:
        """Return nobody."""
        return ()

    def remember(self, episode: Episode) -> None:
        """Keep the episode in place of one with the same id."""
        self.episodes[:] = [each for each in self.episodes if each.id != episode.id] + [episode]


@dataclass(slots=True)
class ScriptedReasoner:
    """A reasoner that says what it was given, thought by thought, and then has nothing more to say."""

    thoughts: Iterable[Thought] = ()
    name: str = "scripted"
    seen: list[Case] = field(default_factory=list)
    """Every case that it was shown, for a test to look at."""

    def __post_init__(self) -> None:
        self.thoughts = iter(tuple(self.thoughts))

    def think(self, case: Case, left: Budget) -> Thought:
        """Return the next thought of the script."""
        self.seen.append(case)
        return next(iter(self.thoughts), Thought(note="the script is over"))
