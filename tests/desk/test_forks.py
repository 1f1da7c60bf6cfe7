"""Forks of a case: another way from here that keeps what is known, set beside the case, and merged into it."""

from __future__ import annotations

from typing import Any

import pytest

from ontology.errors import BadInput, NotAllowed
from workbench.desk.desk import Desk
from workbench.journal import Caps, Journal
from workbench.nouns import Budget, Evidence, Hypothesis, Modality, Question, State
from workbench.ports import Thought
from workbench.testing import ScriptedReasoner, shop_case


def suspicions() -> tuple[Hypothesis, ...]:
    """Return a suspicion of each of three services, the most believed first."""
    return tuple(
        Hypothesis(
            f"{entity.name} is slow",
            entity,
            "dependency-slow",
            (Evidence("o-1", "for", 5.0 - n, f"{entity.name} p99 x11", Modality.METRICS),),
            assessment=0.9 - 0.2 * n,
        )
        for n, entity in enumerate(shop_case().scope[:3])
    )


def thinking(*kinds: Modality) -> ScriptedReasoner:
    """Return a reasoner that asks for these, one a step, and holds the same suspicions throughout."""
    window = shop_case().alert.window
    asking = [Thought(suspicions(), (Question(each, window),)) for each in kinds]
    return ScriptedReasoner([*asking, *[Thought(suspicions())] * 8])


def take_away(desk: Desk) -> tuple[object, ...]:
    """Return what a person would take away from the case."""
    case = desk.case
    ranked = [(each.id, each.state, each.confidence, each.ruled_out_because) for each in case.hypotheses]
    return case.ended, ranked, case.findings, case.spent, case.steers, [each.id for each in case.observations]


def notebook(desk: Desk) -> tuple[Any, str]:
    """Carry out the lines of a notebook with a fork in it; return the fork and what the comparison showed."""
    desk.step()
    fork = desk.fork(f"what if it is {shop_case().scope[1].name}")
    fork.rule_out(suspicions()[0].id, because="its disk was quiet")
    fork.run()
    shown = desk.compare(fork).text
    desk.merge(fork)
    return fork, shown


def test_a_fork_keeps_what_is_known_and_asks_nothing_of_it_again(kernel: Any) -> None:
    """No question that was answered before the fork is asked again in it, and the case itself does not move."""
    desk = kernel.desk()
    desk.step()
    before, asked = desk.case, len(kernel.asked)
    fork = desk.fork("what if it is the cache")
    fork.run()
    ids = [each.id for each in kernel.asked]
    assert asked
    assert {each.id for each in before.observations} <= {each.id for each in fork.case.observations}
    assert len(ids) == len(set(ids))
    assert (desk.case.observations, desk.case.hypotheses) == (before.observations, before.hypotheses)


def test_a_merge_takes_rulings_with_their_reasons_and_what_was_seen(kernel: Any) -> None:
    """After a merge the case holds the fork's observations, its ruling with the reason, and what it cost."""
    desk = kernel.desk(reasoner=thinking(Modality.METRICS, Modality.LOGS))
    fork, shown = notebook(desk)
    out = next(each for each in desk.case.hypotheses if each.state is State.RULED_OUT)
    assert (out.suspect, out.ruled_out_because) == (suspicions()[0].suspect, "its disk was quiet")
    assert {each.id for each in fork.case.observations} <= {each.id for each in desk.case.observations}
    assert desk.case.spent.questions == fork.case.spent.questions
    assert desk.case.top is not None
    assert desk.case.top.suspect == suspicions()[1].suspect
    assert "They differ" in shown
    assert "rule out" in shown


def test_run_all_with_a_fork_asks_nothing_and_says_the_same(kernel: Any) -> None:
    """The same lines in a fresh kernel are replayed, the fork's too: no question, no thought, the same comparison."""
    first = kernel.desk(reasoner=thinking(Modality.METRICS, Modality.LOGS))
    fork, shown = notebook(first)
    asked, lines = len(kernel.asked), kernel.lines()
    idle = ScriptedReasoner()
    again = kernel.desk(reasoner=idle)
    fork_again, shown_again = notebook(again)
    assert (take_away(again), take_away(fork_again)) == (take_away(first), take_away(fork))
    assert (len(kernel.asked), kernel.lines(), idle.seen) == (asked, lines, [])
    assert shown_again == shown
    assert lines == ["open", "step", "fork", "compare", "merge"]


def test_a_restarted_kernel_resumes_a_fork_where_it_was(kernel: Any) -> None:
    """The line that made a fork gives it back with its steps, and the next step goes on from there."""
    first = kernel.desk(reasoner=thinking(Modality.METRICS, Modality.LOGS, Modality.TRACES))
    first.fork("what if it is the network").step()
    again = kernel.desk(reasoner=thinking())
    fork = again.fork("what if it is the network")
    assert fork.case.steps == first.case.steps + 1
    fork.step(replay=False)
    assert fork.case.steps == first.case.steps + 2


def test_what_is_said_in_a_fork_is_told_to_nobody_before_the_merge(kernel: Any) -> None:
    """A fork is no incident of its own: it can not be saved."""
    fork = kernel.desk(reasoner=thinking(Modality.METRICS)).fork("what if")
    with pytest.raises(BadInput, match="not remembered"):
        fork.save()


def test_a_case_compares_and_merges_only_its_own_forks(kernel: Any) -> None:
    """The fork of a fork belongs to that fork."""
    desk = kernel.desk(reasoner=thinking(Modality.METRICS))
    inner = desk.fork("what if it is the cache").fork("what if it is its disk")
    with pytest.raises(BadInput, match="no fork of this case"):
        desk.compare(inner)


def test_going_further_lets_a_call_through_that_the_cap_refused_up_to_the_purse_of_the_day(kernel: Any) -> None:
    """What a person adds raises the case's cap in the journal, once however often the line runs; the day's holds."""
    journal = Journal(kernel.folder / "journal.db")
    ledger = journal.ledger(Caps(case=1.0, day=2.0))
    desk = kernel.desk(reasoner=thinking(Modality.METRICS, Modality.LOGS), budget=Budget(1.0, 1000, 40, 300.0))
    ledger.settle(ledger.reserve(desk.case.id, 0.9), 0.9)
    with pytest.raises(NotAllowed, match="for this case"):
        ledger.reserve(desk.case.id, 0.5)
    shown = desk.go_further(0.5)
    kernel.desk(reasoner=thinking()).go_further(0.5)  # Run-all
    ledger.settle(ledger.reserve(desk.case.id, 0.5), 0.5)
    with pytest.raises(NotAllowed, match="for this case"):
        ledger.reserve(desk.case.id, 0.2)
    with pytest.raises(NotAllowed, match=r"cap of \$2.00 for this day"):
        ledger.reserve("case-another", 0.7)
    assert "before: $0.00 of $1.00" in shown.text
    assert "now: $0.00 of $1.50" in shown.text


def test_a_fork_is_no_way_around_the_cap(kernel: Any) -> None:
    """A case and its forks share one cap in the journal; what is added in a fork counts for both."""
    desk = kernel.desk(reasoner=thinking(Modality.METRICS, Modality.LOGS))
    ledger = desk.tools.journal.ledger(Caps(case=1.0, day=20.0))
    fork = desk.fork("what if it is the cache")
    ledger.settle(ledger.reserve(desk.case.id, 0.8), 0.8)
    with pytest.raises(NotAllowed, match="for this case"):
        ledger.reserve(fork.case.id, 0.3)
    fork.go_further(0.5)
    ledger.settle(ledger.reserve(fork.case.id, 0.7), 0.7)


def test_a_budget_is_never_taken_away_by_going_further(kernel: Any) -> None:
    """A negative amount is refused."""
    with pytest.raises(BadInput, match="adds to the budget"):
        kernel.desk().go_further(-1.0)
