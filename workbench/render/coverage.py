"""The coverage ledger: which source was checked for which hypothesis, and what was not looked at."""

from __future__ import annotations

from workbench.nouns import Case, Coverage, Hypothesis
from workbench.render import reading
from workbench.render.markup import columns, grid, tag
from workbench.render.view import View, page
from workbench.render.words import cut, listed, short

GLYPH = {"checked": "●", "silent": "○", "failed": "✕", "not asked": "·"}


def coverage_ledger(case: Case) -> View:
    """Return sources by hypotheses; a failed cell says why and how to mend it."""
    say = sentence(case)
    held = reading.standing(case)[:4]
    head = ("source", "status", "what happened", *(short(each.suspect.name, 22) for each in held))
    rows = [
        (each.source, f"{GLYPH[each.status]} {each.status}", each.note, *_bearing(each, held))
        for each in _ordered(case)
    ]
    if not rows:
        return page(say, tag("p", say, class_="say"), kind="coverage")
    drawn = [
        (
            tag("span", f"{each.modality}", tag("span", f" from {cut(each.source, 40)}", class_="mute")),
            tag(
                "span",
                tag("span", GLYPH[each.status], class_="glyph", aria_hidden="true"),
                each.status,
                style="white-space:nowrap",
            ),
            each.note,
            *_bearing(each, held),
        )
        for each in _ordered(case)
    ]
    text = f"{say}\n" + columns(
        [(each.modality, *row) for each, row in zip(_ordered(case), rows, strict=True)], ("kind", *head), most=70
    )
    return page(text, tag("p", say, class_="say"), grid(drawn, head, class_="rows"), kind="coverage")


def sentence(case: Case) -> str:
    """Say what was not looked at, since that is what misleads."""
    if not case.coverage:
        return "No source has been asked yet; case.step() asks the first."
    failed = [str(each.modality) for each in case.coverage if each.status == "failed"]
    open_ = [str(each.modality) for each in case.coverage if each.status == "not asked"]
    looked = [str(each.modality) for each in case.coverage if each.status in ("checked", "silent")]
    parts = [f"Looked at {listed(looked, 6)}" if looked else "Nothing could be looked at"]
    parts += [f"could not look at {listed(failed, 6)}"] if failed else []
    parts += [f"did not ask for {listed(open_, 6)}"] if open_ else []
    return "; ".join(parts) + "."


def _ordered(case: Case) -> list[Coverage]:
    """Return the failures first: they are the ones to act on."""
    return sorted(case.coverage, key=lambda each: ("failed", "not asked", "silent", "checked").index(each.status))


def _bearing(each: Coverage, held: tuple[Hypothesis, ...]) -> list[str]:
    return [_count(hypothesis, each) for hypothesis in held]


def _count(hypothesis: Hypothesis, each: Coverage) -> str:
    """Return `2 for, 1 against`; a question mark where the source could not or did not speak."""
    if each.status in ("failed", "not asked"):
        return "?"
    own = [item.stance for item in hypothesis.evidence if item.channel is each.modality]
    counts = [f"{own.count(stance)} {stance}" for stance in ("for", "against") if stance in own]
    return ", ".join(counts) or "no bearing"
