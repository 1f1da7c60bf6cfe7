"""The statistical reasoner: a function of the case, without a model, a key or a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ontology import iris
from ontology.nouns import Entity
from ontology.terms import Kind
from workbench.nouns import Budget, Case, Hypothesis, Modality, Question
from workbench.ports import Thought
from workbench.reasoning.statistical.asking import next_questions, points_at
from workbench.reasoning.statistical.beginning import beginning
from workbench.reasoning.statistical.calls import Calls, alerted, calls
from workbench.reasoning.statistical.catalogue import EQUAL, testimony
from workbench.reasoning.statistical.excess import synchronous
from workbench.reasoning.statistical.learning import learned
from workbench.reasoning.statistical.modes import claim, mode_of, stated
from workbench.reasoning.statistical.moves import Moves, moves
from workbench.reasoning.statistical.ranking import Suspect, began, ranked
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Sign
from workbench.reasoning.statistical.spans import Spans, spans
from workbench.reasoning.statistical.vocabulary import Signal, symptoms_of
from workbench.reasoning.statistical.wording import NEXT_STEPS, REFUTED_BY

MOST_HYPOTHESES = 8
MOST_EVIDENCE = 8
POINTED_AT = 1.0
"""Nats that an engineer's `look at` adds to an entity that has evidence of its own."""


class StatisticalReasoner:
    """Finds the cause by change points, own shares of the excess, traces, logs and changes, joined on the call graph.

    Deterministic, blind to names, and quiet where nothing points anywhere.
    """

    name = "statistical"

    def __init__(self, weights: Mapping[str, float] = EQUAL) -> None:
        """Keep the latest reading of the metrics: a case grows by an answer a step, its metrics stay the same.

        Args:
            weights: factor on a witness's nats, by its name in the catalogue; for ablations and tests of robustness.
        """
        self._weights = weights
        self._read: tuple[tuple[object, ...], Moves] | None = None

    def _moves(self, case: Case, since: datetime) -> Moves:
        tables = tuple(each.table for each in case.observations if each.question.modality is Modality.METRICS)
        known = self._read
        if known is not None and known[0][0] == since and _same(known[0][1:], tables):
            return known[1]
        read = moves(case, since)
        self._read = (since, *tables), read
        return read

    def look(self, case: Case) -> Seen:
        """Return what all witnesses look at: the case with its metrics and traces read."""
        target = alerted(case)
        since = beginning(case, target)
        return _seen(case, target, since, self._moves(case, since), spans(case, since))

    def think(self, case: Case, left: Budget) -> Thought:
        """Return the hypotheses that all evidence so far supports, and the questions that would tell them apart."""
        questions = next_questions(case)[: max(left.questions, 0)]
        if not any(observation.table is not None for observation in case.observations):
            return Thought(questions=questions, note=_asks(questions) if questions else "No telemetry answered.")
        seen = self.look(case)
        suspects = ranked_by(seen, tuple(testimony(seen, self._weights)), self._weights)
        shown = suspects[:MOST_HYPOTHESES]
        hypotheses = tuple(_hypothesis(case, suspect, seen.graph) for suspect in shown)
        return Thought(hypotheses, questions, learned(case, seen.traced), note=_note(suspects, questions))


def _same(some: Sequence[object], others: Sequence[object]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def ranked_by(seen: Seen, signs: Sequence[Sign], weights: Mapping[str, float]) -> tuple[Suspect, ...]:
    """Return the suspects, most suspected first: who changed shortly before is asked once it is known when it began."""
    case = seen.case
    pointed = {entity.name: POINTED_AT for entity in case.scope if any(points_at(case, entity))}
    seen = replace(seen, onset=began(ranked(signs, seen, pointed), seen.since))
    return ranked([*signs, *testimony(seen, weights)], seen, pointed)


def _seen(case: Case, target: str | None, since: datetime, moved: Moves, traced: Spans | None) -> Seen:
    graph = synchronous(moved, calls(case, traced.edges if traced else ())).forward(target)
    reach = graph.distance(target) if target else {}
    spoken = f"{case.alert.title} {case.alert.summary} {case.alert.labels.get('metric', '')}"
    for entity in case.scope:  # a service may be called `errors`: its name is not a complaint
        spoken = spoken.replace(entity.name, " ")
    complaints = symptoms_of(spoken) or frozenset({Signal.LATENCY, Signal.ERRORS})
    return Seen(case, since, moved, traced, graph, target, complaints, reach if len(reach) > 1 else {})


def _hypothesis(case: Case, suspect: Suspect, graph: Calls) -> Hypothesis:
    mode, said_cause = mode_of(suspect, graph), stated(suspect)
    said = {"name": suspect.name}
    return Hypothesis(
        claim(suspect, mode),
        _entity(case, suspect),
        mode,
        tuple(sign.evidence() for sign in _shown(suspect)),
        onset=suspect.onset,
        assessment=round(suspect.assessment, 6),
        cause=said_cause.cause if said_cause is not None else "",
        would_refute=REFUTED_BY[mode].format(**said),
        next_step=NEXT_STEPS[mode].format(**said),
    )


def _shown(suspect: Suspect) -> Iterable[Sign]:
    """Return the most telling signs for, and all against."""
    speaking = [sign for sign in suspect.signs if sign.nats > 0]
    return [*speaking[:MOST_EVIDENCE], *(sign for sign in suspect.signs if sign.nats < 0)]


def _entity(case: Case, suspect: Suspect) -> Entity:
    """Return the entity of that name: of the kind that its signs say, else a service before anything else.

    One that the graph does not know is minted in the environment of the alert, or of what is in scope.
    """
    wanted = next((sign.kind for sign in suspect.signs if sign.kind), Kind.SERVICE)
    known = [entity for entity in case.scope if entity.name == suspect.name]
    if known:
        return min(known, key=lambda entity: entity.kind != wanted)
    beside = case.scope[0].iri.rpartition("/")[2].partition(":")[0] if case.scope else "default"
    environment = case.alert.labels.get("environment", beside)
    return Entity(iris.thing(wanted.lower(), environment, suspect.name), wanted, suspect.name)


def _note(suspects: tuple[Suspect, ...], questions: tuple[Question, ...]) -> str:
    """Return one sentence for the reader: who leads, and what is asked next."""
    lead = suspects[0] if suspects else None
    sign = lead.leading() if lead else None
    found = f"{lead.name} leads: {sign.note}." if lead and sign else "Nothing points anywhere so far."
    return f"{found} {_asks(questions)}".strip()


def _asks(questions: tuple[Question, ...]) -> str:
    kinds = list(dict.fromkeys(str(question.modality) for question in questions))
    return f"Next: {', '.join(kinds)}." if kinds else ""
