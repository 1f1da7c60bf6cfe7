"""Raw series: written small, read back the same, their ends where Prometheus had noted them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ontology.errors import BadInput
from workbench.telemetry.promql import evaluate, parsed, reach
from workbench.telemetry.promql_ranges import marked
from workbench.telemetry.series import NAME, Series, ended, read, write

TIMES = 1_769_827_800_000 + np.arange(0, 300, 5, dtype="int64") * 1000


def series(name: str, values: object, times: np.ndarray = TIMES, **labels: str) -> Series:
    """Return a series of a target."""
    base = {NAME: name, "job": "cart", "instance": "10.0.0.1:80", **labels}
    return Series(base, times, np.broadcast_to(np.asarray(values, dtype=float), times.shape).copy())


@pytest.mark.parametrize(
    "values",
    [
        np.arange(60) * 3.0,
        np.cumsum(np.random.default_rng(1).exponential(0.01, 60)),
        np.random.default_rng(2).normal(0, 1e12, 60),
        np.random.default_rng(3).random(60) * 1e-9,
        np.where(np.arange(60) % 7 == 0, np.nan, 4.5),
        np.where(np.arange(60) > 30, np.inf, -1.0),
        np.full(60, 1769827800.123456),
        np.where(np.arange(60) > 30, 0.25, 1e17),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, values: np.ndarray) -> None:
    """Counters, gauges of any size, NaN and infinity come back to 1e-9 of the largest; labels and times exactly."""
    one = series("x", values, route='/a"b{c}\n')
    write([one], tmp_path / "series.parquet")
    (back,) = read(tmp_path / "series.parquet")
    assert back.labels == one.labels
    assert back.times.tolist() == one.times.tolist()
    largest = np.abs(values[np.isfinite(values)]).max()
    assert np.allclose(back.values, values, rtol=0, atol=1e-9 * largest, equal_nan=True)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """A file that is no table, or lacks a column, is an error for a person."""
    (tmp_path / "series.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"series\.parquet"):
        read(tmp_path / "series.parquet")


def test_a_target_that_is_down_ends_its_series() -> None:
    """Where a scrape brought `up` alone, the other series of the target have ended there; `up` has not."""
    up = series("up", np.where((np.arange(60) > 20) & (np.arange(60) < 30), 0.0, 1.0))
    there = (np.arange(60) <= 20) | (np.arange(60) >= 30)
    gauge = series("g", 1.0, TIMES[there])
    marks = {each.name: each.times[marked(each.values)].tolist() for each in ended([up, gauge])}
    assert marks == {"up": [], "g": [int(TIMES[21])]}


def test_a_series_of_no_target_ends_after_its_usual_gap() -> None:
    """The result of a rule that stops being one has ended one interval later, not five minutes later."""
    rule = Series({NAME: "ALERTS"}, TIMES[:10], np.ones(10))
    kept = ended([series("up", 1.0), rule])[1]
    assert kept.times[marked(kept.values)].tolist() == [int(TIMES[9]) + 5000]
    start = TIMES[0] / 1000
    (row,) = evaluate("ALERTS", ended([series("up", 1.0), rule]), start, start + 295, 5)
    assert int(row.there.sum()) == 10


def test_what_lasts_to_the_end_of_the_recording_has_no_mark() -> None:
    """The end of a recording is not the end of its series."""
    assert not any(marked(each.values).any() for each in ended([series("up", 1.0), series("g", 2.0)]))


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("up", 300),
        ("up offset 1m", 360),
        ("rate(x[2m])", 120),
        ("rate(x[2m] offset 1m) + y", 300),
        ("max_over_time(rate(x[1m])[5m:1m])", 360),
    ],
)
def test_how_far_a_query_looks_back(query: str, seconds: float) -> None:
    """What a query needs before its first point: ranges, offsets, the look-back of selectors."""
    assert reach(parsed(query)) == seconds
