"""The recorded incidents hold what a case folder promises, and tell nothing of their answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "workbench/bench/recordings").glob("shop-*"))
SHUFFLED = sorted((ROOT / "tests/recordings").glob("shop-*"))
EVERY = pytest.mark.parametrize("folder", [*SHIPPED, *SHUFFLED], ids=lambda folder: folder.name)
COLUMNS = {
    "metrics": ["time", "entity", "metric", "value"],
    "traces": [
        *("trace_id", "span_id", "parent_id", "service", "operation"),
        *("kind", "start", "duration_ms", "status", "message"),
    ],
    "logs": ["time", "entity", "severity", "message", "trace_id"],
    "changes": ["time", "entity", "kind", "summary", "ref", "detail"],
    "state": ["time", "entity", "kind", "field", "value"],
}
ROLES = ("gateway", "catalog", "checkout", "payment", "ledger", "inventory")
MODES = {"dependency-slow", "bad-configuration", "resource-leak", "cpu-saturation"}


def case_of(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "case.json").read_text())
    return said


def truth_of(folder: Path) -> dict[str, Any]:
    home = ROOT / ("workbench/bench/truth" if folder in SHIPPED else "tests/recordings/truth")
    said: dict[str, Any] = json.loads((home / f"{folder.name}.json").read_text())
    return said


def frames(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(folder / file) for name, (file, _) in case_of(folder)["files"].items()}


def everything_said(folder: Path) -> str:
    """Return all text of a recording: the case, every word in a table, the graph."""
    said = [(folder / "case.json").read_text(), gzip.decompress((folder / "graph.nq.gz").read_bytes()).decode()]
    for table in frames(folder).values():
        said += [str(word) for name in table.select_dtypes(exclude="number") for word in table[name].unique()]
    return "\n".join(said)


def test_five_windows_ship_and_five_are_kept_for_tests() -> None:
    """Three faults, one of them twice, and a quiet window ship; five more, at other services, are the tests' own."""
    shipped = sorted(str(truth_of(folder)["failure_mode"]) for folder in SHIPPED)
    assert shipped == ["None", "bad-configuration", "dependency-slow", "dependency-slow", "resource-leak"]
    assert {truth_of(folder)["failure_mode"] for folder in SHUFFLED} == MODES
    assert len(SHUFFLED) == 5


@EVERY
def test_tables_have_the_columns_of_a_question(folder: Path) -> None:
    """Every table has exactly the columns of a question of its kind, times in UTC, and the rows that are counted."""
    for name, table in frames(folder).items():
        assert list(table.columns) == COLUMNS[name]
        assert str(table["start" if name == "traces" else "time"].dt.tz) == "UTC"
        assert len(table) == case_of(folder)["files"][name][1]
        assert not table.isna().any().any()


@EVERY
def test_rows_lie_in_the_recorded_windows(folder: Path) -> None:
    """No row is older than the normal window or newer than the end of the abnormal one, give or take a second."""
    case, slack = case_of(folder), pd.Timedelta("1s")
    start, end = pd.Timestamp(case["window_normal"][0]), pd.Timestamp(case["window_abnormal"][1])
    for name, table in frames(folder).items():
        times = table["start" if name == "traces" else "time"]
        assert times.min() >= start - slack
        assert times.max() <= end + slack


@EVERY
def test_traces_are_whole(folder: Path) -> None:
    """The sample holds whole traces: every trace has one root, and every other span its parent."""
    table = frames(folder)["traces"]
    known = set(zip(table["trace_id"], table["span_id"], strict=True))
    below = table[table["parent_id"] != ""]
    assert set(zip(below["trace_id"], below["parent_id"], strict=True)) <= known
    assert (table[table["parent_id"] == ""].groupby("trace_id").size() == 1).all()
    assert set(table["kind"]) == {"server", "client", "internal"}
    assert set(table["status"]) <= {"ok", "error"}


@EVERY
def test_case_says_nothing_of_the_answer(folder: Path) -> None:
    """case.json has only the agreed keys, and neither the time, the kind nor the name of the fault."""
    text, truth = (folder / "case.json").read_text(), truth_of(folder)
    assert set(case_of(folder)) == {
        *("case_id", "dataset", "system", "summary", "alert", "window_normal", "window_abnormal"),
        *("sampling_s", "files", "environment", "note"),
    }
    for word in (truth["t_fault"], truth["failure_mode"], truth["fault_type"], "t_fault"):
        assert word is None or word == "none" or str(word) not in text


@EVERY
def test_alert_comes_after_the_fault_and_the_windows_part_before_it(folder: Path) -> None:
    """The fault lies in the abnormal window, and the alert fired after it, while the recording went on."""
    case, truth = case_of(folder), truth_of(folder)
    abnormal = [pd.Timestamp(moment) for moment in case["window_abnormal"]]
    fired = pd.Timestamp(case["alert"]["startsAt"])
    onset = pd.Timestamp(truth["t_fault"]) if truth["t_fault"] else fired
    assert pd.Timestamp(case["window_normal"][1]) == abnormal[0] < onset <= fired < abnormal[1]
    assert {"alertname", "service", "severity", "namespace"} == set(case["alert"]["labels"])


@EVERY
def test_answer_names_a_service_of_the_recording(folder: Path) -> None:
    """The answer names a service that has metrics and spans, or none where nothing was broken."""
    truth, made = truth_of(folder), frames(folder)
    assert set(truth) == {"root_cause", "failure_mode", "level", "t_fault", "fault_type"}
    if truth["root_cause"] is not None:
        assert truth["root_cause"] in set(made["metrics"]["entity"]) & set(made["traces"]["service"])


@EVERY
def test_harmless_release_is_in_every_recording(folder: Path) -> None:
    """In every recording some service that is not the cause was deployed, so that a deploy alone proves nothing."""
    changes = frames(folder)["changes"]
    assert set(changes["entity"]) - {truth_of(folder)["root_cause"]}
    assert changes["detail"].str.startswith("--- a/compose.yaml").all()


@EVERY
def test_recording_carries_nothing_of_the_machine(folder: Path) -> None:
    """No table and no graph names a path or an address of the machine that recorded it."""
    text = everything_said(folder)
    for word in ("/work/", "/tmp/", "/home/", "/root/", "127.0.0.1:", "localhost"):
        assert word not in text


@pytest.mark.parametrize("folder", SHUFFLED, ids=lambda folder: folder.name)
def test_shuffled_names_hide_the_roles(folder: Path) -> None:
    """No role's name is left in a shuffled recording: not in a table, not in its alert, not in its graph."""
    text = everything_said(folder).lower()
    for role in ROLES:
        assert role not in text


def test_recordings_are_small() -> None:
    """Each folder is under 400 kB, all ten together under 4 MB."""
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in (*SHIPPED, *SHUFFLED)]
    assert max(sizes) < 400_000
    assert sum(sizes) < 4_000_000
