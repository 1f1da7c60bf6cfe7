"""The desk in a live notebook: the first screen with its buttons, kept up to date in place.

What is written into the file are mime bundles; the buttons live only as long as the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.notebook import nextcell
from workbench.nouns import State
from workbench.render.markup import tag
from workbench.render.view import View, page
from workbench.render.widgets import Action, Choice, Controls, controls

if TYPE_CHECKING:
    from workbench.desk.desk import Desk


def in_kernel() -> bool:
    """Say whether this runs in a Jupyter kernel."""
    return hasattr(nextcell.shell(), "kernel")


def show(desk: Desk) -> None:
    """Show the first screen, to be kept up to date, and the buttons where there is a kernel."""
    from IPython.display import display

    display(desk.screen()._repr_mimebundle_(), raw=True, display_id=desk.case.id)
    if in_kernel():
        display(buttons(desk))


def refresh(desk: Desk) -> None:
    """Redraw the first screen where it was shown."""
    if nextcell.shell() is not None:
        from IPython.display import update_display

        update_display(desk.screen()._repr_mimebundle_(), raw=True, display_id=desk.case.id)


def propose(desk: Desk) -> None:
    """Propose the next cell, unrun: another step, or the rows behind the strongest evidence."""
    nextcell.insert(next_line(desk), id=f"{desk.case.id}:{desk.case.steps}:{desk.case.ended}")


def next_line(desk: Desk) -> str:
    """Return the Python line that a colleague would type next."""
    top = desk.case.top
    if not desk.case.ended:
        return f"{desk.name}.step()"
    if top is None or not top.evidence:
        return f"{desk.name}.coverage()"
    strongest = max(top.evidence, key=lambda each: each.weight)
    return f'{desk.name}.show("{strongest.observation}", entity="{top.suspect.name}")'


def buttons(desk: Desk) -> Controls:
    """Return the verbs as buttons; each stands for one Python line."""
    kinds = ", ".join(dict.fromkeys(str(question.modality) for question in desk.case.planned))
    asking = f"asking for {kinds}" if kinds else "thinking"

    def step() -> View:
        return desk.step(replay=False)

    def run() -> View:
        return desk.run(replay=False)

    def further() -> View:
        return desk.go_further(replay=False)

    return controls(
        {
            "step": Action("Step", f"{desk.name}.step()", step, "Ask what is planned", asking),
            "run": Action("Run on", f"{desk.name}.run()", run, "Step to a conclusion", asking),
            "rule_out": Action(
                "Rule out",
                f'{desk.name}.rule_out("{{id}}", because="{{because}}")',
                lambda held, because: desk.rule_out(held, because=because),
                "Rule a hypothesis out, with the reason",
                choice=Choice(lambda: choices(desk)),
            ),
            "further": Action("Go further", f"{desk.name}.go_further(questions=20)", further, "Add to the budget"),
            **branching(desk),
            "stop": Action("Stop", f"{desk.name}.stop()", desk.stop, "Keep what is known, ask no more", immediate=True),
        }
    )


def branching(desk: Desk) -> dict[str, Action]:
    """Return what forks need: on a case the line that makes one, on a fork what its case does with it.

    A fork is held by a name in the notebook, so its button leaves the line in the next cell, and a person runs it.
    """
    parent: Desk | None = getattr(desk, "parent", None)
    if parent is None:
        made = 'fork = case.fork("{because}")'
        asking = Choice(lambda: choices(desk), which=False)
        hint = "Go another way from here, and keep this one"
        return {"fork": Action("Fork", made, lambda _, what: _left(desk, what), hint, choice=asking)}
    compare, merge = (f"{parent.name}.{verb}({desk.name})" for verb in ("compare", "merge"))
    return {
        "compare": Action("Compare", compare, lambda: parent.compare(desk), "Set it beside the case"),  # type: ignore[arg-type]  # only a Fork has a parent
        "merge": Action("Merge", merge, lambda: parent.merge(desk), "Take over what it found"),  # type: ignore[arg-type]  # the same
    }


def _left(desk: Desk, what: str) -> View:
    line = f"fork = {desk.name}.fork({what!r})"
    nextcell.insert(line, id=f"{desk.case.id}:{line}")
    return page(f"The next cell: {line}", tag("p", "The next cell makes the fork: ", tag("code", line)), kind="fork")


def choices(desk: Desk) -> list[tuple[str, str]]:
    """Return the hypotheses that can be ruled out: words and id."""
    return [
        (f"{each.suspect.name}: {each.failure_mode.replace('-', ' ')} ({each.confidence.value:.2f})", each.id)
        for each in desk.case.hypotheses
        if each.state is not State.RULED_OUT
    ]
