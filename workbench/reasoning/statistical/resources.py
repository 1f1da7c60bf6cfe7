"""Witnesses: what was used up, what only grows, and load that came from outside."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.nouns import Modality
from workbench.reasoning.statistical.moves import HELD, Move, Moves
from workbench.reasoning.statistical.ranking import FOLLOWS
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign, surprise
from workbench.reasoning.statistical.vocabulary import RESOURCES, Signal, unit_of
from workbench.reasoning.statistical.wording import levels, number
from workbench.signals import MAD_TO_SIGMA, MIN_POINTS, Shift, compare

LEAK_TAU, LEAK_SHARE = 0.6, 0.3
"""Growth counts as a leak when it is this steady (Kendall's tau) and this large (share of the start)."""
DOWN = 0.25
"""A resource that falls is less telling: load that went elsewhere lowers it too."""
WEIGHT = {Signal.BYTES: 0.3, Signal.DISK: 0.3}
"""Bytes that are moved follow the load; a disk fills up rather than jumps."""
IDLE = 0.02
"""Share of the busiest entity's level that is next to nothing: from there, a hundred times more is no news."""
PER_FOLD, DEAD = (1.5, 15.0), (0.15, 0.04)
"""Nats per e-fold of change beyond the dead band, for what varies with load and for what is held (memory, ...)."""
GRADUAL, ABSURD, ABSURD_WEIGHT = frozenset({Signal.MEMORY, Signal.DISK}), 100.0, 0.2
"""Memory or disk that grew a hundredfold is more likely another number in its column."""
MIXED = 0.2
"""Weight of the resources of an entity whose recorded limits jumped."""
ESTATE, COMMON = 8, 0.85
"""In an estate of so many entities, what this share of them shows too tells of nobody."""
LEAST = 0.3
"""Nats from which the history is asked whether it says the same of itself."""
LONG = 20
"""Samples that make a history."""
SETTLED = 0.7
"""Share of the history, from its beginning, that is surely before the trouble."""
SEVERAL = 3.0
"""Times as far, in e-folds, as the history went by itself: from there on the history explains nothing of it."""
BEYOND = 1.1
"""A leak goes this far beyond the highest of the history."""
FLOOD = 2.0
"""Times as many requests at an entry, from which they explain what its callees show."""
FULL, FULL_NATS = 95.0, 3.0
"""Per cent of a limit that count as all of it, and what they tell."""


def resources(seen: Seen) -> Iterator[Sign]:
    """Yield what was used up, beyond what most of the estate shows at the same time."""
    signs = list(_used_up(seen))
    holders = {move.entity for move in seen.moves if move.signal in RESOURCES}
    most = dict.fromkeys(holders, 0.0)
    for sign in signs:
        most[sign.entity] = max(most[sign.entity], sign.nats)
    common = float(np.quantile(list(most.values()), COMMON)) if len(most) >= ESTATE else 0.0
    yield from (replace(sign, nats=sign.nats - common) for sign in signs if sign.nats > common)


def _used_up(seen: Seen) -> Iterator[Sign]:
    """Yield levels that shifted, and what only grows."""
    usual, mixed = _usual(seen.moves), _mixed_up(seen.moves)
    for move in seen.moves:
        if move.signal not in RESOURCES:
            continue
        trust = MIXED if move.entity in mixed else 1.0
        leak = _leak(move)
        if leak is not None:
            yield replace(leak, nats=leak.nats * trust)
        idle = _idle(move, usual[move.metric], seen.moves)
        nats = _step(move.shift, move.before, move.signal, idle)
        if nats > LEAST:
            nats -= _own_history(move, idle)
        nats = trust * max(nats * WEIGHT.get(move.signal, 1.0), _saturated(move))
        if nats > 0:
            hint = "restart" if move.signal is Signal.RESTARTS and move.shift.z > 0 else ""
            yield _resource(move, nats, levels(move), hint)


def _step(shift: Shift, before: pd.Series[float], signal: Signal, idle: float) -> float:
    """Return nats: how far it is from what varies, but no more than by how many times it changed."""
    nats = min(surprise(shift.z), _size(shift, before, signal, idle)) * (1.0 if shift.z > 0 else DOWN)
    return nats * (ABSURD_WEIGHT if signal in GRADUAL and (shift.ratio or 0.0) > ABSURD else 1.0)


def _own_history(move: Move, idle: float) -> float:
    """Return the nats that the history alone would have given, had an incident been looked for inside it.

    None of it counts against a change that goes several times as far as the history ever went by itself. The latest
    part of it is left out: what fills up slowly did so before anyone felt it.
    """
    n = int(len(move.before) * SETTLED)
    if n < LONG:
        return 0.0
    most, widest, past = 0.0, 0.0, move.before.iloc[:n]
    for k in (n // 4, n // 2, 3 * n // 4):
        old, new = past.iloc[:k], past.iloc[k : k + max(len(move.after), MIN_POINTS)]
        shift = compare(old, new)
        if shift is not None:
            most = max(most, _step(shift, old, move.signal, idle))
            widest = max(widest, _change(shift, old, idle))
    return 0.0 if _change(move.shift, move.before, idle) >= SEVERAL * widest else most


def _mixed_up(moves: Moves) -> set[str]:
    """Return the entities whose limits jumped: nobody sets these all the time, so their columns are mixed up."""
    return {
        move.entity
        for move in moves
        if move.signal is Signal.LIMIT and move.shift.moved and not 0.5 <= (move.shift.ratio or 0.0) <= 2.0
    }


def _usual(moves: Moves) -> dict[str, float]:
    """Return for each metric the highest usual level of any entity: what is small beside it is idle."""
    found: dict[str, float] = {}
    for move in moves:
        found[move.metric] = max(found.get(move.metric, 0.0), abs(move.shift.before))
    return found


def _idle(move: Move, usual: float, moves: Moves) -> float:
    """Return the level that is next to nothing: beside the busiest, and for a wait beside what a request takes."""
    taken = moves.level(move.entity, Signal.LATENCY) if unit_of(move.metric) == "s" else None
    return IDLE * usual + 1e-9 + (abs(taken.shift.before) if taken is not None else 0.0)


def _size(shift: Shift, before: pd.Series[float], signal: Signal, idle: float) -> float:
    """Return nats: by how many times the level changed, beyond what varies anyway and beyond idleness."""
    change = _change(shift, before, idle)
    return min(CHANNEL_CAP, max(0.0, PER_FOLD[signal in HELD] * (change - DEAD[signal in HELD])))


def _change(shift: Shift, before: pd.Series[float], idle: float) -> float:
    """Return by how many e-folds the level changed, beyond twice the robust deviation of what was before."""
    usual = np.log(np.abs(before.to_numpy()) + idle)
    middle = float(np.median(usual))
    varies = 2 * MAD_TO_SIGMA * float(np.median(np.abs(usual - middle)))
    return max(0.0, abs(math.log(abs(shift.after) + idle) - middle) - varies)


def _saturated(move: Move) -> float:
    """Return nats for a share of a limit that was not used up before, and is."""
    if move.signal is not Signal.CPU or unit_of(move.metric) != "%":
        return 0.0
    return FULL_NATS if move.shift.before < FULL - 5 and float(np.quantile(move.after, 0.75)) >= FULL else 0.0


def _leak(move: Move) -> Sign | None:
    grown = move.growth
    if grown is None or grown.tau < LEAK_TAU or grown.share < LEAK_SHARE or not grown.ramp:
        return None
    if len(move.before) >= LONG and _held(move.after) < BEYOND * float(np.quantile(move.before, 0.99)):
        return None  # what rises and falls anyway has been as high before, and does not stay there
    pace = number(grown.per_second * 60, unit_of(move.metric))
    note = f"{levels(move)}; it only grows, by {pace} a minute over {grown.n} samples"
    return _resource(move, min(CHANNEL_CAP, 1.5 + 1.5 * grown.tau * math.log1p(grown.share)), note, "leak")


def _held(after: pd.Series[float]) -> float:
    """Return the level that it reached and kept: in a quarter of the window, or at its end."""
    return max(float(np.quantile(after, 0.75)), float(after.iloc[-MIN_POINTS:].median()))


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


def load(seen: Seen) -> Iterator[Sign]:
    """Yield a rise of requests by half or more where they enter: at the alert's entity or one that nobody calls.

    Where those at an entry doubled, what its callees show whose own rose with them follows from that.
    """
    risen = {entity: move for entity in seen.moves.entities if (move := _risen(seen, entity))}
    for entity, move in risen.items():
        enters = bool(seen.graph) and not seen.graph.callers(entity)
        if not enters and entity != seen.target:
            continue
        flood = enters and (move.shift.ratio or 0.0) >= FLOOD
        nats = (1.0 if flood else 0.5) * surprise(move.shift.z)
        said, since = move.observation, move.shift.at
        yield Sign(*(entity, Family.LOAD, nats, levels(move), said, Modality.METRICS), signal=Signal.TRAFFIC, at=since)
        for below in sorted(set(seen.graph.distance(entity)) & set(risen) - {entity}) if flood else ():
            note = f"its requests rose with those of {entity}: {levels(risen[below])}"
            at = risen[below].observation
            yield Sign(below, Family.LOAD, -1.0, note, at, Modality.METRICS, hint=FOLLOWS)


def _risen(seen: Seen, entity: str) -> Move | None:
    """Return the entity's requests where they rose by half or more."""
    move = seen.moves.level(entity, Signal.TRAFFIC)
    known = move is not None and move.shift.ratio is not None and move.shift.ratio >= 1.5 and move.shift.z >= 3
    return move if known else None
