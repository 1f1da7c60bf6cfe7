"""Fault-free cases that are cut from recorded ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from workbench.bench.quiet import quiet_cases, removed_cases
from workbench.nouns import Modality
from workbench.telemetry.recorded import load_case

SHIPPED = Path(__file__).parents[2] / "workbench" / "bench" / "recordings"
FOLDER = sorted(path.parent for path in SHIPPED.glob("*/case.json"))[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quiet_cases([FOLDER], tmp_path_factory.mktemp("quiet"))[0]


def test_values_are_those_that_were_recorded_before_the_incident(made: Path) -> None:
    """Every value of every series was recorded before the incident, in the same order; none is made up."""
    whole, quiet = load_case(FOLDER), load_case(made)
    start = whole.window_abnormal.start
    old = whole.table(Modality.METRICS)
    for (entity, metric), rows in quiet.table(Modality.METRICS).groupby(["entity", "metric"]):
        its = old[(old["entity"] == entity) & (old["metric"] == metric) & (old["time"] < start)].sort_values("time")
        values = rows.sort_values("time")["value"].to_numpy()
        assert np.array_equal(values, its["value"].to_numpy()[: len(values)], equal_nan=True)


def test_both_sides_of_the_cut_hold_samples(made: Path) -> None:
    """There are samples before the window and in it, and none after it."""
    case = load_case(made)
    times = case.table(Modality.METRICS)["time"]
    assert (times < case.window_abnormal.start).sum() > 100
    assert (times >= case.window_abnormal.start).sum() > 100
    assert times.max() <= case.window_abnormal.end


def test_the_answer_says_that_nothing_was_at_fault(made: Path) -> None:
    """The answer stands beside the cases, not in them, and names no root cause."""
    answer = json.loads((made.parent / "truth" / f"{made.name}.json").read_text())
    assert answer["root_cause"] is None
    assert not list(made.glob("truth*"))


def test_only_the_alerting_entity_keeps_the_incident(made: Path, tmp_path: Path) -> None:
    """Without evidence of a cause its own metrics are those of the incident, all others those of the quiet hours."""
    whole, quiet = load_case(FOLDER), load_case(made)
    case = load_case(removed_cases([FOLDER], tmp_path)[0])
    alerting, start = whole.alert.labels["service"], whole.window_abnormal.start
    old, calm, rows = (each.table(Modality.METRICS) for each in (whole, quiet, case))
    own = rows[(rows["entity"] == alerting) & (rows["time"] >= start)]
    kept = old[(old["entity"] == alerting) & (old["time"] >= start) & (old["time"] <= calm["time"].max())]
    assert len(own)
    assert sorted(own["value"].dropna()) == sorted(kept["value"].dropna())
    others, calmer = (each[each["entity"] != alerting]["value"].dropna() for each in (rows, calm))
    assert sorted(others) == sorted(calmer)
