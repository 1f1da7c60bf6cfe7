"""The way between two services: what a call takes for its caller, less what it takes for its callee.

Read from traces (a client span less the server span below it) and from metrics that an exporter keeps for each edge
(`client_duration_..._from_<caller>` beside `server_duration_..._from_<caller>`, at the callee). The median is taken:
a way that became slow is slow for nearly all calls. Asynchronous calls have a negative gap, which counts as none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from workbench.nouns import Modality
from workbench.reasoning.statistical.moves import Moves
from workbench.reasoning.statistical.spans import Spans
from workbench.reasoning.statistical.vocabulary import unit_of
from workbench.signals import MAD_TO_SIGMA, MIN_POINTS, compare

LEAST = 2, 3
"""Calls before and since, below which their median says nothing."""
SLACK_MS = 1.0
"""Milliseconds that are no news on any way."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One caller's way to one callee, before and since."""

    caller: str
    callee: str
    before_ms: float
    after_ms: float
    spread_ms: float
    """Robust standard deviation before, of what lay at or below the median: what was slower may be an incident."""
    callee_ms: float
    """What the callee itself took: before or since, whichever was less."""
    observation: str
    channel: Modality
    at: datetime | None = None

    @property
    def added_ms(self) -> float:
        """Milliseconds that a call became slower by on the way."""
        return self.after_ms - self.before_ms

    @property
    def z(self) -> float:
        """Added time in units of what varies anyway: the spread, a tenth of the whole call, and SLACK_MS."""
        return self.added_ms / (self.spread_ms + 0.1 * (self.before_ms + self.callee_ms) + SLACK_MS)


def gaps(moves: Moves, traced: Spans | None) -> list[Gap]:
    """Return every way that has enough calls before and since; traces and metrics may both speak of one."""
    return [*(_in_traces(traced) if traced else ()), *_in_metrics(moves)]


def _in_traces(traced: Spans) -> Iterator[Gap]:
    spans = traced.table[traced.table["network_ms"].notna()]
    for (caller, callee), calls in spans.groupby(["parent_service", "service"], sort=True):
        late = calls["late"].to_numpy()
        values = np.clip(calls["network_ms"].to_numpy(), 0.0, None)
        before, after = values[~late], values[late]
        if len(before) >= LEAST[0] and len(after) >= LEAST[1]:
            levels = float(np.median(before)), float(np.median(after)), _lower_spread(before)
            taken = float(np.median(calls["duration_ms"].to_numpy()[~late]))
            yield Gap(str(caller), str(callee), *levels, taken, traced.observation, Modality.TRACES)


def _in_metrics(moves: Moves) -> Iterator[Gap]:
    for move in moves:
        outer, known, caller = move.metric.rpartition("_from_")
        if not known or "client" not in outer:
            continue
        inner = moves.series(move.entity, move.metric.replace("client", "server", 1))
        if inner is None:
            continue
        size = 1.0 if unit_of(outer) == "ms" else 1000.0
        before, after = _less(move.before, inner.before), _less(move.after, inner.after)
        shifted = compare(before * size, after * size)
        if shifted is not None:
            levels = shifted.before, shifted.after, _lower_spread(before.to_numpy() * size)
            taken = min(inner.shift.before, inner.shift.after) * size
            yield Gap(caller, move.entity, *levels, taken, move.observation, Modality.METRICS, shifted.at)


def _lower_spread(values: np.ndarray) -> float:
    middle = float(np.median(values))
    return MAD_TO_SIGMA * float(np.median(middle - values[values <= middle]))


def _less(outer: pd.Series[float], inner: pd.Series[float]) -> pd.Series[float]:
    """Return the difference at the times that both have; empty under MIN_POINTS."""
    gap = (outer - inner).dropna().clip(lower=0.0)
    return gap if len(gap) >= MIN_POINTS else gap.iloc[:0]
