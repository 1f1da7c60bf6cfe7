"""Whose own doing is it: added seconds and added errors, less what the services it waits for added.

The walk of the added total: for a symptom, an entity's excess is (level in the incident - level before) x
requests, so that a small delay on a busy service outweighs a large one on an idle service. What its callees
added is taken off where the caller waits for them; an entity with little left of its own is explained by them.

Source: measured on recorded incidents (docs/method.md); subtraction of the callees' share follows the idea of
structural anomaly attribution on a call graph (CIRCA, KDD 2022), with addition in the place of a regression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.reasoning.statistical.calls import Calls
from workbench.reasoning.statistical.moves import Move, Moves
from workbench.reasoning.statistical.vocabulary import Signal, statistic_of, words
from workbench.signals import scale

WORST = 0.75
"""Quantile that stands for the level in the incident: a fault often fills only part of the window."""
EXPLAINED = 0.3
"""Own share of the excess below which an entity's excess counts as its callees'."""
WAITING = ((0.02, "p99"), (0.1, "p95"), (0.2, "p90"), (1.2, "p50"))
"""Share of a caller's requests that reach a callee, and the quantile of the caller that then has to show it."""
SLACK = 0.8
TAIL = {"average": 1.0, "p50": 1.0, "": 1.0, "p90": 0.2, "p95": 0.1, "p99": 0.02, "max": 0.01}
"""Share of requests that a quantile speaks for: those beyond it, and about as many below."""


@dataclass(frozen=True, slots=True)
class Excess:
    """What one entity added to a symptom."""

    entity: str
    symptom: Signal
    """LATENCY or ERRORS."""
    total: float
    """Added seconds (or errors) a sample, over all of its requests."""
    own: float
    """The part that no callee explains, never below 0."""
    move: Move
    by: str = ""
    """The callee that explains most, where one does."""
    events: float = 0.0
    """How many errors were added in the window, whether they reached the target or not; 0 for latency."""

    @property
    def z(self) -> float:
        """Deviation of the worse part of the window from the baseline, in robust sigmas."""
        spread = scale(self.move.before.to_numpy(), self.move.after.to_numpy())
        level = float(np.quantile(self.move.after.to_numpy(), WORST))
        return (level - self.move.shift.before) / spread if spread else 0.0

    @property
    def explained(self) -> bool:
        """Say whether its callees account for it."""
        return self.total > 0 and self.own < EXPLAINED * self.total


def excesses(moves: Moves, graph: Calls, symptom: Signal, target: str | None = None) -> dict[str, Excess]:
    """Return the excess of every entity that has one in this symptom, by name.

    Errors that the target (the entity that the alert names) does not show at the same time did not reach it,
    and count by the share that did.
    """
    volumes = {entity: volume(moves, entity) for entity in moves.entities}
    usual = float(np.median([each for each in volumes.values() if each is not None] or [1.0]))
    requests = {entity: usual if known is None else known for entity, known in volumes.items()}
    if symptom is Signal.LATENCY:
        found = {each: added for each in moves.entities if (added := _added_seconds(moves, each, requests[each]))}
    else:
        found = _errors_that_reach(moves, requests, target)
    totals = {entity: max(total, 0.0) for entity, (total, _, _) in found.items()}
    return {
        entity: replace(_less_callees(entity, symptom, totals, move, moves, graph), events=events)
        for entity, (_, move, events) in found.items()
    }


def _errors_that_reach(
    moves: Moves, requests: Mapping[str, float], target: str | None
) -> dict[str, tuple[float, Move, float]]:
    series = {each: added for each in moves.entities if (added := _added_errors(moves, each, requests[each]))}
    shown = _shown(moves, requests[target], series[target]) if target in series else None
    found = {}
    for entity, (errors, move) in series.items():
        total = float(errors.sum())
        if shown is not None and entity != target and shown.sum() > 0 and total > 0:
            total *= float(np.minimum(errors, shown.reindex(errors.index, fill_value=0.0)).sum()) / total
            total *= total / float(errors.sum())
        found[entity] = total, move, float(errors.sum()) * _interval(_counted(moves, move))
    return found


def _less_callees(
    entity: str, symptom: Signal, totals: Mapping[str, float], move: Move, moves: Moves, graph: Calls
) -> Excess:
    callees = [each for each in graph.callees(entity) if totals.get(each, 0.0) > 0 and waits(moves, entity, each)]
    total = totals[entity]
    own = max(total - sum(totals[each] for each in callees), 0.0)
    by = max(callees, key=totals.__getitem__, default="") if own < total else ""
    return Excess(entity, symptom, total, own, move, by)


def volume(moves: Moves, entity: str) -> float | None:
    """Return the entity's requests a sample in the window; None where nobody counts them."""
    move = moves.level(entity, Signal.TRAFFIC)
    return None if move is None else max(float(np.median(move.after)), 0.0)


def _added_seconds(moves: Moves, entity: str, requests: float) -> tuple[float, Move, float] | None:
    """Return the seconds added over all requests: by the average, else by the quantile that shows most of them."""
    found = moves.of(entity, Signal.LATENCY)
    averages = [each for each in found if statistic_of(each.metric) == "average"]
    added = [
        ((float(np.quantile(move.after, WORST)) - move.shift.before) * TAIL[statistic_of(move.metric)], move)
        for move in averages or found
    ]
    most = max(added, key=lambda pair: (pair[0], pair[1].metric), default=None)
    return None if most is None else (most[0] * requests, most[1], 0.0)


def _shown(moves: Moves, requests: float, errors: tuple[pd.Series[float], Move]) -> pd.Series[float]:
    """Return all errors of the target, the usual ones too: any of them may be one that reached it."""
    added, move = errors
    if move.signal is not Signal.AVAILABILITY:
        return move.after if move.metric.endswith(("_per_second", "_per_s")) else added
    whole = 100.0 if max(move.before.max(), move.after.max()) > 1.5 else 1.0
    return (1.0 - move.after / whole).clip(lower=0.0) * _requests(moves, move.entity, requests, move.after)


def _counted(moves: Moves, move: Move) -> Move:
    """Return what the errors were counted in: a share of requests counts in these."""
    share = move.signal is Signal.AVAILABILITY or {"ratio", "share", "percent"} & set(words(move.metric))
    return (moves.level(move.entity, Signal.TRAFFIC) or move) if share else move


def _interval(move: Move) -> float:
    """Return the seconds that a sample stands for where the metric is a rate per second, else 1."""
    if not move.metric.endswith(("_per_second", "_per_s")) or len(move.after) < 2:
        return 1.0
    steps = np.diff(move.after.index.to_numpy()) / np.timedelta64(1, "s")
    return float(np.median(steps))


def _added_errors(moves: Moves, entity: str, requests: float) -> tuple[pd.Series[float], Move] | None:
    """Return the errors over the usual of every sample, never negative: a rise in success is no anomaly.

    Errors are counted (per second), or come as a share of requests: as availability, or as an error ratio.
    """
    move = moves.level(entity, Signal.AVAILABILITY)
    if move is not None and not move.empty:  # nothing but zero: nobody filled it in
        whole = 100.0 if max(move.before.max(), move.after.max()) > 1.5 else 1.0
        lost = (move.before.mean() - move.after) / whole
        return lost.clip(lower=0.0) * _requests(moves, entity, requests, move.after), move
    move = moves.level(entity, Signal.ERRORS)
    if move is None:
        return None
    added = (move.after - move.before.mean()).clip(lower=0.0)
    if {"ratio", "share", "percent"} & set(words(move.metric)):
        whole = 100.0 if "percent" in words(move.metric) else 1.0
        added = added / whole * _requests(moves, entity, requests, move.after)
    return added, move


def _requests(moves: Moves, entity: str, usual: float, at: pd.Series[float]) -> pd.Series[float]:
    move = moves.level(entity, Signal.TRAFFIC)
    return pd.Series(usual, at.index) if move is None else move.after.reindex(at.index).fillna(usual)


def waits(moves: Moves, caller: str, callee: str) -> bool:
    """Say whether the caller can be waiting for the callee, from the history before the incident.

    If a share of the caller's requests goes to the callee, the caller's slow quantile must be at least about as
    slow as the callee's middle; otherwise the call is asynchronous. Unknown counts as waiting.
    """
    asked, answered = moves.level(caller, Signal.TRAFFIC), moves.level(callee, Signal.TRAFFIC)
    middle = moves.statistic(callee, Signal.LATENCY, "p50") or moves.level(callee, Signal.LATENCY)
    if asked is None or answered is None or middle is None or asked.shift.before <= 0:
        return True
    share = answered.shift.before / asked.shift.before
    for least, statistic in reversed(WAITING):
        slow = moves.statistic(caller, Signal.LATENCY, statistic)
        if share > least and slow is not None:
            return slow.shift.before >= SLACK * middle.shift.before
    return True


def synchronous(moves: Moves, graph: Calls) -> Calls:
    """Return the calls without those whose caller cannot be waiting."""
    return Calls((caller, callee) for caller, callee in graph.edges if waits(moves, caller, callee))
