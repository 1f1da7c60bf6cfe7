"""Witnesses: in whose own time traces became slower, and in whom they began to fail (`spans`)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.nouns import Modality
from workbench.reasoning.statistical.onway import ECHO, slow_ways
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign, counted, surprise
from workbench.reasoning.statistical.spans import Spans, Spent
from workbench.reasoning.statistical.vocabulary import Signal
from workbench.reasoning.statistical.wording import number, percent, times


def time_spent(seen: Seen) -> Iterator[Sign]:
    """Yield in whose own time, and on the way to whom, traces became slower."""
    spans = seen.traced
    if spans is None:
        return
    slower = [
        each
        for each in spans.spent
        if each.kind == "own" and each.added_ms > 0 and each.z >= 3 and each.after_ms > 1.1 * each.before_ms
    ]
    most = max(slower, key=lambda each: each.added_ms, default=None)
    if most is None:
        return
    waiting = slow_ways(seen)  # a call is late before it begins, too: connecting takes time that no span below shows
    telling = surprise(most.z) + min(1.0, math.log(most.after_ms / max(most.before_ms, 0.1)))
    whole = sum(each.added_ms for each in slower)
    for each in slower:
        share = each.added_ms / most.added_ms
        if share >= 0.05:
            nats = min(CHANNEL_CAP, telling) * share * (ECHO if each.service in waiting else 1.0)
            yield _span(spans, each.service, Family.SLOWNESS, nats, _spent_note(each, whole), each.kind)
    for each in _unchanged(spans, {each.service for each in slower if each.added_ms >= 0.05 * most.added_ms}):
        levels = f"{number(each.before_ms, 'ms')} → {number(each.after_ms, 'ms')}"
        note = f"own time in {each.operation} hardly changed ({levels}): what became slower is elsewhere"
        yield _span(spans, each.service, Family.PATH, -0.5 * min(CHANNEL_CAP, telling), note, "")


def _unchanged(spans: Spans, slower: set[str]) -> list[Spent]:
    """Return the own time of services that added next to nothing, on the way to them or in them."""
    return [each for each in spans.spent if each.kind == "own" and each.service not in slower]


def _spent_note(spent: Spent, whole: float) -> str:
    what = "own time" if spent.kind == "own" else "network time of calls to it"
    levels = f"{number(spent.before_ms, 'ms')} → {number(spent.after_ms, 'ms')}"
    grown = times(spent.after_ms / spent.before_ms) if spent.before_ms > 0.05 else ""
    return (
        f"{what} in {spent.operation}{grown} ({levels}), {percent(spent.added_ms / whole)} of what traces became "
        f"slower by ({number(whole, 'ms')} a trace)"
    )


def failures(seen: Seen) -> Iterator[Sign]:
    """Yield in whom failed traces began to fail."""
    spans = seen.traced
    if spans is None:
        return
    most = max((each.share - each.usual for each in spans.failing), default=0.0)
    for each in spans.failing:
        rise = each.share - each.usual
        said = f": {each.message}" if each.message else ""
        hint = "unreachable" if each.unreachable else "timeout" if each.timeout else ""
        how = {"unreachable": "got no answer from it", "timeout": "gave up on an answer that was no later than usual"}
        note = (
            f"{each.traces} traces ({percent(each.share)}, {percent(each.usual)} before) "
            f"{how.get(hint, 'failed here first')}{said}"
        )
        nats = counted(each.traces) * rise / most * min(1.0, 5 * rise)
        yield _span(spans, each.service, Family.ERRORS, nats, note, hint)


def _span(spans: Spans, service: str, family: Family, nats: float, note: str, hint: str) -> Sign:
    signal = Signal.LATENCY if family is Family.SLOWNESS else Signal.ERRORS
    return Sign(service, family, nats, note, spans.observation, Modality.TRACES, signal=signal, hint=hint)
