"""Pure statistics on a series of measurements: did it shift, by how much, since when, does it only grow.

Everything here is a function of arrays: no I/O, no clock, no names. A series is a `pandas.Series` of floats
with a time index (UTC). Answers are honest: None where the points do not carry one, never a made-up zero.

    moved = shift(times, values, window.start)    # Shift(before=0.12, after=1.3, z=41.0, ratio=10.8, ...)

Sources: median and MAD as location and scale (Hampel 1974; two-sided use after BARO, FSE 2024: a median-based
score survives an imprecise start of the fault); onset as the maximum-likelihood step from a known level
(Page 1954); growth by Kendall's tau (Mann 1945).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from ontology.nouns import Window

MAD_TO_SIGMA = 1.4826
"""A normal variable's standard deviation over its median absolute deviation."""
RELATIVE_FLOOR = 0.02
"""Scale is never below this share of the level: two per cent is no news on any signal."""
Z_CAP = 1000.0
"""A z beyond this says no more than `far`."""
MIN_POINTS = 3
"""Fewer finite points than this on either side carry no level."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A series against its baseline, two-sided. Levels are in the unit of the series."""

    before: float
    """Median of the baseline."""
    after: float
    """Median from the onset to the end of the window."""
    z: float
    """(after - before) over the robust scale of the baseline, signed, within ±Z_CAP."""
    ratio: float | None
    """after / before; None where before is zero or negative."""
    at: datetime | None
    """Onset: time of the first point at the new level; None where nothing moved."""
    direction: Literal["up", "down", "flat"]
    n_before: int
    n_after: int
    """Finite points in the baseline, and in the window."""

    @property
    def moved(self) -> bool:
        """Say whether the level left the band of three robust deviations around the baseline."""
        return abs(self.z) >= 3.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How a series only grows: the shape of a leak."""

    tau: float
    """Kendall's tau against time, -1 to 1; 1 is strictly growing."""
    per_second: float
    """Theil-Sen slope, unit of the series per second."""
    share: float
    """Growth over the span, as a share of the level at its start; infinite from zero."""
    ramp: bool
    """A line fits better than a single step: it fills up, as against having jumped to another level."""
    n: int


def series(times: Iterable[object], values: Iterable[object]) -> pd.Series[float]:
    """Return the points as one tidy series; what is not a number is left out."""
    stamps = times if isinstance(times, pd.Series) else pd.Series(list(times), dtype=object)
    if not isinstance(stamps.dtype, pd.DatetimeTZDtype):  # a column of a table already is one, and converting is slow
        stamps = pd.to_datetime(stamps, utc=True)
    numbers = values.to_numpy() if isinstance(values, pd.Series) else np.asarray(list(values))
    return tidy(pd.Series(numbers, index=pd.DatetimeIndex(stamps)))


def tidy(series: pd.Series[float]) -> pd.Series[float]:
    """Return the finite points in time order, one a time (the median where a time occurs twice)."""
    values = series if series.dtype == np.float64 else pd.to_numeric(series, errors="coerce").astype(float)
    finite = np.isfinite(values.to_numpy())
    values = values if finite.all() else values[finite]
    if not values.index.is_unique:
        values = values.groupby(level=0).median()
    return values if values.index.is_monotonic_increasing else values.sort_index()


def split(
    series: pd.Series[float], window: Window, baseline: Window | None = None
) -> tuple[pd.Series[float], pd.Series[float]]:
    """Return the points before the window and the points in it (its end included: the last scrape counts).

    With a baseline only its points count as before; without points in it (a baseline recorded at another
    time), whatever lies before the window does.
    """
    values = tidy(series)
    times = values.index
    after = values[(times >= window.start) & (times <= window.end)]
    before = values[times < window.start]
    if baseline is not None:
        inside = before[(before.index >= baseline.start) & (before.index <= baseline.end)]
        before = inside if len(inside) >= MIN_POINTS else before
    return before, after


def each_series(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DatetimeIndex, np.ndarray]]:
    """Yield entity, metric, times and values of each series of a long table, tidy, by name.

    What `tidy` does to one series is done here once for all: tables have thousands.
    """
    keys = ["entity", "metric", "time"]
    rows = table.loc[np.isfinite(table["value"].to_numpy(dtype=float)), [*keys, "value"]]
    if rows.duplicated(keys).any():
        rows = rows.groupby(keys, sort=True, observed=True)["value"].median().reset_index()
    elif not rows["time"].is_monotonic_increasing:
        rows = rows.sort_values("time", kind="stable")
    times, values = pd.DatetimeIndex(rows["time"]), rows["value"].to_numpy(dtype=float)
    for (entity, metric), at in rows.groupby(keys[:2], sort=True, observed=True).indices.items():
        yield str(entity), str(metric), times[at], values[at]


def median(values: np.ndarray) -> float:
    """Return the median of finite numbers, as `np.median` without what it checks: series are short and many.

    >>> median(np.array([3.0, 1.0, 2.0, 10.0]))
    2.5
    """
    ordered = np.sort(values)
    return float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)


def scale(values: np.ndarray, spare: np.ndarray | None = None) -> float:
    """Return the robust standard deviation of a baseline, with floors for a constant one.

    MAD, or where more than half of the points are equal the interquartile range and then half the standard
    deviation; never under RELATIVE_FLOOR of the level; for a constant zero, RELATIVE_FLOOR of the largest
    value in `spare` (the window); 0.0 where everything is zero.
    """
    middle = median(values)
    spread = MAD_TO_SIGMA * median(np.abs(values - middle))
    if spread == 0.0:
        low, high = np.quantile(values, (0.25, 0.75))
        spread = max(float(high - low) / 1.349, float(np.std(values)) / 2)
    floor = RELATIVE_FLOOR * abs(middle)
    if floor == 0.0 and spread == 0.0 and spare is not None and len(spare):
        floor = RELATIVE_FLOOR * float(np.max(np.abs(spare)))
    return max(spread, floor)


def onset(deviations: np.ndarray) -> int | None:
    """Return the index at which a step away from zero most likely began; None where it has no points.

    `deviations` are z values against a known level. The likelihood gain of a step at k over no step is
    n_k * mean_k^2; values are clipped so that one wild point does not carry it.
    """
    if not len(deviations):
        return None
    clipped = np.clip(deviations, -10.0, 10.0)
    tails = np.cumsum(clipped[::-1])[::-1]
    gains = tails**2 / np.arange(len(clipped), 0, -1)
    return int(np.argmax(gains))


def shift(
    times: Iterable[object], values: Iterable[object], since: datetime, until: datetime | None = None
) -> Shift | None:
    """Return how the level from `since` on (to `until`, included) stands to that before it.

    None where either side has under MIN_POINTS finite points. A time that occurs twice counts once.
    """
    points = series(times, values)
    first = points.index.searchsorted(pd.Timestamp(since))
    last = len(points) if until is None else points.index.searchsorted(pd.Timestamp(until), side="right")
    return compare(points.iloc[:first], points.iloc[first:last])


def compare(before: pd.Series[float], after: pd.Series[float]) -> Shift | None:
    """Return how the window's level stands to the baseline's; None under MIN_POINTS points in either.

    The level after is the median from the onset on, so a fault that fills only the end of the window still
    shows; an onset that leaves a single point falls back to the last MIN_POINTS.
    """
    before, after = tidy(before), tidy(after)
    return compared(before.to_numpy(), after.to_numpy(), after.index)


def compared(old: np.ndarray, new: np.ndarray, times: pd.Index) -> Shift | None:
    """Return the same as `compare`, of finite values in time order; `times` are those of the new ones."""
    if len(old) < MIN_POINTS or len(new) < MIN_POINTS:
        return None
    level, spread = median(old), scale(old, new)
    if spread == 0.0:
        return Shift(level, level, 0.0, None, None, "flat", len(old), len(new))
    first = onset((new - level) / spread) or 0
    level_after = median(new[min(first, len(new) - MIN_POINTS) :])
    z = float(np.clip((level_after - level) / spread, -Z_CAP, Z_CAP))
    moved = abs(z) >= 3.0
    return Shift(
        level,
        level_after,
        z,
        level_after / level if level > 0 else None,
        moment(times[first]) if moved else None,
        ("up" if z > 0 else "down") if moved else "flat",
        len(old),
        len(new),
    )


def growth(series: pd.Series[float]) -> Growth | None:
    """Return how steadily the series grows over its whole span; None under five points or without a span.

    Long series are thinned to 200 points: tau needs every pair.
    """
    values = tidy(series)
    if len(values) < 5:
        return None
    if len(values) > 200:
        values = values.iloc[np.linspace(0, len(values) - 1, 200).astype(int)]
    y = values.to_numpy()
    seconds = _seconds(values.index)
    rows, columns = np.triu_indices(len(y), 1)
    rises, steps = y[columns] - y[rows], seconds[columns] - seconds[rows]
    if seconds[-1] <= 0 or not steps.all():
        return None
    slope = float(np.median(rises / steps))
    start = float(np.median(y[: max(len(y) // 5, 1)]))
    gained = slope * float(seconds[-1])
    share = gained / start if start > 0 else (float("inf") if gained > 0 else 0.0)
    tau = float(np.mean(np.sign(rises)))
    return Growth(tau, slope, share, tau > 0 and _ramps(seconds, y), len(y))


def _ramps(seconds: np.ndarray, y: np.ndarray) -> bool:
    """Say whether a level that turns into a line leaves less residue than the best single step."""
    if np.ptp(y) == 0.0:
        return False
    k = np.arange(1, len(y))
    sums, squares = np.cumsum(y - y.mean()), float(np.sum((y - y.mean()) ** 2))
    step = squares - float(np.max(sums[:-1] ** 2 / k + sums[:-1] ** 2 / (len(y) - k)))
    bends = np.unique(np.linspace(0, len(y) - 3, 20).astype(int))
    return min(_bent(seconds, y, int(k)) for k in bends) < step


def _bent(seconds: np.ndarray, y: np.ndarray, k: int) -> float:
    """Return the squared residue of a level up to k that turns into a line."""
    rise = np.clip(seconds - seconds[k], 0.0, None)
    design = np.column_stack([np.ones_like(rise), rise])
    fit, *_ = np.linalg.lstsq(design, y, rcond=None)
    return float(np.sum((y - design @ fit) ** 2))


def moment(stamp: object) -> datetime | None:
    """Return a time index entry as an aware UTC datetime; None where the index holds no times."""
    if not isinstance(stamp, datetime):
        return None
    when = pd.Timestamp(stamp)
    return (when.tz_localize("UTC") if when.tzinfo is None else when.tz_convert("UTC")).to_pydatetime()


def _seconds(index: pd.Index) -> np.ndarray:
    """Return the index as seconds since its first entry."""
    if isinstance(index, pd.DatetimeIndex):
        return (index - index[0]).total_seconds().to_numpy()
    numbers = index.to_numpy(dtype=float)
    return np.asarray(numbers - numbers[0])
