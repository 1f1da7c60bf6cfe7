"""What we may say of a service: `narrow` ranks suspects, `diagnose` names causes, `propose` writes a change as well.

level_of(entity, chosen, journal)        what a person said in the journal, else the settings, else `diagnose`
Narrowed(reasoner, level)                a reasoner of whose claims nothing is left about a service at `narrow`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from memory.track_record import TrackRecord, by_suspect
from ontology.nouns import Entity
from workbench import assembly
from workbench.journal import Journal, trust
from workbench.nouns import Budget, Case, Hypothesis, Level
from workbench.ports import Reasoner, Thought
from workbench.settings import Settings


def level_of(entity: Entity, chosen: Settings, journal: Journal) -> Level:
    """Return how far our claims about an entity are trusted: its own level first, then that of its kind."""
    held = trust.current(journal.database).get(entity.name)
    return held.level if held else default_of(entity.name, entity.kind, chosen)


def default_of(name: str, kind: str, chosen: Settings) -> Level:
    """Return the level of a service of which no person said anything: by its name, then by its kind."""
    return Level(chosen.trust.get(name) or chosen.trust.get(kind) or Level.DIAGNOSE)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a service stands: its level, who set it, and how often we were right about it."""

    service: str
    level: Level
    set_by: trust.Trusted | None
    """None where the settings or the default say so."""
    record: TrackRecord


def standings(chosen: Settings) -> tuple[Standing, ...]:
    """Return every service that was graded, or whose level somebody set, by name."""
    held = trust.current(assembly.journal(chosen).database)
    records = by_suspect(assembly.memory(chosen).episodes())
    return tuple(_standing(name, chosen, held, records) for name in sorted({*held, *records, *_named(chosen)}))


def standing(service: str, chosen: Settings) -> Standing:
    """Return where one service stands."""
    held = trust.current(assembly.journal(chosen).database)
    return _standing(service, chosen, held, by_suspect(assembly.memory(chosen).episodes()))


def _named(chosen: Settings) -> Iterable[str]:
    """Return the names in the settings that are no kind of the graph."""
    from ontology.terms import Kind

    return (each for each in chosen.trust if each not in set(Kind))


def _standing(
    name: str, chosen: Settings, held: Mapping[str, trust.Trusted], records: Mapping[str, TrackRecord]
) -> Standing:
    person = held.get(name)
    level = person.level if person else default_of(name, "", chosen)
    return Standing(name, level, person, records.get(name, TrackRecord(0, 0)))


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A reasoner whose hypotheses about a service at `narrow` are bare suspicions, before anybody can show them."""

    reasoner: Reasoner
    level: Callable[[Entity], Level]

    @property
    def name(self) -> str:
        """The reasoner's own."""
        return self.reasoner.name

    def think(self, case: Case, left: Budget) -> Thought:
        """Return the thought without what a service at `narrow` is not trusted to be told; one suspicion for each."""
        thought = self.reasoner.think(case, left)
        levels = {each.suspect.iri: self.level(each.suspect) for each in thought.hypotheses}
        if Level.NARROW not in levels.values():
            return thought
        told = [_suspicion(each) if levels[each.suspect.iri] is Level.NARROW else each for each in thought.hypotheses]
        once = tuple({each.id: each for each in reversed(told)}.values())[::-1]
        return replace(thought, hypotheses=once, note="Of a service at trust level narrow, no cause is named.")


def _suspicion(hypothesis: Hypothesis) -> Hypothesis:
    return replace(
        hypothesis,
        claim=f"{hypothesis.suspect.name} is a suspect",
        failure_mode="unknown",
        cause="",
        would_refute="",
        next_step="",
    )
