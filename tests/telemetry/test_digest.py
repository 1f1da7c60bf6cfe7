"""What a digest says must be what the table holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd

from ontology.nouns import Window
from workbench.nouns import Answered, Modality, Question
from workbench.telemetry.digest import digest, metrics, slowest_path, templates
from workbench.telemetry.recorded import load_case, recorded_sources


def _said(folder: Path, modality: Modality, window: Window, baseline: Window | None) -> str:
    reply = recorded_sources(folder)[modality].ask(Question(modality, window, baseline=baseline)).reply
    assert isinstance(reply, Answered)
    return reply.digest


def test_metrics_name_what_moved_with_units_and_onset(
    case_folder: Path, fault_window: Window, quiet_window: Window
) -> None:
    """The two latencies moved, from milliseconds to seconds, since the fault; memory and load are not named."""
    said = _said(case_folder, Modality.METRICS, fault_window, quiet_window)
    assert said.startswith("2 of 4 series moved")
    assert "payment http_server_request_duration_p99_seconds: 120 ms -> 1.29 s (x10.8)" in said
    assert "since 02:50:" in said
    assert "memory" not in said


def test_a_quiet_window_says_so(case_folder: Path, quiet_window: Window) -> None:
    """A window like its baseline is said to be so, with levels."""
    middle = quiet_window.start + timedelta(minutes=6)
    said = _said(
        case_folder,
        Modality.METRICS,
        Window(middle, quiet_window.end - timedelta(seconds=5)),
        Window(quiet_window.start, middle),
    )
    assert "none left its usual band" in said
    assert "12." in said or "11." in said


def test_missing_values_do_not_read_as_zero(fault_window: Window) -> None:
    """A series of nothing but missing values has not moved and shows no level of zero."""
    times = pd.date_range(fault_window.start - timedelta(minutes=5), fault_window.end, freq="5s")
    table = pd.DataFrame({"time": times, "entity": "a", "metric": "x", "value": float("nan")})
    said = metrics(table, fault_window)
    assert said.startswith("1 series, none left")
    assert " 0" not in said


def test_logs_name_the_new_error_first(case_folder: Path, fault_window: Window, quiet_window: Window) -> None:
    """The error template that began with the fault stands first, marked new, with its counts and its time."""
    said = _said(case_folder, Modality.LOGS, fault_window, quiet_window)
    first = said.splitlines()[1]
    assert first.startswith("error payment: 0 -> 14 NEW since 02:50:00Z: timeout after <*>")


def test_templates_count_every_line_once(case_folder: Path, fault_window: Window) -> None:
    """Counts before and after add up to the number of lines."""
    table = load_case(case_folder).table("logs")
    found = templates(table, fault_window)
    assert found["before"].sum() + found["after"].sum() == len(table)
    assert len(found) == 2


def test_traces_name_the_slow_call_and_path(case_folder: Path, fault_window: Window, quiet_window: Window) -> None:
    """The call that got slower is named with both sides, and the slowest trace as a path of spans."""
    said = _said(case_folder, Modality.TRACES, fault_window, quiet_window)
    assert "checkout -> payment: 90 ms -> 1.2 s" in said
    assert "checkout POST /checkout 1.23 s" in said.splitlines()[-1]
    assert "> payment POST /charge 1.2 s" in said.splitlines()[-1]


def test_a_span_that_is_its_own_ancestor_ends() -> None:
    """A malformed trace whose spans form a ring does not loop for ever."""
    columns = ["trace_id", "span_id", "parent_id", "service", "operation", "duration_ms", "status"]
    spans = pd.DataFrame(
        [
            ("t", "r", "", "a", "op", 9.0, "ok"),
            ("t", "x", "r", "a", "op", 5.0, "ok"),
            ("t", "x", "x", "b", "op", 4.0, "ok"),
        ],
        columns=columns,
    )
    assert slowest_path(spans).startswith("a op 9 ms > a op 5 ms")


def test_changes_say_whether_they_came_before(case_folder: Path, fault_window: Window, quiet_window: Window) -> None:
    """A deploy half a minute before the window is listed as before it, with its reference."""
    said = _said(case_folder, Modality.CHANGES, fault_window, quiet_window)
    assert "02:49:30Z (before the window) payment deploy: payment 1.4.2 rolled out v1.4.2" in said


def test_digest_serves_every_kind(case_folder: Path, fault_window: Window, quiet_window: Window) -> None:
    """Each kind of table that was recorded has words."""
    case = load_case(case_folder)
    for modality in case.recorded:
        rows = case.rows(modality, fault_window, baseline=quiet_window)
        assert digest(rows, Question(modality, fault_window, baseline=quiet_window))
