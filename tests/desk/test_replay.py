"""The verbs of a desk: replayed from the journal, resumed after an interrupt, stopped at once, saved and recalled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from memory.protocol import Verdict
from ontology.errors import BadInput, NotFound
from ontology.nouns import Alert, Entity, Window
from workbench.desk.desk import Desk
from workbench.nouns import Budget, Evidence, Hypothesis, Modality, Question, State
from workbench.ports import Thought
from workbench.testing import ScriptedReasoner, shop_case


def verdict(desk: Desk) -> tuple[object, ...]:
    """Return what a person would take away from the case."""
    case = desk.case
    ranked = [(each.id, each.state, each.confidence) for each in case.hypotheses]
    return case.ended, ranked, case.findings, case.spent, case.coverage, case.steers


def later(alert: Alert, minutes: int) -> Alert:
    """Return the same alert, fired again that much later."""
    moved = timedelta(minutes=minutes)
    window = Window(alert.window.start + moved, alert.window.end + moved)
    return replace(alert, id=f"{alert.id}-later", window=window)


def names(desk: Desk) -> list[str]:
    return [each.suspect.name for each in desk.case.hypotheses]


def suspicions(count: int = 3) -> tuple[Hypothesis, ...]:
    """Return hypotheses about the shop's services, the most believed first."""
    entities: tuple[Entity, ...] = shop_case().scope
    return tuple(
        Hypothesis(
            f"{entity.name} is slow",
            entity,
            "dependency-slow",
            (Evidence("o-1", "for", 5.0 - n, f"{entity.name} p99 x11", Modality.METRICS),),
            assessment=0.9 - 0.2 * n,
        )
        for n, entity in enumerate(entities[:count])
    )


def asking(modality: Modality, *, holding: tuple[Hypothesis, ...] = ()) -> Thought:
    return Thought(holding, (Question(modality, shop_case().alert.window),))


def scripted() -> ScriptedReasoner:
    """Return a reasoner that asks about metrics, then logs, then traces, and holds three suspicions throughout."""
    held = suspicions()
    later = [asking(modality, holding=held) for modality in (Modality.LOGS, Modality.TRACES)]
    return ScriptedReasoner([asking(Modality.METRICS), *later, Thought(held)])


def test_run_all_in_a_fresh_kernel_asks_nothing_and_says_the_same(kernel: Any) -> None:
    """The same lines in a fresh kernel are replayed: no question, no new line in the journal, the same verdict."""
    first = kernel.desk()
    first.step()
    first.run()
    said, asked, lines = verdict(first), len(kernel.asked), kernel.lines()

    again = kernel.desk()
    shown = [again.step(), again.run()]

    assert asked > 0
    assert first.case.ended == "concluded"
    assert len(kernel.asked) == asked
    assert verdict(again) == said
    assert kernel.lines() == lines == ["open", "step", "run"]
    assert all("from the journal" in view.text for view in shown)


def test_run_all_does_not_think_again(kernel: Any) -> None:
    """The reasoner of a fresh kernel, which may cost money, is not called for lines that are replayed."""
    kernel.desk(reasoner=scripted()).run()
    idle = ScriptedReasoner()

    kernel.desk(reasoner=idle).run()

    assert idle.seen == []


def test_steps_by_button_leave_no_line_and_are_passed_over(kernel: Any) -> None:
    """What buttons did between two lines is in the journal only: Run-all of the lines still asks nothing."""
    first = kernel.desk(reasoner=scripted())
    first.step(replay=False)  # as the button does
    first.rule_out(first.case.hypotheses[0].id, because="seen healthy")
    first.step(replay=False)
    first.run()
    said, asked, lines = verdict(first), len(kernel.asked), kernel.lines()

    for _ in range(2):
        again = kernel.desk(reasoner=ScriptedReasoner())
        again.rule_out(said[1][-1][0], because="seen healthy")
        again.run()
        assert (verdict(again), len(kernel.asked), kernel.lines()) == (said, asked, lines)


def test_asking_anew_is_explicit(kernel: Any) -> None:
    """`replay=False` takes a step that the trail does not hold, even where it could be replayed."""
    kernel.desk(reasoner=scripted()).step()
    asked = len(kernel.asked)

    fresh = kernel.desk(reasoner=ScriptedReasoner([Thought(suspicions())]))
    fresh.step()
    replayed = len(kernel.asked)
    fresh.step(replay=False)

    assert (asked, replayed, len(kernel.asked)) == (2, 2, 3)
    assert kernel.lines() == ["open", "step", "step"]


def test_an_interrupted_run_loses_nothing_and_resumes(
    kernel: Any, interrupt: Callable[[Modality], Callable[[Question], None]]
) -> None:
    """Interrupted while it asks for traces, a run keeps what came before; a fresh kernel asks only for the rest."""
    kernel.tell = interrupt(Modality.TRACES)
    first = kernel.desk(reasoner=scripted())
    with pytest.raises(KeyboardInterrupt):
        first.run()
    known = len(first.case.observations)

    again = kernel.desk(reasoner=ScriptedReasoner([Thought(suspicions())]))
    resumed = len(again.case.observations)
    again.run()

    assert known == resumed == 2
    assert [each.modality for each in kernel.asked] == [
        Modality.METRICS,
        Modality.LOGS,
        Modality.TRACES,
        Modality.TRACES,
    ]
    assert len(again.case.observations) == 3
    assert again.case.ended
    assert kernel.lines() == ["open", "run"]


def test_an_interrupted_run_can_be_run_again_in_its_own_kernel(
    kernel: Any, interrupt: Callable[[Modality], Callable[[Question], None]]
) -> None:
    """The very cell run again goes on; after that, Run-all replays the whole of it."""
    kernel.tell = interrupt(Modality.TRACES)
    first = kernel.desk(reasoner=scripted())
    with pytest.raises(KeyboardInterrupt):
        first.run()
    first.run()
    said, asked = verdict(first), len(kernel.asked)

    again = kernel.desk(reasoner=ScriptedReasoner())
    again.run()

    assert first.case.ended
    assert (verdict(again), len(kernel.asked)) == (said, asked)


@pytest.mark.parametrize("verb", ["step", "run"])
def test_stop_abandons_what_is_under_way_at_once(kernel: Any, gates: Callable[[Modality], Any], verb: str) -> None:
    """With a source that does not answer, stop acts within half a second, and the late answer changes nothing."""
    gate = kernel.tell = gates(Modality.LOGS)
    desk = kernel.desk(reasoner=scripted())
    known = desk.case
    working = threading.Thread(target=getattr(desk, verb))
    working.start()
    assert gate.reached.wait(30)

    began = time.perf_counter()
    desk.stop()
    took = time.perf_counter() - began
    stopped = desk.case
    gate.opened.set()
    working.join(30)

    assert took < 0.5
    assert (stopped.ended, stopped.observations) == ("stopped", known.observations)
    assert desk.case is stopped
    assert not working.is_alive()


def test_a_line_after_stop_does_not_wait_for_the_source_that_hangs(
    kernel: Any, gates: Callable[[Modality], Any]
) -> None:
    """After stop the next line works while the abandoned one still waits for its source."""
    gate = kernel.tell = gates(Modality.LOGS)
    desk = kernel.desk(reasoner=scripted())
    working = threading.Thread(target=desk.step)
    working.start()
    assert gate.reached.wait(30)
    desk.stop()

    desk.rule_out("", because="seen healthy") if desk.case.top else desk.step()

    assert working.is_alive()
    assert desk.case.ended != "stopped"


def test_run_all_over_a_stopped_run_asks_nothing(kernel: Any, gates: Callable[[Modality], Any]) -> None:
    """Lines run, stop, run: the first never came to an answer, and still a fresh kernel replays all three."""
    gate = kernel.tell = gates(Modality.LOGS)
    first = kernel.desk(reasoner=scripted())
    working = threading.Thread(target=first.run)
    working.start()
    assert gate.reached.wait(30)
    first.stop()
    gate.opened.set()
    working.join(30)
    first.run()
    said, asked, lines = verdict(first), len(kernel.asked), kernel.lines()

    again = kernel.desk(reasoner=ScriptedReasoner())
    for line in (again.run, again.stop, again.run):
        line()

    assert lines == ["open", "run", "stop", "run"]
    assert (verdict(again), len(kernel.asked), kernel.lines()) == (said, asked, lines)


def test_stop_with_nothing_under_way_ends_the_case_and_run_goes_on(kernel: Any) -> None:
    """Stop ends the case by that name, and whoever runs on means to go on."""
    desk = kernel.desk()
    desk.stop()
    stopped = desk.case.ended
    desk.run()

    assert (stopped, desk.case.ended) == ("stopped", "concluded")


def test_what_is_ruled_out_stays_so_while_the_case_runs_on(kernel: Any) -> None:
    """A reasoner that holds on to what was ruled out does not bring it back above the line."""
    desk = kernel.desk(reasoner=scripted())
    desk.step()
    top = desk.case.top
    assert top is not None

    desk.rule_out(top.id, because="seen healthy")
    desk.run()
    out = desk.case.hypotheses[-1]

    assert (out.id, out.state, out.ruled_out_because) == (top.id, State.RULED_OUT, "seen healthy")
    assert desk.case.top is not None
    assert desk.case.top.id != top.id
    assert all(finding.hypothesis != top.id for finding in desk.case.findings)


def test_wrong_means_what_was_on_top_when_it_was_said(kernel: Any) -> None:
    """`case.wrong()` replayed in a fresh kernel rules out no second hypothesis."""
    first = kernel.desk(reasoner=scripted())
    first.step()
    first.wrong()
    said = verdict(first)

    again = kernel.desk(reasoner=ScriptedReasoner())
    again.step()
    again.wrong()

    assert verdict(again) == said
    assert [each.state for each in again.case.hypotheses].count(State.RULED_OUT) == 1


def test_a_hypothesis_is_ruled_out_for_a_reason_and_by_a_name_that_is_known(kernel: Any) -> None:
    """No reason, or an unknown id, is refused with what would do; the case and the journal stay as they were."""
    desk = kernel.desk(reasoner=scripted())
    before, lines = desk.case, kernel.lines()

    with pytest.raises(BadInput, match="reason"):
        desk.rule_out("h-1", because=" ")
    with pytest.raises(NotFound, match="h-nosuch"):
        desk.rule_out("h-nosuch", because="no")
    with pytest.raises(NotFound, match="In scope: frontend"):
        desk.look_at("nosuch")
    with pytest.raises(NotFound, match="no observation"):
        desk.show("o-nosuch")

    assert (desk.case, kernel.lines()) == (before, lines)


def test_a_refused_line_does_not_end_the_replay(kernel: Any) -> None:
    """A line with a mistake in it, between two lines of the trail, is refused; the next is still replayed."""
    kernel.desk().run()
    asked = len(kernel.asked)

    again = kernel.desk()
    with pytest.raises(NotFound):
        again.confirm("h-nosuch")
    view = again.run()

    assert len(kernel.asked) == asked
    assert "from the journal" in view.text


def test_what_a_person_confirms_is_the_finding(kernel: Any) -> None:
    """Confirming the second hypothesis surfaces it; confirming another takes the word back from it."""
    desk = kernel.desk(reasoner=scripted())
    desk.run()
    second, third = (each.id for each in desk.case.hypotheses[1:3])

    desk.confirm(second)
    first_found = [finding.hypothesis for finding in desk.case.findings if finding.surfaced]
    desk.confirm(third)
    found = [finding.hypothesis for finding in desk.case.findings if finding.surfaced]

    assert (first_found, found) == ([second], [third])
    assert [each.state for each in desk.case.hypotheses].count(State.CONFIRMED) == 1
    assert desk.case.ended


def test_go_further_adds_to_the_budget_once(kernel: Any) -> None:
    """A case out of questions goes on with more; a fresh kernel has the same cap at once, and asks nothing again."""
    small = Budget(dollars=1.0, tokens=1000, questions=1, seconds=300.0)
    first = kernel.desk(reasoner=scripted(), budget=small)
    first.run()
    out = first.case.ended
    first.go_further(questions=5)
    said, asked, spend = verdict(first), len(kernel.asked), first.spend().text

    again = kernel.desk(reasoner=ScriptedReasoner(), budget=small)
    opened = again.spend().text
    again.run()
    again.go_further(questions=5)

    assert out == "out of questions"
    assert asked == 3
    assert (verdict(again), len(kernel.asked)) == (said, asked)
    assert opened == again.spend().text == spend
    assert "of 6" in spend


def test_confirm_and_save_remember_the_cause(kernel: Any) -> None:
    """A confirmed case is saved as a confirmed episode with its cause and remedy; saved twice, it is one episode."""
    desk = kernel.desk()
    desk.run()
    desk.confirm()
    desk.save()
    desk.save(remedy="rolled back")
    (episode,) = desk.tools.memory.episodes()

    assert (episode.verdict, episode.cause and episode.cause.name) == (Verdict.CONFIRMED, "payment")
    assert episode.remedy == "rolled back"
    assert episode.symptoms


def test_a_case_that_nobody_confirmed_is_saved_as_unresolved(kernel: Any) -> None:
    """Without a confirmation the verdict is not made up; a word that is no verdict is refused and saves nothing."""
    desk = kernel.desk()
    desk.run()
    with pytest.raises(BadInput, match="confirmed, rejected"):
        desk.save("fixed")
    none = desk.tools.memory.episodes()
    desk.save()

    assert none == []
    assert [each.verdict for each in desk.tools.memory.episodes()] == [Verdict.UNRESOLVED]


def test_an_alike_incident_recalls_the_saved_one_and_says_why(kernel: Any) -> None:
    """The next alert of the same kind recalls the episode, with reasons, and shows both."""
    first = kernel.desk()
    first.run()
    first.confirm()
    first.save(remedy="rolled back")

    second = kernel.desk(later(shop_case().alert, 1))
    (recalled,) = second.case.recollections
    text = second.episodes().text

    assert recalled.episode.id == first.case.id
    assert recalled.why
    assert any(reason in text for reason in recalled.why)
    assert "payment" in text


def test_the_first_screen_has_the_top_hypothesis(kernel: Any) -> None:
    """The desk shows itself as its first screen: the top hypothesis and its confidence, in text and in HTML."""
    desk = kernel.desk()
    desk.run()
    top = desk.case.top
    assert top is not None
    bundle = desk._repr_mimebundle_()

    for words in (bundle["text/plain"], bundle["text/html"]):
        assert "payment" in words
        assert f"{top.confidence.value:.2f}" in words
        assert top.id in words
    assert bundle["application/vnd.workbench.hypothesis+json"]["hypotheses"][0]["id"] == top.id


def test_every_view_of_an_empty_and_of_a_concluded_case_can_be_shown(kernel: Any) -> None:
    """No view fails, and none is empty: with nothing known, and with everything known."""
    empty = kernel.desk(reasoner=ScriptedReasoner())
    views = [
        "screen",
        "alert",
        "graph",
        "metrics",
        "logs",
        "traces",
        "hypotheses",
        "coverage",
        "episodes",
        "spend",
        "timeline",
    ]
    first = {name: getattr(empty, name)().text for name in views}
    empty.step(replay=False)
    whole = kernel.desk(later(shop_case().alert, 0))
    whole.run()
    second = {name: getattr(whole, name)().text for name in views}

    assert [name for name in views if not first[name].strip() or not second[name].strip()] == []


def test_the_rows_of_an_observation_can_be_shown_for_one_entity(kernel: Any) -> None:
    """`case.show(observation, entity=…)` shows the rows of that entity and of no other."""
    desk = kernel.desk()
    desk.run()
    metrics = next(each.id for each in desk.case.observations if each.question.modality is Modality.METRICS)
    text = desk.show(metrics, entity="payment").text

    assert "payment" in text
    assert "frontend" not in text
