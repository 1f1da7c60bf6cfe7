"""A fork of a case on its own desk: its own plan, rulings and steps from where it left, in a trail of its own.

What a person says in a fork is a question of theirs: before it is merged, it grades no finding and tells the graph
nothing.
"""

from __future__ import annotations

from dataclasses import replace

from ontology.errors import BadInput
from workbench.desk.desk import Desk
from workbench.engine.branch import forked
from workbench.journal import Entry
from workbench.nouns import FORK, Case
from workbench.render.card import first_screen
from workbench.render.spend import spend_words
from workbench.render.view import View


class Fork(Desk):
    """The desk of a fork."""

    def __init__(self, parent: Desk, what: str, left: Entry) -> None:
        """Take up the fork that this act of the parent's trail made, where its own trail ends."""
        tools = replace(parent.tools, budget=parent.cap_at(left.n))
        fork_id = f"{left.case.id}{FORK}{left.n}"
        self.parent, self.what = parent, what
        self.start = forked(left.case, what, fork_id)
        self.name = "fork" if parent.name == "case" else f"{parent.name}_fork"
        super().__init__(self.start, tools, tools.journal.trail(fork_id))

    def merged_last(self) -> Case:
        """Return the fork as it was when its parent took it over before, or when it began."""
        taken = [entry.case for entry in self._trail[: self._replayed - 1] if entry.action == "merged"]
        return taken[-1] if taken else self.start

    def screen(self) -> View:
        """The first screen, which says that this is a fork."""
        spend = spend_words(self.case.spent, self._budget)
        return first_screen(self.case, self.now(), spend=f"{spend} · a fork: {self.what}")

    def save(self, verdict: str | None = None, *, remedy: str = "") -> View:
        """Refuse: an incident is remembered once.

        Raises:
            BadInput: always.
        """
        raise BadInput(
            "A fork is not remembered as an incident of its own.",
            next_step=f"Say {self.parent.name}.merge({self.name}), then {self.parent.name}.save().",
        )

    def _tell(self, case: Case) -> None:
        """Tell nobody."""
