"""The buttons: answered at once, worked on beside the message loop, stopped while at work."""

from __future__ import annotations

import threading
import time

from ontology.errors import BadInput
from workbench.nouns import Budget
from workbench.render.spend import spend_meter
from workbench.render.view import View
from workbench.render.widgets import Action, Choice, controls


def board(questions: int) -> View:
    return spend_meter(Budget(questions=questions))


def test_a_click_is_answered_before_the_work_is_done() -> None:
    """The status line says what is being asked of whom within 200 ms, while the step still runs."""
    release = threading.Event()

    def slow() -> View:
        release.wait(5)
        return board(1)

    desk = controls({"step": Action("Step", "case.step()", slow, saying="Asking recorded metrics about checkout.")})
    began = time.monotonic()
    work = desk.press("step")
    assert time.monotonic() - began < 0.2
    assert "Asking recorded metrics about checkout." in desk.status.value
    release.set()
    assert work
    work.result(5)
    assert "1 question" in desk.board.value
    assert "done" in desk.status.value


def test_stop_acts_while_a_step_runs() -> None:
    """Stop does not queue behind the step: its callback has run when the click returns, well under 500 ms."""
    stopped = threading.Event()

    def step() -> View:
        assert stopped.wait(5)
        return board(2)

    desk = controls(
        {
            "run": Action("Run on", "case.run()", step),
            "stop": Action("Stop", "case.stop()", lambda: stopped.set(), immediate=True),
        }
    )
    work = desk.press("run")
    began = time.monotonic()
    desk.press("stop")
    assert stopped.is_set()
    assert time.monotonic() - began < 0.5
    assert work
    work.result(5)


def test_a_second_click_while_at_work_is_refused_in_words() -> None:
    """Two steps never run at once."""
    release = threading.Event()
    desk = controls({"step": Action("Step", "case.step()", lambda: release.wait(5) and None)})
    work = desk.press("step")
    assert desk.press("step") is None
    assert "Still at work" in desk.status.value
    release.set()
    assert work
    work.result(5)


def test_repeated_steps_redraw_one_board() -> None:
    """The board is the same widget after three steps."""
    count = iter(range(1, 9))
    desk = controls({"step": Action("Step", "case.step()", lambda: board(next(count)))})
    kept = desk.board
    for _ in range(3):
        work = desk.press("step")
        assert work
        work.result(5)
    assert desk.board is kept
    assert "3 questions" in kept.value


def test_rule_out_needs_a_hypothesis_and_a_reason() -> None:
    """Nothing is ruled out without both; then the Python line shows what was chosen."""
    called: list[tuple[str, str]] = []
    choice = Choice(lambda: [("redis slow <b>", "h-1"), ("checkout code", "h-2")])
    python = 'case.rule_out("{id}", because="{because}")'
    desk = controls({"out": Action("Rule out", python, lambda a, b: called.append((a, b)), choice=choice)})
    assert desk.press("out") is None
    assert called == []
    desk._which.value, desk._why.value = "h-2", 'it\'s "fine"'
    work = desk.press("out")
    assert work
    work.result(5)
    assert called == [("h-2", 'it\'s "fine"')]
    assert "h-2" in desk.status.value


def test_an_error_is_a_sentence_in_the_status_line() -> None:
    """A person's error is shown with its next step, escaped; the buttons stay usable."""

    def fails() -> View:
        raise BadInput("<b>No</b> such case.", next_step="Open the alert again.")

    desk = controls({"step": Action("Step", "case.step()", fails)})
    work = desk.press("step")
    assert work
    work.result(5)
    assert "&lt;b&gt;No" in desk.status.value
    assert "Open the alert again." in desk.status.value
    assert desk.press("step")


def test_each_button_shows_its_python_line_and_seven_are_the_most() -> None:
    """The tooltip holds the line that does the same; an eighth verb is not shown."""
    desk = controls({f"v{n}": Action(f"Verb {n}", f"case.v{n}()", lambda: None) for n in range(9)})
    assert [button.tooltip for button in desk.buttons.values()] == [f"case.v{n}()" for n in range(7)]


def test_a_saved_notebook_keeps_the_python_lines() -> None:
    """Where widgets are dead the text names the lines that do the same."""
    desk = controls({"step": Action("Step", "case.step()", lambda: None)})
    bundle = desk._repr_mimebundle_()
    assert isinstance(bundle, dict)
    assert "case.step()" in bundle["text/plain"]
