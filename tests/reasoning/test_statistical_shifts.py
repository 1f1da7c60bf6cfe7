"""What the pure statistics promise of difficult series."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from workbench.signals import Z_CAP, compare, growth, series, shift

START = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)


def times(n: int, step: float = 10.0) -> list[datetime]:
    return [START + timedelta(seconds=step * k) for k in range(n)]


def test_a_step_is_dated_at_its_first_sample() -> None:
    """A level that doubles is an upward shift with the right ratio, dated at the first sample of the new level."""
    values = [1.0, 1.02, 0.98] * 10 + [1.0] * 5 + [2.0] * 10
    found = shift(times(len(values)), values, START + timedelta(seconds=300))
    assert found is not None
    assert found.direction == "up"
    assert found.ratio == pytest.approx(2.0)
    assert found.at == START + timedelta(seconds=350)


def test_a_fall_is_a_shift_too() -> None:
    """A level that halves is a shift down with a negative z."""
    found = shift(times(20), [10.0, 10.5] * 5 + [5.0] * 10, START + timedelta(seconds=100))
    assert found is not None
    assert (found.direction, found.z < -3) == ("down", True)


@pytest.mark.parametrize("values", [[], [1.0], [math.nan] * 20, [1.0] * 10 + [math.nan] * 10])
def test_too_few_points_carry_no_shift(values: list[float]) -> None:
    """Empty, single and NaN-only sides give None, never a zero."""
    assert shift(times(len(values)), values, START + timedelta(seconds=100)) is None


def test_a_constant_zero_series_does_not_move() -> None:
    """All zeros are flat, with z of exactly 0."""
    found = shift(times(20), [0.0] * 20, START + timedelta(seconds=100))
    assert found is not None
    assert (found.z, found.direction, found.at) == (0.0, "flat", None)


def test_a_constant_baseline_still_has_a_scale() -> None:
    """A constant level that jumps has a finite, capped z."""
    found = shift(times(20), [3.0] * 10 + [9.0] * 10, START + timedelta(seconds=100))
    assert found is not None
    assert 3 < found.z <= Z_CAP


def test_two_per_cent_is_no_news() -> None:
    """A constant series that moves by two per cent of its level is not a shift."""
    found = shift(times(20), [100.0] * 10 + [102.0] * 10, START + timedelta(seconds=100))
    assert found is not None
    assert not found.moved


def test_five_points_are_enough_to_see_a_large_shift() -> None:
    """Five samples in the window, two of them still clean, show a shift of times ten."""
    found = shift(times(25), [1.0, 1.1] * 10 + [1.0, 1.1, 11.0, 10.0, 12.0], START + timedelta(seconds=200))
    assert found is not None
    assert found.direction == "up"
    assert found.at == START + timedelta(seconds=220)


def test_duplicate_times_and_gaps_count_once() -> None:
    """A time that occurs twice is one point, a NaN is none, and disorder is put in order."""
    when = times(12)
    points = series([*when[::-1], when[3]], [1.0] * 11 + [math.nan, 1.0])
    assert len(points) == 11
    assert points.index.is_monotonic_increasing


def test_one_wild_sample_does_not_move_a_level() -> None:
    """A single outlier in the window is not a shift of its level."""
    values = [*[1.0, 1.1, 0.9] * 10, 1.0, 1.1, 500.0, 0.9, 1.0, 1.1, 0.9, 1.0]
    found = shift(times(len(values)), values, START + timedelta(seconds=300))
    assert found is not None
    assert not found.moved


def test_a_leak_ramps_and_a_jump_does_not() -> None:
    """A level that turns into a steady rise is a ramp; a jump to another level is not."""
    flat = [10.0, 10.1] * 15
    leak = growth(pd.Series([*flat, *(10.0 + k for k in range(30))], index=pd.DatetimeIndex(times(60))))
    jump = growth(pd.Series([*flat, *[30.0, 30.1] * 15], index=pd.DatetimeIndex(times(60))))
    assert leak is not None
    assert leak.ramp
    assert jump is not None
    assert not jump.ramp


def test_plain_numbers_as_index_do_not_break_the_statistics() -> None:
    """A series without times still has a shift, without a time of onset."""
    found = compare(pd.Series([1.0, 1.1, 0.9, 1.0]), pd.Series([9.0, 9.1, 9.0, 9.1]))
    assert found is not None
    assert (found.direction, found.at) == ("up", None)
