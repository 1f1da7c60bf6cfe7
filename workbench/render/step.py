"""What a step did: what was asked of whom, what came back, how belief moved, and what would be asked next."""

from __future__ import annotations

from workbench.nouns import Answered, Budget, Case, Failed, Hypothesis, Observation, Silent
from workbench.render import reading
from workbench.render.board import findings_json
from workbench.render.learned import news
from workbench.render.markup import Html, columns, fold, grid, tag
from workbench.render.spend import spend_words
from workbench.render.view import HYPOTHESIS, View, page
from workbench.render.words import cut, listed, number, some

_HEAD = ("asked", "of", "what came back")
_ENDED = {
    "concluded": "Concluded.",
    "nothing left to ask": "Nothing is left to ask.",
    "stopped": "Stopped by you.",
}


def step_view(
    case: Case,
    before: Case | None = None,
    *,
    cap: Budget | None = None,
    had: Budget | None = None,
    replayed: bool = False,
) -> View:
    """Return what happened between two cases.

    Args:
        case: the case after the step.
        before: the case before it; None where it is not at hand.
        cap: what the case may use in all.
        had: what it might use before this raised it; None where nothing did.
        replayed: whether this comes from the journal instead of the sources.
    """
    say = sentence(case, before)
    fresh = case.observations[len(before.observations) if before else 0 :]
    was = f"before: {spend_words(before.spent, had)}; now: " if before and had else ""
    spent = was + spend_words(case.spent, cap) + (" (from the journal, nothing was asked again)" if replayed else "")
    rows = [_asked(each) for each in fresh]
    note = cut(case.note, 320)  # what the reasoner adds: also that a model could take no part, and why
    found = news(case, before)
    table = columns(rows, _HEAD, most=100) if rows else ""
    text = "\n".join(filter(None, (say, note, table, found, planned(case), spent)))
    return page(
        text,
        tag("p", say, class_="say"),
        tag("p", note, class_="small") if note else None,
        fold(f"{some(len(fresh), 'question')} asked", grid(rows, _HEAD, class_="rows")) if fresh else None,
        tag("p", found, class_="small") if found else None,
        tag("p", planned(case), class_="mute small"),
        tag("p", spent, class_="mute small"),
        also={HYPOTHESIS: findings_json(case)},
        kind="step",
    )


def sentence(case: Case, before: Case | None = None) -> str:
    """Say what is believed now, and whether it is over."""
    top = case.top
    over = _ENDED.get(case.ended, f"It ended: {case.ended}." if case.ended else "")
    if top is None:
        return f"Step {case.steps}: nothing stands out. {over}".strip()
    shown = "" if reading.is_surfaced(case, top) else ", below the threshold"
    belief = f"{number(top.confidence.value)}{_moved(top, before)}"
    return f"Step {case.steps}: {cut(top.claim, 160)}, {belief}{shown}. {over}".strip()


def _moved(top: Hypothesis, before: Case | None) -> str:
    was = next((each for each in before.hypotheses if each.id == top.id), None) if before else None
    return f" (was {number(was.confidence.value)})" if was else ""


def planned(case: Case) -> str:
    """Say what the next step would ask."""
    if case.ended or not case.planned:
        return ""
    kinds = listed([str(each) for each in dict.fromkeys(each.modality for each in case.planned)])
    why = next((each.why for each in case.planned if each.why), "")
    return f"Next it would ask for {kinds}{f': {cut(why, 160)}' if why else ''}   [case.step()]"


def _asked(each: Observation) -> tuple[object, ...]:
    reply = each.reply
    if isinstance(reply, Answered):
        came: object = cut(reply.digest.splitlines()[0] if reply.digest else "rows", 200)
    elif isinstance(reply, Silent):
        came = f"nothing there ({cut(reply.searched, 120)})"
    else:
        came = _failed(reply)
    about = listed([entity.name for entity in each.question.about], 3) or "everything in scope"
    return (f"{each.question.modality} of {about}", each.source, came)


def _failed(reply: Failed) -> Html:
    return tag("span", f"could not look: {cut(reply.reason, 120)}. {cut(reply.remedy, 120)}".strip())
