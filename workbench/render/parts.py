"""Small pieces that several views share: confidence, evidence, severity, belief."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.nouns import Case, Confidence, Evidence, Hypothesis
from workbench.render.markup import Html, tag
from workbench.render.words import number

TEN = 10


def bar(value: float) -> str:
    """Return the bar in text.

    >>> bar(0.84)
    '########--'
    """
    full = round(min(max(value, 0.0), 1.0) * TEN)
    return "#" * full + "-" * (TEN - full)


def sure(confidence: Confidence) -> Html:
    """Return the number and its bar; the reasons stand beside it in the view."""
    share = round(min(max(confidence.value, 0.0), 1.0) * 100)
    filled = tag("span", style=f"width:{share}%")
    title = f"confidence {number(confidence.value)}: {'; '.join(confidence.because)}"
    return tag(
        "span",
        tag("b", f"{confidence.value:.2f}"),
        " ",
        tag("span", filled, class_="bar", role="img", title=title, aria_label=f"{share} of 100"),
        class_="sure",
    )


def strongest(hypothesis: Hypothesis, stance: str) -> tuple[Evidence, ...]:
    """Return the evidence of that stance, weightiest first."""
    return tuple(sorted((each for each in hypothesis.evidence if each.stance == stance), key=lambda each: -each.weight))


def notes(evidence: Sequence[Evidence], most: int = 3) -> str:
    """Return the notes in one line, the weightiest first."""
    said = list(dict.fromkeys(each.note.rstrip(".") for each in evidence))
    shown = [note for note in said if not any(other != note and other.startswith(note) for other in said)]
    more = f", {len(shown) - most} more" if len(shown) > most else ""
    return "; ".join(shown[:most]) + more


def chips(hypothesis: Hypothesis, most: int = 6) -> Html:
    """Return the evidence as chips, for and against told apart by a word and the border."""
    ordered = [*strongest(hypothesis, "for"), *strongest(hypothesis, "against")]
    drawn = [
        tag(
            "span",
            tag("b", each.stance),
            each.note,
            title=f"{each.channel}, weight {number(each.weight)}",
            class_=f"chip {each.stance}",
        )
        for each in ordered[:most]
    ]
    rest = tag("span", f"{len(ordered) - most} more", class_="chip") if len(ordered) > most else None
    return tag("div", drawn, rest, class_="chips") if ordered else tag("span", "no evidence yet", class_="mute")


def severity(word: str) -> Html:
    """Return the severity as a word on its colour; an unknown word stays grey."""
    known = word if word in {"critical", "warning"} else "other"
    return tag("span", word.upper() or "UNKNOWN", class_=f"sev sev-{known}")


def belief(case: Case, hypothesis: Hypothesis, width: int = 72, height: int = 20) -> Html:
    """Return the step line that shows how belief moved; empty under two steps."""
    values = [each for each in case.beliefs if each.hypothesis == hypothesis.id]
    if len(values) < 2:
        return Html("")
    last = max(each.step for each in case.beliefs)
    first = min(each.step for each in case.beliefs)
    wide = max(last - first, 1)
    at = [((each.step - first) / wide * (width - 4) + 2, height - 2 - each.value * (height - 4)) for each in values]
    d = f"M{at[0][0]:.1f},{at[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in at[1:])
    words = " → ".join(f"{each.value:.2f}" for each in values)
    return tag(
        "svg",
        tag("title", f"belief by step: {words}"),
        tag("line", x1=0, x2=width, y1=height - 1, y2=height - 1, class_="gridline"),
        tag("path", d=d, class_="series"),
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=f"belief by step: {words}",
    )


def history(case: Case, hypothesis: Hypothesis) -> str:
    """Return how belief moved, in text: `0.31 → 0.84`."""
    return " → ".join(f"{each.value:.2f}" for each in case.beliefs if each.hypothesis == hypothesis.id)
