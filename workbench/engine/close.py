"""A case and a verdict -> an episode."""

from __future__ import annotations

import math
from datetime import datetime

from memory.protocol import Episode, Verdict
from ontology.nouns import Entity
from workbench.engine.symptoms import shown
from workbench.nouns import Case, Hypothesis, State


def closed(case: Case, verdict: Verdict, now: datetime, *, remedy: str = "", notebook: str = "") -> Episode:
    """Return the episode that remembers this case: its cause is the confirmed hypothesis, else the surfaced top one."""
    cause = _cause(case, verdict)
    suspect = (cause.suspect,) if cause else ()
    return Episode(
        id=case.id,
        alert=case.alert,
        entities=tuple(dict.fromkeys((*suspect, *_touched(case)))),
        cause=cause.suspect if cause else None,
        failure_mode=cause.failure_mode if cause else "unknown",
        verdict=verdict,
        closed=now,
        claim=cause.claim if cause else "",
        remedy=remedy,
        symptoms=shown(case),
        believed=believed(case),
        ruled_out=tuple(each.claim for each in case.hypotheses if each.state is State.RULED_OUT),
        confidence=cause.confidence.value if cause else None,
        cost=case.spent.dollars,
        questions=case.spent.questions,
        notebook=notebook,
    )


def believed(case: Case) -> tuple[tuple[str, float], ...]:
    """Return the reasoner's belief in each suspect in nats, up to a constant, without what memory added to it."""
    added = {each.entity: each.nats for each in case.raised}
    return tuple(
        (each.suspect.name, round(math.log(each.assessment) - added.get(each.suspect.name, 0.0), 4))
        for each in case.hypotheses
        if each.assessment
    )


def _cause(case: Case, verdict: Verdict) -> Hypothesis | None:
    """Return what the person confirmed, or what was surfaced; a rejected or faultless case has no cause."""
    if verdict in (Verdict.REJECTED, Verdict.NO_FAULT):
        return None
    confirmed = next((each for each in case.hypotheses if each.state is State.CONFIRMED), None)
    if confirmed:
        return confirmed
    shown = {finding.hypothesis for finding in case.findings if finding.surfaced}
    return next((each for each in case.hypotheses if each.id in shown), None)


def _touched(case: Case) -> tuple[Entity, ...]:
    """Return the entities that a hypothesis suspects, then those that the alert's labels name."""
    suspects = tuple(each.suspect for each in case.hypotheses if each.state is not State.RULED_OUT)
    named = set(case.alert.labels.values())
    return (*suspects, *(entity for entity in case.scope if entity.name in named))
