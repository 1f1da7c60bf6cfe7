"""Witness: whose load stood out from everybody's, where no call graph says whose load follows whose.

When the whole estate gets more or less to do, each part's load changes by about the same factor. A part behind a lossy
link is asked again and again, so that its load falls least, or rises; one that is avoided falls most. The difference
is counted in standard deviations of counting (Poisson), with what varies between parts anyway as a floor.

Source: measured on replicas under packet loss (docs/method.md); the counting error is Poisson's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta

import numpy as np
import pandas as pd

from workbench.nouns import Modality
from workbench.reasoning.statistical.seen import Seen
from workbench.reasoning.statistical.signs import CHANNEL_CAP, Family, Sign
from workbench.reasoning.statistical.vocabulary import Signal

ENOUGH = 8
"""Entities with a load, below which there is no everybody."""
SETTLING = timedelta(seconds=30)
"""Until a rate, which is an average itself, shows what happened."""
GROWN = 2.0
"""Deviations from which a load stands out."""

STEEP = 6.0
"""Nats per e-fold of that: without a call graph and among replicas there is little else to go by."""


def load_beside_others(seen: Seen) -> Iterator[Sign]:
    """Yield whose load grew most, or fell least, beside that of all others."""
    loads = {name: move for name in seen.moves.entities if (move := seen.moves.level(name, Signal.TRAFFIC))}
    if seen.graph or len(loads) < ENOUGH:
        return
    now = _beside({name: _change(move.before, move.after) for name, move in loads.items()})
    earlier = _beside({name: _change(*_halves(move.before)) for name, move in loads.items()})
    for name, (z, ratio, usual) in now.items():
        nats = _telling(z) - _telling(abs(earlier[name][0]) if name in earlier else 0.0)
        if nats > 0:
            note = f"its load changed by {_percent(ratio)}, that of all by {_percent(usual)}"
            at = loads[name]
            channel = Modality.METRICS
            yield Sign(name, Family.LOAD, nats, note, at.observation, channel, signal=Signal.TRAFFIC, hint="network")


def _telling(z: float) -> float:
    return min(CHANNEL_CAP, STEEP * max(0.0, math.log1p(max(z, 0.0)) - math.log1p(GROWN)))


def _percent(ratio: float) -> str:
    return f"{100 * math.expm1(ratio):+.0f} %"


def _beside(changes: Mapping[str, tuple[float, float] | None]) -> dict[str, tuple[float, float, float]]:
    """Return for each its deviation from everybody's change, its change, and everybody's."""
    known = {name: change for name, change in changes.items() if change is not None}
    if len(known) < ENOUGH:
        return {}
    usual = float(np.median([ratio for ratio, _ in known.values()]))
    return {name: ((ratio - usual) / error, ratio, usual) for name, (ratio, error) in known.items()}


def _halves(load: pd.Series[float]) -> tuple[pd.Series[float], pd.Series[float]]:
    return load.iloc[: len(load) // 2], load.iloc[len(load) // 2 :]


def _change(before: pd.Series[float], after: pd.Series[float]) -> tuple[float, float] | None:
    """Return ln of the ratio of the mean loads, and its counting error; None where nothing was counted."""
    after = after[after.index >= after.index[0] + SETTLING] if len(after) else after
    if not len(after) or not len(before) or before.mean() <= 0 or after.mean() <= 0:
        return None
    counts = [max(_count(part), 1.0) for part in (before, after)]
    return math.log(float(after.mean()) / float(before.mean())), math.sqrt(1 / counts[0] + 1 / counts[1])


def _count(load: pd.Series[float]) -> float:
    """Return how many requests a rate per second stands for."""
    seconds: float = (load.index[-1] - load.index[0]).total_seconds()
    return float(load.mean()) * max(seconds, 1.0)
