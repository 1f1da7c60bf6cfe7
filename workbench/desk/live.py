"""The desk in a live notebook: the first screen with its buttons, kept up to date in place.

What is written into the file are mime bundles; the buttons live only as long as the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.notebook import nextcell
from workbench.nouns import State
from workbench.render.view import View
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
        return "case.step()"
    if top is None or not top.evidence:
        return "case.coverage()"
    strongest = max(top.evidence, key=lambda each: each.weight)
    return f'case.show("{strongest.observation}", entity="{top.suspect.name}")'


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
            "step": Action("Step", "case.step()", step, "Ask what is planned", asking),
            "run": Action("Run on", "case.run()", run, "Step to a conclusion", asking),
            "rule_out": Action(
                "Rule out",
                'case.rule_out("{id}", because="{because}")',
                lambda held, because: desk.rule_out(held, because=because),
                "Rule a hypothesis out, with the reason",
                choice=Choice(lambda: choices(desk)),
            ),
            "further": Action("Go further", "case.go_further(questions=20)", further, "Add to the budget"),
            "stop": Action("Stop", "case.stop()", desk.stop, "Keep what is known, ask no more", immediate=True),
        }
    )


def choices(desk: Desk) -> list[tuple[str, str]]:
    """Return the hypotheses that can be ruled out: words and id."""
    return [
        (f"{each.suspect.name}: {each.failure_mode.replace('-', ' ')} ({each.confidence.value:.2f})", each.id)
        for each in desk.case.hypotheses
        if each.state is not State.RULED_OUT
    ]
