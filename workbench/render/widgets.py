"""The buttons of a live session: the only widgets. Nothing here is needed to read a saved notebook.

A click is answered at once (the status line says what is being asked of whom); the work runs on a worker thread, so
that the kernel's message loop stays free and Stop acts while a step runs. One board is redrawn in place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ontology.errors import WorkbenchError
from workbench.render.markup import Html, tag
from workbench.render.theme import STYLE
from workbench.render.view import View

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST = 7
"""Buttons in sight."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a button needs to know first: which hypothesis, and why, or words alone."""

    options: Callable[[], Sequence[tuple[str, str]]]
    """(words, hypothesis id), asked for whenever the board changes."""
    ask: str = "because"
    which: bool = True
    """Whether one must be chosen; else the words are enough."""


@dataclass(frozen=True, slots=True)
class Action:
    """A verb that a person may press."""

    label: str
    """`Step`, `Run on`, `Rule out`, `Go further`, `Stop`."""
    python: str
    """The line that does the same: `case.step()`. With a choice: `case.rule_out("{id}", because="{because}")`."""
    call: Callable[..., View | None]
    """Does it and returns the board to show. Called with (id, because) where there is a choice."""
    tooltip: str = ""
    saying: str = ""
    """What the status line says at once: `asking recorded metrics about checkout`."""
    immediate: bool = field(default=False, kw_only=True)
    """Runs at once, beside whatever is running: Stop."""
    choice: Choice | None = field(default=None, kw_only=True)


class Controls:
    """A row of buttons, a status line and a board that is redrawn in place."""

    def __init__(self, actions: Mapping[str, Action], board: View | None = None) -> None:
        """Build the widgets; show them with `widget`."""
        import ipywidgets as w

        self.actions = dict(list(actions.items())[:MOST])
        self.status = w.HTML(_line("Ready."))
        self.board = w.HTML(board.html if board else "")
        self.buttons: dict[str, Any] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="workbench-step")
        self._lock = threading.Lock()
        self._running: Future[None] | None = None
        self._which, self._why = w.Dropdown(layout=w.Layout(width="300px")), w.Text(layout=w.Layout(width="240px"))
        self._why.placeholder = "because…"
        self._which.description_allow_html = False
        row = [self._button(name, action) for name, action in self.actions.items()]
        self._asked = next((action for action in self.actions.values() if action.choice), None)
        asked = [self._which, self._why] if self._asked else []
        verbs = w.HBox([*row, *asked], layout=w.Layout(flex_flow="row wrap"))
        self.widget = w.VBox([verbs, self.status, self.board])
        self._refresh()

    def _button(self, name: str, action: Action) -> Any:
        import ipywidgets as w

        hint = f"{action.tooltip}  {action.python}".strip()
        button = w.Button(description=action.label, tooltip=hint, layout=w.Layout(width="auto"))
        button.on_click(lambda _: self.press(name))
        self.buttons[name] = button
        return button

    def press(self, name: str) -> Future[None] | None:
        """Do what the button stands for; return the running work, None where it was done at once or refused."""
        action = self.actions[name]
        if action.immediate:
            self.say(action.saying or f"{action.label}…", action.python)
            self._act(action, ())
            return None
        given = self._given(action)
        if given is None:
            needed = "choose a hypothesis and say why" if action.choice and action.choice.which else "say what you ask"
            self.say(f"{action.label}: {needed}, then press again.", action.python)
            return None
        with self._lock:
            if self._running and not self._running.done():
                self.say("Still at work; Stop ends it after the question that is being asked.", action.python)
                return None
            self.say(action.saying or f"{action.label}…", _filled(action.python, given))
            self._running = self._worker.submit(self._act, action, given)
            return self._running

    def _given(self, action: Action) -> tuple[str, ...] | None:
        """Return what the choice holds; None where it is not filled in."""
        if action.choice is None:
            return ()
        which, why = str(self._which.value or ""), str(self._why.value or "").strip()
        return (which, why) if why and (which or not action.choice.which) else None

    def _act(self, action: Action, given: tuple[str, ...]) -> None:
        """Call the action and show its board; an error of ours is shown as its sentence, any other as its type."""
        try:
            board = action.call(*given)
        except WorkbenchError as error:
            self.say(f"{action.label} did not work. {error}", action.python)
            return
        except Exception as error:
            # A worker has no cell to raise into: without this the button would look dead. The future keeps it too.
            self.say(f"{action.label} failed: {type(error).__name__}: {error}", action.python)
            raise
        if board is not None:
            self.show(board)
        if not action.immediate:
            self._why.value = ""
            self.say(f"{action.label}: done.", _filled(action.python, given))

    def say(self, words: str, python: str = "") -> None:
        """Set the status line: what is being asked of whom, and the Python line that does the same."""
        self.status.value = _line(words, python)

    def show(self, board: View) -> None:
        """Redraw the board in place."""
        self.board.value = board.html or str(tag("pre", board.text))
        self._refresh()

    def _refresh(self) -> None:
        if self._asked and self._asked.choice:
            kept = self._which.value
            options = [("which hypothesis…", ""), *self._asked.choice.options()]
            self._which.options = options
            self._which.value = kept if kept in [value for _, value in options] else options[0][1]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> object:
        """Show the widgets live; in a saved notebook only the Python lines remain."""
        bundle = self.widget._repr_mimebundle_(include=include, exclude=exclude)
        data: dict[str, object] = bundle[0] if isinstance(bundle, tuple) else bundle
        lines = [action.python for action in self.actions.values()]
        return {**data, "text/plain": "Buttons in a live notebook; in Python: " + ", ".join(lines)}


def controls(actions: Mapping[str, Action], board: View | None = None) -> Controls:
    """Return the buttons for these actions, at most seven, each with its Python line as the tooltip."""
    return Controls(actions, board)


def _filled(python: str, given: tuple[str, ...]) -> str:
    """Return the Python line with what was chosen, quoted as Python."""
    if not given:
        return python
    return python.replace('"{id}"', repr(given[0])).replace('"{because}"', repr(given[1]))


def _line(words: str, python: str = "") -> str:
    code = [" ", tag("code", python)] if python else None
    return str(
        Html(
            STYLE + tag("div", tag("span", words), code, class_="wb mathjax_ignore", role="status", aria_live="polite")
        )
    )
