"""Questions about a case that its weighing needs: who agrees, how far, what failed, what is remembered.

Pure functions of the case; every answer comes as a number that `confidence` puts in a sentence.
"""

from __future__ import annotations

from collections import defaultdict, deque

from memory.protocol import Recollection, Verdict
from ontology.nouns import Entity
from ontology.terms import CALLS, USES_DATASTORE, Kind
from workbench.nouns import Case, Failed, Hypothesis, Modality, State

TELLING = 0.5
"""Nats from which an item of evidence counts as a channel that agrees."""
TELLING_LABELS = ("service", "service_name", "job", "app", "entity")
"""Labels that name what an alert is about, before any other label is tried."""
REMEMBERED = 0.1
"""Bound of what memory may add to or take from a confidence."""


def channels(hypothesis: Hypothesis) -> tuple[Modality, ...]:
    """Return the kinds of telemetry that speak for it, each once, in the order of Modality."""
    speaking = {each.channel for each in hypothesis.evidence if each.stance == "for" and each.weight >= TELLING}
    return tuple(modality for modality in Modality if modality in speaking)


def against(hypothesis: Hypothesis) -> float:
    """Return the nats of all evidence against it."""
    return sum(each.weight for each in hypothesis.evidence if each.stance == "against")


def strongest(hypothesis: Hypothesis) -> float:
    """Return the nats of its strongest evidence for it."""
    return max((each.weight for each in hypothesis.evidence if each.stance == "for"), default=0.0)


def rivals(hypothesis: Hypothesis, case: Case) -> int:
    """Return how many other suspects are believed at least half as much; ruled-out ones do not count."""
    half = (hypothesis.assessment or 0.0) / 2
    return sum(
        each.suspect.iri != hypothesis.suspect.iri
        and each.state is not State.RULED_OUT
        and (each.assessment or 0.0) >= max(half, 1e-9)
        for each in case.hypotheses
    )


def history(case: Case) -> int:
    """Return at how many moments before the alert's window there are measurements to compare with."""
    tables = [each.table for each in case.observations if each.question.modality is Modality.METRICS]
    counts = [
        len(t["time"].drop_duplicates().loc[lambda at: at < case.alert.window.start]) for t in tables if t is not None
    ]
    return max(counts, default=0)


def alerted(case: Case) -> Entity | None:
    """Return the entity that the alert names: by its most telling label, a service before anything else."""
    labels = case.alert.labels
    named = [labels[key] for key in TELLING_LABELS if labels.get(key)] + list(labels.values())
    known = [entity for entity in case.scope if entity.name in named]
    return min(known, key=lambda each: (named.index(each.name), each.kind != Kind.SERVICE), default=None)


def distance(case: Case, suspect: Entity) -> int | None:
    """Return how many calls lead from the alert's entity to the suspect; None where none do or none are known."""
    return _steps(case).get(str(suspect.iri))


def distances(case: Case) -> dict[str, int]:
    """Return how many calls lead from the alert's entity to each entity in scope that they reach, by name."""
    names = {str(each.iri): each.name for each in case.scope}
    return {names[iri]: steps for iri, steps in _steps(case).items() if iri in names}


def _steps(case: Case) -> dict[str, int]:
    start = alerted(case)
    if start is None:
        return {}
    callees: defaultdict[str, set[str]] = defaultdict(set)
    for fact in case.topology:
        if fact.predicate in (CALLS, USES_DATASTORE):
            callees[fact.subject].add(str(fact.object))
    steps, queue = {str(start.iri): 0}, deque([str(start.iri)])
    while queue:
        here = queue.popleft()
        for callee in callees[here] - steps.keys():
            steps[callee] = steps[here] + 1
            queue.append(callee)
    return steps


def margin(hypothesis: Hypothesis, case: Case) -> float | None:
    """Return how far its assessment lies above that of the best other suspect; None where nobody assessed it."""
    if hypothesis.assessment is None:
        return None
    others = [
        each.assessment
        for each in case.hypotheses
        if each.suspect.iri != hypothesis.suspect.iri
        and each.assessment is not None
        and each.state is not State.RULED_OUT
    ]
    return hypothesis.assessment - max(others, default=0.0)


def failed(case: Case) -> tuple[str, ...]:
    """Return which kinds of telemetry could not be looked at, as far as it was tried, each once."""
    tried = [each for each in case.observations if isinstance(each.reply, Failed)]
    answered = {each.question.modality for each in case.observations if not isinstance(each.reply, Failed)}
    return tuple(sorted({str(each.question.modality) for each in tried} - {str(each) for each in answered}))


def remembered(hypothesis: Hypothesis, case: Case) -> tuple[float, Recollection | None]:
    """Return what the most alike past case with the same cause or mode adds, within ±REMEMBERED, and that case."""
    best: tuple[float, Recollection | None] = (0.0, None)
    for each in case.recollections:
        episode = each.episode
        same_cause = episode.cause is not None and episode.cause.iri == hypothesis.suspect.iri
        same_mode = episode.failure_mode == hypothesis.failure_mode
        sign = {Verdict.CONFIRMED: 1.0, Verdict.REJECTED: -1.0}.get(episode.verdict, 0.0)
        share = 1.0 if same_cause and same_mode else 0.5 if same_cause or (same_mode and sign > 0) else 0.0
        value = max(-REMEMBERED, min(REMEMBERED, REMEMBERED * sign * share * each.likeness))
        if abs(value) > abs(best[0]):
            best = value, each
    return best
