"""The one loop: an investigation is a generator of cases, each better than the one before.

    scope(graph) -> plan -> [ ask -> recall -> think -> judge -> conclude ]* -> ended for a named reason

Stop is to stop iterating; go further is to iterate with a larger budget; steer is `case.steered(...)`; resume is to
load a case and iterate. The notebook, the server, the command line and the bench all iterate this generator.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from memory.protocol import Memory
from ontology.nouns import Alert
from workbench.engine import weigh
from workbench.engine.coefficients import CURRENT, Coefficients
from workbench.engine.conclude import conclude
from workbench.engine.confidence import judge
from workbench.engine.learning import taken_in
from workbench.engine.scope import scoped
from workbench.engine.symptoms import shown
from workbench.nouns import (
    Belief,
    Budget,
    Case,
    Coverage,
    Failed,
    Hypothesis,
    Modality,
    Observation,
    Question,
    Silent,
    State,
)
from workbench.ports import Environment, Reasoner, Thought

THRESHOLD = CURRENT.threshold
"""Confidence from which a finding is surfaced, where the caller does not say."""
_SHAPE = (Modality.METRICS, Modality.STATE)
"""What the shape of an incident is seen in: an answer of these is a reason to recall anew."""


def opened(alert: Alert) -> Case:
    """Return an empty case for the alert: nothing looked at yet."""
    return Case(id=f"case-{alert.id}", alert=alert)


def investigate(
    case: Case,
    *,
    environment: Environment,
    reasoner: Reasoner,
    memory: Memory,
    budget: Budget,
    threshold: float = THRESHOLD,
    coefficients: Coefficients = CURRENT,
) -> Iterator[Case]:
    """Yield a case after every step until the reasoner has nothing left to ask or the budget is used up.

    Args:
        case: where to start: `opened(alert)`, or any case of an earlier run.
        environment: the sources, the graph and the clock.
        reasoner: who thinks.
        memory: what is remembered.
        budget: how much this case may use in all, what it has used already included.
        threshold: confidence, 0 to 1, from which a finding is surfaced.
        coefficients: what hypotheses are judged by.

    Yields:
        Frozen cases; the last has `ended` set to the named reason.
    """
    if not case.scope:
        case = scoped(case, environment.graph)
    while not case.ended:
        case = step(case, environment, reasoner, memory, budget, threshold, coefficients)
        yield case


def step(
    case: Case,
    environment: Environment,
    reasoner: Reasoner,
    memory: Memory,
    budget: Budget,
    threshold: float,
    coefficients: Coefficients = CURRENT,
) -> Case:
    """Ask what was planned, think over the answers, judge and conclude. The first step also makes the plan."""
    began = time.monotonic()
    left = budget - case.spent
    if left.spent_out:
        return replace(case, ended=f"out of {left.spent_out}", coverage=coverage(case, environment))
    if not case.steps:
        first = reasoner.think(case, left)
        case = replace(case, planned=_fresh(case, first), spent=case.spent + first.spent)
    questions = case.planned[: max(0, (budget - case.spent).questions)]
    asked = ask(case, questions, environment)
    if not case.steps or any(question.modality in _SHAPE for question in questions):
        seen = shown(asked)
        recalled = tuple(memory.recall(case.alert, case.scope, seen))
        asked = replace(asked, recollections=recalled, raised=tuple(memory.raises(seen)))
    spent = Budget(questions=len(questions))
    thought = reasoner.think(asked, budget - case.spent - spent)
    spent += replace(thought.spent, seconds=time.monotonic() - began)
    case = replace(
        _judged(asked, thought, coefficients),
        planned=_fresh(asked, thought),
        spent=case.spent + spent,
        steps=case.steps + 1,
        note=thought.note,
    )
    case = taken_in(case, thought.learned)
    return _concluded(replace(case, coverage=coverage(case, environment)), threshold)


def _concluded(case: Case, threshold: float) -> Case:
    """Return the case with its findings, how belief moved, and whether it has ended."""
    findings = conclude(case, threshold)
    moved = tuple(Belief(case.steps, each.id, each.confidence.value) for each in case.hypotheses[:8])
    ended = ""
    if not case.planned:
        ended = "concluded" if any(finding.surfaced for finding in findings) else "nothing left to ask"
    return replace(case, findings=findings, beliefs=(*case.beliefs, *moved), ended=ended)


def ask(case: Case, questions: Sequence[Question], environment: Environment) -> Case:
    """Ask each question of the source of its modality, and return the case with the observations."""
    taken = tuple(_asked(question, environment) for question in questions)
    return replace(case, observations=(*case.observations, *taken))


def _asked(question: Question, environment: Environment) -> Observation:
    source = environment.sources.get(question.modality)
    if source is None:
        reply = Failed(f"no source of {question.modality} is set up", "docs/settings.md says which can be.")
        return Observation(question, reply, "none", environment.clock.now())
    return source.ask(question)


def _fresh(case: Case, thought: Thought) -> tuple[Question, ...]:
    """Return the thought's questions without those that were asked before."""
    known = {observation.question.id for observation in case.observations}
    return tuple({each.id: each for each in thought.questions if each.id not in known}.values())


def _judged(case: Case, thought: Thought, coefficients: Coefficients) -> Case:
    """Return the case with the thought's hypotheses judged and ranked; what a person ruled out stays ruled out."""
    out = {each.id: each for each in case.hypotheses if each.state is State.RULED_OUT}
    confirmed = {each.id for each in case.hypotheses if each.state is State.CONFIRMED}
    fresh = tuple(each for each in thought.hypotheses if each.id not in out)
    held = replace(case, hypotheses=fresh)
    moments = weigh.history(held)
    judged = [replace(each, confidence=judge(each, held, coefficients, moments)) for each in fresh]
    judged = [_with_state(each, confirmed) for each in judged]
    judged.sort(key=lambda each: -each.confidence.value)  # stable: the reasoner's order breaks ties
    return replace(case, hypotheses=(*judged, *out.values()))


def _with_state(hypothesis: Hypothesis, confirmed: set[str]) -> Hypothesis:
    if hypothesis.id in confirmed:
        return replace(hypothesis, state=State.CONFIRMED)
    supported = any(each.stance == "for" for each in hypothesis.evidence)
    return replace(hypothesis, state=State.SUPPORTED if supported else State.OPEN)


def coverage(case: Case, environment: Environment) -> tuple[Coverage, ...]:
    """Say for each kind of telemetry whether it was checked, silent, failed or not asked."""
    return tuple(_covered(modality, case, environment) for modality in Modality)


def _covered(modality: Modality, case: Case, environment: Environment) -> Coverage:
    source = environment.sources.get(modality)
    name = source.name if source else "none"
    replies = [each.reply for each in case.observations if each.question.modality is modality]
    failed = next((reply for reply in replies if isinstance(reply, Failed)), None)
    if failed:
        return Coverage(name, modality, "failed", failed.words)
    if not replies:
        return Coverage(name, modality, "not asked", "" if source else "no source is set up")
    if all(isinstance(reply, Silent) for reply in replies):
        return Coverage(name, modality, "silent", "looked, nothing there")
    return Coverage(name, modality, "checked", f"{len(replies)} question{'s' if len(replies) > 1 else ''}")
