"""The hypothesis board, and the JSON object of a case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.nouns import Case, Evidence, Hypothesis
from workbench.render import reading
from workbench.render.markup import Html, clean, fold, grid, join, tag
from workbench.render.parts import bar, belief, chips, history, notes, strongest, sure
from workbench.render.view import HYPOTHESIS, View, page
from workbench.render.words import clock, cut, number, short, some

SCHEMA = "https://w3id.org/incident-workbench/schema/hypothesis.schema.json"
SHOWN = 8
"""Rows in sight; the rest is folded."""


def hypothesis_board(case: Case) -> View:
    """Return every hypothesis with its reasons; ruled-out ones below a line, with who ruled them out and why."""
    say = sentence(case)
    standing, out = reading.standing(case), reading.ruled_out(case)
    ranked = [_row(case, rank, each) for rank, each in enumerate(standing, 1)]
    body = (
        grid(ranked[:SHOWN], ("", "claim", "confidence", "for and against", "state"), class_="rows board")
        if ranked
        else None
    )
    rest = (
        fold(f"{len(ranked) - SHOWN} less likely", grid(ranked[SHOWN:], class_="rows board"))
        if len(ranked) > SHOWN
        else None
    )
    below = (
        tag(
            "div",
            tag("p", f"Ruled out: {len(out)}", class_="mute"),
            grid(map(_out_row, out), class_="rows out"),
            class_="below",
        )
        if out
        else None
    )
    evidence = fold("evidence, with the line that shows it again", _evidence(standing[:SHOWN])) if standing else None
    text = "\n".join(
        filter(None, (say, _text(case, standing), *(f"ruled out: {' '.join(_out_text(each))}" for each in out)))
    )
    return page(
        text,
        tag("p", say, class_="say"),
        body,
        rest,
        below,
        evidence,
        also={HYPOTHESIS: hypotheses_json(case)},
        kind="board",
    )


def sentence(case: Case) -> str:
    """Say which hypothesis leads, or that none does."""
    standing, found = reading.standing(case), reading.answer(case)
    if not case.hypotheses:
        return (
            "No hypotheses yet; case.step() looks at the telemetry."
            if not case.steps
            else "No hypothesis holds: nothing in what was looked at points to a cause."
        )
    if not standing:
        return "Every hypothesis is ruled out; case.go_further() looks for others."
    if found:
        return f"Most likely: {cut(found.claim, 160)} ({number(found.confidence.value)})."
    closest = number(standing[0].confidence.value)
    return f"Not sure: {some(len(standing), 'hypothesis', 'hypotheses')} open, the closest at {closest}."


def _row(case: Case, rank: int, each: Hypothesis) -> tuple[object, ...]:
    lead = "top" if each is reading.answer(case) else None
    claim = tag(
        "div",
        tag("span", cut(each.claim, 200), class_="claim" if lead else None, title=each.claim),
        tag("div", _whom(each), class_="mute small"),
    )
    confidence = tag(
        "div",
        sure(each.confidence),
        tag("div", "; ".join(each.confidence.because), class_="mute small"),
        belief(case, each),
        class_=lead,
    )
    state = tag("div", _state(case, each), tag("div", tag("code", each.id), class_="mute small"))
    return (tag("b", rank), claim, confidence, chips(each), state)


def _whom(each: Hypothesis) -> str:
    began = f", since {clock(each.onset)} UTC" if each.onset else ""
    return (
        f"{short(each.suspect.name, 48)}, {each.failure_mode.replace('-', ' ')}{began}, proposed by {each.proposed_by}"
    )


def _state(case: Case, each: Hypothesis) -> str:
    return (
        f"{each.state}, surfaced" if reading.is_surfaced(case, each) and each.state != "confirmed" else str(each.state)
    )


def _out_row(each: Hypothesis) -> tuple[object, ...]:
    claim, why = _out_text(each)
    return (claim, why, tag("code", each.id))


def _out_text(each: Hypothesis) -> tuple[str, str]:
    against = notes(strongest(each, "against"), 2)
    return each.claim, each.ruled_out_because or against or "no reason was kept"


def _evidence(standing: Iterable[Hypothesis]) -> Html:
    return join(
        tag(
            "div",
            tag("p", tag("b", each.claim)),
            grid(map(_evidence_row, each.evidence), ("", "what was seen", "from", "weight", "show it")),
        )
        for each in standing
        if each.evidence
    )


def _evidence_row(each: Evidence) -> tuple[object, ...]:
    return (
        each.stance,
        each.note,
        each.channel,
        number(each.weight),
        tag("code", each.query or f'case.show("{each.observation}")'),
    )


def _text(case: Case, standing: tuple[Hypothesis, ...]) -> str:
    lines = []
    for rank, each in enumerate(standing, 1):
        value = each.confidence.value
        lines.append(f"{rank}. {value:.2f} {bar(value)} {clean(each.claim)} [{each.state}, {each.id}]")
        lines.append(f"   because {clean('; '.join(each.confidence.because))}")
        lines += [
            f"   {stance} {clean(notes(strongest(each, stance)))}"
            for stance in ("for", "against")
            if strongest(each, stance)
        ]
        moved = history(case, each)
        lines += [f"   belief {moved}"] if "→" in moved else []
    return "\n".join(lines)


def findings_json(case: Case) -> dict[str, Any]:
    """Return the case's object with no more than the leading hypotheses: what the first screen carries."""
    whole = hypotheses_json(case)
    return {**whole, "hypotheses": whole["hypotheses"][:3]}


def hypotheses_json(case: Case) -> dict[str, Any]:
    """Return the case with its ranked hypotheses, as docs/hypothesis.schema.json says."""
    return {
        "$schema": SCHEMA,
        "case": case.id,
        "alert": {
            "id": case.alert.id,
            "title": clean(case.alert.title),
            "severity": case.alert.severity,
            "summary": clean(case.alert.summary),
            "fired": case.alert.fired.isoformat(),
        },
        "steps": case.steps,
        "ended": case.ended,
        "note": clean(case.note),
        "hypotheses": [_hypothesis(case, rank, each) for rank, each in enumerate(case.hypotheses, 1)],
        "coverage": [
            {
                "source": clean(each.source),
                "channel": str(each.modality),
                "status": each.status,
                "note": clean(each.note),
            }
            for each in case.coverage
        ],
        "spent": {
            "dollars": case.spent.dollars,
            "tokens": case.spent.tokens,
            "questions": case.spent.questions,
            "seconds": round(case.spent.seconds, 3),
        },
    }


def _hypothesis(case: Case, rank: int, each: Hypothesis) -> dict[str, Any]:
    found = reading.finding(case, each)
    return {
        "id": each.id,
        "rank": rank,
        "claim": clean(each.claim),
        "entity": clean(each.suspect.name),
        "entity_iri": str(each.suspect.iri),
        "entity_kind": each.suspect.kind,
        "failure_mode": each.failure_mode,
        "cause": each.cause,
        "confidence": round(each.confidence.value, 4),
        "because": [clean(reason) for reason in each.confidence.because],
        "evidence": [_evidence_json(case, item) for item in each.evidence],
        "surfaced": reading.is_surfaced(case, each),
        "state": str(each.state),
        "onset": each.onset.isoformat() if each.onset else None,
        "proposed_by": each.proposed_by,
        "ruled_out_because": clean(each.ruled_out_because),
        "next_steps": [clean(step) for step in (found.next_steps if found else ()) or filter(None, (each.next_step,))],
    }


def _evidence_json(case: Case, each: Evidence) -> dict[str, Any]:
    query = clean(each.query) or f'case.show("{each.observation}")'
    opened = f'__import__("workbench").open("{case.alert.id}")'  # so that the line runs outside the notebook too
    return {
        "stance": each.stance,
        "weight": round(each.weight, 4),
        "note": clean(each.note),
        "channel": str(each.channel),
        "query": query.replace("case.", f"{opened}.", 1),
        "observation": each.observation,
        "at": each.at.isoformat() if each.at else None,
    }
