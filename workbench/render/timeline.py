"""What happened when: changes, the onset, the first things to move, the alert, what the engineer said."""

from __future__ import annotations

from datetime import datetime

from workbench.nouns import Case
from workbench.render import metrics, reading
from workbench.render.markup import columns, grid, tag
from workbench.render.view import View, page
from workbench.render.words import clock, span, stamp

MOST = 24


def timeline_view(case: Case) -> View:
    """Return the events in time order, each with its distance from the alert."""
    events = _events(case)
    say = sentence(case, events)
    rows = [(clock(at, seconds=True), _distance(case, at), kind, words) for at, kind, words in events]
    drawn = [(stamp(at, clock(at, seconds=True)), _distance(case, at), kind, words) for at, kind, words in events]
    head = ("UTC", "from the alert", "", "what happened")
    return page(
        f"{say}\n{columns(rows, head, most=90)}", tag("p", say, class_="say"), grid(drawn, head), kind="timeline"
    )


def sentence(case: Case, events: list[tuple[datetime, str, str]]) -> str:
    """Say what came first."""
    before = [event for event in events if event[1] not in ("alert", "engineer")]
    if not before:
        return f"The alert fired at {clock(case.alert.fired)} UTC; nothing else is on the record."
    at, kind, words = before[0]
    return f"First: {kind} at {clock(at)} UTC, {_distance(case, at)} the alert: {words}"


def _events(case: Case) -> list[tuple[datetime, str, str]]:
    found = [(mark.at, mark.kind, f"{mark.entity} {mark.words}".strip()) for mark in reading.marks(case)]
    found += [(each.shift.at, "moved", each.words) for each in metrics.movers(case, 12) if each.shift and each.shift.at]
    found += [
        (each.at, "engineer", f"{each.kind} {each.target} {each.text}".strip()) for each in case.steers if each.at
    ]
    return sorted(found)[:MOST]


def _distance(case: Case, at: datetime) -> str:
    seconds = (at - case.alert.fired).total_seconds()
    return "at the alert" if abs(seconds) < 1 else f"{span(abs(seconds))} {'before' if seconds < 0 else 'after'}"
