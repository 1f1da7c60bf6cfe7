"""What the case has used, in words."""

from __future__ import annotations

from workbench.nouns import Budget
from workbench.render.markup import tag
from workbench.render.view import View, page
from workbench.render.words import some, span


def spend_words(spent: Budget, cap: Budget | None = None, step: tuple[float, float] | None = None) -> str:
    """Return one sentence.

    Args:
        spent: what the case has used.
        cap: what it may use in all.
        step: dollars that the next step will cost, at least and at most.

    >>> spend_words(Budget(0.07, 0, 12, 8.0), Budget(1.0, 0, 40, 300.0), (0.02, 0.04))
    '$0.07 of $1.00, 12 of 40 questions, 8 s; the next step about $0.02 to $0.04'
    """
    of = f" of ${cap.dollars:.2f}" if cap and cap.dollars else ""
    money = f"${spent.dollars:.2f}{of}" if spent.dollars or of else "no money"
    asked = (
        f"{spent.questions} of {cap.questions} questions"
        if cap and cap.questions
        else some(spent.questions, "question")
    )
    ahead = (
        ""
        if step is None
        else f"; the next step about ${step[0]:.2f} to ${step[1]:.2f}"
        if step[1]
        else "; the next step is free"
    )
    return f"{money}, {asked}, {span(spent.seconds)}{ahead}"


def spend_meter(spent: Budget, cap: Budget | None = None, step: tuple[float, float] | None = None) -> View:
    """Return the sentence as a view: small, always in the same words."""
    words = spend_words(spent, cap, step)
    return page(words, tag("p", words, class_="mute"), kind="spend")
