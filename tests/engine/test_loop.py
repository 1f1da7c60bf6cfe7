from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from memory.protocol import Verdict
from ontology.iris import service
from ontology.nouns import Entity
from workbench.engine.close import closed
from workbench.engine.loop import investigate, opened
from workbench.nouns import Budget, Case, Evidence, Hypothesis, Modality, Question, State
from workbench.ports import Environment, Reasoner, Thought
from workbench.testing import FailingSource, ListMemory, ScriptedReasoner, shop_case, shop_environment

PAYMENT = Entity(service("payment"), "Service", "payment")
PLENTY = Budget(questions=10, seconds=60)


def a_question(modality: Modality = Modality.METRICS) -> Question:
    return Question(modality, shop_case().alert.window)


def a_hypothesis() -> Hypothesis:
    evidence = Evidence("o-1", "for", 5.0, "payment p99 x11", Modality.METRICS)
    return Hypothesis("payment is slow", PAYMENT, "dependency-slow", (evidence,), assessment=0.9)


def run(
    reasoner: Reasoner, budget: Budget = PLENTY, case: Case | None = None, environment: Environment | None = None
) -> list[Case]:
    return list(
        investigate(
            case or shop_case(),
            environment=environment or shop_environment(),
            reasoner=reasoner,
            memory=ListMemory(),
            budget=budget,
        )
    )


def test_an_empty_case_gets_its_scope_from_the_graph() -> None:
    """A case that was only opened is scoped around its alert before anything is asked."""
    case = opened(shop_case().alert)

    (first, *_) = run(ScriptedReasoner(), case=case)

    assert [each.name for each in first.scope] == ["frontend", "cart", "payment"]


def test_a_step_asks_what_was_planned_and_nothing_twice() -> None:
    """Questions of the first thought are asked once, even when every later thought repeats them."""
    question = a_question()
    reasoner = ScriptedReasoner([Thought(questions=(question,))] * 3)

    last = run(reasoner)[-1]

    assert [each.question for each in last.observations] == [question]
    assert last.spent.questions == 1


def test_it_ends_when_nothing_is_left_to_ask() -> None:
    """A reasoner without further questions ends the case, for a named reason."""
    cases = run(ScriptedReasoner([Thought(questions=(a_question(),)), Thought()]))

    assert [case.ended for case in cases] == ["nothing left to ask"]


def test_it_ends_when_the_budget_is_used_up_and_goes_further_with_more() -> None:
    """One question of budget ends after one question; a larger budget takes the same case further."""
    more = a_question(Modality.LOGS)
    reasoner = ScriptedReasoner([Thought(questions=(a_question(),)), Thought(questions=(more,)), Thought()])

    stopped = run(reasoner, Budget(questions=1, seconds=60))[-1]
    further = run(reasoner, PLENTY, replace(stopped, ended=""))[-1]

    assert stopped.ended == "out of questions"
    assert [each.question for each in further.observations] == [a_question(), more]


def test_what_a_person_ruled_out_stays_ruled_out() -> None:
    """A reasoner that brings a ruled-out hypothesis back does not lift it above the line."""
    out = replace(a_hypothesis(), state=State.RULED_OUT, ruled_out_because="seen healthy")
    case = replace(shop_case(), hypotheses=(out,))

    last = run(ScriptedReasoner([Thought(), Thought(hypotheses=(a_hypothesis(),))]), case=case)[-1]

    assert [(each.state, each.ruled_out_because) for each in last.hypotheses] == [(State.RULED_OUT, "seen healthy")]
    assert last.top is None


def test_a_source_that_fails_is_covered_as_failed_and_the_rest_goes_on() -> None:
    """A failing source is said in the coverage with its reason; the other questions are still answered."""
    world = shop_environment()
    world = replace(world, sources={**world.sources, Modality.TRACES: FailingSource("connection refused")})
    asked = Thought(questions=(a_question(Modality.TRACES), a_question()))

    last = run(ScriptedReasoner([asked, Thought()]), environment=world)[-1]
    status = {each.modality: each.status for each in last.coverage}

    assert status[Modality.TRACES] == "failed"
    assert status[Modality.METRICS] == "checked"
    assert status[Modality.LOGS] == "not asked"


def test_a_modality_without_a_source_is_failed_not_silent() -> None:
    """Where no source is set up, the observation says so, and is not taken for silence."""
    world = replace(shop_environment(), sources={})

    last = run(ScriptedReasoner([Thought(questions=(a_question(),)), Thought()]), environment=world)[-1]

    assert {each.status for each in last.coverage if each.modality is Modality.METRICS} == {"failed"}


def test_every_step_is_a_case_of_its_own() -> None:
    """A later step leaves the earlier case as it was, so that two can be kept and compared."""
    reasoner = ScriptedReasoner(
        [Thought(questions=(a_question(),)), Thought(questions=(a_question(Modality.LOGS),)), Thought()]
    )

    first, second = run(reasoner)

    assert (len(first.observations), len(second.observations)) == (1, 2)


@pytest.mark.parametrize(("verdict", "named"), [(Verdict.CONFIRMED, True), (Verdict.NO_FAULT, False)])
def test_an_episode_names_the_cause_unless_there_was_none(verdict: Verdict, named: bool) -> None:
    """A confirmed case remembers its confirmed hypothesis as the cause; a faultless one remembers none."""
    case = replace(shop_case(), hypotheses=(replace(a_hypothesis(), state=State.CONFIRMED),))

    episode = closed(case, verdict, datetime(2026, 1, 1, 4, tzinfo=UTC))

    assert (episode.cause == PAYMENT) is named
    assert episode.entities[0] == PAYMENT
