"""Metrics observations -> what moved: one Move a series, looked up by entity and signal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from workbench.nouns import Case, Modality
from workbench.reasoning.statistical.vocabulary import STATISTICS, STORES, Signal, signal_of, statistic_of, unit_of
from workbench.signals import Growth, Shift, compared, each_series, growth

HELD = frozenset({Signal.MEMORY, Signal.DESCRIPTORS, Signal.DISK})
"""What is held until it is given back. Threads, pools and queues also climb while a callee is slow."""
DOUBLED = 1.0
"""Growth, as a share of its start, from which a climb of minutes is more than a warm-up."""

STEPS = 12
"""Samples that a climb has to take: a handful in a row rise by chance, where the best climb is looked for."""


@dataclass(frozen=True, slots=True)
class Move:
    """One metric of one entity, before and in the window."""

    entity: str
    metric: str
    signal: Signal
    shift: Shift
    growth: Growth | None
    """Over everything or since the incident began; only for what can fill up."""
    observation: str
    """Id of the observation that it was read from."""
    before: pd.Series[float] = field(compare=False, repr=False)
    after: pd.Series[float] = field(compare=False, repr=False)

    @property
    def empty(self) -> bool:
        """Say whether it is zero throughout."""
        return self.shift.before == 0.0 and not self.before.any() and not self.after.any()


class Moves:
    """All moves of a case, and the entities that have rows in the window but none before it."""

    def __init__(self, moves: Iterable[Move], newcomers: frozenset[str] = frozenset()) -> None:
        """Index the moves by entity and signal."""
        self._index: defaultdict[str, list[Move]] = defaultdict(list)
        for move in moves:
            self._index[move.entity].append(move)
        self.newcomers = newcomers - frozenset(self._index)

    def __iter__(self) -> Iterator[Move]:
        """Iterate over all moves."""
        return (move for moves in self._index.values() for move in moves)

    @property
    def entities(self) -> frozenset[str]:
        """Return the names of all entities that have a level before and in the window."""
        return frozenset(self._index)

    def of(self, entity: str, *signals: Signal) -> list[Move]:
        """Return the entity's moves of these signals, or all of them."""
        return [each for each in self._index.get(entity, ()) if not signals or each.signal in signals]

    def level(self, entity: str, signal: Signal) -> Move | None:
        """Return the move whose statistic adds up best over requests: the average, else the lowest quantile.

        A series that is nothing but zero was not filled, and comes last.
        """
        return min(
            self.of(entity, signal),
            key=lambda each: (each.empty, STATISTICS.index(statistic_of(each.metric)), each.metric),
            default=None,
        )

    def series(self, entity: str, metric: str) -> Move | None:
        """Return the move of exactly that metric."""
        return next((each for each in self._index.get(entity, ()) if each.metric == metric), None)

    def statistic(self, entity: str, signal: Signal, statistic: str) -> Move | None:
        """Return the move of exactly that statistic."""
        return next((each for each in self.of(entity, signal) if statistic_of(each.metric) == statistic), None)


def moves(case: Case, since: datetime) -> Moves:
    """Return what moved since then, from every metrics observation; a later observation of a series wins."""
    found: dict[tuple[str, str], Move] = {}
    seen: set[str] = set()
    for observation in case.observations:
        table = observation.table
        if observation.question.modality is Modality.METRICS and table is not None and not table.empty:
            seen.update(table.loc[(table["time"] >= since) & table["value"].notna(), "entity"].astype(str))
            found.update({(move.entity, move.metric): move for move in _moves_in(table, observation.id, since)})
    return Moves(found.values(), frozenset(seen))


def _moves_in(table: pd.DataFrame, observation: str, since: datetime) -> Iterator[Move]:
    """Yield a move for every series with points on both sides."""
    start = pd.Timestamp(since)
    for entity, metric, times, values in each_series(table):
        first = int(times.searchsorted(start))
        shifted = compared(values[:first], values[first:], times[first:])
        if shifted is None:
            continue
        points = pd.Series(values, index=times)
        before, after = points.iloc[:first], points.iloc[first:]
        signal = signal_of(metric)
        fills = signal in STORES and unit_of(metric) != "s"  # a wait for a pool is no stock
        grown = _growth(points, after, signal) if fills else None
        yield Move(entity, metric, signal, shifted, grown, observation, before, after)


def _growth(points: pd.Series[float], after: pd.Series[float], signal: Signal) -> Growth | None:
    """Return the steadiest growth: over everything, since the incident began, or up to where it reached its limit."""
    found = [growth(points), growth(after)]
    if signal in HELD:
        climbed = growth(_climb(points))
        found.append(climbed if climbed is not None and climbed.share >= DOUBLED and climbed.n >= STEPS else None)
    return max((each for each in found if each), key=lambda each: each.tau * min(each.share, 1.0), default=None)


def _climb(points: pd.Series[float]) -> pd.Series[float]:
    """Return the part from the last usual value to the first near the highest: a leak that fills up within minutes."""
    values = points.to_numpy()
    usual, highest = float(np.median(values[: max(len(values) // 3, 1)])), float(values.max())
    top = int(np.argmax(values >= usual + 0.95 * (highest - usual)))
    low = np.flatnonzero(values[: top + 1] <= usual + 0.05 * (highest - usual))
    return points.iloc[int(low[-1]) if len(low) else 0 : top + 1]
