"""The raw series of a Prometheus, as a recording keeps them: labels, times and values, small and near to lossless.

    write(series, folder / "series.parquet")
    read(folder / "series.parquet")            # the same series, values to 1e-9 of the largest of each

A row a series: `metric`, `labels` (JSON), `digits`, `times` and `values`. Times are milliseconds since 1970, values
whole numbers of 10^-digits; of both the first stands as it is, the others as the difference to the one before, since
counters mostly stand still. A series that no such numbers fit (NaN, infinity, a constant) has `floats` instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ontology.errors import BadInput

NAME = "__name__"
LOOKBACK_SECONDS = 300.0
"""How long a Prometheus takes a sample for the present, unless it is told otherwise."""
STALE = np.array([0x7FF0000000000002], dtype=np.uint64).view(np.float64)[0]
"""The NaN with which a Prometheus marks that a series has ended (model/value/value.go)."""
OF_VALUE, OF_STEP = 9, 7
"""Decimal digits that are kept: of the largest value of a series, and of its largest step."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series."""

    labels: Mapping[str, str]
    """With its name as `__name__`."""
    times: np.ndarray
    """Milliseconds since 1970, ascending, int64."""
    values: np.ndarray
    """As many, float64."""

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.labels.get(NAME, "")


def write(series: Iterable[Series], path: Path) -> int:
    """Write series.parquet and return how many samples are in it; the caller sees to it that nobody reads meanwhile."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = sorted(series, key=lambda each: (each.labels.get("job", ""), each.name, _words(each.labels)))
    digits = [_digits(each.values) for each in kept]
    pairs = list(zip(kept, digits, strict=True))
    columns = {
        "metric": pa.array([each.name for each in kept]),
        "labels": pa.array([_words(each.labels) for each in kept]),
        "digits": pa.array([-1 if n is None else n for n in digits], pa.int8()),
        "times": pa.array([_steps(each.times) for each in kept], pa.list_(pa.int64())),
        "values": pa.array([None if n is None else _whole(each.values, n) for each, n in pairs], pa.list_(pa.int64())),
        "floats": pa.array([each.values if n is None else None for each, n in pairs], pa.list_(pa.float64())),
    }
    # Plain columns: what repeats, repeats byte by byte, which zstd finds across series and dictionaries hide.
    pq.write_table(pa.table(columns), path, compression="zstd", compression_level=19, use_dictionary=False)
    return sum(len(each.times) for each in kept)


def read(path: Path) -> tuple[Series, ...]:
    """Return the series of a file, read once while it does not change.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(
            f"{path} cannot be read: {said}.", next_step="Restore the file, or record the case again."
        ) from error


@lru_cache(maxsize=4)
def _read(path: Path, _written: int) -> tuple[Series, ...]:
    import pyarrow.parquet as pq

    columns = pq.read_table(path).to_pydict()
    found = []
    for n, metric in enumerate(columns["metric"]):
        times = np.cumsum(np.asarray(columns["times"][n], dtype=np.int64))
        labels = {NAME: metric, **json.loads(columns["labels"][n])}
        found.append(Series(labels, times, _values(columns["values"][n], columns["floats"][n], columns["digits"][n])))
    return tuple(found)


def _values(whole: Sequence[int] | None, floats: Sequence[float] | None, digits: int) -> np.ndarray:
    if whole is None:
        return np.asarray(floats, dtype=np.float64)
    return np.cumsum(np.asarray(whole, dtype=np.int64)) / 10.0**digits


def _words(labels: Mapping[str, str]) -> str:
    return json.dumps({key: labels[key] for key in sorted(labels) if key != NAME}, ensure_ascii=False)


def _digits(values: np.ndarray) -> int | None:
    """Return how many decimal digits are kept; None where whole numbers do not fit."""
    if not len(values) or not np.isfinite(values).all() or np.ptp(values) == 0:
        return None
    if (values == np.rint(values)).all() and np.abs(values).max() < 2**53:
        return 0
    step = float(np.abs(np.diff(values)).max())
    of_value = OF_VALUE - math.ceil(math.log10(float(np.abs(values).max())))
    digits = max(of_value, OF_STEP - math.ceil(math.log10(step)), 0)
    return digits if digits <= 22 and np.abs(values).max() * 10.0**digits < 2**53 else None


def _whole(values: np.ndarray, digits: int) -> np.ndarray:
    return _steps(np.rint(values * 10.0**digits).astype(np.int64))


def _steps(numbers: np.ndarray) -> np.ndarray:
    """Return the first number, then the differences."""
    return np.diff(numbers, prepend=np.int64(0))


def ended(series: Sequence[Series]) -> tuple[Series, ...]:
    """Return the series with the marks of their ends, which no Prometheus tells, put back.

    A target that is scraped has a sample of `up` at every scrape: a series of it that misses one ended there. What
    has no target, such as the result of a rule, ended one of its usual intervals after its last sample.
    Source: Prometheus, scrape/scrape.go and rules/group.go (stale markers).
    """
    scrapes = {_target(each): each.times for each in series if each.name == "up"}
    last = max((int(each.times[-1]) for each in series if len(each.times)), default=0)
    return tuple(_marked(each, scrapes.get(_target(each)), last) for each in series)


def _target(series: Series) -> tuple[str, str]:
    return series.labels.get("job", ""), series.labels.get("instance", "")


def _marked(series: Series, scrapes: np.ndarray | None, last: int) -> Series:
    due = _due(series.times, last) if scrapes is None or series.name == "up" else _after(series.times, scrapes)
    marks = np.setdiff1d(due, series.times)
    if not len(marks):
        return series
    times = np.concatenate([series.times, marks])
    order = np.argsort(times, kind="stable")
    values = np.concatenate([series.values, np.full(len(marks), STALE)])
    return replace(series, times=times[order], values=values[order])


def _after(times: np.ndarray, scrapes: np.ndarray) -> np.ndarray:
    """Return, for each sample, the scrape that followed it, where there was one."""
    places = np.searchsorted(scrapes, times, side="right")
    return scrapes[np.unique(places[places < len(scrapes)])]


def _due(times: np.ndarray, last: int) -> np.ndarray:
    """Return when the next sample was due, where it did not come."""
    if len(times) < 2:
        return times[:0]
    usual = int(np.median(np.diff(times)))
    gaps = np.append(np.diff(times), last - times[-1]) > 1.5 * usual
    return times[gaps] + usual
