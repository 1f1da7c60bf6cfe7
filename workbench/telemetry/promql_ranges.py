"""PromQL's functions over a range of samples, as Prometheus computes them: rate and its kin, the `*_over_time`.

    over_range("rate", series, ends, 60_000)     # values at the ends of the ranges, and where there is one

A range holds the samples from its start to its end, both included (Prometheus 2); marks of a series' end are no
samples. Source: Prometheus, promql/functions.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from workbench.telemetry.series import STALE, Series

Values = tuple[np.ndarray, np.ndarray]
"""Values, and where there is one."""
_MARK = STALE.view(np.uint64)
THRESHOLD = 1.1
"""A range is taken to be covered up to its edge, where the edge is no further than this many usual gaps."""


def marked(values: np.ndarray) -> np.ndarray:
    """Say which values mark the end of a series."""
    marks: np.ndarray = values.view(np.uint64) == _MARK
    return marks


def latest(series: Series, at: np.ndarray, lookback: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the value at each moment, where there is one, and the time of its sample: the last, not too old."""
    places = np.searchsorted(series.times, at, side="right") - 1
    near = np.clip(places, 0, None)
    times, values = series.times[near], series.values[near]
    there = (places >= 0) & (times > at - lookback) & ~marked(values)
    return np.where(there, values, np.nan), there, times


def over_range(name: str, series: Series, ends: np.ndarray, length: int, argument: float = 0.0) -> Values:
    """Return what the function says of each range that ends at one of the moments.

    Args:
        name: one of `RANGES`.
        series: samples and marks.
        ends: moments in milliseconds.
        length: of the range in milliseconds.
        argument: the number that `quantile_over_time` and `predict_linear` take.
    """
    samples = ~marked(series.values)
    times, values = series.times[samples], series.values[samples]
    first = np.searchsorted(times, ends - length, side="left")
    after = np.searchsorted(times, ends, side="right")
    if name in ("rate", "increase", "delta"):
        return _extrapolated(name, times, values, first, after, ends, length)
    found = np.full(len(ends), np.nan)
    there = after - first >= NEEDS.get(name, 1)
    for place in np.flatnonzero(there):
        inside = slice(first[place], after[place])
        found[place] = RANGES[name](times[inside], values[inside], float(ends[place]), argument)
    return found, there


def _extrapolated(
    name: str,
    times: np.ndarray,
    values: np.ndarray,
    first: np.ndarray,
    after: np.ndarray,
    ends: np.ndarray,
    length: int,
) -> Values:
    """Return the change over a range, carried on to its edges where samples come close to them."""
    there = after - first >= 2
    if not there.any():
        return np.full(len(ends), np.nan), there
    start, last = np.where(there, first, 0), np.where(there, after - 1, 0)
    change = values[last] - values[start]
    if name != "delta":
        drops = np.where(np.diff(values, prepend=values[:1]) < 0, np.concatenate([[0.0], values[:-1]]), 0.0)
        lost = np.cumsum(drops)
        change = change + (lost[last] - lost[start])
    covered = (times[last] - times[start]) / 1000.0
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = covered / (last - start)
        before, behind = (times[start] - (ends - length)) / 1000.0, (ends - times[last]) / 1000.0
        if name != "delta":  # a counter cannot have been below zero
            to_zero = covered * (values[start] / change)
            before = np.where((change > 0) & (values[start] >= 0) & (to_zero < before), to_zero, before)
        reach = covered.copy()
        for edge in (before, behind):
            reach = reach + np.where(edge < gap * THRESHOLD, edge, gap / 2)
        factor = reach / covered
        factor = factor / (length / 1000.0) if name == "rate" else factor
        return np.where(there, change * factor, np.nan), there


def _instant(times: np.ndarray, values: np.ndarray, end: float, argument: float) -> float:
    change = values[-1] if values[-1] < values[-2] else values[-1] - values[-2]
    return float(change / ((times[-1] - times[-2]) / 1000.0))


def _line(times: np.ndarray, values: np.ndarray, zero: float) -> tuple[float, float]:
    """Return slope (a second) and the value at `zero` of the straight line through the samples."""
    if (values == values[0]).all():
        return (0.0, float(values[0])) if np.isfinite(values[0]) else (np.nan, np.nan)
    x = (times - zero) / 1000.0
    n, sx, sy = float(len(x)), float(x.sum()), float(values.sum())
    slope = (float((x * values).sum()) - sx * sy / n) / (float((x * x).sum()) - sx * sx / n)
    return slope, sy / n - slope * sx / n


def _predicted(times: np.ndarray, values: np.ndarray, end: float, argument: float) -> float:
    slope, level = _line(times, values, end)
    return slope * argument + level


def quantile(values: np.ndarray, q: float) -> float:
    """Return a quantile between the two nearest values, as PromQL has it; outside 0 to 1 it is infinite."""
    if not len(values) or np.isnan(q):
        return float("nan")
    if not 0 <= q <= 1:
        return float("-inf") if q < 0 else float("inf")
    ordered = np.sort(values)
    ordered = np.concatenate([ordered[np.isnan(ordered)], ordered[~np.isnan(ordered)]])
    rank = q * (len(ordered) - 1)
    low = int(max(0, np.floor(rank)))
    high = min(len(ordered) - 1, low + 1)
    weight = rank - np.floor(rank)
    return float(ordered[low] * (1 - weight) + ordered[high] * weight)


def _extreme(best: Callable[[np.ndarray], float]) -> Callable[..., float]:
    """Return a function of a range that passes over NaN where there is something else."""
    return lambda t, v, end, argument: float(v[0]) if np.isnan(v).all() else float(best(v[~np.isnan(v)]))


Function = Callable[[np.ndarray, np.ndarray, float, float], float]
RANGES: Mapping[str, Function] = {
    "rate": lambda t, v, end, argument: np.nan,  # these three are computed for all ranges at once
    "increase": lambda t, v, end, argument: np.nan,
    "delta": lambda t, v, end, argument: np.nan,
    "irate": _instant,
    "idelta": lambda t, v, end, argument: float(v[-1] - v[-2]),
    "deriv": lambda t, v, end, argument: _line(t, v, float(t[0]))[0],
    "predict_linear": _predicted,
    "avg_over_time": lambda t, v, end, argument: float(np.mean(v)),
    "min_over_time": _extreme(np.min),
    "max_over_time": _extreme(np.max),
    "sum_over_time": lambda t, v, end, argument: float(np.sum(v)),
    "count_over_time": lambda t, v, end, argument: float(len(v)),
    "last_over_time": lambda t, v, end, argument: float(v[-1]),
    "present_over_time": lambda t, v, end, argument: 1.0,
    "stddev_over_time": lambda t, v, end, argument: float(np.std(v)),
    "stdvar_over_time": lambda t, v, end, argument: float(np.var(v)),
    "quantile_over_time": lambda t, v, end, argument: quantile(v, argument),
    "changes": lambda t, v, end, argument: float(
        np.count_nonzero((v[1:] != v[:-1]) & ~(np.isnan(v[1:]) & np.isnan(v[:-1])))
    ),
    "resets": lambda t, v, end, argument: float(np.count_nonzero(v[1:] < v[:-1])),
}
"""Function to what it says of the times and values of a range, its end, and the number that it takes."""
NEEDS = {"irate": 2, "idelta": 2, "deriv": 2, "predict_linear": 2}
"""How many samples a range must hold, where one is not enough."""
COUNTERS = frozenset({"rate", "increase", "irate", "resets", "histogram_quantile"})
"""Functions that make sense of counters only."""
