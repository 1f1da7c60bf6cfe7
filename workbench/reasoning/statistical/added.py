"""Witness: whose own doing the added seconds and errors are, by the call graph (`excess`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from workbench.nouns import Modality
from workbench.reasoning.statistical.excess import Excess, excesses
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import Family, Sign, counted, surprise
from workbench.reasoning.statistical.vocabulary import Signal
from workbench.reasoning.statistical.wording import levels, percent

ALERTED = 0.15
"""The entity that the alert names shows the symptom by definition, which says little of its being the cause."""
TRACED = 0.5
"""Where traces time an entity before and since, they say better than a quantile whose the seconds are."""
UNCOUNTED = 0.4
"""Errors of an entity that calls others of whom nobody counts errors: they may be theirs."""
NO_GRAPH = 0.5
"""Without a call graph a symptom may be another's: half as telling."""


def slowness_and_errors(seen: Seen) -> Iterator[Sign]:
    """Yield who added the seconds and the errors that the alert complains of, and whose are explained by others."""
    for symptom in sorted(seen.complaints):
        found = excesses(seen.moves, seen.graph, symptom, seen.target)
        inside = [each for each in found.values() if each.total > 0 and not seen.outside(each.entity)]
        most = max(inside, key=lambda each: _claim(each, seen), default=None)
        if most is None or _claim(most, seen) <= 0:
            continue
        telling = _telling(most) * (1.0 if seen.graph else NO_GRAPH)
        for each in found.values():
            callees = seen.graph.callees(each.entity)
            unknown = symptom is not Signal.LATENCY and callees and not callees & found.keys()
            mine = telling * (UNCOUNTED if unknown else 1.0)
            yield from _excess_signs(each, _claim(each, seen) / _claim(most, seen), mine, seen)


def _claim(excess: Excess, seen: Seen) -> float:
    """Return the own share, discounted where it is noise, explained by callees, outside, or the alert itself."""
    claim = excess.own
    if excess.explained:
        claim *= 0.3
    if excess.symptom is Signal.LATENCY and abs(excess.z) < 3.0:
        claim *= 0.2
    if excess.entity == seen.target and seen.graph.callees(excess.entity):
        claim *= ALERTED
    return claim * (0.2 if seen.outside(excess.entity) else 1.0)


def _telling(excess: Excess) -> float:
    return surprise(excess.z) if excess.symptom is Signal.LATENCY else counted(excess.events)


def _excess_signs(excess: Excess, share: float, telling: float, seen: Seen) -> Iterator[Sign]:
    family = Family.SLOWNESS if excess.symptom is Signal.LATENCY else Family.ERRORS
    if excess.total <= 0 or telling <= 0:
        return
    if excess.symptom is Signal.LATENCY and seen.traced is not None and excess.entity in seen.traced.timed:
        telling *= TRACED
    mine = excess.own / excess.total
    at = excess.move.shift.at
    if excess.explained and excess.by:
        note = f"{levels(excess.move)}, but {percent(1 - mine)} of what it added is explained by {excess.by}"
        yield _metric(excess, Family.PATH, -telling * (1 - mine) * 0.5, note, at)
    elif share >= 0.02:
        own = f"; {percent(mine)} of it its own, not of what it calls" if seen.graph.callees(excess.entity) else ""
        yield _metric(excess, family, telling * min(share, 1.0), levels(excess.move) + own, at)


def _metric(excess: Excess, family: Family, nats: float, note: str, at: datetime | None) -> Sign:
    move = excess.move
    return Sign(move.entity, family, nats, note, move.observation, Modality.METRICS, signal=move.signal, at=at)
