"""What each kind of telemetry says of each entity: observations -> signs. One function a kind."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from workbench.nouns import Case, Modality
from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.excess import Excess, excesses
from workbench.reasoning.statistical.moves import Move, Moves
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign, counted, surprise
from workbench.reasoning.statistical.spans import Spans, Spent
from workbench.reasoning.statistical.templates import Template
from workbench.reasoning.statistical.vocabulary import RESOURCES, Signal, unit_of
from workbench.reasoning.statistical.wording import clock, levels, number, percent, times
from workbench.signals import moment

LEAK_TAU, LEAK_SHARE = 0.6, 0.3
"""Growth counts as a leak when it is this steady (Kendall's tau) and this large (share of the start)."""
DOWN = 0.5
"""A resource that falls is half as telling: load that went elsewhere lowers it too."""
ALERTED = 0.15
"""The entity that the alert names shows the symptom by definition, which says little of its being the cause."""
NO_GRAPH = 0.5
"""Without a call graph a symptom may be another's: half as telling."""
HELD_BACK = timedelta(minutes=30)
"""A change is looked for this long before the onset."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What all witnesses share: who calls whom, whom the alert names, and what it complains of."""

    graph: Calls
    target: str | None
    complaints: frozenset[Signal]
    reach: Mapping[str, int]
    """Calls from the target down to each entity; empty where either is unknown."""

    def outside(self, entity: str) -> bool:
        """Say whether no call leads from the alert's entity to this one."""
        return bool(self.reach) and entity not in self.reach


def slowness_and_errors(moves: Moves, scene: Scene) -> Iterator[Sign]:
    """Yield who added the seconds and the errors that the alert complains of, and whose are explained by others."""
    for symptom in sorted(scene.complaints):
        found = excesses(moves, scene.graph, symptom, scene.target)
        inside = [each for each in found.values() if each.total > 0 and not scene.outside(each.entity)]
        most = max(inside, key=lambda each: _claim(each, scene), default=None)
        if most is None or _claim(most, scene) <= 0:
            continue
        telling = _telling(most) * (1.0 if scene.graph else NO_GRAPH)
        for each in found.values():
            yield from _excess_signs(each, _claim(each, scene) / _claim(most, scene), telling, scene)


def _claim(excess: Excess, scene: Scene) -> float:
    """Return the own share, discounted where it is noise, explained by callees, outside, or the alert itself."""
    claim = excess.own
    if excess.explained:
        claim *= 0.3
    if excess.symptom is Signal.LATENCY and abs(excess.z) < 3.0:
        claim *= 0.2
    if excess.entity == scene.target and scene.graph.callees(excess.entity):
        claim *= ALERTED
    return claim * (0.2 if scene.outside(excess.entity) else 1.0)


def _telling(excess: Excess) -> float:
    return surprise(excess.z) if excess.symptom is Signal.LATENCY else counted(excess.events)


def _excess_signs(excess: Excess, share: float, telling: float, scene: Scene) -> Iterator[Sign]:
    family = Family.SLOWNESS if excess.symptom is Signal.LATENCY else Family.ERRORS
    if excess.total <= 0 or telling <= 0:
        return
    mine = excess.own / excess.total
    at = excess.move.shift.at
    if excess.explained and excess.by:
        note = f"{levels(excess.move)}, but {percent(1 - mine)} of what it added is explained by {excess.by}"
        yield _metric(excess, Family.PATH, -telling * (1 - mine) * 0.5, note, at)
    elif share >= 0.02:
        own = f"; {percent(mine)} of it its own, not of what it calls" if scene.graph.callees(excess.entity) else ""
        yield _metric(excess, family, telling * min(share, 1.0), levels(excess.move) + own, at)


def _metric(excess: Excess, family: Family, nats: float, note: str, at: datetime | None) -> Sign:
    move = excess.move
    return Sign(move.entity, family, nats, note, move.observation, Modality.METRICS, signal=move.signal, at=at)


def resources(moves: Moves) -> Iterator[Sign]:
    """Yield what was used up: levels that shifted, and what only grows."""
    for move in moves:
        if move.signal not in RESOURCES:
            continue
        leak = _leak(move)
        if leak is not None:
            yield leak
        nats = surprise(move.shift.z) * (1.0 if move.shift.z > 0 else DOWN)
        if nats > 0:
            hint = "restart" if move.signal is Signal.RESTARTS and move.shift.z > 0 else ""
            yield _resource(move, nats, levels(move), hint)


def _leak(move: Move) -> Sign | None:
    grown = move.growth
    if grown is None or grown.tau < LEAK_TAU or grown.share < LEAK_SHARE or not grown.ramp:
        return None
    pace = number(grown.per_second * 60, unit_of(move.metric))
    note = f"{levels(move)}; it only grows, by {pace} a minute over {grown.n} samples"
    return _resource(move, min(CHANNEL_CAP, 1.5 + 1.5 * grown.tau * math.log1p(grown.share)), note, "leak")


def _resource(move: Move, nats: float, note: str, hint: str) -> Sign:
    at = move.shift.at
    return Sign(
        move.entity,
        Family.RESOURCE,
        nats,
        note,
        move.observation,
        Modality.METRICS,
        signal=move.signal,
        hint=hint,
        at=at,
    )


def load(moves: Moves, scene: Scene) -> Iterator[Sign]:
    """Yield a rise of requests by half or more where they enter: at the alert's entity or one that nobody calls."""
    for entity in moves.entities:
        move = moves.level(entity, Signal.TRAFFIC)
        if move is None or move.shift.ratio is None or move.shift.ratio < 1.5 or move.shift.z < 3:
            continue
        if entity == scene.target or (scene.graph and not scene.graph.callers(entity)):
            nats = 0.5 * surprise(move.shift.z)
            yield Sign(
                entity,
                Family.LOAD,
                nats,
                levels(move),
                move.observation,
                Modality.METRICS,
                signal=Signal.TRAFFIC,
                at=move.shift.at,
            )


def time_spent(spans: Spans) -> Iterator[Sign]:
    """Yield in whose own time, and on the way to whom, traces became slower."""
    slower = [
        each for each in spans.spent if each.added_ms > 0 and each.z >= 3 and each.after_ms > 1.1 * each.before_ms
    ]
    most = max(slower, key=lambda each: each.added_ms, default=None)
    if most is None:
        return
    telling = surprise(most.z) + min(1.0, math.log(most.after_ms / max(most.before_ms, 0.1)))
    whole = sum(each.added_ms for each in slower)
    for each in slower:
        share = each.added_ms / most.added_ms
        if share >= 0.05:
            nats = min(CHANNEL_CAP, telling) * share
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


def failures(spans: Spans) -> Iterator[Sign]:
    """Yield in whom failed traces began to fail."""
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


def lines(found: Iterable[Template], graph: Calls) -> Iterator[Sign]:
    """Yield new loud log lines; those of a caller count little where what it calls is loud too."""
    found = list(found)
    loud = {each.entity for each in found}
    for each in found:
        echoes = bool(loud & graph.callees(each.entity))
        often = f"{each.count} {each.severity} lines where {number(each.usual)} are usual"
        note = f"{often}{clock(each.first)}: {each.template}"
        hint = _said(each.template)
        nats = each.nats * (0.3 if echoes else 0.75)
        yield Sign(each.entity, Family.LOGS, nats, note, each.observation, Modality.LOGS, hint=hint, at=each.first)


def _said(template: str) -> str:
    text = template.lower()
    spoken = {
        "pool": ("pool", "no connection free", "too many connections"),
        "timeout": ("timed out", "timeout", "deadline"),
        "memory": ("out of memory", "oom", "memoryerror"),
        "descriptors": ("too many open files",),
        "disk": ("no space left",),
        "unreachable": ("connection refused", "no such host", "name resolution", "unreachable"),
    }
    return next((hint for hint, phrases in spoken.items() if any(phrase in text for phrase in phrases)), "")


def changes(case: Case, onset: datetime) -> Iterator[Sign]:
    """Yield deploys and configuration changes shortly before the onset; the nearer and the fewer, the more telling."""
    rows = _rows(case, Modality.CHANGES)
    if rows is None:
        return
    near = rows[(rows["time"] >= onset - HELD_BACK) & (rows["time"] <= onset + timedelta(minutes=1))]
    entities = max(int(near["entity"].nunique()), 1)
    for row in near.itertuples():
        at = moment(row.time) or onset
        lag = max((onset - at).total_seconds(), 0.0)
        nats = max(0.3, 3.0 * math.exp(-lag / 600.0) - 0.5 * math.log(entities))
        kind = str(row.kind)
        ref = f" ({row.ref!s})" if row.ref else ""
        before = f"{number(lag, 's')} before the onset" if lag else "at the onset"
        note = f"{kind} at {at:%H:%M:%S}, {before}: {row.summary!s}{ref}"
        hint = _changed(kind, str(row.summary), str(row.detail))
        yield Sign(str(row.entity), Family.CHANGE, nats, note, str(row.observation), Modality.CHANGES, hint=hint, at=at)


def _changed(kind: str, summary: str, detail: str) -> str:
    """Say whether a change touched configuration or code: a release whose diff sets a value is the former."""
    added = [line[1:].strip() for line in detail.splitlines() if line.startswith("+") and not line.startswith("+++")]
    added = added or [line.strip() for line in detail.splitlines()]  # no diff: the new values alone
    keys = [match[1].lower() for line in added if (match := re.match(r"([\w.-]+)\s*[:=]", line))]
    sets = any(key != "image" and "version" not in key for key in keys)
    return "config" if sets or kind in ("config", "flag") or "=" in summary else "deploy"


def states(case: Case) -> Iterator[Sign]:
    """Yield restarts and broken states that the state table reports in the window."""
    rows = _rows(case, Modality.STATE)
    if rows is None:
        return
    for row in rows.itertuples():
        if row.kind in ("alert", "monitor"):
            continue  # somebody else's conclusion, and maybe the very alert that we look into
        text = f"{row.field} {row.value}".lower()
        if any(word in text for word in ("crashloop", "oomkilled", "evicted", "imagepull", "failed")):
            note = f"{row.kind} {row.field} is {row.value}"
            yield Sign(
                str(row.entity),
                Family.STATE,
                2.5,
                note,
                str(row.observation),
                Modality.STATE,
                hint="restart",
                at=moment(row.time),
            )


def _rows(case: Case, modality: Modality) -> pd.DataFrame | None:
    """Return the rows of all answers of that kind with the id of their observation, or None."""
    tables = [
        each.table.assign(observation=each.id)
        for each in case.observations
        if each.question.modality is modality and each.table is not None and not each.table.empty
    ]
    if not tables:
        return None
    rows = pd.concat(tables, ignore_index=True)
    return rows.drop_duplicates(subset=[name for name in rows.columns if name != "observation"])
