"""What to ask next: metrics first, then traces, then logs and changes and state; then whoever was not covered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ontology.nouns import Entity, Window
from workbench.nouns import Case, Modality, Question

ORDER: tuple[tuple[Modality, ...], ...] = (
    (Modality.METRICS,),
    (Modality.TRACES,),
    (Modality.LOGS, Modality.CHANGES, Modality.STATE),
)
WHY = {
    Modality.METRICS: "Whose latency, errors or resources left their usual level, and who moved first?",
    Modality.TRACES: "In whose own time, or on the way to whom, did requests become slower or fail?",
    Modality.LOGS: "Which service says something it did not say before?",
    Modality.CHANGES: "What was deployed or configured shortly before it began?",
    Modality.STATE: "Is anything restarting, evicted or not running?",
}
AFTERWARDS = timedelta(minutes=5)
"""What came after the alert fired tells as much; a source answers up to its now."""
BASELINE_SECONDS = 3600.0
"""At least this long before, and six times the window: a level needs more points than a shift."""


def baseline(window: Window) -> Window:
    """Return the window to compare with."""
    return window.before(max(BASELINE_SECONDS, 6 * window.seconds))


def next_questions(case: Case) -> tuple[Question, ...]:
    """Return the first round that was not asked yet, then what the engineer pointed at; empty when all was asked."""
    asked = {observation.question.modality for observation in case.observations}
    for round_ in ORDER:
        missing = tuple(_question(case, modality) for modality in round_ if modality not in asked)
        if missing:
            return missing
    return _pointed_at(case)


def _question(case: Case, modality: Modality, about: Sequence[Entity] = ()) -> Question:
    alert = case.alert.window
    window = Window(alert.start, alert.end + AFTERWARDS)
    who = tuple(about)
    return Question(modality, window, about=who, baseline=baseline(window), why=WHY[modality])


def _pointed_at(case: Case) -> tuple[Question, ...]:
    """Return a question of every kind about each entity that the engineer said to look at, if not asked before."""
    asked = {observation.question.id for observation in case.observations}
    wanted = [entity for entity in case.scope if any(points_at(case, entity))]
    questions = [_question(case, modality, (entity,)) for entity in wanted for modality in Modality]
    return tuple(question for question in questions if question.id not in asked)


def points_at(case: Case, entity: Entity) -> list[bool]:
    """Return one True for every steer that says to look at this entity, by IRI or by name."""
    said = [steer for steer in case.steers if steer.kind in ("look-at", "pin")]
    return [
        True for steer in said if entity.iri == steer.target or (not steer.target and entity.name == steer.text.strip())
    ]
