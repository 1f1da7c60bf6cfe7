"""A proposed change: as a view, and as the text of a pull request."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.nouns import Case, Hypothesis
from workbench.render.markup import clean, tag
from workbench.render.parts import strongest
from workbench.render.view import View, page
from workbench.render.words import cut, number


@dataclass(frozen=True, slots=True)
class Proposed:
    """What would take a confirmed cause back, or what is missing to say so."""

    hypothesis: Hypothesis
    change: str = ""
    """The change that the evidence names, as its source worded it."""
    undoes: str = ""
    """The commit or the recorded change that the patch takes back."""
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Why there is no patch; empty where there is one."""


def proposal_view(proposed: Proposed, written: tuple[str, ...]) -> View:
    """Return what is proposed and which files hold it, or what is missing.

    Args:
        proposed: the proposal.
        written: the patch and the pull request's text, as paths.
    """
    if proposed.missing:
        say = f"No change is proposed: {cut(proposed.hypothesis.claim, 120)}, but no patch can be derived."
        lines = [clean(each) for each in proposed.missing]
    else:
        say = f"Proposed: take back {cut(proposed.undoes, 120)}."
        lines = [f"touches {', '.join(proposed.files)}", "git apply --check passes; nothing was applied or pushed"]
        lines += [f"wrote {each}" for each in written]
    shown = [tag("p", each, class_="small") for each in lines]
    return page(
        "\n".join((say, *(f"  {each}" for each in lines))), tag("p", say, class_="say"), *shown, kind="proposal"
    )


def pull_request(case: Case, proposed: Proposed, patch: str) -> str:
    """Return the Markdown of a pull request: what it takes back, the evidence for it, what to watch.

    The patch is named and not quoted, since it may hold values that a page should not.
    """
    held = proposed.hypothesis
    lines = [
        f"# Take back: {_plain(proposed.undoes)}",
        "",
        f"For the alert {_plain(case.alert.title)} of {case.alert.fired:%Y-%m-%d %H:%M} UTC ({_plain(case.alert.id)}).",
        "",
        f"**Cause, confirmed by an engineer:** {_plain(held.claim)}; confidence {held.confidence.value:.2f}.",
        "",
        f"**Change that the evidence names:** {_plain(proposed.change)}",
        "",
        "## Evidence",
        "",
        *(f"- {each.channel}, {number(each.weight)} nats: {_plain(each.note)}" for each in strongest(held, "for")),
        *(f"- against, {each.channel}: {_plain(each.note)}" for each in strongest(held, "against")),
        "",
        "## The patch",
        "",
        f"`git apply {_plain(patch)}` reverses the change in:",
        "",
        *(f"- `{_plain(each)}`" for each in proposed.files),
        "",
        "`git apply --check` passed on the checkout as it was; nothing was applied, committed or pushed. All that the "
        "change brought is taken back, and it needs a release of its own.",
        "",
        *([f"It would be refuted if {_plain(held.would_refute)}.", ""] if held.would_refute else []),
    ]
    return "\n".join(lines)


def _plain(text: object) -> str:
    """Return text from outside in one line, without what Markdown or HTML would act on."""
    plain = cut(text, 400)
    for mark in ("\\", "`", "*", "_", "[", "]", "<", ">", "!", "|", "#"):
        plain = plain.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return plain
