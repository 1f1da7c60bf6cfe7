"""The recorded incidents hold what a case folder promises, and the shop that they were recorded from runs."""

from __future__ import annotations

import gzip
import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ontology.errors import NotFound
from workbench.bench.estate import alerting, faults, tables, variant
from workbench.bench.estate.collecting import Receiver, Scrape, otlp_spans, parsed
from workbench.bench.estate.running import Estate

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
MODES = {"dependency-slow", "bad-configuration", "resource-leak", "cpu-saturation"}


def case_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "case.json").read_text())


def truth_of(folder: Path) -> dict[str, Any]:
    home = ROOT / ("workbench/bench/truth" if folder in SHIPPED else "tests/recordings/truth")
    return json.loads((home / f"{folder.name}.json").read_text())


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
    for word in (truth["t_fault"], truth["failure_mode"], truth["fault_type"], *faults.SCENARIOS, "t_fault"):
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
    for role in variant.ROLES:
        assert role not in text


def test_recordings_are_small() -> None:
    """Each folder is under 400 kB, all ten together under 4 MB."""
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in (*SHIPPED, *SHUFFLED)]
    assert max(sizes) < 400_000
    assert sum(sizes) < 4_000_000


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_shop_serves_an_order_across_its_services_and_leaves_no_process(tmp_path: Path) -> None:
    """One order is one whole trace through five processes under shuffled names, and afterwards none of them lives."""
    names = variant.shuffled(7)
    variant.write(names, tmp_path)
    receiver = Receiver(tmp_path / "spans.jsonl")
    try:
        with Estate(tmp_path, receiver.port) as estate:
            pids = [process.pid for process in estate.processes.values()]
            body = json.dumps({"product": "p3", "cents": 900}).encode()
            with urllib.request.urlopen(f"{estate.url(names['gateway'])}/orders", body, timeout=10) as reply:
                receipt = json.loads(reply.read())["receipt"]
            with urllib.request.urlopen(f"{estate.url(names['payment'])}/metrics", timeout=10) as reply:
                series = parsed(reply.read().decode())
            diff = estate.deploy(names["payment"], "9.9.9", {"POOL_SIZE": "3"})
    finally:
        receiver.close()
    everything = otlp_spans(tmp_path / "spans.jsonl")  # making the tables at the start is traced as well
    order = {span["traceId"] for span in everything if span["name"] == "POST /orders"}
    spans = [span for span in everything if span["traceId"] in order]
    assert receipt == "r-1"
    assert {span["service"] for span in spans} == set(names.values()) - {names["catalog"]}
    assert len(order) == 1
    assert {span["parentSpanId"] for span in spans} - {span["spanId"] for span in spans} == {""}
    assert series["db_pool_size", ""] == 20
    assert series["http_server_requests_total", ""] == 1
    assert '-      POOL_SIZE: "20"\n+      POOL_SIZE: "3"' in diff
    assert not any(alive(pid) for pid in pids)


def test_rate_survives_a_restart_and_quantile_reads_the_histogram() -> None:
    """A counter that began anew is not a negative rate, and a quantile lies within the bucket that holds it."""

    def scrape(moment: float, count: float) -> Scrape:
        names = ("http_server_requests_total", "http_server_errors_total", "process_cpu_seconds_total")
        buckets = {("http_server_request_duration_seconds_bucket", bound): count for bound in ("0.2", "+Inf")}
        low = {("http_server_request_duration_seconds_bucket", "0.1"): 0.0}
        total = {("http_server_request_duration_seconds_count", ""): count}
        return Scrape(moment, "a", {**{(name, ""): count for name in names}, **low, **buckets, **total})

    table = tables.metrics([scrape(0, 10), scrape(2, 30), scrape(4, 4)]).set_index(["metric", "time"])["value"]
    assert table["http_server_requests_per_second"].tolist() == [10.0, 2.0]
    assert table["http_server_request_duration_p50_seconds"].tolist() == [0.15, 0.15]


def test_rule_fires_only_after_it_held() -> None:
    """A rule fires at the moment when it has been true for ten seconds, not at the first spike."""
    times = pd.date_range("2026-01-01", periods=30, freq="2s", tz="UTC")
    values = [0.2] * 5 + [9.0] + [0.2] * 9 + [0.8] * 15
    table = pd.DataFrame({"time": times, "entity": "a", "metric": alerting.P99, "value": values})
    fired = alerting.firing(table, [alerting.Rule("a", "latency", 0.5)], times[0], times[14])
    assert fired is not None
    assert fired.at == times[15] + pd.Timedelta("10s")


def test_unknown_fault_is_refused_with_the_known_ones() -> None:
    """An unknown fault's error names those that there are."""
    with pytest.raises(NotFound, match="slow-ledger"):
        faults.scenario("meteor")
